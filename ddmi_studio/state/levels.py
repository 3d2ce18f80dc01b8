"""What the basis scales of the sample on the screen hold: measured in the worker while somebody looks."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from ddmi_models.events import Event, Failed, Result
from ddmi_models.requests import MeasureLevels
from ddmi_studio.jobs import Priority
from ddmi_studio.state.samples import SessionSample
from ddmi_studio.state.session import Session

CHANNEL = "levels"


class Levels(QObject):
    """Asks for the spectra of the sample that is shown, as long as they are watched; the newest sample counts.

    Signals:
        measured: tuple[LevelSpectrum, ...] of the sample that is shown, () where there is none.
    """

    measured = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session, self._watched = session, False
        self._of: SessionSample | None = None
        session.samples.selected.connect(lambda _entry: self._ask())

    def watch(self, watched: bool) -> None:
        """Begin or cease to measure."""
        self._watched = watched
        self._ask()

    def _ask(self) -> None:
        entry = self._session.samples.current
        if not self._watched or entry is self._of:
            return
        self._of = entry
        if entry is None:
            self.measured.emit(())
            return

        def heard(event: Event) -> None:
            if self._of is not entry:
                return
            if isinstance(event, Result):
                self.measured.emit(event.value)
            elif isinstance(event, Failed):
                self.measured.emit(())

        self._session.lane.submit(MeasureLevels(entry.sample), heard, Priority.BACKGROUND, CHANNEL)
