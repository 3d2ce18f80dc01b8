"""The view of an image field: pan and zoom like a map; what is in sight is evaluated anew from the field."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
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

from ddmi_models.requests import ImageView, Picture, Rendered, Sample, View
from ddmi_studio import theme
from ddmi_studio.state.scene import RenderSettings
from ddmi_studio.views.field_camera import FieldCamera, Window
from ddmi_studio.views.stage import Stage, ToolButton, frame, paint_backdrop, to_image
from ddmi_studio.widgets import SegmentedButtons

EXACT, LIVE, COMPARE = "exact", "live", "compare"
MODES = ((EXACT, "Exact size"), (LIVE, "Live"), (COMPARE, "Compare"))
MODE_TOOLTIPS = {
    EXACT: "The pixels that an export at the chosen resolution has, large where you zoom in",
    LIVE: "Evaluate what is in sight at the screen's own resolution, at every zoom",
    COMPARE: "Left of the line the field itself, right of it a picture of the chosen resolution, enlarged",
}
HINT = "drag: pan    wheel: zoom    double click or Home: whole picture"
WHOLE: Window = (-1.0, -1.0, 1.0, 1.0)
BASE = 64  # pixels of the picture of the whole field that is shown where nothing better is there yet
BITMAP = 1024  # largest bitmap to compare with
PACE = 40  # milliseconds between two wishes while the hand moves
WHEEL_ZOOM = 1.25
KEY_ZOOM = 1.5
KEY_PAN = 60
TAG_TOP = 52  # pixels from the top to the names of the two sides
GRIP = 12  # pixels around the line of comparison that take hold of it
PIXELATED = "pixelated"  # note of a wish for the pixels of the chosen resolution


@dataclass
class Layer:
    """A picture of a window of the field. `pixelated`: each of its pixels is shown as a sharp square."""

    image: QImage
    window: Window
    pixelated: bool


class ImageStage(Stage):
    """Shows an image sample. Keys: + and - zoom, arrows pan, Home fits the whole picture."""

    def __init__(self) -> None:
        super().__init__("Image", "mdi6.image-outline", "Pictures appear here.", HINT)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.camera = FieldCamera(self.width(), self.height())
        self.mode = EXACT
        self.split = 0.5
        self._settings = RenderSettings(resolution=256)
        self._pictures: dict[str, Layer] = {}
        self._hold: QPointF | None = None
        self._splitting = False
        self._pace = QTimer(self, singleShot=True, interval=PACE)
        self._pace.timeout.connect(self._ask)
        theme.notifier().changed.connect(self.update)
        self._cover_or_not()

    # What the page tells the view

    def set_sample(self, sample: Sample | None) -> None:
        self._pace.stop()
        self.wishes.forget()
        self._pictures.clear()
        self._set_has_sample(sample is not None)
        if sample is None:
            self.camera = self.camera.home()
        else:
            self._ask_all()
        self.update()

    def set_settings(self, settings: RenderSettings, moving: bool) -> None:
        before, self._settings = self._settings, settings
        if not self._has_sample or settings == before:
            return
        same_field = (settings.gains, settings.grain) == (before.gains, before.grain)
        if not same_field:
            self._ask_for_base()
        if self.mode == COMPARE:
            self._ask_for_whole("bitmap", self.bitmap_size())
        if self.mode == EXACT or not same_field:
            self._ask_soon()

    def show_rendered(self, view: View, rendered: Rendered, final: bool) -> None:
        wish = self.wishes.accept(view)
        if wish is None:
            return
        if not isinstance(view, ImageView) or not isinstance(rendered, Picture):
            raise TypeError("An image view shows pictures.")
        pixelated = final and wish.note == PIXELATED
        layer = Layer(to_image(rendered.pixels), view.window, pixelated)
        self._pictures[wish.channel] = layer
        if wish.channel == "view" and view.window == WHOLE:
            self._pictures["base"] = layer
        self._describe()
        self.update()

    def render_failed(self, view: View) -> None:
        """What is shown stays."""

    def picture(self) -> QImage:
        """What is in sight, as it was last rendered."""
        layer = self._pictures.get("view") or self._pictures.get("base")
        return layer.image.copy() if layer else QImage()

    def tools(self) -> QWidget:
        box = QWidget()
        layout = QHBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.modes = SegmentedButtons(MODES, self.mode, tooltips=MODE_TOOLTIPS, parent=box)
        self.modes.value_changed.connect(self.set_mode)
        self.fit = ToolButton(box, "mdi6.fit-to-screen-outline", "Show the whole picture (Home)")
        self.fit.clicked.connect(self.go_home)
        layout.addWidget(self.modes)
        layout.addWidget(self.fit)
        layout.addStretch(1)
        return box

    def release(self) -> None:
        self._pace.stop()
        self.wishes.forget()

    # Asking for renders

    def set_mode(self, mode: str) -> None:
        self.mode = mode
        if self._has_sample:
            if mode == COMPARE:
                self._ask_for_whole("bitmap", self.bitmap_size())
            self._ask()
        self._describe()
        self.update()

    def bitmap_size(self) -> int:
        return min(self._settings.resolution, BITMAP)

    def request(self) -> ImageView | None:
        """What is to be seen now: window and pixels; None where the field is out of sight."""
        exact = self._is_pixelated()
        wanted = self.camera.grid_request(self._settings.resolution) if exact else self.camera.screen_request()
        if wanted is None:
            return None
        width, height, window = wanted
        return ImageView(width, height, window, self._settings.gains, self._settings.grain)

    def _is_pixelated(self) -> bool:
        return self.mode == EXACT and self.camera.magnifies(self._settings.resolution)

    def _ask_all(self) -> None:
        self._ask()
        self._ask_for_base()
        if self.mode == COMPARE:
            self._ask_for_whole("bitmap", self.bitmap_size())

    def _ask_for_base(self) -> None:
        """Where only a part is in sight, the rest is asked for too, small, to be there when the hand moves."""
        if not self.camera.shows_all():
            self._ask_for_whole("base", BASE)

    def _ask_for_whole(self, channel: str, size: int) -> None:
        self.want(ImageView(size, size, gains=self._settings.gains, grain=self._settings.grain), channel)

    def _ask_soon(self) -> None:
        if self._has_sample and not self._pace.isActive():
            self._pace.start()

    def _ask(self) -> None:
        self._pace.stop()
        view = self.request()
        if view is not None:
            self.want(view, "view", PIXELATED if self._is_pixelated() else "")

    # The hand

    def _move_camera(self, camera: FieldCamera) -> None:
        if camera == self.camera:
            return
        self.camera = camera
        self._ask_soon()
        self._describe()
        self.update()

    def go_home(self) -> None:
        self._move_camera(self.camera.home())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_screen()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._fit_screen()
        return super().event(event)

    def _fit_screen(self) -> None:
        self._move_camera(self.camera.resized(self.width(), self.height(), self.devicePixelRatioF()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton) or not self._has_sample:
            return
        self._hold = event.position()
        self._splitting = self._on_split(event.position())
        if not self._splitting:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        self._read_out(at)
        if self._hold is None:
            self.setCursor(Qt.CursorShape.SplitHCursor if self._on_split(at) else Qt.CursorShape.OpenHandCursor)
        elif self._splitting:
            self.split = min(max(at.x() / max(1, self.width()), 0.02), 0.98)
            self.update()
        else:
            step, self._hold = at - self._hold, at
            self._move_camera(self.camera.panned(step.x(), step.y()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._hold = None
        self.setCursor(
            Qt.CursorShape.SplitHCursor if self._on_split(event.position()) else Qt.CursorShape.OpenHandCursor
        )

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and not self._on_split(event.position()):
            self.go_home()

    def wheelEvent(self, event: QWheelEvent) -> None:
        at = event.position()
        factor = WHEEL_ZOOM ** (event.angleDelta().y() / 120)
        self._move_camera(self.camera.zoomed(factor, at.x(), at.y()))
        self._read_out(at)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, middle = event.key(), (self.width() / 2, self.height() / 2)
        keys = Qt.Key
        pans = {keys.Key_Left: (1, 0), keys.Key_Right: (-1, 0), keys.Key_Up: (0, 1), keys.Key_Down: (0, -1)}
        if key in (keys.Key_Plus, keys.Key_Equal, keys.Key_Minus):
            factor = 1 / KEY_ZOOM if key == keys.Key_Minus else KEY_ZOOM
            self._move_camera(self.camera.zoomed(factor, *middle))
        elif key in pans:
            self._move_camera(self.camera.panned(*(KEY_PAN * step for step in pans[keys(key)])))
        elif key == keys.Key_Home:
            self.go_home()
        else:
            event.ignore()

    def leaveEvent(self, event: QEvent) -> None:
        self.readout.setText("")

    def enterEvent(self, event: QEnterEvent) -> None:
        self._read_out(event.position())

    def _on_split(self, at: QPointF) -> bool:
        return self.mode == COMPARE and abs(at.x() - self.split * self.width()) <= GRIP

    # Texts

    def _describe(self) -> None:
        layer = self._pictures.get("view")
        if layer is None:
            return
        resolution, zoom = self._settings.resolution, self.camera.zoom
        texts = [f"rendered {layer.image.width()} × {layer.image.height()} px"]
        if self.mode == EXACT:
            texts.insert(0, f"{resolution} × {resolution} px")
        texts.append(f"zoom {zoom:.1f}×" if zoom < 10 else f"zoom {zoom:.0f}×")
        self.info.setText(" · ".join(texts))
        self.arrange()

    def arrange(self) -> None:
        super().arrange()
        if not hasattr(self, "camera"):  # Qt resizes the widget while it is made
            return
        picture = self.rect_of(WHOLE)
        for label in self.overlays():
            label.backed = picture.intersects(QRectF(label.geometry()))

    def _read_out(self, at: QPointF) -> None:
        x, y = self.camera.to_field(at.x(), at.y())
        layer = self._pictures.get("view") or self._pictures.get("base")
        if layer is None or not (abs(x) <= 1 and abs(y) <= 1):
            self.readout.setText("")
            return
        color = color_at(layer, x, y)
        swatch = f'<span style="color:{color}">■</span> {color}' if color else ""
        self.readout.setText(f"x {x:+.3f}&nbsp; y {y:+.3f} &nbsp; {swatch}")
        self.arrange()

    # Painting

    def rect_of(self, window: Window) -> QRectF:
        """Where a window of the field lies in the widget."""
        return QRectF(QPointF(*self.camera.to_screen(*window[:2])), QPointF(*self.camera.to_screen(*window[2:])))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_backdrop(painter, self.size())
        if not self._has_sample or not self._pictures:
            return
        whole = self.rect_of(WHOLE)
        painter.fillRect(whole, QColor(theme.colors().field))
        for channel in ("base", "view"):
            self._paint_layer(painter, channel)
        if self.mode == COMPARE and "bitmap" in self._pictures:
            self._paint_comparison(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        frame(painter, whole)

    def _paint_layer(self, painter: QPainter, channel: str) -> None:
        layer = self._pictures.get(channel)
        if layer is None:
            return
        rect = self.rect_of(layer.window)
        one_to_one = abs(rect.width() * self.camera.ratio - layer.image.width()) < 0.01
        painter.setRenderHint(
            QPainter.RenderHint.SmoothPixmapTransform, not (one_to_one or (layer.pixelated and self.mode == EXACT))
        )
        painter.drawImage(rect, layer.image)

    def _paint_comparison(self, painter: QPainter) -> None:
        x = self.split * self.width()
        painter.save()
        painter.setClipRect(QRectF(x, 0, self.width() - x, self.height()))
        paint_backdrop(painter, self.size())
        self._paint_layer(painter, "bitmap")
        painter.restore()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = theme.colors()
        painter.setPen(QPen(QColor(c.accent), 1.5))
        painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        painter.setBrush(QColor(c.accent))
        painter.drawEllipse(QPointF(x, self.height() / 2), 7, 7)
        self._paint_tag(painter, QPointF(x - 10, TAG_TOP), "the field", right=True)
        self._paint_tag(painter, QPointF(x + 10, TAG_TOP), f"{self.bitmap_size()} px bitmap, enlarged", right=False)

    def _paint_tag(self, painter: QPainter, at: QPointF, text: str, *, right: bool) -> None:
        width = painter.fontMetrics().horizontalAdvance(text) + 18
        rect = QRectF(at.x() - (width if right else 0), at.y(), width, 24)
        back = QColor(theme.colors().panel)
        back.setAlpha(225)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(back)
        painter.drawRoundedRect(rect, 6, 6)
        painter.setPen(QColor(theme.colors().text))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)


def color_at(layer: Layer, x: float, y: float) -> str | None:
    """The colour "#rrggbb" of the layer at a point of the field; None outside of it."""
    left, top, right, bottom = layer.window
    if not (left <= x <= right and top <= y <= bottom):
        return None
    column = min(int((x - left) / (right - left) * layer.image.width()), layer.image.width() - 1)
    row = min(int((y - top) / (bottom - top) * layer.image.height()), layer.image.height() - 1)
    return layer.image.pixelColor(column, row).name()
