"""The Settings page: appearance and the machine."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from ddmi_models.devices import missing_devices
from ddmi_studio.pages.parts import column, label, named, scrolled, spin_box
from ddmi_studio.state.settings import PRECISIONS, Settings
from ddmi_studio.widgets import SegmentedButtons

WIDTH = 560
DEVICES = (("auto", "Automatic"), ("cpu", "CPU"), ("cuda", "CUDA"), ("mps", "Metal"))


class SettingsPage(QWidget):
    """Edits the settings.

    Signals:
        theme_changed: another theme was picked. machine_changed: device, threads or precision.
    """

    theme_changed = Signal()
    machine_changed = Signal()

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self.setProperty("role", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.theme = SegmentedButtons(
            [("system", "As the system"), ("dark", "Dark"), ("light", "Light")], settings.theme
        )
        other = () if settings.device in dict(DEVICES) else ((settings.device, settings.device),)
        missing = missing_devices()
        self.device = SegmentedButtons((*DEVICES, *other), settings.device, tooltips=missing, per_row=5)
        for name in missing:
            self.device.button(name).setEnabled(settings.device == name)
        self.precision = SegmentedButtons([(name, name) for name in PRECISIONS], settings.precision)
        self.threads = spin_box()
        self.threads.setRange(0, 256)
        self.threads.setSpecialValueText("Automatic")
        self.threads.setValue(settings.threads)
        self.threads.setFixedWidth(130)
        self._lay_out()
        self.theme.value_changed.connect(self._set_theme)
        self.device.value_changed.connect(lambda value: self._set(device=value))
        self.precision.value_changed.connect(lambda value: self._set(precision=value))
        self.threads.valueChanged.connect(lambda value: self._set(threads=value))

    def _lay_out(self) -> None:
        content, layout = column(16)
        layout.setContentsMargins(32, 28, 32, 28)
        layout.addWidget(label("Settings", "hero"))
        look = self._card("Appearance", [(label("Theme", "section"), self.theme)])
        machine = self._card(
            "Machine",
            [
                (label("Device", "section"), self.device),
                (label("Precision", "section"), self.precision),
                (named("&Threads", self.threads), self.threads),
            ],
            "Takes effect with the next piece of work. The same recipe gives the same bytes on the same device and "
            "number of threads. "
            "Half precision is fast on graphics cards, and on processors with AVX-512 or AMX.",
        )
        layout.addWidget(look)
        layout.addWidget(machine)
        layout.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(content))

    def _card(self, title: str, fields: list[tuple[QWidget, QWidget]], note: str = "") -> QFrame:
        card = QFrame()
        card.setProperty("role", "card")
        card.setMaximumWidth(WIDTH)
        layout = QVBoxLayout(card)
        layout.setContentsMargins(20, 16, 20, 18)
        layout.setSpacing(8)
        layout.addWidget(label(title, "subtitle"))
        for name, field in fields:
            layout.addSpacing(4)
            layout.addWidget(name)
            layout.addWidget(field)
        if note:
            layout.addSpacing(4)
            layout.addWidget(label(note, "hint", wrap=True))
        return card

    def _set_theme(self, value: str) -> None:
        self._settings.theme = value
        self.theme_changed.emit()

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            setattr(self._settings, name, value)
        self.machine_changed.emit()
