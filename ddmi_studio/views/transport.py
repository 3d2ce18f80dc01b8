"""The controls under a clip: the scrub bar, play and steps, what the play head is on."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ddmi_studio.views.playhead import Playhead
from ddmi_studio.views.stage import ToolButton
from ddmi_studio.views.timeline import Timeline
from ddmi_studio.widgets.base import set_role

HEIGHT = 84
ROOMY = 560  # pixels of width from which all texts are shown


class Transport(QWidget):
    """A panel at the foot of the view; the view connects its buttons."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        set_role(self, "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT)
        self.timeline = Timeline(self)
        self.back = ToolButton(self, "mdi6.skip-previous", "One frame back (Left)")
        self.play = ToolButton(self, "mdi6.play", "Play (Space)", name="Play")
        self.on = ToolButton(self, "mdi6.skip-next", "One frame on (Right)")
        self.loop = ToolButton(self, "mdi6.repeat", "Play again and again (L)", checkable=True, name="Loop")
        self.set_start = ToolButton(self, "mdi6.contain-start", "The clip begins here (I)")
        self.set_stop = ToolButton(self, "mdi6.contain-end", "The clip ends here (O)")
        self.whole = ToolButton(self, "mdi6.arrow-expand-horizontal", "The whole clip again (W)")
        self.place, self.number, self.state = QLabel(self), QLabel(self), QLabel(self)
        for label, role in ((self.place, "value"), (self.number, "hint"), (self.state, "hint")):
            set_role(label, role)
        self._lay_out()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.play.setFixedWidth(44)
        for widget in (self.back, self.play, self.on, self.loop):
            row.addWidget(widget)
        row.addSpacing(8)
        row.addWidget(self.place)
        row.addSpacing(4)
        row.addWidget(self.number)
        row.addStretch(1)
        row.addWidget(self.state)
        row.addSpacing(8)
        for widget in (self.set_start, self.set_stop, self.whole):
            row.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 6, 14, 10)
        layout.setSpacing(4)
        layout.addWidget(self.timeline)
        layout.addLayout(row)

    def show_playing(self, playing: bool) -> None:
        name = "Pause" if playing else "Play"
        self.play.set_icon("mdi6.pause" if playing else "mdi6.play", f"{name} (Space)")
        self.play.setAccessibleName(name)

    def show_place(self, head: Playhead, last: float) -> None:
        """Which frame is shown, and when it stands."""
        self.timeline.show_instant(head.instant)
        self.place.setText(f"{head.instant:.2f} / {last:.2f} s")
        short = self.width() < ROOMY
        self.number.setText(f"{head.index + 1} / {head.count}" if short else f"frame {head.index + 1} of {head.count}")

    def show_state(self, text: str) -> None:
        """How much is rendered."""
        self.state.setText(text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.state.setVisible(self.width() >= ROOMY)
