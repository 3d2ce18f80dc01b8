"""The settings of a new run as fields, made from the description of the configuration: a tooltip on each, and what is
wrong with it under it as one types."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ddmi_models.requests import Setting
from ddmi_studio.pages import dialogs
from ddmi_studio.pages.parts import column, label, named
from ddmi_studio.state.training_form import TrainingForm, Value
from ddmi_studio.widgets import Fold
from ddmi_studio.widgets.base import set_state

FIRST = ("name", "steps", "minutes", "batch", "learning_rate", "data.validation")
"""Always in sight; the others are folded."""
RARE = ("accumulate", "ema_every", "ema_warmup", "processes")
"""Folded by themselves, as most people never need them: for several GPUs, little memory, runs as published."""
RARELY_NEEDED = "rare"
FOLDS = {
    "": "Optimisation, saving, machine", "data": "Data", "lora": "Add-on (LoRA)", "kl": "KL term",
    "spectral": "Spectral penalty", "adversary": "Discriminator", "model": "Architecture", "unet": "Denoising network",
    "diffusion": "Noise and sampler", "text": "Text tower", "ranking": "Ranking",
    RARELY_NEEDED: "Rarely needed",
}  # fmt: skip
"""Titles by the first key of a setting's path; "" for those at the top."""
COLUMNS = 3


class SettingField(QWidget):
    """One setting: its name, its field, and what is wrong with it.

    Signals:
        changed: (path, value) by the user's hand.
    """

    changed = Signal(str, object)

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        self.problem = label("", "problem", wrap=True)
        self.problem.hide()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        tooltip = " ".join(part for part in (setting.description, self._limits()) if part)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self.editor, row = self._make_editor()
        if setting.kind != "switch":
            layout.addWidget(named(setting.label, self.editor))
        layout.addWidget(row)
        layout.addWidget(self.problem)
        layout.addStretch(1)
        self.editor.setAccessibleName(setting.label)
        self.setToolTip(tooltip)
        self.editor.setAccessibleDescription(tooltip)

    def _limits(self) -> str:
        setting = self.setting
        kept = f"Usually {setting.default}." if setting.default and setting.kind not in ("switch", "choice") else ""
        bounds = f"{setting.bounds[:1].upper()}{setting.bounds[1:]}." if setting.bounds else ""
        return " ".join(part for part in (bounds, kept) if part)

    def _make_editor(self) -> tuple[QWidget, QWidget]:
        """The field, and the row that it stands in."""
        if self.setting.kind == "switch":
            box = QCheckBox(self.setting.label)
            box.toggled.connect(self._tell)
            return box, box
        if self.setting.kind == "choice":
            choice = QComboBox()
            choice.addItems(self.setting.choices)
            choice.currentTextChanged.connect(self._tell)
            return choice, choice
        line = QLineEdit()
        line.setPlaceholderText("none" if self.setting.optional else "")
        line.textChanged.connect(self._tell)
        if self.setting.kind not in ("folder", "file"):
            return line, line
        row = QWidget()
        inside = QHBoxLayout(row)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(6)
        browse = QPushButton("…")
        browse.setToolTip(f"Choose a {self.setting.kind}")
        browse.setAccessibleName(f"{self.setting.label}: choose a {self.setting.kind}")
        browse.setFixedWidth(34)
        browse.clicked.connect(lambda: self._browse(line))
        inside.addWidget(line, 1)
        inside.addWidget(browse)
        return line, row

    def _tell(self, value: Value) -> None:
        self.changed.emit(self.setting.path, value)

    def _browse(self, line: QLineEdit) -> None:
        ask: Callable[[QWidget, Path], Path | None]
        ask = dialogs.data_folder if self.setting.kind == "folder" else dialogs.any_file
        path = ask(self, Path(line.text() or Path.home()))
        if path is not None:
            line.setText(str(path))

    def set_value(self, value: Value) -> None:
        """Show a value without telling of it."""
        with QSignalBlocker(self.editor):
            if isinstance(self.editor, QCheckBox):
                self.editor.setChecked(bool(value))
            elif isinstance(self.editor, QComboBox):
                self.editor.setCurrentText(str(value))
            elif isinstance(self.editor, QLineEdit) and self.editor.text() != value:
                self.editor.setText(str(value))

    def set_problem(self, message: str) -> None:
        """Say what is wrong; "" for nothing."""
        self.problem.setText(message)
        self.problem.setVisible(bool(message))
        set_state(self.editor, "invalid", bool(message))


class SettingFields(QWidget):
    """All settings of a form: the first ones in sight, the others in folds."""

    def __init__(self, form: TrainingForm) -> None:
        super().__init__()
        self._form = form
        self.fields: dict[str, SettingField] = {}
        self.folds: dict[str, Fold] = {}
        self._open: set[str] = set()
        self._content: QWidget | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        form.plan_changed.connect(self._show)
        form.checked.connect(self._show_problems)
        self._show()

    def _show(self) -> None:
        settings = {setting.path: setting for setting in self._form.settings()}
        if [*settings] != [*self.fields]:
            self._build(settings)
        for path, field in self.fields.items():
            field.set_value(self._form.values[path])
        self._show_problems()

    def _build(self, settings: dict[str, Setting]) -> None:
        self._open = {key for key, fold in self.folds.items() if fold.is_open()}
        if self._content is not None:
            self._layout.removeWidget(self._content)
            self._content.hide()
            self._content.deleteLater()
        self.fields = {path: self._field(setting) for path, setting in settings.items()}
        self.folds = {}
        self._content, layout = column(14)
        layout.addWidget(_grid([self.fields[path] for path in FIRST if path in self.fields]))
        groups: dict[str, list[SettingField]] = {}
        for path, field in self.fields.items():
            if path not in FIRST:
                groups.setdefault(_section(path), []).append(field)
        for section in sorted(groups, key=lambda key: [*FOLDS, key].index(key)):
            self.folds[section] = self._fold(section, groups[section])
            layout.addWidget(self.folds[section])
        self._layout.addWidget(self._content)

    def _fold(self, section: str, fields: list[SettingField]) -> Fold:
        """A section of settings, with a title for each section inside it."""
        fold = Fold(FOLDS.get(section, section.capitalize()), open=section in self._open)
        inner: dict[str, list[SettingField]] = {}
        for field in fields:
            inner.setdefault(field.setting.path.rpartition(".")[0], []).append(field)
        for path in sorted(inner, key=lambda path: path.count(".")):
            if path not in (section, ""):
                title = label(path.rpartition(".")[2].replace("_", " ").capitalize(), "value")
                title.setContentsMargins(0, 10, 0, 2)
                fold.body.addWidget(title)
            fold.body.addWidget(_grid(inner[path]))
        return fold

    def _field(self, setting: Setting) -> SettingField:
        field = SettingField(setting)
        field.changed.connect(self._form.set)
        return field

    def _show_problems(self) -> None:
        problems = self._form.problems
        if problems is None:
            return  # until the answer comes, what was said stays
        for path, field in self.fields.items():
            field.set_problem(problems.get(path, ""))


def _section(path: str) -> str:
    """Key of the fold of a setting."""
    return RARELY_NEEDED if path in RARE else path.rpartition(".")[0].partition(".")[0]


def _grid(fields: list[SettingField]) -> QWidget:
    box = QWidget()
    grid = QGridLayout(box)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(12)
    for at, field in enumerate(fields):
        grid.addWidget(field, at // COLUMNS, at % COLUMNS, Qt.AlignmentFlag.AlignTop)
    for at in range(COLUMNS):
        grid.setColumnStretch(at, 1)
    return box
