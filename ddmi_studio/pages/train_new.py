"""A new run: the data, what is trained from what, the settings, and Start."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from ddmi_models.devices import missing_devices
from ddmi_models.requests import StartingPoint
from ddmi_studio import theme
from ddmi_studio.pages import dialogs
from ddmi_studio.pages.parts import HintButton, column, label, named, rule, scrolled, set_role
from ddmi_studio.pages.train_data import DataCard
from ddmi_studio.pages.train_fields import SettingFields
from ddmi_studio.state.training_form import MODES, STAGE_NAMES, TrainingForm
from ddmi_studio.widgets import CardItem, CardPicker, SegmentedButtons

WIDTH = 900
FRESH = "fresh"
"""Key of the card for fresh weights."""
STAGE_HINTS = {
    "autoencoder": "First stage: signals to latents and back. Everything else builds on it.",
    "alignment": "Between the stages: texts and latents are brought together, so that prompts are followed closely.",
    "diffusion": "Second stage: new latents from noise. With it the model makes samples of its own.",
}
MODE_HINTS = {
    "full": "Everything that the stage trains",
    "decoder": "The encoder stays, so that latents keep their meaning and a diffusion model on them stays of use",
    "diffusion": "The text tower stays as it is",
    "lora": "The model stays as it is; a small add-on is trained beside it",
}
SOURCES = {"starter": "mdi6.star-outline", "imported": "mdi6.package-variant-closed", "run": "mdi6.chart-line"}


FIRST_STEPS = (
    ("Choose a folder", "Of pictures, meshes, posed pictures or films, in whatever layout: it is recognised."),
    (
        "Pick a preset",
        "From scratch in two stages, or from a model that is here already. Each setting explains itself.",
    ),
    ("Press Start", "Watch losses and pictures, pause to use the model, close the window: the run goes on."),
)


class NewRun(QWidget):
    """The page of a new run."""

    def __init__(self, form: TrainingForm) -> None:
        super().__init__()
        self._form = form
        self._offered: dict[SegmentedButtons, dict[str, str]] = {}
        self.data = DataCard(form)
        self.stage = SegmentedButtons([(key, name) for key, name in STAGE_NAMES.items()], tooltips=STAGE_HINTS)
        self.stage_hint = label("", "hint", wrap=True)
        self.start_from = CardPicker()
        self.mode = SegmentedButtons([(key, name) for key, name in MODES.items()], tooltips=MODE_HINTS)
        self.preset = QComboBox()
        self.preset_hint = label("", "hint", wrap=True)
        self.length = SegmentedButtons([])
        self.length_hint = label("", "hint", wrap=True)
        self.fields = SettingFields(form)
        self.start = HintButton("Start training", "Ctrl+Enter", "primary")
        self.start.setFixedWidth(280)
        self.reason = label("", "section", wrap=True)
        self.first_steps = self._first_steps()
        self.plan = self._plan_card()
        self.settings_card = self._settings_card()
        self._lay_out()
        self._connect()
        self._show()

    # Building

    def _card(self, title: str) -> tuple[QFrame, QVBoxLayout]:
        card = QFrame()
        card.setProperty("role", "card")
        layout = QVBoxLayout(card)
        layout.setContentsMargins(18, 14, 18, 18)
        layout.setSpacing(8)
        layout.addWidget(label(title, "subtitle"))
        return card, layout

    def _first_steps(self) -> QWidget:
        """What to do, for an empty page."""
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 6, 0, 0)
        row.setSpacing(14)
        for number, (title, text) in enumerate(FIRST_STEPS, start=1):
            piece, inside = column(4)
            inside.addWidget(label(f"{number}  {title}", "subtitle"))
            inside.addWidget(label(text, "section", wrap=True))
            inside.addStretch(1)
            row.addWidget(piece, 1)
        return box

    def _plan_card(self) -> QFrame:
        card, layout = self._card("What and from what")
        pieces: tuple[tuple[QWidget, ...], ...] = (
            (label("Train", "section"), self.stage, self.stage_hint),
            (named("Start f&rom", self.start_from), self.start_from, self.mode),
            (named("&Preset", self.preset), self.preset, self.preset_hint),
            (label("Length", "section"), self.length, self.length_hint),
        )
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(14)
        for at, widgets in enumerate(pieces):
            box, inside = column(6)
            for widget in widgets:
                inside.addWidget(widget)
            inside.addStretch(1)
            grid.addWidget(box, at // 2, at % 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        layout.addLayout(grid)
        return card

    def _settings_card(self) -> QFrame:
        card, layout = self._card("Settings")
        layout.addWidget(self.fields)
        return card

    def _lay_out(self) -> None:
        content, layout = column(14)
        layout.setContentsMargins(32, 26, 32, 20)
        layout.addWidget(label("New run", "hero"))
        inner, cards = column(14)
        inner.setMaximumWidth(WIDTH)
        for card in (self.data, self.first_steps, self.plan, self.settings_card):
            cards.addWidget(card)
        layout.addWidget(inner)
        layout.addStretch(1)
        foot = QWidget()
        foot.setProperty("role", "panel")
        foot.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(foot)
        row.setContentsMargins(32, 12, 32, 12)
        row.setSpacing(18)
        row.addWidget(self.start)
        row.addWidget(self.reason, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(scrolled(content), 1)
        outer.addWidget(rule())
        outer.addWidget(foot)

    def _connect(self) -> None:
        form = self._form
        self.data.browse_wanted.connect(self.browse)
        self.stage.value_changed.connect(lambda value: form.choose(stage=value))
        self.start_from.current_changed.connect(lambda key: form.choose(start="" if key == FRESH else key))
        self.mode.value_changed.connect(lambda value: form.choose(mode=value))
        self.preset.activated.connect(lambda _at: form.choose(preset=self.preset.currentData()))
        self.length.value_changed.connect(lambda value: form.choose(size=value))
        self.start.clicked.connect(form.launch)
        form.data_changed.connect(self._show)
        form.plan_changed.connect(self._show)
        form.checked.connect(self._show_reason)
        theme.notifier().changed.connect(self._show)

    # Doing

    def browse(self) -> None:
        """Ask for the folder of the data."""
        path = dialogs.data_folder(self, self._form.folder or Path.home())
        if path is not None:
            self._form.choose_folder(path)

    # Showing

    def _show(self) -> None:
        form = self._form
        known = form.summary is not None and bool(form.stages())
        self.first_steps.setVisible(form.folder is None)
        self.plan.setVisible(known)
        self.settings_card.setVisible(known)
        if known:
            self._offer(self.stage, {key: STAGE_NAMES[key] for key in form.stages()}, STAGE_HINTS)
            self.stage.set_value(form.stage)
            self.stage_hint.setText(STAGE_HINTS[form.stage])
            self._show_starts()
            self._show_presets()
        self._show_reason()

    def _offer(self, buttons: SegmentedButtons, options: dict[str, str], tooltips: dict[str, str]) -> None:
        """Put other options on buttons; the same ones keep the focus."""
        if self._offered.get(buttons) != options:
            self._offered[buttons] = options
            buttons.set_options([*options.items()], tooltips=tooltips)

    def _show_starts(self) -> None:
        form = self._form
        fresh = CardItem(FRESH, "Fresh weights", "The architecture of the preset", theme.icon("mdi6.creation-outline"))
        items = [_card_of(point) for point in form.starts()]
        self.start_from.set_placeholder("Nothing to start from yet")
        self.start_from.set_items(items if form.start_required() else [fresh, *items])
        if form.start or not form.start_required():
            self.start_from.set_current(form.start or FRESH)
        self.mode.setVisible(len(form.modes()) > 1)
        self._offer(self.mode, {key: MODES[key] for key in form.modes()}, MODE_HINTS)
        self.mode.set_value(form.mode)

    def _show_presets(self) -> None:
        form = self._form
        with QSignalBlocker(self.preset):
            self.preset.clear()
            for preset in form.presets():
                self.preset.addItem(preset.name, preset.name)
                self.preset.setItemData(self.preset.count() - 1, preset.hint, Qt.ItemDataRole.ToolTipRole)
            self.preset.setCurrentIndex(self.preset.findData(form.preset))
        self.preset_hint.setText(next((p.hint for p in form.presets() if p.name == form.preset), ""))
        sizes = form.sizes()
        self._offer(self.length, {s.key: s.label for s in sizes}, {s.key: s.hint for s in sizes})
        missing = missing_devices()
        for size in sizes:
            if (device := size.values.get("device")) in missing:
                self.length.button(size.key).setEnabled(False)
                self.length.button(size.key).setToolTip(missing[device])
        self.length.set_value(form.size)
        self.length_hint.setText(next((s.hint for s in sizes if s.key == form.size), ""))

    def _show_reason(self) -> None:
        hindrance = self._form.hindrance()
        self.start.setEnabled(not hindrance)
        self.start.setToolTip(hindrance or "The run goes on when the window is closed")
        wrong = bool(self._form.problems) and self._form.summary is not None
        set_role(self.reason, "problem" if hindrance and wrong else "section")
        self.reason.setText(hindrance or self._promise())

    def _promise(self) -> str:
        values, summary = self._form.values, self._form.summary
        items = summary.usable if summary is not None else 0
        steps, batch = values["steps"], values["batch"]
        return f"{steps} steps of {batch} items, out of {items:,}. The run goes on when the window is closed."


def _card_of(point: StartingPoint) -> CardItem:
    what = "autoencoder and diffusion model" if point.complete else "autoencoder"
    icon = theme.icon(SOURCES.get(point.source, "mdi6.cube-outline"), theme.colors().accent)
    return CardItem(point.key, point.label, f"{point.source} · {what}", icon)
