"""The Train page: the runs at the left, one of them or a new one at the right."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from ddmi_studio.pages.banner import Banner
from ddmi_studio.pages.parts import label, rule
from ddmi_studio.pages.train_list import RunList
from ddmi_studio.pages.train_new import NewRun
from ddmi_studio.pages.train_run import RunView
from ddmi_studio.state.messages import Message
from ddmi_studio.state.training import Training
from ddmi_studio.state.training_form import TrainingForm

LIST_WIDTH = 272


class TrainPage(QWidget):
    """Puts the parts together. A folder dropped anywhere on the page becomes the data of a new run."""

    def __init__(self, training: Training, form: TrainingForm) -> None:
        super().__init__()
        self._training, self._form = training, form
        self.setProperty("role", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAcceptDrops(True)
        self.new = QPushButton("&New run")
        self.new.setProperty("role", "accent")
        self.new.setToolTip("Train on a folder of your own (Ctrl+N)")
        self.list = RunList(training)
        self.form_page = NewRun(form)
        self.run = RunView(training)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.form_page)
        self.stack.addWidget(self.run)
        self.banner = Banner(self)
        self._lay_out()
        self._connect()
        self._show()

    def _lay_out(self) -> None:
        side = QWidget()
        side.setProperty("role", "panel")
        side.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        side.setFixedWidth(LIST_WIDTH)
        column = QVBoxLayout(side)
        column.setContentsMargins(12, 18, 12, 12)
        column.setSpacing(12)
        title = label("Training", "title")
        title.setContentsMargins(8, 0, 8, 0)
        for widget in (title, self.new, self.list):
            column.addWidget(widget)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(side)
        layout.addWidget(rule(vertical=True))
        layout.addWidget(self.stack, 1)

    def _connect(self) -> None:
        training = self._training
        self.new.clicked.connect(self.show_new)
        self.run.next_wanted.connect(self._go_on)
        training.selected.connect(self._show)
        training.session.message.connect(self._show_message)
        for keys, call in (
            ("Ctrl+N", self.show_new),
            ("Ctrl+Return", self._start),
            ("Ctrl+Enter", self._start),
            ("Ctrl+O", self._browse),
            ("Esc", self.banner.dismiss),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(call)

    def show_new(self) -> None:
        """Show the form of a new run."""
        self._training.select(None)
        self.form_page.data.browse.setFocus()

    def _start(self) -> None:
        if self.stack.currentWidget() is self.form_page:
            self._form.launch()

    def _browse(self) -> None:
        self.show_new()
        self.form_page.browse()

    def _go_on(self, folder: Path, model: str) -> None:
        self.show_new()
        self._form.go_on_from(folder, model, "diffusion")

    def _show(self) -> None:
        self.stack.setCurrentWidget(self.form_page if self._training.current is None else self.run)

    def _show_message(self, message: Message) -> None:
        if self.isVisible():
            self.banner.show_message(message)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._training.set_seen(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._training.set_seen(False)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_folder(event.mimeData().urls()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        folder = dropped_folder(event.mimeData().urls())
        if folder is not None:
            event.acceptProposedAction()
            self._training.select(None)
            self._form.choose_folder(folder)


def dropped_folder(urls: list[QUrl]) -> Path | None:
    """The folder among what was dropped, if it is one."""
    paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
    return paths[0] if len(paths) == 1 and paths[0].is_dir() else None
