"""Draws the pictures in docs/images by driving the real program: real models, real clicks.

xvfb-run -a -s "-screen 0 1600x1000x24" .venv/bin/python packaging/screenshots.py [--out docs/images]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from ddmi_studio.app import parse
from ddmi_studio.studio import Studio
from ddmi_studio.views import SCENES

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 300.0  # seconds for one step on a slow machine
SHOTS = (("furniture", "a round table with one central leg", 7, 4), ("avatars", "", 8, 5))
SIZE = (1440, 900)


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


def shoot(app: QApplication, theme: str, out: Path) -> None:
    """One start of the program in one theme."""
    suffix = "" if theme == "dark" else f"-{theme}"
    studio = Studio(app, parse(["--theme", theme]), SCENES)
    studio.window.resize(*SIZE)
    studio.show()
    wait(app, lambda: studio.session.models_known, "the list of models")
    rest(app, 1)
    studio.window.grab().save(str(out / f"welcome{suffix}.png"))
    for model, prompt, seed, count in SHOTS:
        make(app, studio, model, prompt, seed, count)
        domain = studio.session.domain
        studio.window.grab().save(str(out / f"create-{domain}{suffix}.png"))
    studio.window.rail.show_page(1)
    rest(app, 0.5)
    studio.window.grab().save(str(out / f"models{suffix}.png"))
    studio.window.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    with tempfile.TemporaryDirectory() as home:
        os.environ["DDMI_HOME"] = home
        app = QApplication(sys.argv[:1])
        for theme in ("dark", "light"):
            shoot(app, theme, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
