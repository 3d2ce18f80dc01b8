"""PySide6 must not lose references: some builds cost None a reference with every void call and abort after minutes of painting."""

from __future__ import annotations

import sys

from PySide6.QtCore import Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

PAINTS = 3000


class Canvas(QWidget):
    toggled = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.paints = 0

    def paintEvent(self, event) -> None:
        painter = QPainter(self)
        painter.drawLine(0, 0, self.width(), self.height())
        painter.end()
        self.paints += 1
        self.toggled.emit(True)


def test_painting_keeps_references(qtbot) -> None:
    canvas = Canvas()
    qtbot.addWidget(canvas)
    seen: list[bool] = []
    canvas.toggled.connect(lambda on: seen.append(on))
    canvas.resize(20, 20)
    canvas.show()
    qtbot.waitExposed(canvas)
    canvas.repaint()
    before = sys.getrefcount(None), sys.getrefcount(True)
    painted = canvas.paints
    for _ in range(PAINTS):
        canvas.repaint()
        seen.clear()
    assert canvas.paints - painted >= PAINTS
    lost = [count - sys.getrefcount(value) for count, value in zip(before, (None, True), strict=True)]
    assert max(map(abs, lost)) < PAINTS / 10, f"references to None and True lost: {lost}"
