"""The import of a model file: what is in it, what it leaves open, how it is to be stored."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ddmi_models.requests import FileInspection
from ddmi_studio import theme
from ddmi_studio.pages import dialogs
from ddmi_studio.pages.parts import label, named
from ddmi_studio.pages.recipe_column import millions
from ddmi_studio.state.importing import Importing, Phase
from ddmi_studio.state.queue import size
from ddmi_studio.state.settings import PRECISIONS
from ddmi_studio.widgets import SegmentedButtons

WIDTH = 540
LONGEST = 260  # characters of an error; one about every tensor of a file fills the screen
YAML = "A YAML file…"
ASK = "Choose a configuration…"
BYTES = {"fp32": 4, "fp16": 2, "bf16": 2}
PRECISION_TOOLTIPS = {
    "fp32": "As exact as the file",
    "fp16": "Half the size; fast on graphics cards",
    "bf16": "Half the size, for values too large for fp16",
}


def facts(found: FileInspection) -> str:
    """What a file holds, in one line."""
    parts = [found.domain_label or "What it makes is not known", f"{millions(found.parameters)} parameters"]
    if found.addon_of:
        parts.append(f"add-on for {found.addon_of}")
    elif not found.can_sample:
        parts.append("first stage only: it cannot sample")
    else:
        parts.append("averaged weights (EMA)" if found.averaged else "weights of the last step")
    return " · ".join([*parts, size(found.file_bytes)])


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST].rstrip() + " …"


class ImportDialog(QDialog):
    """Shows an import and lets the user decide. Esc stops a conversion that runs, else closes."""

    def __init__(self, importing: Importing, parent: QWidget) -> None:
        super().__init__(parent)
        self.importing = importing
        self.setWindowTitle("Import a model")
        self.setFixedWidth(WIDTH)
        self._make_fields()
        self._lay_out()
        self._connect()
        self._show()
        self.name.setFocus()

    # Building

    def _make_fields(self) -> None:
        self.icon = QLabel()
        self.kind = label("", "subtitle", wrap=True)
        self.facts = label("", "section", wrap=True)
        self.left_out = label("", "hint", wrap=True)
        self.question = label("", "warning", wrap=True)
        self.configs = QComboBox()
        self.configs.setAccessibleName("Configuration")
        self.error = label("", "value", wrap=True)
        self.error_frame = QFrame()
        self.error_frame.setProperty("role", "error")
        QVBoxLayout(self.error_frame).addWidget(self.error)
        self.name = QLineEdit()
        self.name.setMaxLength(64)
        self.name.setAccessibleName("Name")
        self.taken = label("", "warning", wrap=True)
        self.precision = SegmentedButtons([(p, p) for p in PRECISIONS], "fp32", tooltips=PRECISION_TOOLTIPS)
        self.bytes = label("", "hint")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.status = label("", "hint", wrap=True)
        self.close_button = QPushButton("Close")
        self.start = QPushButton("Import")
        self.start.setProperty("role", "accent")
        self.start.setDefault(True)

    def _lay_out(self) -> None:
        card = QFrame()
        card.setProperty("role", "card")
        texts = QVBoxLayout()
        for widget in (self.kind, self.facts, self.left_out):
            texts.addWidget(widget)
        inside = QHBoxLayout(card)
        inside.setContentsMargins(16, 14, 16, 14)
        inside.setSpacing(14)
        inside.addWidget(self.icon, 0, Qt.AlignmentFlag.AlignTop)
        inside.addLayout(texts, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 22, 24, 20)
        layout.setSpacing(8)
        layout.addWidget(label(f"Import {self.importing.path.name}", "title", wrap=True))
        fields: tuple[QWidget, ...] = (
            card, self.question, self.configs, self.error_frame, named("&Name", self.name), self.name, self.taken,
            label("Precision", "section"), self.precision, self.bytes, self.bar, self.status,
        )  # fmt: skip
        for field in fields:
            layout.addWidget(field)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.close_button)
        buttons.addWidget(self.start)
        layout.addSpacing(6)
        layout.addLayout(buttons)

    def _connect(self) -> None:
        self.importing.changed.connect(self._show)
        self.configs.activated.connect(self._choose)
        self.name.textChanged.connect(self._show)
        self.precision.value_changed.connect(self._show)
        self.close_button.clicked.connect(self.reject)
        self.start.clicked.connect(self._convert)

    # Deciding

    def _choose(self) -> None:
        text = self.configs.currentText()
        if text == YAML:
            path = dialogs.yaml_path(self, self.importing.path.parent)
            if path is not None:
                self.importing.tell(path)
            else:
                self._show_configs()
        elif text != ASK:
            self.importing.tell(Path(text))

    def _convert(self) -> None:
        self.importing.convert(self.name.text().strip(), self.precision.value() or "fp32")

    def reject(self) -> None:
        """Esc, the Close button, the window's cross."""
        runs = self.importing.phase is Phase.CONVERTING
        self.importing.cancel()
        if not runs:
            super().reject()

    # Showing

    def _show(self) -> None:
        importing = self.importing
        if importing.phase is Phase.DONE:
            self.accept()
            return
        self._show_facts()
        self._show_configs()
        self._show_error()
        self._show_choices()
        self._show_progress()
        self._fit()

    def _fit(self) -> None:
        """As high as the texts need at this width."""
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.setFixedHeight(max(layout.totalHeightForWidth(WIDTH), layout.totalMinimumSize().height()))

    def _show_facts(self) -> None:
        found = self.importing.found
        self.icon.setPixmap(theme.icon("mdi6.package-variant-closed", theme.colors().accent).pixmap(36, 36))
        if found is None:
            looking = self.importing.phase is Phase.LOOKING
            self.kind.setText("Looking into the file…" if looking else "This file cannot be imported")
            self.facts.setText("It is read as data and never run as a program.")
        else:
            kind = "Official checkpoint" if found.official else "Model of this program"
            self.kind.setText(kind)
            self.facts.setText(facts(found))
        left = found.left_out if found is not None else ()
        self.left_out.setText(f"Not taken: {'; '.join(left)}.")
        self.left_out.setVisible(bool(left))
        if found is not None and not self.name.text() and not self.name.isModified():
            self.name.setText(found.name)

    def _show_configs(self) -> None:
        found, config = self.importing.found, self.importing.config
        asked = found is not None and found.official and bool(found.missing or config)
        self.question.setVisible(asked)
        self.configs.setVisible(asked)
        if not asked or found is None:
            return
        if found.missing:
            self.question.setText(
                f"The file leaves open: {', '.join(found.missing)}. Choose the published configuration that it was "
                "trained with, or the authors' YAML file."
            )
        else:
            self.question.setText("Configuration")
        own = [str(config)] if config is not None and str(config) not in found.configurations else []
        choices = [ASK, *found.configurations, *own, YAML]
        self.configs.clear()
        self.configs.addItems(choices)
        self.configs.setCurrentText(str(config) if config is not None else ASK)

    def _show_error(self) -> None:
        error = self.importing.error
        self.error_frame.setVisible(error is not None)
        if error is None:
            return
        text = str(error).replace(str(self.importing.path), self.importing.path.name)
        told = self.importing.refused and self.importing.config is not None
        self.error.setText(shortened(f"This configuration is not the file's. {text}" if told else text))

    def _show_choices(self) -> None:
        found, importing = self.importing.found, self.importing
        name = self.name.text().strip()
        taken = importing.taken(name)
        self.taken.setText(f"There is a model called {name} already: choose another name.")
        self.taken.setVisible(taken)
        busy = importing.phase in (Phase.CONVERTING, Phase.LOOKING)
        for field in (self.name, self.precision, self.configs):
            field.setEnabled(not busy and found is not None)
        self.start.setEnabled(importing.ready() and bool(name) and not taken)
        if found is not None:
            precision = self.precision.value() or "fp32"
            self.bytes.setText(f"The model will take about {size(found.parameters * BYTES[precision])}.")
        self.bytes.setVisible(found is not None)

    def _show_progress(self) -> None:
        importing = self.importing
        busy = importing.phase in (Phase.CONVERTING, Phase.LOOKING)
        progress = importing.progress
        self.bar.setVisible(busy)
        if progress is not None and progress.total > 1:
            self.bar.setRange(0, progress.total)
            self.bar.setValue(progress.step)
        else:
            self.bar.setRange(0, 0)
        if busy and progress is not None:
            self.status.setText(f"{progress.label} · {progress.step} / {progress.total}")
        else:
            self.status.setText(importing.note)
        self.status.setVisible(bool(self.status.text()))
        self.close_button.setText("Cancel" if importing.phase is Phase.CONVERTING else "Close")
