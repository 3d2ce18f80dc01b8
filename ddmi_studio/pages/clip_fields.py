"""The inspector's fields of clips: frame rate, window in time, shutter; and the frame rate of exports."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ddmi_studio.pages.parts import choice_box, named
from ddmi_studio.state.clip import FASTEST, SLOWEST, ClipSettings
from ddmi_studio.state.session import Session
from ddmi_studio.widgets import Fold, LabelledSlider

USUAL_RATES = (12, 24, 30, 60)
AS_SHOWN = "as shown"
Change = Callable[[ClipSettings, float], ClipSettings]
NUMBER = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(?:fps)?\s*$")


class ClipFields(QWidget):
    """Sliders of the frames that are shown and exported; hidden where nothing moves."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.rate = LabelledSlider(
            "Frame rate", SLOWEST, FASTEST, 24, log=True, integer=True, suffix="fps", ticks=USUAL_RATES,
            tooltip="The field is evaluated anew at the instants of these frames; no frame is repeated",
        )  # fmt: skip
        self.start = LabelledSlider("First instant", 0, 1, 0, suffix="s", tooltip="Where the clip begins (I: here)")
        self.stop = LabelledSlider("Last instant", 0, 1, 1, suffix="s", tooltip="Where the clip ends (O: here)")
        self.shutter = LabelledSlider(
            "Shutter", 0, 1, 0, default=0,
            tooltip="Part of the time from frame to frame over which a frame is averaged: what moves is blurred",
        )  # fmt: skip
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        self.fold = Fold("Window and shutter")
        self.fold.body.setSpacing(10)
        layout.addWidget(self.rate)
        layout.addWidget(self.fold)
        for slider in (self.start, self.stop, self.shutter):
            self.fold.body.addWidget(slider)
        for slider, change in (
            (self.rate, lambda clip, value: replace(clip, rate=value)),
            (self.start, ClipSettings.from_instant),
            (self.stop, ClipSettings.to_instant),
            (self.shutter, lambda clip, value: replace(clip, shutter=value)),
        ):
            slider.value_changed.connect(lambda value, change=change: self._set(True, change, value))
            slider.settled.connect(lambda value, change=change: self._set(False, change, value))
        self.hide()

    def _set(self, moving: bool, change: Change, value: float) -> None:
        domain = self._session.domain
        clip = self._session.render.settings(domain).clip
        if clip is not None:
            self._session.render.set(domain, moving, clip=change(clip, float(value)))

    def show_clip(self, clip: ClipSettings | None) -> None:
        """Take on the values; None where nothing moves."""
        self.setVisible(clip is not None)
        if clip is None:
            return
        for slider in (self.start, self.stop):
            slider.set_range(0, max(clip.last, 0.01))
        self.stop.set_default(clip.last)
        self.rate.set_default(clip.trained_rate)
        for slider, value in (
            (self.rate, clip.rate),
            (self.start, clip.start),
            (self.stop, clip.stop),
            (self.shutter, clip.shutter),
        ):
            slider.set_value(value)


class ExportRate(QWidget):
    """The frame rate of the file: that of the view, or another one."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        choices = (AS_SHOWN, *(f"{rate} fps" for rate in USUAL_RATES))
        self.box = choice_box("Frame rate of the file", self._set, choices)
        self.box.setToolTip("Frames a second of the file, or as the view has them")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(named("Frame rate of the &file", self.box))
        layout.addWidget(self.box)
        self.hide()

    def _set(self) -> None:
        domain, text = self._session.domain, self.box.currentText().strip()
        found = NUMBER.match(text)
        rate = float(found[1]) if found else None
        if rate != self._session.render.export(domain).rate and (rate or text == AS_SHOWN):
            self._session.render.set_export(domain, rate=rate)
        self.show_rate()

    def show_rate(self) -> None:
        """Take on the choice of the current domain."""
        rate = self._session.render.export(self._session.domain).rate
        with QSignalBlocker(self.box):
            self.box.setCurrentText(AS_SHOWN if rate is None else f"{rate:g} fps")
