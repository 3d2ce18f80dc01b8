"""The view of a shape: shaded, with a turntable camera, re-meshed while the hand moves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QHideEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QWidget

from ddmi_models.errors import Unavailable
from ddmi_models.requests import MeshData, MeshView, Rendered, Sample, View
from ddmi_studio import theme
from ddmi_studio.state.scene import RenderSettings
from ddmi_studio.views.scale_shift import partial_gains, shifts
from ddmi_studio.views.stage import MARGIN, Stage, ToolButton
from ddmi_studio.views.turntable import Turntable
from ddmi_studio.widgets import SegmentedButtons

if TYPE_CHECKING:
    from ddmi_studio.views.mesh_canvas import MeshCanvas
    from ddmi_studio.views.soft_canvas import SoftCanvas

MODES = (("shaded", "Shaded"), ("wire", "Wire"), ("normals", "Normals"), ("scales", "Scales"))
MODE_TOOLTIPS = {
    "shaded": "Lit by lamps that follow the camera",
    "wire": "The edges of the triangles",
    "normals": "Colour by the direction of the surface",
    "scales": "Colour by the basis scale that moves the surface: green the middle one, orange the fine one",
}
HINT = "drag: orbit    right drag or wheel: zoom    Shift drag: pan    Home: reset"
ROOMY = 560  # pixels of width from which the tool bar shows everything
WHEEL_ZOOM = 1.12
DRAG_ZOOM = 1.008  # factor a pixel
KEY_ORBIT = 12  # pixels of drag that an arrow key stands for
SPIN_STEP = 1.2  # degrees a frame
FRAME = 33  # milliseconds
REST = 180  # milliseconds without movement until the fine mesh is drawn again
QUICK = 0.25  # seconds that a mesh may take while a slider moves
COLORED_CELLS = 128  # of a mesh coloured by scales
SCALE_CELLS = 64  # of the surfaces that fewer scales make
FIRST_CELLS, LEAST_CELLS, MOST_CELLS = 48, 24, 128  # while a slider moves


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

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFixedSize(self.SIDE, self.SIDE)
        self.camera = Turntable()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPixelSize(10)
        painter.setFont(font)
        right, up, backward = self.camera.axes()
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


class ShapeStage(Stage):
    """Shows a shape sample. Keys: arrows orbit, + and - zoom, Home resets, Space spins."""

    spinning_changed = Signal(bool)
    spin_wanted = Signal()
    roomy = Signal(bool)

    def __init__(self) -> None:
        super().__init__("Shape", "mdi6.cube-outline", "Shapes appear here.", HINT)
        self.canvas, self.problem = self._make_canvas()
        self.axes = Axes(self)
        self.camera = Turntable()
        self.mesh: MeshData | None = None
        self._settings = RenderSettings(resolution=64)
        self._partial: dict[str, MeshData] = {}
        self._quick_cells = FIRST_CELLS
        self._asked_at = 0.0
        self._framed = False
        self._hold: QPointF | None = None
        self._gesture = "orbit"
        self._spin = QTimer(self, interval=FRAME)
        self._spin.timeout.connect(self._turn)
        self._rest = QTimer(self, singleShot=True, interval=REST)
        self._rest.timeout.connect(self._come_to_rest)
        theme.notifier().changed.connect(self._redraw)
        if self.problem:
            self.hint.setText(f"{self.problem} Shapes are drawn without it, more slowly.")
        self._cover_or_not()

    def _make_canvas(self) -> tuple[MeshCanvas | SoftCanvas, str | None]:
        from ddmi_studio.views.mesh_canvas import MeshCanvas, OpenGL, find_opengl

        found = find_opengl()
        if found.problem is None:
            try:
                return MeshCanvas(self, found.software), None
            except Unavailable as error:
                found = OpenGL(error.message)
        from ddmi_studio.views.soft_canvas import SoftCanvas

        return SoftCanvas(self), found.problem

    # What the page tells the view

    def set_sample(self, sample: Sample | None) -> None:
        self.wishes.forget()
        self.canvas.forget_coarse()
        self._framed = self._framed and sample is not None and not self.camera.is_home()
        self._set_has_sample(sample is not None)
        if sample is None:
            self.mesh = None
            self.canvas.show_mesh(None)
            self.set_spinning(False)
        else:
            self._ask(self._settings.resolution)

    def set_settings(self, settings: RenderSettings, moving: bool) -> None:
        before, self._settings = self._settings, settings
        if self._has_sample and (settings != before or not moving):
            cells = min(settings.resolution, self._quick_cells) if moving else settings.resolution
            self._ask(cells, note="quick" if moving else "")

    def show_rendered(self, view: View, rendered: Rendered, final: bool) -> None:
        wish = self.wishes.accept(view)
        if wish is None:
            return
        if not isinstance(view, MeshView) or not isinstance(rendered, MeshData):
            raise TypeError("A shape view shows meshes.")
        if wish.channel != "view":
            self._partial[wish.channel] = rendered
            self._color_scales()
            return
        if wish.note == "quick" and final:
            self._learn(view.cells, time.monotonic() - self._asked_at)
        self.mesh = rendered
        if not self._framed and len(rendered.vertices):
            self._frame(rendered)
        self.canvas.show_mesh(rendered)
        self._describe()
        if final:
            self._ask_for_scales()

    def render_failed(self, view: View) -> None:
        """What is shown stays."""

    def picture(self) -> QImage:
        """The view as it is on the screen, without its texts."""
        image = self.canvas.grab().toImage()
        return image.convertToFormat(QImage.Format.Format_RGB32)

    def tools(self) -> QWidget:
        box = ToolBar()
        layout = QHBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.modes = SegmentedButtons(MODES, self.canvas.mode, tooltips=MODE_TOOLTIPS, per_row=len(MODES), parent=box)
        self.modes.value_changed.connect(self.set_mode)
        self.spin = ToolButton(box, "mdi6.rotate-360", "Turn slowly (Space)", checkable=True, text="Spin")
        self.spin.setChecked(self._spin.isActive())
        self.spin.clicked.connect(self.set_spinning)
        self.spinning_changed.connect(self.spin.setChecked)
        self.home = ToolButton(box, "mdi6.home-outline", "Back to the first view (Home)")
        self.home.clicked.connect(self.go_home)
        self.clip = ToolButton(box, "mdi6.movie-open-outline", "Save a turntable clip (MP4)")
        self.clip.clicked.connect(self.spin_wanted)
        for widget in (self.modes, self.spin, self.clip, self.home):
            layout.addWidget(widget)
        layout.addStretch(1)
        box.shrinking, box.spared = (self.spin,), (self.home,)
        self.roomy.connect(box.set_roomy)
        box.set_roomy(self.width() >= ROOMY)
        return box

    def release(self) -> None:
        self._spin.stop()
        self._rest.stop()
        self.wishes.forget()
        self.canvas.release()

    # Asking for renders

    def _ask(self, cells: int, note: str = "") -> None:
        cells = min(cells, self.most_cells())
        self._asked_at = time.monotonic()
        self.want(MeshView(cells, self._settings.iso, self._settings.gains), "view", note)

    def most_cells(self) -> int:
        """Of a mesh on the screen, so that it is drawn, or coloured by scales, without a stop."""
        return min(self.canvas.most_cells, COLORED_CELLS) if self.canvas.mode == "scales" else self.canvas.most_cells

    def _learn(self, cells: int, seconds: float) -> None:
        """Choose the cells of the next quick mesh so that it comes within QUICK seconds; time grows with their cube."""
        ideal = cells * (QUICK / max(seconds, 0.01)) ** (1 / 3)
        self._quick_cells = round(min(max(ideal, LEAST_CELLS), MOST_CELLS))

    def _ask_for_scales(self) -> None:
        """For the colours of the scales, ask for the surfaces that fewer scales make."""
        if self.canvas.mode != "scales" or self.mesh is None:
            return
        self._partial = {}
        cells = min(self.mesh.cells, SCALE_CELLS)
        for index, gains in enumerate(partial_gains(self._settings.gains or ())):
            self.want(MeshView(cells, self._settings.iso, gains), f"scales {index}")

    def _color_scales(self) -> None:
        count = len(partial_gains(self._settings.gains or ()))
        if self.mesh is not None and len(self._partial) == count > 0:
            partial = [self._partial[channel] for channel in sorted(self._partial)]
            self.canvas.show_shifts(self.mesh, shifts(self.mesh, partial))

    # The camera and the hand

    def set_mode(self, mode: str) -> None:
        before = self.most_cells()
        self.canvas.mode = mode
        self._describe()
        if self._has_sample and self.most_cells() != before and self._settings.resolution > COLORED_CELLS:
            self._ask(self._settings.resolution)
        else:
            self._ask_for_scales()

    def set_spinning(self, spinning: bool) -> None:
        spinning = spinning and self._has_sample
        if spinning:
            self._spin.start()
        else:
            self._spin.stop()
        self.spinning_changed.emit(spinning)

    def go_home(self) -> None:
        self._move_camera(self.camera.home())

    def _frame(self, mesh: MeshData) -> None:
        self.camera = self.camera.framed(mesh.vertices.min(axis=0), mesh.vertices.max(axis=0))
        self._framed = True
        self._redraw()

    def _turn(self) -> None:
        self._move_camera(self.camera.orbited(-SPIN_STEP / 0.4, 0))

    def _move_camera(self, camera: Turntable) -> None:
        if camera == self.camera:
            return
        self.camera = camera
        self.canvas.moving = True
        self._rest.start()
        self._redraw()

    def _come_to_rest(self) -> None:
        self.canvas.moving = False

    def _redraw(self) -> None:
        self.axes.camera = self.camera
        self.canvas.set_camera(self.camera)
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
            self._move_camera(self.camera.panned(step.x(), step.y(), self.height()))
        else:
            self.set_spinning(False)
            self._move_camera(self.camera.orbited(step.x(), step.y()))

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

    # Texts and layers

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.roomy.emit(self.width() >= ROOMY)

    def _describe(self) -> None:
        mesh = self.mesh
        if mesh is None:
            return
        texts = [
            f"{mesh.cells} cells",
            f"{len(mesh.faces):,} triangles",
            "watertight" if mesh.watertight else "open surface",
        ]
        if not len(mesh.faces):
            texts = [f"{mesh.cells} cells", "no surface at this iso level"]
        elif self._settings.resolution > self.canvas.most_cells:
            texts.append(f"at most {self.canvas.most_cells} cells on the screen here")
        if self.canvas.mode == "scales":
            one = len(self._settings.gains or ()) < 2
            texts.append("this model has one scale" if one else "green: middle scale, orange: fine scale")
        self.info.setText(" · ".join(texts))
        self.arrange()

    def _layers(self) -> Iterator[QWidget]:
        if hasattr(self, "canvas"):
            yield self.canvas
        yield self.cover

    def corner_room(self) -> int:
        return Axes.SIDE

    def arrange(self) -> None:
        super().arrange()
        if hasattr(self, "axes"):
            self.axes.setVisible(not self.cover.isVisible())
            self.axes.move(self.width() - Axes.SIDE - MARGIN + 8, self.height() - Axes.SIDE - MARGIN + 10)
            self.axes.raise_()
