"""PySide6 must not lose references: with some builds every void call costs None one, until the process aborts."""

from __future__ import annotations

import json
import os
import subprocess
import sys

PAINTS = 3000

# In a process of its own, since a build that loses references ends by aborting.
PAINT = f"""
import json, sys
from PySide6.QtCore import Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QApplication, QWidget

class Canvas(QWidget):
    painted = Signal(bool)

    def paintEvent(self, event):
        painter = QPainter(self)
        painter.drawLine(0, 0, self.width(), self.height())
        painter.end()
        self.painted.emit(True)

app = QApplication([])
canvas = Canvas()
paints = 0

def count(on):
    global paints
    paints += on

canvas.painted.connect(count)
canvas.resize(20, 20)
canvas.grab()
before = sys.getrefcount(None), sys.getrefcount(True)
for _ in range({PAINTS}):
    canvas.grab()
lost = before[0] - sys.getrefcount(None), before[1] - sys.getrefcount(True)
print(json.dumps([paints, *lost]))
"""


def test_painting_keeps_references() -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", PAINT], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    paints, *lost = json.loads(done.stdout)
    assert paints > PAINTS
    assert max(map(abs, lost)) < PAINTS / 10, f"references to None and True lost: {lost}"
