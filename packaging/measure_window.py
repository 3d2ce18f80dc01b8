"""How fast the window is there and how long it ever keeps a user waiting: Generate is pressed as soon as it can be.

xvfb-run -a .venv/bin/python packaging/measure_window.py
"""

from __future__ import annotations

import json
import os
import sys
import time

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from ddmi_studio.app import parse
from ddmi_studio.studio import Studio
from ddmi_studio.views import SCENES

LIMIT, AFTER = 60.0, 6.0
"""Seconds to wait for the sample, and to look on after it has arrived."""


def measure() -> dict[str, float]:
    """Seconds from the start to: the window, the list of models, the click, the sample; the longest time between two
    turns of the event loop."""
    start = time.perf_counter()
    app = QApplication(sys.argv[:1])
    studio = Studio(app, parse([]), SCENES)
    studio.show()
    found = {"window": time.perf_counter() - start}
    generate = studio.create.recipe.generate
    longest, last, end = 0.0, time.perf_counter(), start + LIMIT
    while last < end:
        app.processEvents()
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
        if "models" not in found and studio.session.models:
            found["models"] = now - start
        if "sample" not in found and studio.session.samples.latest(studio.session.domain) is not None:
            found["sample"] = now - start
            end = min(end, now + AFTER)
        if "click" not in found and generate.isEnabled():
            found["click"] = now - start
            QTest.mouseClick(generate, Qt.MouseButton.LeftButton)
        time.sleep(0.002)
    return {**found, "longest wait": longest}


if __name__ == "__main__":
    print(json.dumps({key: round(value, 3) for key, value in measure().items()}, indent=1), flush=True)
    os._exit(0)  # libraries that still load in the worker have nothing to finish
