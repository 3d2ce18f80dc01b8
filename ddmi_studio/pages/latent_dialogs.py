"""Small dialogs of the filmstrip: neighbours of a sample, and two samples combined."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ddmi_models.requests import Sample, describe
from ddmi_studio.pages import dialogs
from ddmi_studio.pages.filmstrip import to_pixmap
from ddmi_studio.pages.parts import IconButton, column, label, named, spin_box
from ddmi_studio.pages.way_strip import WayStrip
from ddmi_studio.state.latent_tools import PREVIEW_PIXELS, LatentTools
from ddmi_studio.state.samples import SessionSample
from ddmi_studio.widgets import LabelledSlider, SeedField, SegmentedButtons

WIDTH = 520
BUTTON_HEIGHT = 34
MOST_NEIGHBOURS = 16
STEPS, MOST_STEPS, STRIP = 8, 64, 7
MARGIN, GAP, INNER = 20, 16, 504
THUMB = QSize(28, 28)
OUTPUTS = (("session", "This session"), ("strip", "Strip"), ("clip", "Clip"), ("folder", "Folder"))
OUTPUT_TIPS = {
    "session": "Put the samples between the two on the filmstrip",
    "strip": "One picture with all of them in a row",
    "clip": "A clip that goes from one to the other",
    "folder": "One file for each",
}
FORMATS = {"strip": ((".png", "PNG"), (".jpg", "JPG"), (".webp", "WebP")), "clip": ((".mp4", "MP4"), (".gif", "GIF"))}
LEVEL_NAMES = {1: ("All",), 2: ("Coarse", "Fine"), 3: ("Coarse", "Middle", "Fine")}


def buttons(dialog: QDialog, text: str) -> QDialogButtonBox:
    """Cancel, and the button that does it."""
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel | QDialogButtonBox.StandardButton.Ok)
    do = box.button(QDialogButtonBox.StandardButton.Ok)
    do.setText(text)
    do.setProperty("role", "accent")
    do.setDefault(True)
    for button in box.buttons():
        button.setIcon(QIcon())
        button.setFixedHeight(BUTTON_HEIGHT)
    box.accepted.connect(dialog.accept)
    box.rejected.connect(dialog.reject)
    return box


class VaryDialog(QDialog):
    """Strength, seed and number of the neighbours of a sample."""

    def __init__(self, tools: LatentTools, entry: SessionSample, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Vary")
        self.setFixedWidth(WIDTH - 140)
        self._tools, self._sample = tools, entry.sample
        self.strength = LabelledSlider(
            "Strength", 0.05, 1, 0.5, tooltip="How far from the sample: a little is the same again, 1 is anything"
        )
        self.seed = SeedField(random.SystemRandom().randrange(2**31))
        self.seed.lock.hide()
        self.count = spin_box()
        self.count.setRange(1, MOST_NEIGHBOURS)
        self.count.setValue(4)
        self.count.setAccessibleName("How many")
        self._lay_out(entry)
        self.strength.slider.setFocus()
        self.accepted.connect(self._send)

    def _lay_out(self, entry: SessionSample) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(label("Neighbours of a sample", "title"))
        head = QHBoxLayout()
        head.addWidget(picture_of(entry, 64))
        about = f"{describe(entry.sample.recipe)}\nNoised up to the strength's time, and denoised again."
        head.addWidget(label(about, "section", wrap=True), 1)
        layout.addLayout(head)
        layout.addWidget(self.strength)
        row = QHBoxLayout()
        for text, field, stretch in (("Seed", self.seed, 1), ("How many", self.count, 0)):
            part, box = column(6)
            box.addWidget(named(text, field))
            box.addWidget(field)
            row.addWidget(part, stretch)
        layout.addLayout(row)
        layout.addWidget(buttons(self, "Vary"))

    def _send(self) -> None:
        self._tools.vary(self._sample, self.seed.seed(), float(self.strength.value()), self.count.value())


class CombineDialog(QDialog):
    """Two samples of one model: the way between them, or a mixture of their basis planes, with a look at it."""

    def __init__(
        self, tools: LatentTools, entries: list[SessionSample], scales: tuple[int, ...], folder: Path, parent: QWidget
    ) -> None:
        """`entries`: at least two samples of one model; the first two are picked. `scales`: of its basis planes."""
        super().__init__(parent)
        self._window = parent
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Combine")
        self._tools, self._entries, self._folder = tools, entries, folder
        self.first, self.second = self._picker("First sample", 0), self._picker("Second sample", 1)
        self.swap = IconButton("mdi6.swap-horizontal", "Swap the two samples")
        self.mode = SegmentedButtons(
            (("way", "Way between"), ("mix", "Mix")),
            "way",
            tooltips={"way": "Spherical, between their latents", "mix": "Basis planes of both, level by level"},
        )
        self.steps = LabelledSlider("Samples, the two included", 3, MOST_STEPS, STEPS, integer=True)
        self.look_at = LabelledSlider("Look at", 0, 100, 50, integer=True, suffix="%", tooltip="Where the picture is")
        self.output = SegmentedButtons(OUTPUTS, "session", tooltips=OUTPUT_TIPS)
        names = LEVEL_NAMES.get(len(scales), tuple(f"Level {n + 1}" for n in range(len(scales))))
        self.levels = [
            LabelledSlider(
                f"{name} ({side})", 0, 100, 100 * (n == 0), integer=True, suffix="% of the first",
                tooltip="How much of this scale comes from the first sample; the rest comes from the second",
            )
            for n, (name, side) in enumerate(zip(names, scales, strict=True))
        ]  # fmt: skip
        self.strip = WayStrip(STRIP, INNER)
        self.preview = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.preview.setFixedSize(PREVIEW_PIXELS, PREVIEW_PIXELS)
        self.preview.setAccessibleName("Preview")
        self._lay_out()
        self._connect()
        self._look_anew()

    def _picker(self, name: str, at: int) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.setIconSize(THUMB)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for entry in self._entries:
            icon = QIcon(to_pixmap(entry.thumbnail)) if entry.thumbnail is not None else QIcon()
            box.addItem(icon, describe(entry.sample.recipe))
        box.setCurrentIndex(at)
        return box

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setSizeConstraint(QLayout.SizeConstraint.SetFixedSize)  # lower without the strip
        layout.setContentsMargins(MARGIN, 18, MARGIN, 16)
        layout.setSpacing(12)
        layout.addWidget(label("Combine two samples", "title"))
        pair = QHBoxLayout()
        for widget, stretch in ((self.first, 1), (self.swap, 0), (self.second, 1)):
            pair.addWidget(widget, stretch)
        layout.addLayout(pair)
        layout.addWidget(self.mode)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._way_page())
        self._pages.addWidget(self._mix_page())
        body = QHBoxLayout()
        body.setSpacing(GAP)
        self._pages.setFixedWidth(INNER - GAP - PREVIEW_PIXELS)
        body.addWidget(self._pages, 1)
        body.addWidget(self.preview, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(body)
        layout.addWidget(self.strip)
        layout.addWidget(buttons(self, "Make"))

    def _way_page(self) -> QWidget:
        page, box = column(8)
        box.addWidget(self.steps)
        box.addWidget(self.look_at)
        box.addWidget(named("Write to", self.output))
        box.addWidget(self.output)
        box.addStretch(1)
        return page

    def _mix_page(self) -> QWidget:
        page, box = column(8)
        for slider in self.levels:
            box.addWidget(slider)
        box.addStretch(1)
        return page

    def _connect(self) -> None:
        self.mode.value_changed.connect(self._show_mode)
        self.swap.clicked.connect(self._swap)
        for picker in (self.first, self.second):
            picker.activated.connect(self._look_anew)
        for slider in (self.steps, self.look_at, *self.levels):
            slider.value_changed.connect(self._look)
        self.strip.picked.connect(self._pick)
        self._tools.previewed.connect(self._show_preview)
        self._tools.strip_changed.connect(self.strip.show_picture)
        self.accepted.connect(self._send)
        self.finished.connect(lambda _result: self._tools.end_strip())

    def _show_mode(self) -> None:
        way = self.mode.value() != "mix"
        self._pages.setCurrentIndex(0 if way else 1)
        self.strip.setVisible(way)
        self._look()

    def _swap(self) -> None:
        at = self.first.currentIndex()
        self.first.setCurrentIndex(self.second.currentIndex())
        self.second.setCurrentIndex(at)
        self._look_anew()

    def pair(self) -> tuple[Sample, Sample]:
        """The two samples."""
        return tuple(self._entries[box.currentIndex()].sample for box in (self.first, self.second))  # type: ignore[return-value]

    def shares(self) -> list[float]:
        """The first sample's share of each level, coarse to fine."""
        return [float(slider.value()) / 100 for slider in self.levels]

    def _look_anew(self) -> None:
        """Another pair."""
        self.strip.clear()
        self._tools.preview_strip(*self.pair(), STRIP)
        self._look()

    def _pick(self, share: float) -> None:
        self.look_at.set_value(round(100 * share))
        self._look()

    def _look(self) -> None:
        if self.mode.value() == "mix":
            self._tools.preview_mix(*self.pair(), self.shares())
        else:
            steps = int(self.steps.value())
            self._tools.preview_way(*self.pair(), steps, round(self.look_at.value() / 100 * (steps - 1)))

    def _show_preview(self, pixels: np.ndarray | None) -> None:
        if pixels is None:
            self.preview.setText("No preview")
        else:
            self.preview.setPixmap(to_pixmap(pixels))

    def _send(self) -> None:
        if self.mode.value() == "mix":
            self._tools.mix(*self.pair(), self.shares())
            return
        output = self.output.value() or "session"
        steps = int(self.steps.value())
        if output == "session":
            self._tools.interpolate(*self.pair(), steps, None)
            return
        suggestion = self._folder / f"way-{steps}"
        if output == "folder":
            path = dialogs.new_folder(self._window, suggestion)
        else:
            suffix = FORMATS[output][0][0]
            path = dialogs.save_path(self._window, suggestion.with_suffix(suffix), FORMATS[output], suffix)
        if path is not None:
            self._tools.interpolate(*self.pair(), steps, path)


def picture_of(entry: SessionSample, side: int) -> QLabel:
    """A sample's thumbnail."""
    shown = QLabel()
    shown.setFixedSize(side, side)
    shown.setScaledContents(True)
    if entry.thumbnail is not None:
        shown.setPixmap(to_pixmap(entry.thumbnail))
    return shown
