"""An import on its way: what a file holds, what the user has told about it, how far its conversion is."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from ddmi_models.errors import EngineError
from ddmi_models.events import Cancelled, Event, Failed, Progress, Result
from ddmi_models.requests import FileInspection, ImportModel, InspectFile, Request
from ddmi_studio.jobs import Job, Priority
from ddmi_studio.state.session import Session

CANCELLED = "Cancelled. Nothing half-made was left."


class Phase(Enum):
    """Where the import stands: the file is looked into; the user decides; it is converted; it is a model."""

    LOOKING = "looking"
    DECIDING = "deciding"
    CONVERTING = "converting"
    DONE = "done"


class Importing(QObject):
    """The import of one file.

    Signals:
        changed: anything below.

    Attributes:
        found: what the file holds; None until it is known, and where it cannot be read.
        config: what the user has told of it: the name of a published configuration or a YAML file.
        error: why the last step failed; None where it did not. note: one line beside it.
        refused: the file, or what the user has told of it, cannot be used.
        progress: of the conversion.
    """

    changed = Signal()

    def __init__(self, session: Session, path: Path) -> None:
        super().__init__(session)
        self._session = session
        self.path = path
        self.phase = Phase.LOOKING
        self.found: FileInspection | None = None
        self.config: Path | None = None
        self.error: EngineError | None = None
        self.note = ""
        self.refused = False
        self.progress: Progress | None = None
        self._job: Job | None = None
        self.look()

    def look(self) -> None:
        """Look into the file, with what the user has told of it."""
        self.refused = False
        self._begin(Phase.LOOKING, InspectFile(self.path, self.config))

    def tell(self, config: Path | None) -> None:
        """Take a configuration and see whether the file fits it."""
        self.config = config
        self.look()

    def convert(self, name: str, precision: str) -> None:
        """Convert the file into a model of this name."""
        self._begin(Phase.CONVERTING, ImportModel(self.path, name, self.config, precision))

    def taken(self, name: str) -> bool:
        """Whether a model has this name."""
        return name.lower() in [model.name.lower() for model in self._session.models]

    def ready(self) -> bool:
        """Whether the file can be converted."""
        return self.phase is Phase.DECIDING and self.found is not None and not self.found.missing and not self.refused

    def cancel(self) -> None:
        """Stop what runs."""
        if self._job is not None:
            self._session.lane.cancel(self._job)

    def _begin(self, phase: Phase, request: Request) -> None:
        self._session.make_way()
        self.cancel()
        self.phase, self.error, self.note, self.progress = phase, None, "", None
        job: Job = self._session.lane.submit(request, lambda event: self._heard(job, event), Priority.EXPORT)
        self._job = job
        self.changed.emit()

    def _heard(self, job: Job, event: Event) -> None:
        if job is not self._job:
            return  # what the user has told since is what counts
        if isinstance(event, Progress):
            self.progress = event if self.phase is Phase.CONVERTING else None
        elif isinstance(event, Failed):
            self.refused = self.phase is Phase.LOOKING
            self.phase, self.error, self._job = Phase.DECIDING, event.error, None
        elif isinstance(event, Cancelled):
            self.phase, self.note, self._job = Phase.DECIDING, CANCELLED, None
        elif isinstance(event, Result) and self.phase is Phase.CONVERTING:
            self.phase, self._job = Phase.DONE, None
            self._session.imported(event.value)
        elif isinstance(event, Result):
            self.phase, self.found, self._job = Phase.DECIDING, event.value, None
        self.changed.emit()
