"""A heading that opens and closes what lies under it."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from ddmi_studio import theme

HEIGHT = 28
ARROW = 18  # pixels of the arrow, whose own edges are empty
OVERHANG = 5  # of these empty pixels, so that the arrow stands where the texts of other widgets begin


class Header(QAbstractButton):
    """The heading: an arrow and a text."""

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setText(title)
        self.setAccessibleName(title)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        theme.notifier().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(ARROW + self.fontMetrics().horizontalAdvance(self.text()) + 8, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        c = theme.colors()
        color = c.text if self.isChecked() or self.underMouse() else c.dim
        painter = QPainter(self)
        arrow = theme.icon("mdi6.chevron-down" if self.isChecked() else "mdi6.chevron-right", color)
        arrow.paint(painter, QRect(-OVERHANG, (self.height() - ARROW) // 2, ARROW, ARROW))
        text = self.rect().adjusted(ARROW - OVERHANG + 2, 0, 0, 0)
        painter.setPen(QColor(color))
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, self.text())
        if self.hasFocus():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(c.accent), 1))
            painter.drawRoundedRect(self.rect().toRectF().adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)


class Fold(QWidget):
    """Add widgets to `body`. `set_open` never emits."""

    toggled = Signal(bool)

    def __init__(self, title: str, open: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.header = Header(title, self)
        self._inside = QWidget(self)
        self.body = QVBoxLayout(self._inside)
        self.body.setContentsMargins(0, 4, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self._inside)
        self.header.clicked.connect(self._clicked)
        self.set_open(open)

    def is_open(self) -> bool:
        return self.header.isChecked()

    def set_open(self, open: bool) -> None:
        self.header.setChecked(open)
        self._inside.setVisible(open)

    def _clicked(self, open: bool) -> None:
        self.set_open(open)
        self.toggled.emit(open)
