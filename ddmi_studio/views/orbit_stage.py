"""What views that a camera moves around in share: the hand on mouse, wheel and keys, spinning, the cross of axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from ddmi_studio import theme
from ddmi_studio.views.stage import MARGIN, Stage, ToolButton
from ddmi_studio.views.turntable import DEGREES_PER_PIXEL, Turntable

Directions = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
Y_UP: Directions = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
"""The world's axes x, y, z as the turntable, whose y points up, has them."""

Z_UP: Directions = ((1, 0, 0), (0, 0, -1), (0, 1, 0))

ROOMY = 560  # pixels of width from which the tool bar shows everything
WHEEL_ZOOM = 1.12
DRAG_ZOOM = 1.008  # factor a pixel
KEY_ORBIT = 12  # pixels of drag that an arrow key stands for
SPIN_STEP = 1.2  # degrees a frame
FRAME = 33  # milliseconds
REST = 180  # milliseconds without movement until the fine mesh is drawn again


def gesture(event: QMouseEvent) -> str:
    """What a drag that begins with this press does: "orbit", "zoom" or "pan"."""
    if event.button() == Qt.MouseButton.RightButton:
        return "zoom"
    if event.button() == Qt.MouseButton.MiddleButton or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
        return "pan"
    return "orbit"


