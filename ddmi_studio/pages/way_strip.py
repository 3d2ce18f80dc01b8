"""A small strip of the way between two samples, filled while the worker renders it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from ddmi_studio import theme
from ddmi_studio.pages.filmstrip import to_pixmap

GAP, RADIUS = 4, 5


class WayStrip(QWidget):
    """`count` square pictures in a row, `width` pixels wide.

    Signals:
        picked: the share of the way, in [0, 1], of the picture that was clicked.
    """

    picked = Signal(float)

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self._side = (width - GAP * (count - 1)) / count
        self.setFixedSize(width, round(self._side))
        self._pictures: list[QPixmap | None] = [None] * count
        self.setAccessibleName("The way between the two samples")
        self.setToolTip("Click a picture to see it larger")
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def filled(self) -> int:
        """How many of the pictures are there."""
        return sum(picture is not None for picture in self._pictures)

    def clear(self) -> None:
        self._pictures = [None] * len(self._pictures)
        self.update()

    def show_picture(self, index: int, pixels: np.ndarray) -> None:
        """Put in a picture, uint8 [h, w, 3]."""
        self._pictures[index] = to_pixmap(pixels)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        last = len(self._pictures) - 1
        at = min(last, max(0, int(event.position().x() / (self._side + GAP))))
        self.picked.emit(at / last)

    def paintEvent(self, event: QPaintEvent) -> None:
        colors, side = theme.colors(), self._side
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        for index, picture in enumerate(self._pictures):
            place = QRectF(index * (side + GAP), 0, side, side)
            path = QPainterPath()
            path.addRoundedRect(place, RADIUS, RADIUS)
            painter.fillPath(path, QColor(colors.raised))
            if picture is not None:
                painter.save()
                painter.setClipPath(path)
                painter.drawPixmap(place, picture, QRectF(picture.rect()))
                painter.restore()
        painter.end()
