"""A heading that opens and closes what lies under it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from ddmi_studio import theme
from ddmi_studio.widgets.base import set_role

OVERHANG = 6  # empty pixels left of the arrow, which stands where the texts of other widgets begin


class Fold(QWidget):
    """Add widgets to `body`. `set_open` never emits."""

    toggled = Signal(bool)

    def __init__(self, title: str, open: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.header = QToolButton(self)
        set_role(self.header, "fold")
        self.header.setText(title)
        self.header.setAccessibleName(title)
        self.header.setCheckable(True)
        self.header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.header.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._inside = QWidget(self)
        self.body = QVBoxLayout(self._inside)
        self.body.setContentsMargins(OVERHANG, 4, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(-OVERHANG, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self._inside)
        self.header.clicked.connect(self._clicked)
        theme.notifier().changed.connect(self._paint_arrow)
        self.set_open(open)

    def is_open(self) -> bool:
        return self.header.isChecked()

    def set_open(self, open: bool) -> None:
        self.header.setChecked(open)
        self._inside.setVisible(open)
        self._paint_arrow()

    def _clicked(self, open: bool) -> None:
        self.set_open(open)
        self.toggled.emit(open)

    def _paint_arrow(self) -> None:
        self.header.setIcon(theme.icon("mdi6.chevron-down" if self.is_open() else "mdi6.chevron-right"))
