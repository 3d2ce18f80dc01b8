"""The window: the icon rail, the pages, files dropped on it, and its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ddmi_studio import theme

DESIGN_SIZE = QSize(1440, 900)
SMALLEST = QSize(1100, 700)
RAIL_WIDTH = 56


@dataclass(frozen=True)
class Page:
    """A page on the rail; `low` ones stand at its foot."""

    name: str
    icon: str
    widget: QWidget
    low: bool = False


class Rail(QWidget):
    """The slim column of pages at the left."""

    def __init__(self, pages: Sequence[Page], show: Callable[[int], None]) -> None:
        super().__init__()
        self.setProperty("role", "rail")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(RAIL_WIDTH)
        self._pages = pages
        self.buttons: list[QToolButton] = []
        self._group = QButtonGroup(self)
        self._group.idToggled.connect(lambda at, on: show(at) if on else None)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(5, 14, 5, 12)
        layout.setSpacing(6)
        self._mark = QLabel("D", alignment=Qt.AlignmentFlag.AlignCenter)
        self._mark.setFixedSize(28, 28)
        layout.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(12)
        for at, page in enumerate(pages):
            if page.low and not (at and pages[at - 1].low):
                layout.addStretch(1)
            layout.addWidget(self._button(at, page))
        if not pages[-1].low:
            layout.addStretch(1)
        theme.notifier().changed.connect(self.paint_icons)
        self.paint_icons()

    def _button(self, at: int, page: Page) -> QToolButton:
        button = QToolButton()
        button.setText(page.name)
        button.setCheckable(True)
        button.setProperty("role", "rail")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIconSize(QSize(21, 21))
        button.setFixedSize(RAIL_WIDTH - 10, 52)
        button.setToolTip(f"{page.name} (Ctrl+{at + 1})")
        button.setAccessibleName(page.name)
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        self._group.addButton(button, at)
        self.buttons.append(button)
        return button

    def paint_icons(self) -> None:
        colors = theme.colors()
        self._mark.setStyleSheet(
            f"background: {colors.accent}; color: {colors.on_accent}; border-radius: 14px; "
            "font-size: 14px; font-weight: 700;"
        )
        for button, page in zip(self.buttons, self._pages, strict=True):
            button.setIcon(theme.icon(page.icon, colors.accent if button.isChecked() else colors.dim))

    def show_page(self, at: int) -> None:
        self.buttons[at].setChecked(True)
        self.paint_icons()


class Window(QMainWindow):
    """The main window.

    Args:
        pages: in the order of the rail. open_file: takes a dropped file. close: called once before the window closes.
        remember: takes the window's geometry as Qt's base64.
    """

    def __init__(
        self,
        pages: Sequence[Page],
        open_file: Callable[[Path], None],
        close: Callable[[], None],
        remember: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._open_file, self._close, self._remember = open_file, close, remember
        self._closed = False
        self.setWindowTitle("DDMI Studio")
        self.setWindowIcon(theme.icon("mdi6.creation", theme.colors().accent))
        self.setAcceptDrops(True)
        self.setMinimumSize(SMALLEST)
        self.stack = QStackedWidget()
        for page in pages:
            self.stack.addWidget(page.widget)
        self.rail = Rail(pages, self._show_page)
        body = QWidget()
        layout = QHBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.rail)
        layout.addWidget(self.stack, 1)
        self.setCentralWidget(body)
        for at in range(len(pages)):
            shortcut = QShortcut(QKeySequence(f"Ctrl+{at + 1}"), self)
            shortcut.activated.connect(lambda at=at: self.rail.show_page(at))
        QShortcut(QKeySequence(QKeySequence.StandardKey.Quit), self).activated.connect(self.close)
        self.rail.show_page(0)

    def restore(self, geometry: str) -> None:
        """Take the size and place of the last time, or the design size within the screen."""
        if geometry and self.restoreGeometry(QByteArray.fromBase64(geometry.encode())):
            return
        available = self.screen().availableSize()
        self.resize(DESIGN_SIZE.boundedTo(available).expandedTo(SMALLEST))

    def _show_page(self, at: int) -> None:
        self.stack.setCurrentIndex(at)
        self.rail.paint_icons()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() and all(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.rail.show_page(0)
        for url in event.mimeData().urls():
            self._open_file(Path(url.toLocalFile()))

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._closed:
            self._closed = True
            self._remember(bytes(self.saveGeometry().toBase64().data()).decode())
            self.hide()
            self._close()
        super().closeEvent(event)
