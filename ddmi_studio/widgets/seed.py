"""A seed: the number itself, a die that rolls a new one, a lock that keeps it."""

from __future__ import annotations

import random

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolButton, QWidget

from ddmi_studio import theme
from ddmi_studio.widgets.base import set_role, set_state

MAX_SEED = 2**63 - 1
ROLLED = 2**31  # rolled seeds stay below: easier to read out


class SeedField(QWidget):
    """A line for any seed from 0 to 2^63 - 1 (more than a spin box holds). `set_*` never emit."""

    seed_changed = Signal(object)
    locked_changed = Signal(bool)

    def __init__(self, value: int = 0, locked: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._seed = value
        self.edit = QLineEdit(str(value), self)
        self.edit.setAccessibleName("Seed")
        self.edit.setToolTip("The same seed with the same settings gives the same sample.")
        self.dice = self._button("Roll a new seed")
        self.lock = self._button("Keep this seed for every Generate")
        self.lock.setCheckable(True)
        self.lock.setChecked(locked)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for widget in (self.edit, self.dice, self.lock):
            layout.addWidget(widget)
        self.edit.textEdited.connect(self._typed)
        self.edit.editingFinished.connect(self._restore)
        self.dice.clicked.connect(self._roll)
        self.lock.toggled.connect(self._paint_icons)
        self.lock.clicked.connect(self.locked_changed)
        theme.notifier().changed.connect(self._paint_icons)
        self._paint_icons()

    def seed(self) -> int:
        return self._seed

    def set_seed(self, seed: int) -> None:
        self._seed = seed
        self.edit.setText(str(seed))
        set_state(self.edit, "invalid", False)

    def locked(self) -> bool:
        return self.lock.isChecked()

    def set_locked(self, locked: bool) -> None:
        self.lock.setChecked(locked)

    def _button(self, tooltip: str) -> QToolButton:
        button = QToolButton(self)
        set_role(button, "tool")
        button.setFixedSize(30, 30)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setToolTip(tooltip)
        button.setAccessibleName(tooltip)
        return button

    def _paint_icons(self) -> None:
        c = theme.colors()
        self.dice.setIcon(theme.icon("mdi6.dice-5-outline", c.text))
        kept = self.locked()
        shape = "mdi6.lock" if kept else "mdi6.lock-open-variant-outline"
        self.lock.setIcon(theme.icon(shape, c.accent if kept else c.dim))

    def _typed(self, text: str) -> None:
        text = text.strip()
        valid = text.isascii() and text.isdigit() and int(text) <= MAX_SEED
        set_state(self.edit, "invalid", not valid)
        if valid and int(text) != self._seed:
            self._seed = int(text)
            self.seed_changed.emit(self._seed)

    def _restore(self) -> None:
        self.set_seed(self._seed)

    def _roll(self) -> None:
        self.set_seed(random.randrange(ROLLED))
        self.seed_changed.emit(self._seed)
