"""The inspector's fields of a moving camera: turntable or path, length and frame rate of a clip, views of a folder."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from ddmi_studio.pages.parts import label
from ddmi_studio.state.session import Session
from ddmi_studio.state.shot import CLIPS, FASTEST, FEWEST, LONGEST, MOST, SHORTEST, SLOWEST, Shot
from ddmi_studio.widgets import LabelledSlider, SegmentedButtons

TURN, FLY = "turn", "fly"
MOTIONS = ((TURN, "Turntable"), (FLY, "Camera path"))
TOOLTIPS = {
    TURN: "Once around, beginning at the camera of the view",
    FLY: "Through the keyframes of the view's camera path, smoothly and at an even speed",
}
NO_PATH = "There is no path yet: add two keyframes or more in the view (K)"


class MotionFields(QWidget):
    """How the camera of a clip or of a folder of frames moves; hidden where it does not."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.motion = SegmentedButtons(MOTIONS, TURN, tooltips=TOOLTIPS, per_row=2)
        self.seconds = LabelledSlider(
            "Length", SHORTEST, LONGEST, 4, log=True, suffix="s", tooltip="How long the clip lasts"
        )
        self.rate = LabelledSlider(
            "Frame rate", SLOWEST, FASTEST, 24, integer=True, suffix="fps", ticks=(12, 24, 30),
            tooltip="Every frame is rendered from the field; none is made up between two",
        )  # fmt: skip
        self.views = LabelledSlider(
            "Views", FEWEST, MOST, 72, log=True, integer=True, ticks=(24, 36, 72, 100, 180, 360),
            tooltip="Pictures in the folder; transforms.json says where each was taken from",
        )  # fmt: skip
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for widget in (label("Camera", "section"), self.motion, self.seconds, self.rate, self.views):
            layout.addWidget(widget)
        self.motion.value_changed.connect(lambda motion: self._set(flies=motion == FLY))
        self.seconds.value_changed.connect(lambda value: self._set(seconds=round(float(value), 1)))
        self.rate.value_changed.connect(lambda value: self._set(rate=int(value)))
        self.views.value_changed.connect(lambda value: self._set(views=int(value)))
        session.render.shot_changed.connect(lambda _domain: self.show_motion())
        session.render.export_changed.connect(lambda _domain: self.show_motion())
        self.hide()

    def _set(self, **values: object) -> None:
        self._session.render.set_shot(self._session.domain, **values)

    def show_motion(self) -> None:
        """Take on the values of the current domain."""
        domain = self._session.domain
        shot = self._session.render.shot(domain) if domain else None
        suffix = self._session.render.export(domain).suffix if domain else ""
        moves = shot is not None and shot.frames(suffix) is not None
        self.setVisible(moves)
        if shot is not None and moves:
            self._show(shot, suffix in CLIPS)

    def _show(self, shot: Shot, clip: bool) -> None:
        path = self.motion.button(FLY)
        path.setEnabled(shot.can_fly)
        path.setToolTip(TOOLTIPS[FLY] if shot.can_fly else NO_PATH)
        self.motion.set_value(FLY if shot.flies and shot.can_fly else TURN)
        for slider, value, shown in (
            (self.seconds, shot.seconds, clip),
            (self.rate, shot.rate, clip),
            (self.views, shot.views, not clip),
        ):
            slider.setVisible(shown)
            slider.set_value(value)
