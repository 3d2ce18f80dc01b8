"""The scrub bar of a clip: play head, window in time, and a thin bar of what is rendered."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ddmi_studio import theme
from ddmi_studio.state.clip import ClipSettings
from ddmi_studio.views.frame_store import Ready

HEIGHT = 34
MARGIN = 10.0  # pixels left of the first instant and right of the last one
TRACK, BUFFER = 6.0, 2.5  # thickness
TRACK_Y, BUFFER_Y = 13.0, 22.0  # middles
TICKS_FROM = 7.0  # pixels from frame to frame at which each gets a tick
GRIP = 7.0  # pixels around an end of the window that take hold of it
HOLDS = ("start", "stop")


class Timeline(QWidget):
    """Shows the whole clip; frames outside the window are dim.

    Signals:
        sought: instant in seconds that the hand is on. held: the hand took hold of the play head, or let go.
        window_moved: (start, stop) in seconds, and whether the hand is still on it. hovered: instant, or None.
    """

    sought = Signal(float)
    held = Signal(bool)
    window_moved = Signal(object, bool)
    hovered = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setAccessibleName("Timeline")
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.clip = ClipSettings.trained(2, 1.0)
        self.instant = 0.0
        self.ready: Sequence[Ready] = ()
        self._hold = ""
        theme.notifier().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(320, HEIGHT)

    def show_clip(self, clip: ClipSettings, ready: Sequence[Ready]) -> None:
        """What the clip's frames are, and how far each is."""
        self.clip, self.ready = clip, ready
        self.update()

    def show_instant(self, instant: float) -> None:
        self.instant = instant
        self.update()

    def to_x(self, instant: float) -> float:
        share = instant / self.clip.last if self.clip.last else 0.0
        return MARGIN + share * (self.width() - 2 * MARGIN)

    def to_instant(self, x: float) -> float:
        """Seconds at a place, within the clip."""
        share = (x - MARGIN) / max(1.0, self.width() - 2 * MARGIN)
        return min(max(share, 0.0), 1.0) * self.clip.last

    # The hand

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._hold:
            return
        self._hold = self._end_at(event.position()) or "head"
        if self._hold == "head":
            self.held.emit(True)
        self._drag(event.position().x(), moving=True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._hold:
            self._drag(at.x(), moving=True)
        shapes = Qt.CursorShape
        self.setCursor(shapes.SizeHorCursor if self._hold in HOLDS or self._end_at(at) else shapes.PointingHandCursor)
        self.hovered.emit(self.to_instant(at.x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self._hold:
            return
        self._drag(event.position().x(), moving=False)
        if self._hold == "head":
            self.held.emit(False)
        self._hold = ""

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit(None)

    def _end_at(self, at: QPointF) -> str:
        """The end of the window whose handle, below the track, is under the hand."""
        if at.y() < BUFFER_Y - 4:
            return ""
        near = {name: abs(at.x() - self.to_x(getattr(self.clip, name))) for name in HOLDS}
        closest = min(near, key=lambda name: near[name])
        return closest if near[closest] <= GRIP else ""

    def _drag(self, x: float, *, moving: bool) -> None:
        instant = self.to_instant(x)
        if self._hold == "head":
            self.sought.emit(instant)
        elif self._hold == "start":
            self.window_moved.emit((min(instant, self.clip.stop), self.clip.stop), moving)
        else:
            self.window_moved.emit((self.clip.start, max(instant, self.clip.start)), moving)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        c, clip = theme.colors(), self.clip
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        left, right, head = self.to_x(clip.start), self.to_x(clip.stop), self.to_x(self.instant)
        outside = QColor(c.track)
        outside.setAlphaF(0.55)
        self._bar(painter, outside, 0, self.width(), TRACK_Y, TRACK)
        self._bar(painter, QColor(c.track), left - 4, right + 4, TRACK_Y, TRACK)
        self._bar(painter, QColor(c.accent), left - 4, head, TRACK_Y, TRACK)
        self._paint_ticks(painter)
        self._paint_buffer(painter)
        self._paint_ends(painter, left, right)
        painter.setPen(QPen(QColor(c.accent), 1.5))
        painter.setBrush(QColor(c.handle))
        painter.drawEllipse(QPointF(head, TRACK_Y), 6.5, 6.5)

    def _bar(self, painter: QPainter, color: QColor, left: float, right: float, middle: float, thick: float) -> None:
        painter.setBrush(color)
        painter.drawRoundedRect(QRectF(left, middle - thick / 2, right - left, thick), thick / 2, thick / 2)

    def _paint_ticks(self, painter: QPainter) -> None:
        """One above each frame, where there is room for them."""
        clip = self.clip
        if clip.count < 2 or self.to_x(1 / clip.rate) - self.to_x(0) < TICKS_FROM:
            return
        painter.setBrush(QColor(theme.colors().grid))
        for instant in clip.instants():
            painter.drawRect(QRectF(self.to_x(instant) - 0.5, TRACK_Y - 10, 1, 3))

    def _paint_buffer(self, painter: QPainter) -> None:
        c = theme.colors()
        coarse, sharp = QColor(c.dim), QColor(c.success)
        coarse.setAlphaF(0.55)
        half, instants, first = 0.5 / self.clip.rate, self.clip.instants(), 0
        for level, run in groupby(self.ready):
            last = first + len(list(run)) - 1
            if level is not Ready.NOTHING:
                left, right = self.to_x(instants[first] - half), self.to_x(instants[last] + half)
                left, right = max(left, self.to_x(self.clip.start) - 4), min(right, self.to_x(self.clip.stop) + 4)
                self._bar(painter, sharp if level is Ready.SHARP else coarse, left, right, BUFFER_Y, BUFFER)
            first = last + 1

    def _paint_ends(self, painter: QPainter, left: float, right: float) -> None:
        """Handles of the window: little brackets below the track."""
        painter.setPen(QPen(QColor(theme.colors().text), 1.5))
        for x, inward in ((left - 4, 1), (right + 4, -1)):
            top, bottom = BUFFER_Y + 4, HEIGHT - 2.5
            painter.drawPolyline(
                [QPointF(x + 4 * inward, top), QPointF(x, top), QPointF(x, bottom), QPointF(x + 4 * inward, bottom)]
            )
        painter.setPen(Qt.PenStyle.NoPen)
