"""The queue as rows: what runs, what waits, how fast it goes."""

from __future__ import annotations

import time
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from ddmi_models.events import Progress
from ddmi_studio.jobs import Job, JobState, Lane


@dataclass
class Row:
    """One piece of work in the dock.

    Attributes:
        title: what is made. label: what is being done. step, total: of the work. rate: steps a second.
        seconds_left: estimate, None before there is one.
        movable: it belongs to the queue, so that it can be paused and reordered.
    """

    job: Job
    title: str
    movable: bool
    label: str = ""
    step: int = 0
    total: int = 0
    rate: float | None = None
    seconds_left: float | None = None
    started: float | None = None
    _mark: tuple[float, int] | None = None

    @property
    def running(self) -> bool:
        return self.job.state is JobState.RUNNING

    @property
    def fraction(self) -> float:
        return self.step / self.total if self.total else 0.0

    def advance(self, progress: Progress, now: float) -> None:
        """Take in a report: the rate is measured since the label last changed."""
        if self._mark is None or progress.label != self.label or progress.step < self.step:
            self._mark = (now, progress.step)
            self.rate = None
        since, step = self._mark
        if progress.step > step and now > since:
            self.rate = (progress.step - step) / (now - since)
        self.label, self.step, self.total = progress.label, progress.step, progress.total
        self.seconds_left = progress.seconds_left
        if self.seconds_left is None and self.rate:
            self.seconds_left = (progress.total - progress.step) / self.rate

    def text(self, paused: bool) -> str:
        """The row in words: step 12 / 20 · 4.6 steps/s · 2 s left."""
        if not self.running:
            return f"{self.title} · {'paused' if paused and self.movable else 'waiting'}"
        parts = [self.title]
        if self.total > 1:
            parts.append(f"{self.label.lower()} {self.step} / {self.total}".strip())
        elif self.label:
            parts.append(self.label[0].lower() + self.label[1:])
        else:
            parts.append("starting")
        if paused and self.movable:
            parts.append("paused")
        else:
            if self.rate and self.total > 1:
                parts.append(f"{self.rate:.1f} steps/s" if self.rate < 100 else f"{self.rate:.0f} steps/s")
            if self.seconds_left is not None and self.step < self.total:
                parts.append(f"{duration(self.seconds_left)} left")
        return " · ".join(parts)


class Queue(QObject):
    """Rows of the jobs that the user started and waits for.

    Signals:
        changed: rows came, went or moved, or the queue was paused. row_changed: progress of one Row.
    """

    changed = Signal()
    row_changed = Signal(object)

    def __init__(self, lane: Lane, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lane = lane
        self._rows: dict[Job, Row] = {}
        lane.changed.connect(self._on_lane_changed)

    def add(self, job: Job, title: str, *, movable: bool) -> None:
        self._rows[job] = Row(job, title, movable)
        self.changed.emit()

    def progress(self, job: Job, event: Progress) -> None:
        row = self._rows.get(job)
        if row is not None:
            row.advance(event, time.monotonic())
            self.row_changed.emit(row)

    def rows(self) -> list[Row]:
        """Other work first (exports), then the queue in its order."""
        order = {job: i for i, job in enumerate(self._lane.queue())}
        alive = [r for r in self._rows.values() if r.job.state is not JobState.DONE]
        return sorted(alive, key=lambda r: (r.movable, order.get(r.job, 0)))

    def running_generation(self) -> Row | None:
        """The row of the generation that runs or comes next."""
        return next((r for r in self.rows() if r.movable), None)

    @property
    def paused(self) -> bool:
        return self._lane.paused

    def set_paused(self, paused: bool) -> None:
        self._lane.set_paused(paused)

    def cancel(self, row: Row) -> None:
        self._lane.cancel(row.job)

    def move(self, row: Row, by: int) -> None:
        """Move a waiting row up (-1) or down (+1)."""
        waiting = [r.job for r in self.rows() if r.movable and not r.running]
        if row.job in waiting:
            self._lane.move(row.job, waiting.index(row.job) + by)

    def clear(self) -> None:
        """Cancel everything that waits."""
        for row in self.rows():
            if row.movable and not row.running:
                self._lane.cancel(row.job)

    def _on_lane_changed(self) -> None:
        self._rows = {job: row for job, row in self._rows.items() if job.state is not JobState.DONE}
        self.changed.emit()


def duration(seconds: float) -> str:
    """Seconds for people: 0.04 s, 0.4 s, 12 s, 3 min, 2 h."""
    if seconds < 0.095:
        return f"{max(seconds, 0.01):.2f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def size(count: int) -> str:
    """Bytes for people: 640 kB, 3.1 MB."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 99.5 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
