"""The lane: everything that computes runs here, one piece of work at a time, on one thread beside the window.

Jobs of a higher priority are served between two events of a running job of a lower one, on the same thread: the
picture follows the hand while a long generation runs, and two computations never compete for the device. (A second
thread was considered: on a processor the two would share the same cores, on a graphics card the same memory, and every
model would have to be safe for it.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal, Slot

from ddmi_models.events import FINAL_EVENTS, Cancelled, Event, Partial
from ddmi_models.requests import Request
from ddmi_studio.jobs.job import EngineLike, Handler, Job, JobState, Priority
from ddmi_studio.jobs.worker import Worker


class Lane(QObject):
    """Takes requests from the GUI thread and calls each job's handler there, ending with exactly one final event.

    Signals:
        changed: a job was added, started, moved or finished, or the queue was paused or resumed.
    """

    changed = Signal()
    _started = Signal(object)
    _event = Signal(object, object)

    def __init__(self, make_engine: Callable[[], EngineLike], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._condition = threading.Condition()
        self._waiting: list[Job] = []
        self._running: list[Job] = []
        self._paused = False
        self._closing = False
        queued = Qt.ConnectionType.QueuedConnection
        self._started.connect(self._on_started, queued)
        self._event.connect(self._on_event, queued)
        self._worker = Worker(self, make_engine)

    def start(self) -> None:
        """Start the thread; jobs may be submitted before."""
        self._worker.start()

    def submit(self, request: Request, handler: Handler, priority: Priority, channel: str = "") -> Job:
        """Add a job; on a named channel it takes the place of an older one."""
        job = Job(request, handler, priority, channel)
        with self._condition:
            dropped = [j for j in self._waiting if channel and j.channel == channel]
            for old in dropped:
                self._waiting.remove(old)
            for running in self._running:
                if channel and running.channel == channel:
                    running.superseded = True
                    if running.shown:
                        running.token.cancel()
            closing = self._closing
            if not closing:
                self._waiting.append(job)
            self._condition.notify_all()
        for old in (*dropped, *([job] if closing else [])):
            self._event.emit(old, Cancelled())
        self.changed.emit()
        return job

    def cancel(self, job: Job) -> None:
        """Stop a job: at once where it waits, at its next step, block or chunk where it runs."""
        job.token.cancel()
        with self._condition:
            waited = job in self._waiting
            if waited:
                self._waiting.remove(job)
            self._condition.notify_all()
        if waited:
            self._event.emit(job, Cancelled())

    def move(self, job: Job, position: int) -> None:
        """Put a waiting job of the queue at a position among the waiting ones."""
        with self._condition:
            queue = [j for j in self._waiting if j.priority is Priority.QUEUE]
            if job not in queue:
                return
            queue.remove(job)
            queue.insert(max(0, position), job)
            self._waiting = [j for j in self._waiting if j.priority is not Priority.QUEUE] + queue
        self.changed.emit()

    def set_paused(self, paused: bool) -> None:
        """Hold the queue: the running generation stops between two steps, waiting ones do not start."""
        with self._condition:
            self._paused = paused
            self._condition.notify_all()
        self.changed.emit()

    @property
    def paused(self) -> bool:
        return self._paused

    def queue(self) -> list[Job]:
        """Jobs of the queue: the running one first, then the waiting ones in order."""
        with self._condition:
            return [j for j in (*self._running, *self._waiting) if j.priority is Priority.QUEUE]

    def use_engine(self, make_engine: Callable[[], EngineLike]) -> None:
        """Make a new engine (another device, another number of threads) before the next job of an idle lane."""
        self._worker.use_engine(make_engine)

    def close(self, patience: float = 20.0) -> bool:
        """Cancel everything and end the thread.

        Returns:
            Whether it has ended within `patience` seconds; a library call that cannot be interrupted may hold it.
        """
        with self._condition:
            self._closing = True
            dropped, self._waiting = self._waiting, []
            for job in self._running:
                job.token.cancel()
            self._condition.notify_all()
        for job in dropped:
            self._event.emit(job, Cancelled())
        self._worker.requestInterruption()
        return not self._worker.isRunning() or self._worker.wait(int(patience * 1000))

    # Called by the worker on its own thread

    def take(self, below: Job | None) -> Job | None:
        """The next job: waited for where nothing runs; else one more urgent than the running `below`, or None."""
        with self._condition:
            while True:
                if self._closing:
                    return None
                job = self._most_urgent(below)
                if job is not None:
                    self._waiting.remove(job)
                    self._running.append(job)
                    self._started.emit(job)
                    return job
                held = below is None or (
                    self._paused and below.priority is Priority.QUEUE and not below.token.cancelled
                )
                if not held:
                    return None
                self._condition.wait()

    def report(self, job: Job, event: Event) -> None:
        """Pass an event to the GUI thread; a final one ends the job."""
        with self._condition:
            if isinstance(event, FINAL_EVENTS):
                self._running.remove(job)
            elif isinstance(event, Partial):
                job.shown = True
                if job.superseded:
                    job.token.cancel()
        self._event.emit(job, event)

    def _most_urgent(self, below: Job | None) -> Job | None:
        least = below.priority + 1 if below is not None else (Priority.EXPORT if self._paused else Priority.QUEUE)
        candidates = [j for j in self._waiting if j.priority >= least]
        return max(candidates, key=lambda j: j.priority, default=None)

    # On the GUI thread

    @Slot(object)
    def _on_started(self, job: Job) -> None:
        if job.state is JobState.WAITING:
            job.state = JobState.RUNNING
            self.changed.emit()

    @Slot(object, object)
    def _on_event(self, job: Job, event: Event) -> None:
        if job.state is JobState.DONE:
            return
        final = isinstance(event, FINAL_EVENTS)
        if final:
            job.state = JobState.DONE
        job.handler(event)
        if final:
            self.changed.emit()
