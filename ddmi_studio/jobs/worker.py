"""The thread that consumes the engine's generators: a failing job never ends it, every job has one final event."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QThread

from ddmi_models.cancel import WorkCancelled
from ddmi_models.errors import EngineError
from ddmi_models.events import FINAL_EVENTS, Cancelled, Event, Failed, Progress
from ddmi_studio.jobs.job import EngineLike, Job

if TYPE_CHECKING:
    from ddmi_studio.jobs.lane import Lane

PROGRESS_INTERVAL = 0.03
"""Seconds between two reports of progress: more than a screen shows would only flood the window's event loop."""


class Worker(QThread):
    """Serves one job after another; inside a job, between two of its events, more urgent ones."""

    def __init__(self, lane: Lane, make_engine: Callable[[], EngineLike]) -> None:
        super().__init__(lane)
        self.setObjectName("lane")
        self._lane = lane
        self._lock = threading.Lock()
        self._make_engine = make_engine
        self._engine: EngineLike | None = None

    def use_engine(self, make_engine: Callable[[], EngineLike]) -> None:
        with self._lock:
            self._make_engine = make_engine
            self._engine = None

    def run(self) -> None:
        while (job := self._lane.take(None)) is not None:
            self._serve(job)

    def _serve(self, job: Job) -> None:
        self._lane.report(job, self._consume(job))

    def _consume(self, job: Job) -> Event:
        """Run a job to its final event, which is returned and not yet reported."""
        try:
            return self._follow(job)
        except WorkCancelled:
            return Cancelled()
        except EngineError as error:
            return Failed(error, traceback.format_exc())
        except Exception as error:  # noqa: BLE001 - the last line of defence: the window shows it and the lane goes on
            message = f"Something unexpected went wrong: {type(error).__name__}: {error}"
            return Failed(EngineError(message, "Please report it with the details."), traceback.format_exc())

    def _follow(self, job: Job) -> Event:
        job.token.check()
        last_progress = 0.0
        for event in self._current_engine().run(job.request, job.token):
            if isinstance(event, FINAL_EVENTS):
                return event
            now = time.monotonic()
            if not isinstance(event, Progress) or now - last_progress > PROGRESS_INTERVAL or event.step == event.total:
                self._lane.report(job, event)
                if isinstance(event, Progress):
                    last_progress = now
            while (urgent := self._lane.take(below=job)) is not None:
                self._serve(urgent)
        return Failed(EngineError("The work ended without a result.", "Please report it with the recipe."))

    def _current_engine(self) -> EngineLike:
        with self._lock:
            if self._engine is None:
                self._engine = self._make_engine()
            return self._engine
