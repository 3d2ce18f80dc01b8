"""A row of buttons of which one is down: file formats, modes of a view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QGridLayout, QPushButton, QSizePolicy, QWidget

from ddmi_studio.widgets.base import set_role

FORWARD = (Qt.Key.Key_Right, Qt.Key.Key_Down)
BACKWARD = (Qt.Key.Key_Left, Qt.Key.Key_Up)


class SegmentedButtons(QWidget):
    """One of several options, (key, label) each; `per_row` in a row. Arrow keys move, Tab passes by.

    `set_*` never emit.
    """

    value_changed = Signal(str)

    def __init__(
        self,
        options: Sequence[tuple[str, str]],
        value: str | None = None,
        *,
        tooltips: Mapping[str, str] | None = None,
        per_row: int = 4,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._per_row = per_row
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._buttons: dict[str, QAbstractButton] = {}
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)
        self.set_options(options, tooltips=tooltips)
        if value is not None:
            self.set_value(value)

    def value(self) -> str | None:
        return next((key for key, button in self._buttons.items() if button.isChecked()), None)

    def set_value(self, key: str) -> None:
        self._buttons[key].setChecked(True)
        self._share_focus()

    def button(self, key: str) -> QAbstractButton:
        return self._buttons[key]

    def set_options(self, options: Sequence[tuple[str, str]], *, tooltips: Mapping[str, str] | None = None) -> None:
        """Replace the buttons; the value stays where its key is still there, else the first option is down."""
        before = self.value()
        for button in self._buttons.values():
            self._group.removeButton(button)
            self._layout.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = {key: self._make(key, label, (tooltips or {}).get(key, "")) for key, label in options}
        for index, button in enumerate(self._buttons.values()):
            self._layout.addWidget(button, index // self._per_row, index % self._per_row)
        if self._buttons:
            self.set_value(before if before in self._buttons else options[0][0])

    def _make(self, key: str, label: str, tooltip: str) -> QPushButton:
        button = QPushButton(label, self)
        set_role(button, "segment")
        button.setCheckable(True)
        button.setAutoDefault(False)  # Return stays with the dialog's own button
        button.setToolTip(tooltip)
        button.setAccessibleName(label)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setMinimumWidth(button.fontMetrics().horizontalAdvance(label) + 20)
        button.installEventFilter(self)
        button.clicked.connect(lambda: self._picked(key))
        self._group.addButton(button)
        return button

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() in FORWARD + BACKWARD:
            keys = [key for key, button in self._buttons.items() if button.isEnabled() or button is watched]
            at = next((i for i, key in enumerate(keys) if self._buttons[key] is watched), 0)
            to = keys[(at + (1 if event.key() in FORWARD else -1)) % len(keys)]
            self._buttons[to].setFocus(Qt.FocusReason.TabFocusReason)
            self._buttons[to].click()
            return True
        return super().eventFilter(watched, event)

    def _picked(self, key: str) -> None:
        self._share_focus()
        self.value_changed.emit(key)

    def _share_focus(self) -> None:
        """Tab reaches only the button that is down."""
        for button in self._buttons.values():
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus if button.isChecked() else Qt.FocusPolicy.ClickFocus)
