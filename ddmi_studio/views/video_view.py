"""The view of a clip: plays, scrubs and steps through frames that are rendered ahead of the play head."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from ddmi_models.requests import Clip, ClipView, Rendered, Sample, View
from ddmi_studio import theme
from ddmi_studio.state.clip import ClipSettings
from ddmi_studio.state.scene import RenderSettings
from ddmi_studio.views.ahead import lead_of
from ddmi_studio.views.clip_feed import ClipFeed
from ddmi_studio.views.frame_store import Ready
from ddmi_studio.views.playhead import Playhead
from ddmi_studio.views.stage import Stage, frame, paint_backdrop
from ddmi_studio.views.transport import HEIGHT, Transport
from ddmi_studio.widgets import SegmentedButtons
from ddmi_studio.widgets.base import set_role

HINT = "Space: play    ← →: step    L: loop    I, O: window"
SPEEDS = (("0.25", "¼×"), ("0.5", "½×"), ("1", "1×"), ("2", "2×"))
SPEED_TOOLTIPS = {key: f"Play at {key} times the speed; the frames stay the same" for key, _ in SPEEDS}
CACHE_BYTES = 256 * 2**20
"""Pixels that the view keeps."""

QUICKEST = 4
"""Milliseconds between two looks at the clock."""

CHANNEL = "frames"
EDGE = 44  # pixels around the picture
LOW = 460  # pixels of height below which the picture takes the place of the hint


class VideoStage(Stage):
    """Shows a video sample. Keys: Space plays, arrows step, Home and End, L loops, I and O set the window.

    Args:
        limit: bytes of pixels that are kept.

    Signals:
        clip_changed: (ClipSettings, moving), where the window in time is set in the view itself.
    """

    clip_changed = Signal(object, bool)

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        super().__init__("Video", "mdi6.filmstrip", "Clips appear here.", HINT)
        self.head = Playhead()
        self.feed = ClipFeed(limit)
        self.playing = True
        self._ticked = 0.0
        self._scrubbing = False
        self.transport = Transport(self)
        self._clock = QTimer(self, timerType=Qt.TimerType.PreciseTimer)
        self._clock.timeout.connect(self._tick)
        self._connect()
        self.transport.show_playing(self.playing)
        theme.notifier().changed.connect(self.update)
        self._cover_or_not()

    def _connect(self) -> None:
        bar, line = self.transport, self.transport.timeline
        bar.play.clicked.connect(lambda: self.set_playing(not self.playing))
        bar.back.clicked.connect(lambda: self.step(-1))
        bar.on.clicked.connect(lambda: self.step(1))
        bar.loop.setChecked(self.head.looping)
        bar.loop.clicked.connect(self.set_looping)
        bar.set_start.clicked.connect(lambda: self.set_end("start"))
        bar.set_stop.clicked.connect(lambda: self.set_end("stop"))
        bar.whole.clicked.connect(self.show_whole)
        line.sought.connect(lambda instant: self.seek(self.head.nearest(instant)))
        line.held.connect(self._hold)
        line.window_moved.connect(self._move_window)
        line.hovered.connect(self._show_hovered)

    @property
    def clip(self) -> ClipSettings | None:
        """Which frames are shown; None before the model is known."""
        return self.feed.settings.clip

    # What the page tells the view

    def set_sample(self, sample: Sample | None) -> None:
        self.feed.forget()
        self.head.seek(0)
        self._show_ready()
        self._set_has_sample(sample is not None)
        self._show_frame()

    def set_settings(self, settings: RenderSettings, moving: bool) -> None:
        before, clip = self.feed.settings, settings.clip
        if clip is None or settings == before:
            return
        self.feed.use(settings)
        if clip != before.clip:
            self._pass_time()
            self.head.retime(clip.instants(), clip.rate)
            self._clock.setInterval(self._interval())
        self._describe()
        self._show_ready()
        self._show_frame()
        self._ask()
        self._run()

    def show_rendered(self, view: View, rendered: Rendered, final: bool) -> None:
        if not isinstance(view, ClipView) or not isinstance(rendered, Clip):
            raise TypeError("A video view shows clips.")
        self.feed.take(view, rendered, final, self.head.index)
        self._ask()
        self._show_ready()
        self._show_frame()

    def render_failed(self, view: View) -> None:
        self.feed.failed(view)

    def picture(self) -> QImage:
        """The frame under the play head, as it was last rendered."""
        image = self.feed.image(self.head.index)
        return QImage() if image is None else image.copy()

    def tools(self) -> QWidget:
        box = QWidget()
        layout = QHBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        self.speeds = SegmentedButtons(SPEEDS, f"{self.head.speed:g}", tooltips=SPEED_TOOLTIPS, parent=box)
        self.speeds.value_changed.connect(lambda text: self.set_speed(float(text)))
        layout.setSpacing(10)
        label = QLabel("Speed", box)
        set_role(label, "section")
        label.setBuddy(self.speeds)
        layout.addWidget(label)
        layout.addWidget(self.speeds)
        layout.addStretch(1)
        return box

    def release(self) -> None:
        self.set_sample(None)

    # Asking for frames

    def _ask(self, *, anew: bool = False) -> None:
        """Ask for the frames that are wanted most; `anew`: also where others are on their way."""
        if not self._seen():
            return
        lead = lead_of(self.head.rate * self.head.speed) if self.playing and not self._scrubbing else 0
        view = self.feed.next(self.head.index, lead, anew=anew)
        if view is not None:
            self.render_wanted.emit(view, CHANNEL)

    # Playing

    def set_playing(self, playing: bool) -> None:
        if playing and self.head.at_end():
            self.head.seek(0)
        self.playing = playing
        self.transport.show_playing(playing)
        self._show_frame()
        self._ask()
        self._run()

    def set_looping(self, looping: bool) -> None:
        self.head.looping = looping
        self.transport.loop.setChecked(looping)

    def set_speed(self, speed: float) -> None:
        self._pass_time()
        self.head.speed = speed
        self._clock.setInterval(self._interval())

    def seek(self, index: int) -> None:
        """Go to a frame, which is then rendered before all others."""
        self._ticked = time.monotonic()
        self.head.seek(index)
        self.feed.jump()
        self._show_frame()
        self._ask(anew=self.feed.ready(self.head.index) is Ready.NOTHING)

    def step(self, frames: int) -> None:
        """Stop, and go some frames on or back."""
        self.head.step(frames)
        self.set_playing(False)
        self.seek(self.head.index)

    def _seen(self) -> bool:
        """Whether a clip is on the screen; else nothing is rendered and no time passes."""
        return self._has_sample and not self._previewing and self.isVisible()

    def _run(self) -> None:
        """Start the clock or stop it: it stands where the hand holds the play head, or nobody looks."""
        if not (self.playing and not self._scrubbing and self.clip is not None and self._seen()):
            self._clock.stop()
        elif not self._clock.isActive():
            self._ticked = time.monotonic()
            self._clock.start(self._interval())

    def _interval(self) -> int:
        """Milliseconds until the next frame's turn."""
        return max(QUICKEST, math.ceil(1000 * self.head.until_next()))

    def _pass_time(self) -> bool:
        """Let the time pass that has gone by since the last look at the clock.

        Returns:
            Whether the clip goes on.
        """
        now = time.monotonic()
        passed, self._ticked = now - self._ticked, now
        return not self._clock.isActive() or self.head.advance(passed)

    def _tick(self) -> None:
        if self._pass_time():
            self._clock.setInterval(self._interval())
            self._show_frame()
            self._ask()
        else:
            self.set_playing(False)

    def _hold(self, held: bool) -> None:
        self._scrubbing = held
        self._run()
        self._ask()

    # The window in time

    def set_end(self, name: str) -> None:
        """Let the clip begin ("start") or end ("stop") at the frame that is shown."""
        clip = self.clip
        if clip is not None and self._has_sample:
            change = {"start": clip.from_instant, "stop": clip.to_instant}[name]
            self.clip_changed.emit(change(self.head.instant), False)

    def show_whole(self) -> None:
        clip = self.clip
        if clip is not None:
            self._move_window((0.0, clip.last), False)

    def _move_window(self, window: tuple[float, float], moving: bool) -> None:
        clip = self.clip
        if clip is not None:
            self.clip_changed.emit(replace(clip, start=window[0], stop=window[1]), moving)

    # The hand

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._has_sample:
            self.set_playing(not self.playing)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = Qt.Key
        actions: dict[int, Callable[[], None]] = {
            keys.Key_Space: lambda: self.set_playing(not self.playing),
            keys.Key_Left: lambda: self.step(-1),
            keys.Key_Right: lambda: self.step(1),
            keys.Key_Home: lambda: self.seek(0),
            keys.Key_End: lambda: self.seek(self.head.count - 1),
            keys.Key_L: lambda: self.set_looping(not self.head.looping),
            keys.Key_I: lambda: self.set_end("start"),
            keys.Key_O: lambda: self.set_end("stop"),
            keys.Key_W: self.show_whole,
        }
        action = actions.get(event.key())
        if action is None or not self._has_sample:
            event.ignore()
        else:
            action()

    def hideEvent(self, event: QHideEvent) -> None:
        self._clock.stop()
        super().hideEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._ask()
        self._run()

    # Texts and layers

    def _cover_or_not(self) -> None:
        super()._cover_or_not()
        self._ask()
        self._run()

    def _describe(self) -> None:
        clip, side = self.clip, self.feed.settings.resolution
        if clip is None:
            return
        texts = [f"{side} × {side} px", f"{clip.rate:g} fps", f"{clip.count} frames"]
        if clip.shutter:
            texts.append(f"shutter {1000 * clip.timing().shutter:.0f} ms")
        self.info.setText(" · ".join(texts))
        self.arrange()

    def _show_frame(self) -> None:
        clip = self.clip
        if clip is not None:
            self.transport.show_place(self.head, clip.last)
        self.update()

    def _show_ready(self) -> None:
        clip = self.clip
        if clip is None:
            return
        ready = [self.feed.ready(index) for index in range(self.head.count)]
        self.transport.timeline.show_clip(clip, ready)
        sharp, room = ready.count(Ready.SHARP), self.feed.room()
        if sharp >= len(ready):
            self.transport.show_state("")
        elif sharp >= room:
            self.transport.show_state(f"{room} frames of this size fit into memory")
        else:
            self.transport.show_state(f"rendered {sharp} of {len(ready)}")

    def _show_hovered(self, instant: float | None) -> None:
        self.readout.setText("" if instant is None else f"{instant:.2f} s")
        self.arrange()

    def _layers(self) -> Iterator[QWidget]:
        if hasattr(self, "transport"):
            self.transport.setGeometry(0, self.height() - HEIGHT, self.width(), HEIGHT)
        yield self.cover

    def foot(self) -> int:
        return HEIGHT

    def arrange(self) -> None:
        super().arrange()
        if self.height() < LOW:
            self.hint.hide()
        picture = self.picture_rect()
        self.cover.foot = round(self.height() - picture.bottom()) - EDGE
        for label in self.overlays():
            label.backed = picture.intersects(QRectF(label.geometry()))

    def picture_rect(self) -> QRectF:
        """Where the frames lie: as large as fits above the controls."""
        bottom = EDGE if self.height() >= LOW else EDGE // 3
        room = QRectF(self.rect()).adjusted(EDGE, EDGE, -EDGE, -bottom - HEIGHT)
        side = max(1.0, min(room.width(), room.height()))
        return QRectF(room.center().x() - side / 2, room.center().y() - side / 2, side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, rect = QPainter(self), self.picture_rect()
        paint_backdrop(painter, self.size())
        image = self.feed.image(self.head.index) if self._has_sample else None
        if image is None:
            return
        exact = abs(rect.width() * self.devicePixelRatioF() - image.width()) < 0.01
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not exact)
        painter.drawImage(rect, image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        frame(painter, rect)
