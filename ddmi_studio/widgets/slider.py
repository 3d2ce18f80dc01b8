"""A slider with its label and a value that can be typed; linear or logarithmic, real or whole numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QSizePolicy, QSlider, QWidget

from ddmi_studio import theme
from ddmi_studio.widgets.base import set_role, set_state

POSITIONS = 2000  # steps of the bar: finer than any screen shows
REST = 250  # milliseconds after a key or a turn of the wheel until the hand counts as resting
KEY_STEP = 0.01  # of the bar's length
LOG_STEP = 1.04  # factor of one arrow key on a logarithmic scale
SNAP = 6.0  # pixels within which the bar snaps to a tick
STEP_KEYS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Down: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: 1}
TO_THE_END = 2
PAGE_KEYS = {
    Qt.Key.Key_PageDown: -1,
    Qt.Key.Key_PageUp: 1,
    Qt.Key.Key_Home: -TO_THE_END,
    Qt.Key.Key_End: TO_THE_END,
}
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


class Scale:
    """The map between values and positions 0 ... POSITIONS of the bar."""

    def __init__(self, minimum: float, maximum: float, *, log: bool, integer: bool) -> None:
        if not minimum < maximum or (log and minimum <= 0):
            raise ValueError(f"no scale from {minimum} to {maximum}")
        self.minimum, self.maximum, self.log, self.integer = minimum, maximum, log, integer

    def clamp(self, value: float) -> float:
        value = min(max(value, self.minimum), self.maximum)
        return round(value) if self.integer else value

    def to_position(self, value: float) -> int:
        low, high = (math.log(self.minimum), math.log(self.maximum)) if self.log else (self.minimum, self.maximum)
        at = math.log(value) if self.log else value
        return round((at - low) / (high - low) * POSITIONS)

    def to_value(self, position: int) -> float:
        fraction = position / POSITIONS
        if self.log:
            return self.clamp(self.minimum * (self.maximum / self.minimum) ** fraction)
        return self.clamp(self.minimum + fraction * (self.maximum - self.minimum))

    def step(self, value: float, steps: int) -> float:
        """`steps` arrow keys away from `value`; whole numbers move by at least one each."""
        if self.log:
            moved = value * LOG_STEP**steps
        elif self.integer and self.maximum - self.minimum <= 1 / KEY_STEP:
            moved = value + steps
        else:
            moved = value + steps * KEY_STEP * (self.maximum - self.minimum)
        if self.integer and steps and abs(moved - value) < abs(steps):
            moved = value + steps
        return self.clamp(moved)


class Bar(QSlider):
    """The slim bar: jumps to where it is pressed, and paints itself in the theme's colours."""

    stepped = Signal(int)
    paged = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setRange(0, POSITIONS)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.tick_positions: tuple[int, ...] = ()
        self._left_over = 0
        theme.notifier().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(120, 20)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, 20)

    def handle_x(self) -> float:
        return self._margin() + self.sliderPosition() / POSITIONS * self._length()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self.setSliderDown(True)
        self._drag_to(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self._drag_to(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in STEP_KEYS:
            self.stepped.emit(STEP_KEYS[key])
        elif key in PAGE_KEYS:
            self.paged.emit(PAGE_KEYS[key])
        else:
            event.ignore()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self.hasFocus():  # the column scrolls
            event.ignore()
            return
        self._left_over += event.angleDelta().y()
        steps = int(self._left_over / 120)
        self._left_over -= steps * 120
        if steps:
            self.stepped.emit(steps)
        event.accept()

    def paintEvent(self, event: QPaintEvent) -> None:
        c = theme.colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle, left, x = self.height() / 2, self._margin(), self.handle_x()
        painter.setBrush(QColor(c.track))
        painter.drawRoundedRect(QRectF(0, middle - 2, self.width(), 4), 2, 2)
        for position in self.tick_positions:
            at = left + position / POSITIONS * self._length()
            painter.drawRect(QRectF(at - 0.5, middle + 5, 1, 3))
        painter.setBrush(QColor(c.accent if self.isEnabled() else c.line))
        painter.drawRoundedRect(QRectF(0, middle - 2, x, 4), 2, 2)
        self._paint_handle(painter, QPointF(x, middle))

    def _paint_handle(self, painter: QPainter, center: QPointF) -> None:
        c = theme.colors()
        if self.hasFocus():
            halo = QColor(c.accent)
            halo.setAlpha(80)
            painter.setBrush(halo)
            painter.drawEllipse(center, 9.5, 9.5)
        painter.setPen(QPen(QColor(c.accent if self.hasFocus() else c.line), 1))
        painter.setBrush(QColor(c.handle if self.isEnabled() else c.track))
        painter.drawEllipse(center, 6.5, 6.5)

    def _margin(self) -> float:
        return 7.0

    def _length(self) -> float:
        return max(1.0, self.width() - 2 * self._margin())

    def _drag_to(self, x: float) -> None:
        position = round((x - self._margin()) / self._length() * POSITIONS)
        near = SNAP / self._length() * POSITIONS
        for tick in self.tick_positions:
            if abs(tick - position) <= near:
                position = tick
        self.setSliderPosition(min(max(position, 0), POSITIONS))


class ValueEdit(QLineEdit):
    """The value at the right of the label: plain text until it is touched."""

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        QTimer.singleShot(0, self, self.selectAll)  # after the press that gave the focus has set the cursor


class ResettingLabel(QLabel):
    """A label that reports a double click."""

    double_clicked = Signal()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.double_clicked.emit()


class LabelledSlider(QWidget):
    """A label, a typed value and a bar. `set_*` never emit; only the user's hand does.

    Args:
        log: equal distances are equal factors. integer: whole numbers only.
        decimals: shown for real numbers. suffix: unit shown after the number.
        default: what a double click on the label restores (the first value if None).
        ticks: values at which the bar gently snaps, and between which Page Up and Page Down move.
    """

    value_changed = Signal(float)
    settled = Signal(float)

    def __init__(
        self,
        label: str,
        minimum: float,
        maximum: float,
        value: float,
        *,
        log: bool = False,
        integer: bool = False,
        decimals: int = 2,
        suffix: str = "",
        tooltip: str = "",
        default: float | None = None,
        ticks: Sequence[float] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._scale = Scale(minimum, maximum, log=log, integer=integer)
        self._decimals, self._suffix, self._ticks = decimals, suffix.strip(), tuple(ticks)
        self._value = self._scale.clamp(value)
        self._default = self._value if default is None else default
        self._rest = QTimer(self, singleShot=True, interval=REST)
        self._rest.timeout.connect(self._settle)
        self._build(label, tooltip)
        self._place_ticks()
        self._show()

    def _build(self, label: str, tooltip: str) -> None:
        self.label = ResettingLabel(label, self)
        set_role(self.label, "section")
        self.edit = ValueEdit(self)
        set_role(self.edit, "value")
        self.edit.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.edit.setFrame(False)
        self.edit.setTextMargins(0, 0, -6, 0)  # the number ends where the bar ends
        self.slider = Bar(self)
        self.label.setBuddy(self.slider)
        for widget in (self.slider, self.edit):
            widget.setAccessibleName(label)
        self.setToolTip(tooltip)
        self.label.setToolTip(f"{tooltip}\nDouble click: back to the usual value.".strip())
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(0)
        layout.setColumnStretch(1, 1)
        layout.addWidget(self.label, 0, 0)
        layout.addWidget(self.edit, 0, 1)
        layout.addWidget(self.slider, 1, 0, 1, 2)
        self.setTabOrder(self.slider, self.edit)
        self.label.double_clicked.connect(lambda: self._by_hand(self._default, at_rest=True))
        self.edit.editingFinished.connect(self._typed)
        self.slider.sliderMoved.connect(lambda position: self._dragged(position))
        self.slider.sliderReleased.connect(self._settle)
        self.slider.stepped.connect(lambda steps: self._by_hand(self._scale.step(self._value, steps)))
        self.slider.paged.connect(self._page)

    def value(self) -> float:
        return self._value

    def set_value(self, value: float) -> None:
        self._value = self._scale.clamp(value)
        self._show()

    def set_range(self, minimum: float, maximum: float) -> None:
        self._scale = Scale(minimum, maximum, log=self._scale.log, integer=self._scale.integer)
        self._value = self._scale.clamp(self._value)
        self._place_ticks()
        self._show()

    def set_suffix(self, suffix: str) -> None:
        self._suffix = suffix.strip()
        self._show()

    def set_default(self, default: float) -> None:
        """What a double click on the label restores from now on."""
        self._default = default

    def set_label(self, label: str) -> None:
        self.label.setText(label)
        for widget in (self.slider, self.edit):
            widget.setAccessibleName(label)

    def text(self) -> str:
        """The value as it is shown."""
        number = str(int(self._value)) if self._scale.integer else f"{self._value:.{self._decimals}f}"
        return f"{number} {self._suffix}".strip()

    def _place_ticks(self) -> None:
        inside = [t for t in self._ticks if self._scale.minimum <= t <= self._scale.maximum]
        self.slider.tick_positions = tuple(self._scale.to_position(t) for t in inside)

    def _show(self) -> None:
        set_state(self.edit, "invalid", False)
        self.edit.setText(self.text())
        if not self.slider.isSliderDown():
            self.slider.setSliderPosition(self._scale.to_position(self._value))
        self.slider.update()

    def _dragged(self, position: int) -> None:
        for tick in self._ticks:  # the exact value, not what is left of it after rounding to a position
            if position in self.slider.tick_positions and self._scale.to_position(tick) == position:
                self._by_hand(tick, wait=False)
                return
        self._by_hand(self._scale.to_value(position), wait=False)

    def _page(self, direction: int) -> None:
        if abs(direction) == TO_THE_END:
            self._by_hand(self._scale.minimum if direction < 0 else self._scale.maximum)
            return
        beyond = [t for t in self._ticks if (t - self._value) * direction > 0]
        if beyond:
            self._by_hand(min(beyond, key=lambda t: abs(t - self._value)))
        else:
            self._by_hand(self._scale.step(self._value, 10 * direction))

    def _typed(self) -> None:
        found = NUMBER.search(self.edit.text())
        if found is None:
            self._show()
            return
        if self.edit.text() != self.text():
            self._by_hand(float(found.group()), at_rest=True)
        else:
            self._show()

    def _by_hand(self, value: float, *, at_rest: bool = False, wait: bool = True) -> None:
        value = self._scale.clamp(value)
        changed = value != self._value
        self._value = value
        self._show()
        if not changed:
            return
        self.value_changed.emit(value)
        if at_rest:
            self._settle()
        elif wait:
            self._rest.start()

    def _settle(self) -> None:
        self._rest.stop()
        self._show()
        self.settled.emit(self._value)
