"""The banner over the view: what happened, what was kept, what to do; details fold out and can be copied."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from ddmi_studio import theme
from ddmi_studio.pages.parts import IconButton, label, set_role
from ddmi_studio.state.messages import Message

WIDTH = 620
NOTICE_TIME = 8000
"""Milliseconds that good news stay; problems stay until they are closed."""


class Banner(QFrame):
    """Floats over the top of its parent."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._message: Message | None = None
        self._icon = QLabel()
        self.title = label("", "subtitle", wrap=True)
        self.body = label("", "section", wrap=True)
        self.action = QPushButton()
        self.show_details = QPushButton("Show details")
        self.copy = QPushButton("Copy details")
        self.details = QPlainTextEdit(readOnly=True)
        self.details.setProperty("role", "details")
        self.details.setFixedHeight(150)
        self.close_button = IconButton("mdi6.close", "Close")
        self._timer = QTimer(self, singleShot=True, interval=NOTICE_TIME)
        self._timer.timeout.connect(self.dismiss)
        self._lay_out()
        self.action.clicked.connect(self._act)
        self.show_details.clicked.connect(lambda: self._fold(not self.details.isVisible()))
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text()))
        self.close_button.clicked.connect(self.dismiss)
        parent.installEventFilter(self)
        self.hide()

    def _lay_out(self) -> None:
        texts = QVBoxLayout()
        texts.setSpacing(4)
        texts.addWidget(self.title)
        texts.addWidget(self.body)
        buttons = QHBoxLayout()
        for button in (self.action, self.show_details, self.copy):
            buttons.addWidget(button)
        buttons.addStretch(1)
        texts.addLayout(buttons)
        texts.addWidget(self.details)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 12, 10, 12)
        layout.setSpacing(12)
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(texts, 1)
        layout.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)

    def show_message(self, message: Message) -> None:
        """Put a message up in place of an older one."""
        self._message = message
        set_role(self, "error" if message.error else "notice")
        colors = theme.colors()
        name, color = (
            ("mdi6.alert-circle-outline", colors.danger)
            if message.error
            else ("mdi6.information-outline", colors.accent)
        )
        self._icon.setPixmap(theme.icon(name, color).pixmap(20, 20))
        self.title.setText(message.title)
        self.body.setText(message.body)
        self.body.setVisible(bool(message.body))
        self.action.setVisible(message.action is not None)
        if message.action is not None:
            self.action.setText(message.action[0])
        self.details.setPlainText(message.details)
        self.show_details.setVisible(bool(message.details))
        self._fold(False)
        self.show()
        self.raise_()
        self._place()
        if message.error or message.action is not None:
            self._timer.stop()
        else:
            self._timer.start()

    def dismiss(self) -> None:
        self._timer.stop()
        self.hide()

    def text(self) -> str:
        """Everything the banner says, for a bug report."""
        message = self._message or Message("")
        return "\n".join(part for part in (message.title, message.body, message.details) if part)

    def _act(self) -> None:
        message = self._message
        self.dismiss()
        if message is not None and message.action is not None:
            message.action[1]()

    def _fold(self, open: bool) -> None:
        self.details.setVisible(open)
        self.copy.setVisible(open)
        self.show_details.setText("Hide details" if open else "Show details")
        self._place()

    def _place(self) -> None:
        parent, layout = self.parentWidget(), self.layout()
        if parent is None or layout is None:
            return
        width = min(WIDTH, parent.width() - 32)
        layout.activate()
        height = max(layout.totalHeightForWidth(width), layout.totalMinimumSize().height())
        self.setGeometry((parent.width() - width) // 2, 14, width, height)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)
