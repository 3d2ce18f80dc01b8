"""Draws the pictures in docs/images by driving the real program: real models, real clicks.

xvfb-run -a -s "-screen 0 1600x1000x24" .venv/bin/python packaging/screenshots.py [--out docs/images] [--only train]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from ddmi_models.engine import Engine
from ddmi_models.events import Result
from ddmi_models.requests import MakeData
from ddmi_studio.app import parse
from ddmi_studio.studio import Studio
from ddmi_studio.views import SCENES

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 300.0  # seconds for one step on a slow machine
SHOTS = (
    ("furniture", "a round table with one central leg", 7, 4),
    ("avatars", "", 8, 5),
    ("cars", "", 8, 5),
    ("skies", "", 4, 5),
)
SIZE = (1440, 900)
RUN = {
    "name": "faces", "steps": "150", "batch": "12", "learning_rate": "0.0003", "log_every": "1", "save_every": "15",
    "warmup": "10", "threads": "2",
}  # fmt: skip
"""Settings of the training run that is shown."""


def wait(app: QApplication, done: Callable[[], bool], what: str) -> None:
    """Run the event loop until something has happened.

    Raises:
        TimeoutError: naming it.
    """
    end = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {PATIENCE:.0f} s")
        app.processEvents()
        app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        time.sleep(0.005)


def rest(app: QApplication, seconds: float) -> None:
    """Let pictures settle."""
    end = time.monotonic() + seconds
    wait(app, lambda: time.monotonic() > end, "time")


def click(button: QPushButton) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def make(app: QApplication, studio: Studio, model: str, prompt: str, seed: int, count: int) -> None:
    """Type a recipe, press Generate, and wait for every thumbnail and the final picture."""
    recipe, session = studio.create.recipe, studio.session
    before = len(session.samples.all)
    session.pick_model(model)
    if prompt:
        recipe.prompt.clear()
        QTest.keyClicks(recipe.prompt, prompt)
    session.form.set(seed=seed, count=count)
    click(recipe.generate)
    wait(app, lambda: len(session.samples.all) == before + count, f"{model}: sampling")
    wait(app, lambda: all(e.thumbnail is not None for e in session.samples.all), f"{model}: thumbnails")
    session.samples.select(session.samples.all[before])
    rest(app, 6)


def show_page(app: QApplication, studio: Studio, name: str) -> None:
    click(next(button for button in studio.window.rail.buttons if button.text() == name))
    rest(app, 0.5)


def opened(app: QApplication, theme: str) -> Studio:
    """One start of the program in one theme."""
    studio = Studio(app, parse(["--theme", theme]), SCENES)
    studio.window.resize(*SIZE)
    studio.show()
    wait(app, lambda: studio.session.models_known, "the list of models")
    rest(app, 1)
    return studio


def shoot_create(app: QApplication, studio: Studio, out: Path, suffix: str) -> None:
    """Welcome, Create and Models."""
    studio.window.grab().save(str(out / f"welcome{suffix}.png"))
    for model, prompt, seed, count in SHOTS:
        make(app, studio, model, prompt, seed, count)
        domain = studio.session.domain
        studio.window.grab().save(str(out / f"create-{domain}{suffix}.png"))
    show_page(app, studio, "Models")
    studio.window.grab().save(str(out / f"models{suffix}.png"))


def write_faces(folder: Path, seed: int, count: int) -> Path:
    """Drawn faces as PNG files."""
    shards = folder.with_name(f"{folder.name}-shards")
    *_, done = Engine().run(MakeData("avatars", shards, count=count, seed=seed, workers=1))
    assert isinstance(done, Result), done
    folder.mkdir()
    for shard in sorted(shards.glob("*.npz")):
        with np.load(shard) as arrays:
            for number, face in enumerate(arrays["image"]):
                Image.fromarray(face).save(folder / f"{shard.stem}-{number:03}.png")
    return folder


def shoot_train(app: QApplication, studio: Studio, out: Path, suffix: str) -> None:
    """The form of a new run, and a run on its way."""
    page = studio.train
    faces = Path.home() / "faces"
    if not faces.exists():
        write_faces(faces, seed=0, count=96)
        write_faces(faces.with_name("faces-held-out"), seed=1, count=16)
    show_page(app, studio, "Train")
    page.show_new()
    studio.window.grab().save(str(out / f"train-empty{suffix}.png"))
    studio.training_form.choose_folder(faces)
    wait(app, page.form_page.start.isEnabled, "the summary of the data")
    rest(app, 0.5)
    studio.window.grab().save(str(out / f"train-new{suffix}.png"))
    fields = page.form_page.fields.fields
    for path, text in RUN.items():
        fields[path].editor.setText(text)
    fields["data.validation"].editor.setText(str(faces.with_name("faces-held-out")))
    wait(app, page.form_page.start.isEnabled, "the check of the settings")
    click(page.form_page.start)
    wait(app, lambda: studio.training.shown is not None and page.run.strip.count() > 4, "training")
    rest(app, 3)
    studio.window.grab().save(str(out / f"train-run{suffix}.png"))
    click(page.run.stop)
    wait(app, lambda: page.run.state.text() == "stopped", "the end of the run")


PAGES = {"create": shoot_create, "train": shoot_train}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--only", choices=PAGES, help="these pages; all unless given")
    arguments = parser.parse_args()
    out, pages = arguments.out.absolute(), [arguments.only] if arguments.only else [*PAGES]
    out.mkdir(parents=True, exist_ok=True)
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    with tempfile.TemporaryDirectory() as home:
        os.environ["DDMI_HOME"] = os.environ["HOME"] = home
        app = QApplication(sys.argv[:1])
        for theme in ("dark", "light"):
            for name in pages:
                studio = opened(app, theme)
                PAGES[name](app, studio, out, "" if theme == "dark" else f"-{theme}")
                studio.window.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
