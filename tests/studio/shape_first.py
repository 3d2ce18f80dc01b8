"""Run in a process of its own: the shape view is there before torch is imported, then a shape is made and drawn."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from PySide6.QtWidgets import QApplication

from ddmi_studio.app import parse
from ddmi_studio.studio import Studio
from ddmi_studio.views import SCENES

TIMEOUT = 240.0

app = QApplication(sys.argv[:1])
studio = Studio(app, parse(["--model", "small-shape", "--theme", "dark"]), SCENES)
studio.show()
drawn = SCENES["shape"].build()
drawn.resize(300, 300)
drawn.show()


def wait(done) -> None:
    end = time.monotonic() + TIMEOUT
    while not done():
        assert time.monotonic() < end
        app.processEvents()
        time.sleep(0.005)


start = time.monotonic()
wait(lambda: time.monotonic() > start + 1 and studio.session.form.model is not None)
drawn.release()
drawn.close()
rendered: list = []
studio.create.renders.rendered.connect(lambda _view, mesh, final: rendered.append(mesh))
studio.session.generate()
wait(lambda: bool(rendered))
print(Path(studio.session.samples.current.sample.recipe.model).name, studio.create.stage.current().picture().isNull())
studio.window.close()
