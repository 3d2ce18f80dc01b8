"""What all views share: a backdrop, texts at the corners, the picture while sampling, a hint where nothing is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen, QRadialGradient, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QToolButton, QWidget

from ddmi_models.requests import View
from ddmi_studio import theme
from ddmi_studio.widgets.base import set_role

MARGIN = 18  # pixels between the texts and the edge
PLATE = 8  # pixels from a text to the end of its plate
KEPT_WISHES = 32


def to_image(pixels: np.ndarray) -> QImage:
    """A QImage of its own memory from uint8 [height, width, 3], or [height, width, 4], premultiplied."""
    pixels = np.ascontiguousarray(pixels)
    height, width, channels = pixels.shape
    formats = {3: QImage.Format.Format_RGB888, 4: QImage.Format.Format_RGBA8888_Premultiplied}
    return QImage(pixels.data, width, height, channels * width, formats[channels]).copy()


def paint_backdrop(painter: QPainter, size: QSize) -> None:
    """The quiet gradient behind every view, brightest a little above the middle."""
    c = theme.colors()
    center = QPointF(size.width() / 2, size.height() * 0.42)
    gradient = QRadialGradient(center, max(size.width(), size.height()) * 0.62)
    gradient.setColorAt(0, QColor(c.view_inner))
    gradient.setColorAt(1, QColor(c.view_outer))
    painter.fillRect(0, 0, size.width(), size.height(), gradient)


class Cover(QWidget):
    """Lies over a view: the picture of a sample in the making, or a hint where there is nothing to see.

    `foot`: pixels below the picture that the view keeps for its own controls.
    """

    foot = 0

    def __init__(self, parent: QWidget, icon: str, text: str) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._icon, self._text = icon, text
        self._image: QImage | None = None
        theme.notifier().changed.connect(self.update)

    def show_image(self, image: QImage | None) -> None:
        self._image = image
        self.update()

    def image_rect(self) -> QRectF:
        """Where the picture lies: as large as fits, its sides in proportion."""
        if self._image is None:
            return QRectF()
        room = QRectF(self.rect()).adjusted(44, 44, -44, -44 - self.foot)
        size = self._image.size().scaled(room.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
        return QRectF(room.center().x() - size.width() / 2, room.center().y() - size.height() / 2, *size.toTuple())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        paint_backdrop(painter, self.size())
        if self._image is None:
            self._paint_hint(painter)
            return
        rect = self.image_rect()
        painter.drawImage(rect, self._image)
        if not self._image.hasAlphaChannel():
            frame(painter, rect)

    def _paint_hint(self, painter: QPainter) -> None:
        c = theme.colors()
        middle = self.rect().center()
        side = 56
        theme.icon(self._icon, c.grid).paint(painter, middle.x() - side // 2, middle.y() - side - 4, side, side)
        painter.setPen(QColor(c.dim))
        painter.drawText(
            QRectF(20, middle.y() + 12, self.width() - 40, 60),
            Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap,
            self._text,
        )


def frame(painter: QPainter, rect: QRectF) -> None:
    """A hairline around a picture."""
    painter.setPen(QPen(QColor(theme.colors().line), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5))


@dataclass(frozen=True, eq=False)
class Wish:
    """One render asked for; `note` is the view's own."""

    number: int
    view: View
    channel: str
    note: str


class Wishes:
    """The renders that a view has asked for, numbered, so that an older answer never replaces a newer one."""

    def __init__(self) -> None:
        self._asked: list[Wish] = []
        self._count = 0
        self._shown: dict[str, int] = {}

    def add(self, view: View, channel: str, note: str = "") -> None:
        self._count += 1
        self._asked = [*self._asked[-KEPT_WISHES:], Wish(self._count, view, channel, note)]

    def forget(self) -> None:
        """Answers to everything asked so far are unwelcome: the sample is another."""
        self._asked.clear()

    def accept(self, view: View) -> Wish | None:
        """The wish of an answer that is to be shown; None where something newer is already seen, or nobody asked."""
        for wish in self._asked:
            if wish.view is view and wish.number >= self._shown.get(wish.channel, 0):
                self._shown[wish.channel] = wish.number
                return wish
        return None


