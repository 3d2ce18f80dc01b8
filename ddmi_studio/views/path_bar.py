"""The controls of a camera path at the foot of the view: its keyframes, how long it takes, playing and saving it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ddmi_studio.state.shot import LONGEST, SHORTEST
from ddmi_studio.views.keyframes import Keyframes
from ddmi_studio.views.stage import ToolButton
from ddmi_studio.widgets import LabelledSlider
from ddmi_studio.widgets.base import set_role

HEIGHT = 92
ROOMY, NARROW = 312, 236  # pixels of width of the controls


class PathBar(QWidget):
    """A panel at the foot of the view; the view connects its buttons.

    Signals:
        seconds_changed: how long the path takes.
    """

    seconds_changed = Signal(float)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        set_role(self, "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_NoMousePropagation)  # a drag here does not turn the view
        self.setFixedHeight(HEIGHT)
        self.keyframes = Keyframes(self)
        self.add = ToolButton(self, "mdi6.plus", "Keep this camera as a keyframe (K)", name="Add keyframe")
        self.remove = ToolButton(self, "mdi6.minus", "Take away the chosen keyframe (Delete)", name="Remove keyframe")
        self.clear = ToolButton(self, "mdi6.trash-can-outline", "Take away all keyframes", name="Clear path")
        self.play = ToolButton(self, "mdi6.play", "Fly along the path (P)", name="Play")
        self.loop = ToolButton(
            self, "mdi6.repeat", "Go back to the first keyframe, for clips that loop", name="Loop", checkable=True
        )
        self.save = ToolButton(self, "mdi6.movie-open-outline", "Save the flight as a clip (MP4)", text="Save clip…")
        self.seconds = LabelledSlider("Length", SHORTEST, LONGEST, 4, log=True, suffix="s", tooltip="Of the flight")
        self.seconds.value_changed.connect(lambda value: self.seconds_changed.emit(round(float(value), 1)))
        self.keyframes.changed.connect(self._show_buttons)
        self.remove.clicked.connect(self.keyframes.remove)
        self.clear.clicked.connect(self.keyframes.remove_all)
        self._lay_out()
        self._show_buttons()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        for widget in (self.add, self.remove, self.clear, self.play, self.loop, self.save):
            buttons.addWidget(widget)
        self._controls = QWidget(self)
        self._controls.setFixedWidth(ROOMY)
        column = QVBoxLayout(self._controls)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.seconds)
        column.addLayout(buttons)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 14, 8)
        row.setSpacing(12)
        row.addWidget(self.keyframes, 1)
        row.addWidget(self._controls)

    def _show_buttons(self) -> None:
        count = self.keyframes.count()
        for button in (self.remove, self.clear):
            button.setEnabled(count > 0)
        for button in (self.play, self.loop, self.save):
            button.setEnabled(count > 1)

    def set_roomy(self, roomy: bool) -> None:
        self.save.show_text(roomy)
        self._controls.setFixedWidth(ROOMY if roomy else NARROW)

    def show_playing(self, playing: bool) -> None:
        name = "Stop" if playing else "Play"
        self.play.set_icon("mdi6.stop" if playing else "mdi6.play", f"{name} the flight (P)")
        self.play.setAccessibleName(name)
