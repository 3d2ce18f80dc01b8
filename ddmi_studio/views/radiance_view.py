"""The view of a radiance field: orbited with the hand, quick pictures on the way, a fine one at rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from PySide6.QtCore import QElapsedTimer, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QImage, QKeyEvent, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from ddmi_models.requests import Camera, Picture, RadianceView, Rendered, Sample, Shows, View, flight
from ddmi_studio.state.scene import RenderSettings
from ddmi_studio.state.shot import Shot, widened
from ddmi_studio.views.frame_pace import FramePace
from ddmi_studio.views.keyframes import Keyframe, cropped
from ddmi_studio.views.orbit_camera import camera_of, home_of
from ddmi_studio.views.orbit_stage import FRAME, Z_UP, OrbitStage, ToolBar
from ddmi_studio.views.path_bar import PathBar
from ddmi_studio.views.refinement import Kind, Refinement
from ddmi_studio.views.stage import ToolButton, paint_backdrop, to_image
from ddmi_studio.views.turntable import Turntable
from ddmi_studio.widgets import SegmentedButtons

SHOWS = (("colour", "Colour"), ("depth", "Depth"), ("normals", "Normals"))
SHOWS_TOOLTIPS = {
    "colour": "What a camera sees there",
    "depth": "How far away it is: near is dark",
    "normals": "The direction of the surface, as colours",
}
HINT = "drag: orbit    right drag or wheel: zoom    Shift drag: pan    K: keyframe    Home: reset"
QUICK_SAMPLES = 64  # places on a ray of a quick picture
USUAL = Camera(distance=2.0, angle=0.69)  # until a model says otherwise
FLIGHT_RATE = 1000 / FRAME  # cameras a second while the path plays


class RadianceStage(OrbitStage):
    """Shows a radiance field. Keys beside those of the orbit: K keeps the camera as a keyframe, P plays the path.

    Signals:
        shot_changed: values of the Shot by name. flight_wanted: the button for a clip along the path. path_shown:
            whether its bar is.
    """

    shot_changed = Signal(object)
    flight_wanted = Signal()
    path_shown = Signal(bool)

    def __init__(self) -> None:
        super().__init__("Radiance field", "mdi6.orbit", "Radiance fields appear here.", HINT, Z_UP)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.shows: Shows = "colour"
        self.pace = FramePace()
        self.refinement = Refinement(self._ask)
        self._settings = RenderSettings(resolution=256)
        self._usual = USUAL
        self._seconds = Shot().seconds
        self.camera = home_of(USUAL)
        self._picture: QImage | None = None
        self._plain = QImage()
        self._look: tuple[object, ...] = ()
        self.path = PathBar(self)
        self.path.hide()
        self._flight: list[Camera] = []
        self._flown: Camera | None = None
        self._clock = QElapsedTimer()
        self._play = QTimer(self, interval=FRAME)
        self._play.timeout.connect(self._fly_on)
        self._connect_path()
        self._cover_or_not()

    def _connect_path(self) -> None:
        path = self.path
        self.roomy.connect(path.set_roomy)
        path.add.clicked.connect(self.add_keyframe)
        path.play.clicked.connect(lambda: self.set_playing(not self._play.isActive()))
        path.save.clicked.connect(self.flight_wanted)
        path.keyframes.changed.connect(self._on_keyframes)
        path.keyframes.picked.connect(lambda keyframe: self._move_camera(keyframe.camera))
        path.loop.toggled.connect(self._on_loop)
        path.seconds_changed.connect(lambda seconds: self.shot_changed.emit({"seconds": seconds}))

    # What the page tells the view

    def set_sample(self, sample: Sample | None) -> None:
        self.wishes.forget()
        self.refinement.forget()
        self.set_playing(False)
        self._look = ()
        self._set_has_sample(sample is not None)
        if sample is None:
            self._picture, self._plain = None, QImage()
            self.set_spinning(False)
            self.show_path(False)
            self.update()
        else:
            self._change(resting=True)

    def set_settings(self, settings: RenderSettings, moving: bool) -> None:
        before, self._settings = self._settings, settings
        if settings.camera is not None and settings.camera != self._usual:
            self._usual = settings.camera
            self.camera = home_of(settings.camera)
            self.axes.camera = self.camera
            self._tell_camera()
        if settings != before or not moving:
            self._change(resting=not moving)
            if moving:
                self._rest.start()

    def set_shot(self, shot: Shot) -> None:
        """How long a flight takes may also be said elsewhere."""
        self._seconds = shot.seconds
        self.path.seconds.set_value(shot.seconds)

    def show_rendered(self, view: View, rendered: Rendered, final: bool) -> None:
        wish = self.wishes.accept(view)
        if wish is None:
            return
        if not isinstance(view, RadianceView) or not isinstance(rendered, Picture):
            raise TypeError("A view of radiance fields shows pictures from a camera.")
        if final or (wish.note == "fine" and not self._is_coarser(view, rendered)):
            self._show(view, rendered, "moving" if wish.note == "quick" else "" if final else "refining")
        if final:
            seconds = self.refinement.finished(view)
            if seconds is not None:
                self.pace.learn(min(view.width, view.height), seconds)

    def _is_coarser(self, view: RadianceView, picture: Picture) -> bool:
        """Whether what is shown of the same view has more pixels."""
        return self._look == look_of(view) and self._plain.height() > picture.pixels.shape[0]

    def _show(self, view: RadianceView, picture: Picture, state: str) -> None:
        self._look = look_of(view)
        self._picture, self._plain = to_image(picture.cut_out()), to_image(picture.pixels)
        height, width, _ = picture.pixels.shape
        self.info.setText(" · ".join(filter(None, (f"{width}x{height} px", state))))
        self.arrange()
        self.update()

    def render_failed(self, view: View) -> None:
        self.refinement.failed(view)

    def picture(self) -> QImage:
        """What was last rendered, on white as in an export."""
        return self._plain.copy()

    def tools(self) -> QWidget:
        box = ToolBar()
        layout = QHBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.maps = SegmentedButtons(SHOWS, self.shows, tooltips=SHOWS_TOOLTIPS, parent=box)
        self.maps.value_changed.connect(self.set_shows)
        self.make_orbit_tools(box)
        tip = "Keyframes of a camera path: fly along it, save it as a clip"
        self.path_button = ToolButton(box, "mdi6.vector-polyline", tip, checkable=True, text="Path")
        self.path_button.setChecked(self.foot() > 0)
        self.path_button.clicked.connect(self.show_path)
        self.path_shown.connect(self.path_button.setChecked)
        for widget in (self.maps, self.spin, self.path_button, self.clip, self.home):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.fit_tools(box, shrinking=(self.spin, self.path_button), spared=(self.home, self.clip))
        return box

    def release(self) -> None:
        self.stop_moving()
        self._play.stop()
        self.wishes.forget()
        self.refinement.forget()

    # Asking for pictures

    def _ask(self, kind: Kind) -> View:
        room, most = self.room(), self._settings.resolution
        side = most if kind == "fine" else min(most, self.pace.side)
        shorter = max(1, min(room.width(), room.height()))
        width, height = (max(2, round(side * part / shorter)) for part in (room.width(), room.height()))
        camera = widened(self._flown or camera_of(self.camera), width, height)
        samples = QUICK_SAMPLES if kind == "quick" else None
        view = RadianceView(width, height, camera, self._settings.gains, self.shows, samples)
        self.want(view, "view", kind)
        return view

    def room(self) -> QRect:
        """Where the picture lies."""
        return QRect(0, 0, self.width(), max(1, self.height() - self.foot()))

    def set_shows(self, shows: str) -> None:
        self.shows = cast(Shows, shows)
        self.shot_changed.emit({"shows": shows})
        self._change(resting=True)

    def _change(self, resting: bool = False) -> None:
        """Something is to be seen differently. A view that is hidden asks for nothing until it is shown again: another
        one's sample may be the current one."""
        if self._has_sample and self.isVisible():
            self.refinement.change(resting)

    # The camera

    def span(self) -> int:
        return min(self.room().width(), self.room().height())

    def _move_camera(self, camera: Turntable) -> None:
        self.set_playing(False)
        super()._move_camera(camera)

    def _redraw(self, moving: bool) -> None:
        super()._redraw(moving)
        if moving:
            self._tell_camera()
        if moving:
            self._change()
        elif self._has_sample and self.isVisible() and not self._play.isActive():
            self.refinement.rest()
        self.update()

    def _tell_camera(self) -> None:
        self.shot_changed.emit({"camera": camera_of(self.camera)})

    # The path

    def show_path(self, shown: bool) -> None:
        """Open or close the bar of the path."""
        self.path.setVisible(shown and self._has_sample)
        self.path_shown.emit(self.path.isVisibleTo(self))
        self.arrange()
        self._refit()

    def add_keyframe(self) -> None:
        if self._has_sample and self._picture is not None:
            self.show_path(True)
            self.path.keyframes.add(Keyframe(self.camera, cropped(self._picture, self.devicePixelRatioF())))

    def _on_keyframes(self) -> None:
        self.set_playing(False)
        keyframes = tuple(camera_of(keyframe.camera) for keyframe in self.path.keyframes.keyframes())
        flies = {"flies": True} if len(keyframes) == 2 else {}
        self.shot_changed.emit({"keyframes": keyframes, **flies})

    def _on_loop(self, closed: bool) -> None:
        self.set_playing(False)
        self.shot_changed.emit({"closed": closed})

    def set_playing(self, playing: bool) -> None:
        """Fly along the path once, or stop and come back."""
        if playing == self._play.isActive() or (playing and self.path.keyframes.count() < 2):
            return
        self.path.show_playing(playing)
        if playing:
            self.set_spinning(False)
            keyframes = [camera_of(keyframe.camera) for keyframe in self.path.keyframes.keyframes()]
            count = max(2, round(self._seconds * FLIGHT_RATE))
            self._flight = flight(keyframes, count, self._usual, self.path.loop.isChecked())
            self._clock.start()
            self._play.start()
        else:
            self._play.stop()
            self._flown = None
            self._change(resting=True)

    def _fly_on(self) -> None:
        at = round(self._clock.elapsed() / FRAME)
        if at >= len(self._flight):
            self.set_playing(False)
        else:
            self._flown = self._flight[at]
            self._change()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_K:
            self.add_keyframe()
        elif event.key() == Qt.Key.Key_P:
            self.set_playing(not self._play.isActive())
        else:
            super().keyPressEvent(event)

    # Showing

    def foot(self) -> int:
        return self.path.height() if hasattr(self, "path") and self.path.isVisibleTo(self) else 0

    def arrange(self) -> None:
        super().arrange()
        if hasattr(self, "path"):
            self.path.setGeometry(0, self.height() - self.path.height(), self.width(), self.path.height())
            self.path.raise_()

    def _layers(self) -> Iterator[QWidget]:
        yield self.cover

    def _refit(self) -> None:
        """The room is another: a picture that fills it comes at once, the fine one when it stays."""
        self._change()
        self._rest.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._refit()

    def showEvent(self, event: QShowEvent) -> None:
        """What was asked for before the view was hidden may never have come."""
        super().showEvent(event)
        self.refinement.forget()
        self._change(resting=True)

    def hideEvent(self, event: QHideEvent) -> None:
        self.set_playing(False)
        super().hideEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        paint_backdrop(painter, self.size())
        if self._picture is not None:
            room, size = self.room(), self._picture.size()
            scale = self.span() / min(size.width(), size.height())
            width, height = size.width() * scale, size.height() * scale
            middle = QRectF(room).center()
            painter.drawImage(QRectF(middle.x() - width / 2, middle.y() - height / 2, width, height), self._picture)


def look_of(view: RadianceView) -> tuple[object, ...]:
    """What is seen, at whatever size."""
    return view.camera.matrix(1.0).tobytes(), view.gains, view.shows
