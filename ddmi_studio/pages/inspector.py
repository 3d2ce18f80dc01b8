"""The render inspector: how the sample on the screen is evaluated, and how it is saved."""

from __future__ import annotations

import re

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ddmi_models.requests import ExportEstimate
from ddmi_studio.pages.clip_fields import ClipFields, ExportRate
from ddmi_studio.pages.faces_field import FacesField
from ddmi_studio.pages.levels_fold import LevelsFold, scale_names
from ddmi_studio.pages.motion_fields import MotionFields
from ddmi_studio.pages.parts import HintButton, choice_box, column, label, named, rule, scrolled
from ddmi_studio.state.queue import duration, size
from ddmi_studio.state.renders import Renders
from ddmi_studio.state.session import Session
from ddmi_studio.widgets import LabelledSlider, SegmentedButtons

WIDTH = 292
SIZE = re.compile(r"^\s*(\d+)(?:\s*[x×]\s*(\d+))?\s*(?:px|cells)?\s*$")


def parse_size(text: str) -> tuple[int, int] | None:
    """Read "256", "256 cells" or "640x480"; None if it is neither."""
    match = SIZE.match(text)
    if match is None:
        return None
    width = int(match[1])
    return (width, int(match[2]) if match[2] else width)


class Inspector(QWidget):
    """Shows and edits the render settings and the export choice of the current domain.

    Signals:
        export_wanted, copy_image_wanted, copy_recipe_wanted: the buttons.
    """

    export_wanted = Signal()
    copy_image_wanted = Signal()
    copy_recipe_wanted = Signal()

    def __init__(self, session: Session, renders: Renders) -> None:
        super().__init__()
        self._session = session
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(WIDTH)
        self.gains: list[LabelledSlider] = []
        self._make_fields()
        self._lay_out()
        session.domain_changed.connect(self._show_domain)
        session.render.changed.connect(lambda domain, _moving: self._show_settings(domain))
        session.render.export_changed.connect(self._show_sizes)
        session.samples.selected.connect(lambda _entry: self._show_buttons())
        renders.estimated.connect(self._show_estimate)
        self._show_buttons()

    def _make_fields(self) -> None:
        self.resolution = LabelledSlider("Resolution", 32, 8192, 512, log=True, integer=True, ticks=_ticks(32, 8192))
        self.resolution.setToolTip("The field is evaluated anew at this size")
        self.iso = LabelledSlider("Iso level", 0.05, 0.95, 0.5, tooltip="Occupancy probability of the surface")
        self.faces = FacesField(self._session)
        self.clip, self.export_rate = ClipFields(self._session), ExportRate(self._session)
        self.motion = MotionFields(self._session)
        self.scales_title = label("Basis scales", "section")
        self.scales_title.setToolTip("How much each level of the decomposition adds: 0 takes it away, 1 is as trained")
        self.levels = LevelsFold(self._session)
        self.formats = SegmentedButtons([(".png", "PNG")])
        self.export_size = choice_box("Export at", self._set_size)
        self.estimate = label("", "hint")
        self.export = HintButton("Export…", "Ctrl+E", "success")
        self.export.setToolTip("Save the sample in this format and size, with its recipe")
        self.copy_image = QPushButton("Copy &image")
        self.copy_image.setToolTip("Copy what the view shows")
        self.copy_recipe = QPushButton("Copy &recipe")
        self.copy_recipe.setToolTip("Copy the recipe as text (JSON)")
        self.resolution.value_changed.connect(lambda value: self._set(True, resolution=int(value)))
        self.resolution.settled.connect(lambda value: self._set(False, resolution=int(value)))
        self.iso.value_changed.connect(lambda value: self._set(True, iso=float(value)))
        self.iso.settled.connect(lambda value: self._set(False, iso=float(value)))
        self.formats.value_changed.connect(
            lambda suffix: self._session.render.set_export(self._session.domain, suffix=suffix)
        )
        self.export.clicked.connect(self.export_wanted)
        self.copy_image.clicked.connect(self.copy_image_wanted)
        self.copy_recipe.clicked.connect(self.copy_recipe_wanted)

    def _lay_out(self) -> None:
        content, layout = column(8)
        layout.setContentsMargins(20, 0, 20, 12)
        layout.addWidget(self.resolution)
        layout.addSpacing(4)
        layout.addWidget(self.iso)
        layout.addWidget(self.clip)
        layout.addSpacing(6)
        layout.addWidget(self.scales_title)
        self._gains_box = QVBoxLayout()
        self._gains_box.setSpacing(10)
        layout.addLayout(self._gains_box)
        layout.addWidget(self.levels)
        layout.addSpacing(4)
        layout.addWidget(rule())
        layout.addSpacing(4)
        for widget in (
            label("Format", "section"),
            self.formats,
            named("Export &at", self.export_size),
            self.export_size,
            self.export_rate,
            self.faces,
            self.motion,
            self.estimate,
        ):
            layout.addWidget(widget)
        layout.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 18, 0, 16)
        outer.setSpacing(12)
        title = label("Render and export", "title")
        title.setContentsMargins(20, 0, 20, 0)
        outer.addWidget(title)
        self._content = content
        content.hide()  # until there is a domain
        outer.addWidget(scrolled(content), 1)
        buttons = QVBoxLayout()
        buttons.setContentsMargins(20, 0, 20, 0)
        buttons.setSpacing(8)
        buttons.addWidget(self.export)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.copy_image)
        row.addWidget(self.copy_recipe)
        buttons.addLayout(row)
        outer.addLayout(buttons)

    # Editing

    def _set(self, moving: bool, **values: object) -> None:
        if self._session.domain:
            self._session.render.set(self._session.domain, moving, **values)

    def _set_gain(self, moving: bool) -> None:
        self._set(moving, gains=tuple(float(slider.value()) for slider in self.gains))

    def _set_size(self) -> None:
        domain = self._session.domain
        if not domain:
            return
        resolution = parse_size(self.export_size.currentText())
        if resolution is None or min(resolution) < 1:
            self._show_size(domain)
        elif resolution != self._session.render.export(domain).resolution:
            self._session.render.set_export(domain, resolution=resolution)
            self._show_size(domain)

    # Showing

    def _show_domain(self, domain: str) -> None:
        scene = self._session.scenes[domain]
        self.resolution.set_label(scene.resolution_label)
        self.resolution.set_suffix(f" {scene.unit}")
        self.resolution.set_range(scene.minimum, scene.maximum)
        self.resolution.set_default(scene.default)
        self.iso.setVisible(scene.has_iso)
        export = self._session.render.export(domain)
        self.formats.set_options(scene.formats)
        self.formats.set_value(export.suffix)
        self._show_sizes(domain)
        self.motion.show_motion()
        self._show_settings(domain)
        self._show_buttons()
        self._content.show()

    def _show_settings(self, domain: str) -> None:
        if domain != self._session.domain:
            return
        settings = self._session.render.settings(domain)
        self.resolution.set_value(settings.resolution)
        if settings.iso is not None:
            self.iso.set_value(settings.iso)
        self.clip.show_clip(settings.clip)
        self.export_rate.setVisible(settings.clip is not None)
        self.export_rate.show_rate()
        gains = settings.gains or ()
        if len(gains) != len(self.gains):
            self._make_gains(len(gains))
        for slider, gain in zip(self.gains, gains, strict=True):
            slider.set_value(gain)

    def _make_gains(self, count: int) -> None:
        for slider in self.gains:
            self._gains_box.removeWidget(slider)
            slider.hide()
            slider.deleteLater()
        self.gains = []
        for name in scale_names(count):
            slider = LabelledSlider(
                name, 0, 2, 1.0, default=1.0, tooltip=f"Weight of the {name} level; 1 is as trained"
            )
            slider.value_changed.connect(lambda _value: self._set_gain(True))
            slider.settled.connect(lambda _value: self._set_gain(False))
            self._gains_box.addWidget(slider)
            self.gains.append(slider)
        self.scales_title.setVisible(count > 0)
        self.levels.setVisible(count > 0)

    def _show_sizes(self, domain: str) -> None:
        """The sizes on offer for the chosen format."""
        if domain != self._session.domain:
            return
        sizes = self._session.scenes[domain].sizes(self._session.render.export(domain).suffix)
        with QSignalBlocker(self.export_size):
            self.export_size.clear()
            for resolution in sizes.choices:
                self.export_size.addItem(f"{resolution} {sizes.unit}")
        self.export_size.setToolTip(sizes.meaning)
        self._show_size(domain)

    def _show_size(self, domain: str) -> None:
        choice = self._session.render.export(domain)
        width, height = choice.resolution
        unit = self._session.scenes[domain].sizes(choice.suffix).unit
        with QSignalBlocker(self.export_size):
            self.export_size.setCurrentText(f"{width} {unit}" if width == height else f"{width}x{height} {unit}")

    def _show_estimate(self, estimate: ExportEstimate | None) -> None:
        if estimate is None:
            self.estimate.setText(" ")
        else:
            self.estimate.setText(f"about {size(estimate.file_bytes)} · {duration(estimate.seconds)}")

    def _show_buttons(self) -> None:
        ready = self._session.samples.current is not None
        for button in (self.export, self.copy_image, self.copy_recipe):
            button.setEnabled(ready)
        if not ready:
            self.estimate.setText("Generate a sample to export it.")


def _ticks(minimum: int, maximum: int) -> tuple[int, ...]:
    """Powers of two, at which the resolution slider snaps gently."""
    return tuple(2**n for n in range(maximum.bit_length()) if minimum <= 2**n <= maximum)