class Axes(QWidget):
    """The three directions, as the camera sees them."""

    SIDE = 64

    def __init__(self, parent: QWidget, directions: Directions) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFixedSize(self.SIDE, self.SIDE)
        self.directions = np.array(directions, float)
        self.camera = Turntable()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPixelSize(10)
        painter.setFont(font)
        right, up, backward = (self.directions @ axis for axis in self.camera.axes())
        c = theme.colors()
        middle = QPointF(self.SIDE / 2, self.SIDE / 2)
        for axis in sorted(range(3), key=lambda i: backward[i]):
            tip = QPointF(right[axis], -up[axis])
            color = QColor((c.danger, c.success, c.accent)[axis])
            color.setAlphaF(0.55 + 0.45 * max(0.0, float(backward[axis])))
            painter.setPen(QPen(color, 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(middle, middle + tip * 20)
            at = middle + tip * 27
            painter.drawText(QPointF(at.x() - 3, at.y() + 4), "XYZ"[axis])


class ToolBar(QWidget):
    """Leaves out what can be spared where there is little room: a text beside an icon, buttons with a key."""

    def __init__(self) -> None:
        super().__init__()
        self.shrinking: tuple[ToolButton, ...] = ()
        self.spared: tuple[ToolButton, ...] = ()

    def set_roomy(self, roomy: bool) -> None:
        for button in self.shrinking:
            button.show_text(roomy)
        for button in self.spared:
            button.setVisible(roomy)


class OrbitStage(Stage):
    """A view with a turntable camera. Keys: arrows orbit, + and - zoom, Home resets, Space spins."""

    spinning_changed = Signal(bool)
    spin_wanted = Signal()
    roomy = Signal(bool)

    def __init__(self, name: str, icon: str, empty: str, hint: str, directions: Directions = Y_UP) -> None:
        super().__init__(name, icon, empty, hint)
        self.axes = Axes(self, directions)
        self.camera = Turntable()
        self._hold: QPointF | None = None
        self._gesture = "orbit"
        self._spin = QTimer(self, interval=FRAME)
        self._spin.timeout.connect(self._turn)
        self._rest = QTimer(self, singleShot=True, interval=REST)
        self._rest.timeout.connect(self._come_to_rest)
        theme.notifier().changed.connect(self._come_to_rest)

    # The tool bar

    def make_orbit_tools(self, box: QWidget) -> None:
        """The buttons `spin`, `home` and `clip`."""
        self.spin = ToolButton(box, "mdi6.rotate-360", "Turn slowly (Space)", checkable=True, text="Spin")
        self.spin.setChecked(self._spin.isActive())
        self.spin.clicked.connect(self.set_spinning)
        self.spinning_changed.connect(self.spin.setChecked)
        self.home = ToolButton(box, "mdi6.home-outline", "Back to the first view (Home)")
        self.home.clicked.connect(self.go_home)
        self.clip = ToolButton(box, "mdi6.movie-open-outline", "Save a turntable clip (MP4)")
        self.clip.clicked.connect(self.spin_wanted)

    def fit_tools(self, box: ToolBar, *, shrinking: Sequence[ToolButton], spared: Sequence[ToolButton]) -> None:
        """Have the bar leave out what can be spared where the view is narrow."""
        box.shrinking, box.spared = tuple(shrinking), tuple(spared)
        self.roomy.connect(box.set_roomy)
        box.set_roomy(self.width() >= ROOMY)

    # The camera and the hand

    def set_spinning(self, spinning: bool) -> None:
        spinning = spinning and self._has_sample
        if spinning:
            self._spin.start()
        else:
            self._spin.stop()
        self.spinning_changed.emit(spinning)

    def go_home(self) -> None:
        self._move_camera(self.camera.home())

    def stop_moving(self) -> None:
        """Before the window closes."""
        self._spin.stop()
        self._rest.stop()

    def _turn(self) -> None:
        self._move_camera(self.camera.orbited(-SPIN_STEP / DEGREES_PER_PIXEL, 0))

    def _move_camera(self, camera: Turntable) -> None:
        if camera == self.camera:
            return
        self.camera = camera
        self._rest.start()
        self._redraw(True)

    def _come_to_rest(self) -> None:
        self._redraw(False)

    def _redraw(self, moving: bool) -> None:
        """Show what the camera sees; `moving`: it is on its way, and `_redraw(False)` comes when it rests."""
        self.axes.camera = self.camera
        self.axes.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._hold is None:
            self._hold, self._gesture = event.position(), gesture(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._hold is None:
            return
        step, self._hold = event.position() - self._hold, event.position()
        if self._gesture == "zoom":
            self._move_camera(self.camera.zoomed(DRAG_ZOOM ** -step.y()))
        elif self._gesture == "pan":
            self._move_camera(self.camera.panned(step.x(), step.y(), self.span()))
        else:
            self.set_spinning(False)
            self._move_camera(self.camera.orbited(step.x(), step.y()))

    def span(self) -> int:
        """Pixels over which the camera's field of view reaches."""
        return self.height()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.buttons() == Qt.MouseButton.NoButton:
            self._hold = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.go_home()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._move_camera(self.camera.zoomed(WHEEL_ZOOM ** (event.angleDelta().y() / 120)))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = Qt.Key
        orbits = {keys.Key_Left: (-1, 0), keys.Key_Right: (1, 0), keys.Key_Up: (0, -1), keys.Key_Down: (0, 1)}
        key = event.key()
        if key in orbits:
            self._move_camera(self.camera.orbited(*(KEY_ORBIT * step for step in orbits[keys(key)])))
        elif key in (keys.Key_Plus, keys.Key_Equal, keys.Key_Minus):
            self._move_camera(self.camera.zoomed(1 / WHEEL_ZOOM if key == keys.Key_Minus else WHEEL_ZOOM))
        elif key == keys.Key_Home:
            self.go_home()
        elif key == keys.Key_Space:
            self.set_spinning(not self._spin.isActive())
        else:
            event.ignore()

    def hideEvent(self, event: QHideEvent) -> None:
        self.set_spinning(False)
        super().hideEvent(event)

    # Layers

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.roomy.emit(self.width() >= ROOMY)

    def corner_room(self) -> int:
        return Axes.SIDE

    def arrange(self) -> None:
        super().arrange()
        if hasattr(self, "axes"):
            self.axes.setVisible(not self.cover.isVisible())
            low = self.height() - self.foot()
            self.axes.move(self.width() - Axes.SIDE - MARGIN + 8, low - Axes.SIDE - MARGIN + 10)
            self.axes.raise_()