class Overlay(QLabel):
    """A text at a corner of a view; `backed`: on a plate that keeps it readable over any picture."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        set_role(self, "overlay")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setContentsMargins(PLATE, 4, PLATE, 4)
        self.backed = False

    def fit(self, width: int) -> None:
        """Take the room of the text in one line, or in several where these pixels are too few."""
        self.setWordWrap(False)
        self.adjustSize()
        if self.width() > width:
            self.setWordWrap(True)
            self.resize(width, self.heightForWidth(width))

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.backed and self.text():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            plate = QColor(theme.colors().panel)
            plate.setAlpha(215)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(plate)
            painter.drawRoundedRect(self.rect(), 6, 6)
            painter.end()
        super().paintEvent(event)


class Stage(QWidget):
    """Base of the views: the part that does not depend on what is shown."""

    render_wanted = Signal(object, str)

    def __init__(self, name: str, icon: str, empty: str, hint: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setAccessibleDescription(hint)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(240, 200)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.wishes = Wishes()
        self.cover = Cover(self, icon, empty)
        self.info, self.timing, self.hint, self.readout = (Overlay(self) for _ in range(4))
        self.hint.setText(hint)
        self._has_sample = False
        self._previewing = False

    def set_timing(self, text: str) -> None:
        self.timing.setText(text)
        self.arrange()

    def show_preview(self, image: np.ndarray) -> None:
        """A rough picture of the sample in the making, as in the event Preview."""
        self._previewing = True
        self.cover.show_image(to_image(image))
        self._cover_or_not()

    def end_preview(self) -> None:
        self._previewing = False
        self.cover.show_image(None)
        self._cover_or_not()

    def want(self, view: View, channel: str, note: str = "") -> None:
        """Ask for a render."""
        self.wishes.add(view, channel, note)
        self.render_wanted.emit(view, channel)

    def _set_has_sample(self, has_sample: bool) -> None:
        self._has_sample = has_sample
        self._cover_or_not()

    def _cover_or_not(self) -> None:
        covered = self._previewing or not self._has_sample
        self.cover.setVisible(covered)
        for label in self.overlays():
            label.setVisible(not covered)
        self.arrange()

    def corner_room(self) -> int:
        """Pixels at the lower right corner that the hint leaves free."""
        return self.readout.width() if self.readout.text() else 0

    def foot(self) -> int:
        """Pixels at the lower edge that belong to the view's own controls."""
        return 0

    def overlays(self) -> tuple[Overlay, ...]:
        """The texts at the corners."""
        return self.info, self.timing, self.hint, self.readout

    def _layers(self) -> Iterator[QWidget]:
        """What fills the whole view, lowest first."""
        yield self.cover

    def arrange(self) -> None:
        """Put the layers and the corner texts where they belong."""
        for layer in self._layers():
            layer.setGeometry(self.rect())
            layer.raise_()
        left, top = MARGIN - PLATE, MARGIN - 8
        right, bottom = self.width() - left, self.height() - self.foot() - top
        for label in self.overlays():
            label.fit(right - left)
            label.raise_()
        crowded = self.info.width() + self.timing.width() > right - left
        self.info.move(left, top)
        self.timing.move(right - self.timing.width(), top + (self.info.height() if crowded else 0))
        self.hint.move(left, bottom - self.hint.height())
        self.readout.move(right - self.readout.width(), bottom - self.readout.height())
        self.hint.setVisible(not self.cover.isVisible() and self.hint.width() < right - left - self.corner_room())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.arrange()


class ToolButton(QToolButton):
    """A button of a view's tool bar: an icon in the theme's colour, with or without a text."""

    def __init__(
        self, parent: QWidget, icon: str, tooltip: str, *, checkable: bool = False, text: str = "", name: str = ""
    ) -> None:
        super().__init__(parent)
        self._icon = icon
        set_role(self, "tool")
        self.setToolTip(tooltip)
        self.setAccessibleName(name or text or tooltip)
        self.setCheckable(checkable)
        self.setText(text)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(28)
        self.show_text(bool(text))
        theme.notifier().changed.connect(self._paint_icon)
        self._paint_icon()

    def show_text(self, shown: bool) -> None:
        """Text beside the icon, or the icon alone."""
        style = Qt.ToolButtonStyle
        self.setToolButtonStyle(style.ToolButtonTextBesideIcon if shown else style.ToolButtonIconOnly)

    def set_icon(self, icon: str, tooltip: str) -> None:
        self._icon = icon
        self.setToolTip(tooltip)
        self._paint_icon()

    def _paint_icon(self) -> None:
        self.setIcon(theme.icon(self._icon, theme.colors().text))
