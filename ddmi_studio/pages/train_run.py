"""A run: where it stands, its figures, its pictures, its log, and what can be asked of it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMessageBox,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ddmi_models.requests import RunInfo
from ddmi_studio import theme
from ddmi_studio.pages.parts import IconButton, column, label, scrolled
from ddmi_studio.pages.train_list import state_color
from ddmi_studio.pages.train_plots import CompareButton, RunPlots
from ddmi_studio.pages.train_samples import SampleStrip
from ddmi_studio.state.queue import duration
from ddmi_studio.state.training import ACTIVE, RESUMABLE, Training
from ddmi_studio.state.training_form import STAGE_NAMES
from ddmi_studio.widgets import Fold

LAST_WORDS = 4
"""Lines of the log that are shown with a run that has failed or crashed."""


class RunView(QWidget):
    """Shows the run that is looked at.

    Signals:
        next_wanted: (folder of the data, key of the model) of a finished first stage.
    """

    next_wanted = Signal(object, str)

    def __init__(self, training: Training) -> None:
        super().__init__()
        self._training = training
        self.title = label("", "hero")
        self.title.setMinimumWidth(60)  # a long name gives way to the buttons
        self.state = label("", "subtitle")
        self.facts = label("", "section", wrap=True)
        self.bar = QProgressBar(textVisible=False)
        self.progress = label("", "value")
        self.left = label("", "value")
        self._make_buttons()
        self.trouble, self.words, self.mend = self._trouble_card()
        self.plots = RunPlots()
        self.strip = SampleStrip()
        self.no_pictures = label("", "hint")
        self.log_fold = Fold("Log", open=True)
        self.log = QPlainTextEdit(readOnly=True)
        self.log.setProperty("role", "details")
        self.log.setAccessibleName("Log")
        self.log.setFixedHeight(150)
        self.log_fold.body.addWidget(self.log)
        self._lay_out()
        self._connect()
        self._show()

    # Building

    def _make_buttons(self) -> None:
        self.toggle = QPushButton("&Pause")
        self.stop = QPushButton("S&top")
        self.sample = QPushButton("S&ample now")
        self.save = QPushButton("&Save now")
        self.use = QPushButton("&Use on Create")
        self.next = QPushButton("Train the &diffusion model…")
        for button in (self.use, self.next):
            button.setProperty("role", "accent")
        self.compare = CompareButton(self._training)
        self.folder = IconButton("mdi6.folder-open-outline", "Open the folder of the run")
        self.remove = IconButton("mdi6.trash-can-outline", "Remove the run…")
        self.stop.setToolTip("Save and end the run; it can be resumed")
        self.sample.setToolTip("Draw a picture of what the run makes now")
        self.save.setToolTip("Write the model and the state to the disk now")
        self.use.setToolTip("Make samples with the finished model")
        self.next.setToolTip("Set up the second stage on the latents of this one")

    def _trouble_card(self) -> tuple[QFrame, QPlainTextEdit, QPushButton]:
        card = QFrame()
        card.setProperty("role", "error")
        layout = QVBoxLayout(card)
        layout.setContentsMargins(14, 12, 14, 12)
        self.trouble_title = label("", "subtitle", wrap=True)
        self.trouble_body = label("", "value", wrap=True)
        words = QPlainTextEdit(readOnly=True)
        words.setProperty("role", "details")
        words.setAccessibleName("Last lines of the log")
        words.setFixedHeight(84)
        mend = QPushButton("Resume from the last save")
        row = QHBoxLayout()
        row.addWidget(mend)
        row.addStretch(1)
        for widget in (self.trouble_title, self.trouble_body, words):
            layout.addWidget(widget)
        layout.addLayout(row)
        return card, words, mend

    def _lay_out(self) -> None:
        content, layout = column(12)
        layout.setContentsMargins(28, 22, 28, 20)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.title)
        top.addSpacing(6)
        top.addWidget(self.state, 0, Qt.AlignmentFlag.AlignBottom)
        top.addStretch(1)
        for button in (self.use, self.next, self.toggle, self.stop, self.sample, self.save, self.compare):
            top.addWidget(button)
        for icon in (self.folder, self.remove):
            top.addWidget(icon)
        below = QHBoxLayout()
        below.addWidget(self.progress)
        below.addStretch(1)
        below.addWidget(self.left)
        layout.addLayout(top)
        layout.addWidget(self.facts)
        layout.addWidget(self.bar)
        layout.addLayout(below)
        layout.addWidget(self.trouble)
        layout.addWidget(self.plots, 1)
        layout.addWidget(label("Pictures by step", "section"))
        for widget in (self.no_pictures, self.strip, self.log_fold):
            layout.addWidget(widget)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(content))

    def _connect(self) -> None:
        training = self._training
        self.toggle.clicked.connect(self._on_toggle)
        self.stop.clicked.connect(lambda: self._ask("stop"))
        self.sample.clicked.connect(lambda: self._ask("sample"))
        self.save.clicked.connect(lambda: self._ask("save"))
        self.mend.clicked.connect(lambda: self._ask("resume"))
        self.use.clicked.connect(self._on_use)
        self.next.clicked.connect(self._on_next)
        self.folder.clicked.connect(self._open_folder)
        self.remove.clicked.connect(self._on_remove)
        training.compared_changed.connect(self._show)
        training.run_changed.connect(self._show)
        training.runs_changed.connect(self._show_info)
        training.busy_changed.connect(self._show_info)
        training.session.models_changed.connect(self._show_info)
        theme.notifier().changed.connect(self._show_info)

    # Doing

    def info(self) -> RunInfo | None:
        """Where the run stands, as last heard."""
        path = self._training.current
        if path is None:
            return None
        shown = self._training.shown
        return self._training.info(path) or (shown.info if shown is not None else None)

    def _ask(self, action: str) -> None:
        if self._training.current is not None:
            self._training.control(self._training.current, action)

    def _on_toggle(self) -> None:
        info = self.info()
        if info is not None:
            self._ask("pause" if info.state in ACTIVE else "resume")

    def _on_use(self) -> None:
        info = self.info()
        if info is not None:
            self._training.model_wanted.emit(info.model)

    def _on_next(self) -> None:
        shown = self._training.shown
        if shown is not None:
            model = shown.info.model or str(shown.info.path / "model.safetensors")
            self.next_wanted.emit(Path(shown.details.config["data"]["train"]), model)

    def _on_remove(self) -> None:
        info = self.info()
        if info is None:
            return
        kept = f" The copy {info.model} among the models stays." if info.model else ""
        text = f"Remove the run {info.name}? Its figures, pictures, log, checkpoints and model file are deleted.{kept}"
        if QMessageBox.question(self, "Remove run", text) == QMessageBox.StandardButton.Yes:
            self._training.remove(info.path)

    def _open_folder(self) -> None:
        if self._training.current is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._training.current)))

    # Showing

    def _show(self) -> None:
        self._show_info()
        shown = self._training.shown
        self.plots.show_run(shown)
        self.plots.show_others(self._training.others())
        self.strip.set_paths(shown.details.samples if shown is not None else ())
        self.strip.setVisible(bool(self.strip.paths))
        self.no_pictures.setVisible(not self.strip.paths)
        runs = shown is not None and shown.info.state == "running"
        self.no_pictures.setText("None yet. “Sample now” draws one." if runs else "None yet." if shown else "")
        self._show_log("\n".join(shown.details.log) if shown is not None else "")

    def _show_info(self) -> None:
        info = self.info()
        if info is None:
            return
        self.title.setText(info.name)
        self.title.setToolTip(info.name)
        self.state.setText(info.state)
        self.state.setStyleSheet(f"color: {state_color(info.state)};")
        self._show_progress(info)
        self._show_facts(info)
        self._show_buttons(info)
        self._show_trouble(info)

    def _show_progress(self, info: RunInfo) -> None:
        self.bar.setRange(0, max(1, info.steps))
        self.bar.setValue(info.step)
        steps = f"step {info.step:,} of {info.steps:,}" if info.steps else "not started yet"
        loss = f"loss {info.loss:.4g}" if info.loss is not None else ""
        best = f"best in validation {info.best:.4g}" if info.best is not None else ""
        self.progress.setText(" · ".join(part for part in (steps, loss, best) if part))
        trained = f"{duration(info.seconds)} trained" if info.seconds else ""
        known = info.state in ACTIVE and info.seconds_left is not None
        left = f"{duration(max(info.seconds_left or 0, 1))} left" if known else ""
        self.left.setText(" · ".join(part for part in (trained, left) if part))

    def _show_facts(self, info: RunInfo) -> None:
        shown = self._training.shown
        config = shown.details.config if shown is not None else {}
        data = config.get("data") or {}
        parts = [
            STAGE_NAMES.get(info.stage, info.stage),
            f"data {Path(str(data['train'])).name}" if data.get("train") else "",
            f"from {Path(str(config['start_from'])).name}" if config.get("start_from") else "",
            f"on {info.device}" if info.device else "",
            info.message if info.state in ACTIVE else "",
        ]
        self.facts.setText(" · ".join(part for part in parts if part))

    def _show_buttons(self, info: RunInfo) -> None:
        busy = self._training.busy.get(info.path, "")
        active, rests = info.state in ACTIVE, info.state in RESUMABLE
        self.toggle.setVisible(active or rests)
        self.toggle.setText(f"{busy}…" if busy else "&Pause" if active else "&Resume")
        self.toggle.setToolTip(
            "Save, end the process and free the device" if active else "Go on from the last saved step"
        )
        for button in (self.toggle, self.mend):
            button.setEnabled(not busy)
        self.stop.setVisible(active or info.state == "paused")
        self.stop.setEnabled(not busy)
        for button in (self.sample, self.save):
            button.setVisible(active)
            button.setEnabled(info.state == "running" and not busy)
        self.remove.setVisible(not active)
        self.remove.setEnabled(not busy)
        self.compare.setVisible(bool(self.compare.offered()))
        finished = info.state == "finished"
        self.use.setVisible(finished and self._training.usable(info.model))
        self.next.setVisible(
            finished and info.stage in ("autoencoder", "alignment") and self._training.shown is not None
        )

    def _show_trouble(self, info: RunInfo) -> None:
        troubled = info.state in ("failed", "crashed")
        self.trouble.setVisible(troubled)
        if not troubled:
            return
        shown = self._training.shown
        crashed = info.state == "crashed"
        self.trouble_title.setText(
            "The process of this run has died." if crashed else "This run has stopped with an error."
        )
        saved = (
            f"Its state of step {info.saved_step:,} is on the disk." if info.saved_step else "Nothing was saved yet."
        )
        self.trouble_body.setText(f"Its last lines are below. {saved}" if crashed else f"{info.message} {saved}")
        lines = shown.details.log[-LAST_WORDS:] if shown is not None else ()
        self.words.setVisible(crashed and bool(lines))
        self.words.setPlainText("\n".join(lines))
        self.mend.setText("Resume from the last save" if info.saved_step else "Start it again")

    def _show_log(self, text: str) -> None:
        """The log's end stays in sight unless somebody has scrolled up."""
        if text == self.log.toPlainText():
            return
        bar = self.log.verticalScrollBar()
        at_end, place = bar.value() >= bar.maximum() - 4, bar.value()
        self.log.setPlainText(text)
        bar.setValue(bar.maximum() if at_end else place)
