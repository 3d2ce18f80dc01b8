"""The recipe column: model, prompts, seed, sampler, and the Generate button."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ddmi_models.requests import ModelInfo
from ddmi_studio import theme
from ddmi_studio.pages.addon_rows import AddonRows
from ddmi_studio.pages.parts import HintButton, column, label, named, scrolled, set_role, spin_box
from ddmi_studio.state.recipe_form import MAX_CANDIDATES, MAX_COUNT
from ddmi_studio.state.session import Session
from ddmi_studio.widgets import CardItem, CardPicker, Fold, LabelledSlider, SeedField

WIDTH = 312
PROMPT_HINT = "a round table with one central leg"


def millions(count: int) -> str:
    """A number of parameters for people: 8.1 M."""
    return f"{count / 1e6:.1f} M" if count < 1e9 else f"{count / 1e9:.2f} B"


def subtitle(model: ModelInfo) -> str:
    """The second line of a model's card."""
    parts = [model.domain_label, *(["text"] if model.takes_text else []), millions(model.parameters), model.source]
    return " · ".join(parts)


def hover(model: ModelInfo) -> str:
    """A model's card in a few lines, as rich text."""
    lines = (f"<b>{escape(model.name)}</b>", escape(model.summary), f"Licence: {escape(model.licence or 'not stated')}")
    return "<br>".join(line for line in lines if line)


class RecipeColumn(QWidget):
    """Shows and edits the session's recipe form.

    Signals:
        generate_wanted, cancel_wanted: the large button. queue_wanted: the button below it.
    """

    generate_wanted = Signal()
    cancel_wanted = Signal()
    queue_wanted = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._form = session.form
        self._running = False
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(WIDTH)
        self._make_fields()
        self._lay_out()
        self._connect()
        self._show_models()
        self._show_model()
        self._show()

    # Building

    def _make_fields(self) -> None:
        self.picker = CardPicker()
        self.picker.setToolTip("The model that makes the samples")
        self.prompt = QPlainTextEdit()
        self.prompt.setTabChangesFocus(True)
        self.prompt.setFixedHeight(74)
        self.prompt.setAccessibleName("Prompt")
        self.negative = QLineEdit()
        self.negative.setAccessibleName("Negative prompt")
        self.words = label("", "warning", wrap=True)
        self.words.hide()
        self.seed = SeedField()
        self.count = spin_box()
        self.count.setRange(1, MAX_COUNT)
        self.count.setFixedWidth(66)
        self.count.setToolTip("How many samples to make, with this seed and the ones after it")
        self.count.setAccessibleName("How many")
        self.steps = LabelledSlider(
            "Steps", 1, 1000, 20, log=True, integer=True, tooltip="Denoising steps: more is slower and a little cleaner"
        )
        self.guidance = LabelledSlider(
            "Guidance", 0, 10, 3.0, decimals=1, tooltip="How strictly the prompt is followed: 0 ignores it, 3 is usual"
        )
        self.sampler = QComboBox()
        self.sampler.setAccessibleName("Sampler")
        self.sampler.setToolTip("The method that walks from noise to a sample")
        self.advanced = Fold("Advanced")
        self.generate = HintButton("Generate", "Ctrl+Enter", "primary")
        self.queue = QPushButton("Add to &queue")
        self.queue.setToolTip("Make this too, after what runs now (Ctrl+Shift+Enter)")
        self._make_advanced()

    def _make_advanced(self) -> None:
        settings = self._session.settings
        self.previews = QCheckBox("Pre&views while sampling")
        self.previews.setToolTip("A rough look at the sample after each step; costs a little time")
        self.previews.setChecked(settings.previews)
        self.grain = LabelledSlider(
            "Grain", 0, 1, 0.0, tooltip="Strength of the per-pixel noise that some image models have learned; 0 is off"
        )
        self.addons = AddonRows(self._form)
        self.candidates = spin_box()
        self.candidates.setRange(1, MAX_CANDIDATES)
        self.candidates.setAccessibleName("Candidates")
        self.candidates_label = named("Cand&idates", self.candidates)
        body = self.advanced.body
        body.addWidget(self.previews)
        body.addWidget(self.candidates_label)
        body.addWidget(self.candidates)
        body.addWidget(self.grain)
        body.addWidget(self.addons)

    def _lay_out(self) -> None:
        content, layout = column(6)
        layout.setContentsMargins(20, 0, 20, 12)
        self._add(layout, (self.picker, None, named("&Prompt", self.prompt), self.prompt, self.words))
        self._add(layout, (None, named("&Negative prompt", self.negative), self.negative, None))
        layout.addLayout(self._seed_row())
        self._add(layout, (None, self.steps, None, self.guidance, None))
        self._add(layout, (named("Sa&mpler", self.sampler), self.sampler, None))
        layout.addWidget(self.advanced)
        layout.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 18, 0, 16)
        outer.setSpacing(12)
        title = label("Recipe", "title")
        title.setContentsMargins(20, 0, 20, 0)
        outer.addWidget(title)
        outer.addWidget(scrolled(content), 1)
        outer.addLayout(self._buttons())

    def _add(self, layout: QVBoxLayout, widgets: Iterable[QWidget | None]) -> None:
        for widget in widgets:
            if widget is None:
                layout.addSpacing(4)
            else:
                layout.addWidget(widget)

    def _seed_row(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        grid.addWidget(named("See&d", self.seed.edit), 0, 0)
        grid.addWidget(named("&How many", self.count), 0, 1)
        grid.addWidget(self.seed, 1, 0)
        grid.addWidget(self.count, 1, 1)
        grid.setColumnStretch(0, 1)
        return grid

    def _buttons(self) -> QVBoxLayout:
        layout = QVBoxLayout()
        layout.setContentsMargins(20, 0, 20, 0)
        layout.setSpacing(8)
        layout.addWidget(self.generate)
        layout.addWidget(self.queue)
        return layout

    def _connect(self) -> None:
        form, session = self._form, self._session
        form.changed.connect(self._show)
        form.model_changed.connect(self._show_model)
        session.models_changed.connect(self._show_models)
        session.queue.changed.connect(self._show_running)
        theme.notifier().changed.connect(self._show_models)
        self.picker.current_changed.connect(session.pick_model)
        self.prompt.textChanged.connect(lambda: form.set(prompt=self.prompt.toPlainText()))
        self.negative.textChanged.connect(lambda text: form.set(negative=text))
        self.seed.seed_changed.connect(lambda seed: form.set(seed=int(seed)))
        self.seed.locked_changed.connect(lambda locked: form.set(seed_locked=locked))
        self.count.valueChanged.connect(lambda count: form.set(count=count))
        self.candidates.valueChanged.connect(lambda count: form.set(candidates=count))
        self.steps.value_changed.connect(lambda steps: form.set(steps=int(steps)))
        self.guidance.value_changed.connect(lambda guidance: form.set(guidance=float(guidance)))
        self.sampler.activated.connect(lambda _at: form.set(sampler=self.sampler.currentData()))
        self.previews.toggled.connect(lambda on: setattr(session.settings, "previews", on))
        self.grain.value_changed.connect(lambda value: self._set_grain(value, True))
        self.grain.settled.connect(lambda value: self._set_grain(value, False))
        self.generate.clicked.connect(self._on_button)
        self.queue.clicked.connect(self.queue_wanted)

    def _set_grain(self, value: float, moving: bool) -> None:
        if self._session.domain:
            self._session.render.set(self._session.domain, moving, grain=float(value))

    def _on_button(self) -> None:
        (self.cancel_wanted if self._running else self.generate_wanted).emit()

    # Showing

    def _show_models(self) -> None:
        items = [
            CardItem(
                key=m.name,
                title=m.name,
                subtitle=subtitle(m),
                icon=theme.icon(self._session.scenes[m.domain].icon, theme.colors().accent),
                tooltip=hover(m),
                sheet=m.sheet,
            )
            for m in self._session.usable_models()
        ]
        self.picker.set_placeholder("No models" if self._session.models_known else "Looking for models…")
        self.picker.set_items(items)
        if self._form.model is not None:
            self.picker.set_current(self._form.model.name)

    def _show_model(self) -> None:
        model = self._form.model
        self.generate.setEnabled(model is not None)
        self.queue.setEnabled(model is not None)
        if model is None:
            return
        self.picker.set_current(model.name)
        with QSignalBlocker(self.sampler):
            self.sampler.clear()
            for key, name in model.samplers:
                self.sampler.addItem(name, key)
        self.steps.set_default(model.steps)
        self.guidance.set_default(model.guidance)
        text = model.takes_text
        reason = f"{model.name} takes no prompt: it was trained without text."
        for field, hint in ((self.prompt, PROMPT_HINT), (self.negative, "what it should not have")):
            field.setEnabled(text)
            field.setPlaceholderText(hint if text else ("" if field is self.negative else reason))
            field.setToolTip("" if text else reason)
        self.guidance.setEnabled(text)
        self.guidance.setToolTip("How strictly the prompt is followed: 0 ignores it, 3 is usual" if text else reason)
        self.grain.setVisible(not self._session.scenes[model.domain].has_iso)

    def _show(self) -> None:
        values, text = self._form.values, bool(self._form.model and self._form.model.takes_text)
        prompt, negative = (values.prompt, values.negative) if text else ("", "")
        if self.prompt.toPlainText() != prompt:
            with QSignalBlocker(self.prompt):
                self.prompt.setPlainText(prompt)
        if self.negative.text() != negative:
            with QSignalBlocker(self.negative):
                self.negative.setText(negative)
        if self.seed.seed() != values.seed:
            self.seed.set_seed(values.seed)
        self.seed.set_locked(values.seed_locked)
        with QSignalBlocker(self.count):
            self.count.setValue(values.count)
        self._show_candidates()
        self.steps.set_value(values.steps)
        self.guidance.set_value(values.guidance)
        self.sampler.setCurrentIndex(self.sampler.findData(values.sampler))
        unknown = self._form.unknown_words()
        name = self._form.model.name if self._form.model else ""
        self.words.setText(f"Not in the vocabulary of {name}: {', '.join(unknown)}")
        self.words.setVisible(bool(unknown))

    def _show_candidates(self) -> None:
        model, ranks = self._form.model, self._form.ranks()
        with QSignalBlocker(self.candidates):
            self.candidates.setValue(self._form.values.candidates)
        for widget in (self.candidates, self.candidates_label):
            widget.setVisible(model is not None and model.can_rank)
            widget.setEnabled(ranks)
            widget.setToolTip(
                "How many are drawn for each sample, in as many times the time; the best fit for the prompt is kept"
                if ranks
                else "Candidates are ranked by the prompt: write one"
            )

    def _show_running(self) -> None:
        self._running = self._session.queue.running_generation() is not None
        self.generate.setText("Cancel" if self._running else "Generate")
        self.generate.hint = "Esc" if self._running else "Ctrl+Enter"
        self.generate.setToolTip(
            "Stop; what was made before is kept" if self._running else "Make samples of this recipe"
        )
        set_role(self.generate, "danger" if self._running else "primary")
