"""Trainings: the runs on this machine, the one that is looked at, and what is asked of them.

Runs are processes of their own; this follows their files. Everything goes through a lane of its own, which computes
nothing, so that neither generating waits for it nor it for generating.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from ddmi_models.events import FINAL_EVENTS, Event, Failed, Result
from ddmi_models.requests import (
    ControlRun,
    DescribeTraining,
    ListRuns,
    RemoveRun,
    Request,
    RunDetails,
    RunInfo,
    ShowRun,
    StartRun,
    TrainingGuide,
)
from ddmi_studio.jobs import Lane, Priority
from ddmi_studio.state.messages import Message, problem
from ddmi_studio.state.run_series import Points, RunSeries
from ddmi_studio.state.session import Session

ACTIVE = ("waiting", "running")
RESUMABLE = ("new", "paused", "stopped", "failed", "crashed")
SEEN, UNSEEN = 1000, 4000
"""Milliseconds between two looks, where the page is on the screen and where it is not."""
SETTLING = 20.0
"""Seconds that a run which has ended is still looked at: its model is registered last of all."""
LOG_LINES = 200


@dataclass(frozen=True)
class ShownRun:
    """The run that is looked at: its files as last read, and its figures."""

    details: RunDetails
    series: RunSeries

    @property
    def info(self) -> RunInfo:
        return self.details.info


class Training(QObject):
    """Follows the runs and asks them for things.

    Signals:
        runs_changed: the list, or where a run stands. run_changed: the run that is looked at (`shown`).
        selected: the Path of another run that is looked at from now on, or None.
        compared_changed: the curves of other runs that are shown beside that of the run that is looked at (`compared`).
        guide_changed: what a new run can be told. busy_changed: something is being asked, or was done.
        model_wanted: name of a model that is to be used on the Create page.
    """

    runs_changed = Signal()
    run_changed = Signal()
    selected = Signal(object)
    compared_changed = Signal()
    guide_changed = Signal()
    busy_changed = Signal()
    model_wanted = Signal(str)

    def __init__(self, session: Session, lane: Lane, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session, self.lane = session, lane
        self.runs: tuple[RunInfo, ...] = ()
        self.runs_known = False
        self.guide: TrainingGuide | None = None
        self.current: Path | None = None
        self.shown: ShownRun | None = None
        self.compared: dict[Path, RunSeries] = {}
        self.busy: dict[Path | None, str] = {}
        self._seen = False
        self._settled = 0.0
        self._asked: set[str] = set()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)

    # Following

    def set_seen(self, seen: bool) -> None:
        """Whether the page is on the screen."""
        self._seen = seen
        if seen:
            self.look()
            self.load_guide()
        self._set_pace()

    def look(self) -> None:
        """See where the runs stand now."""
        self._poll("runs", ListRuns(), self._take_runs)
        self._look_at_current()

    def _look_at_current(self) -> None:
        if self._seen and self.current is not None:
            start = self.shown.series.known() if self.shown is not None else 0
            request = ShowRun(str(self.current), start, LOG_LINES)
            self._poll("run", request, lambda details: self._take_details(request, details))

    def _poll(self, name: str, request: Request, done: Callable[[Any], None]) -> None:
        """Ask unless the last answer is still to come; what fails is asked again at the next look."""
        if name in self._asked:
            return
        self._asked.add(name)

        def heard(event: Event) -> None:
            self._asked.discard(name)
            if isinstance(event, Result):
                done(event.value)

        self.lane.submit(request, heard, Priority.VIEW)

    def _set_pace(self) -> None:
        active = any(run.state in ACTIVE for run in self.runs) or time.monotonic() < self._settled
        if self._seen:
            self._timer.start(SEEN)
        elif active:
            self._timer.start(UNSEEN)
        else:
            self._timer.stop()

    def stop(self) -> None:
        """Before the window closes; the runs go on."""
        self._timer.stop()

    def _take_runs(self, runs: tuple[RunInfo, ...]) -> None:
        before = {run.path: run for run in self.runs}
        first, self.runs_known = not self.runs_known, True
        order = {state: place for place, state in enumerate(ACTIVE[::-1])}
        self.runs = tuple(sorted(runs, key=lambda run: (order.get(run.state, len(order)), -run.updated, run.name)))
        for run in () if first else runs:
            self._notice(before.get(run.path), run)
        self._set_pace()
        now = {run.path: run for run in runs}
        for path in [path for path in self.compared if before.get(path) != now.get(path)]:
            self.compare(path, path in now)
        if first or now != before:
            self.runs_changed.emit()
        if self.current is None and self.runs and first:
            self.select(self.runs[0].path)

    def _notice(self, before: RunInfo | None, run: RunInfo) -> None:
        """Tell what has happened to a run since the last look."""
        if before is not None and before.state in ACTIVE and run.state not in ACTIVE:
            self._settled = time.monotonic() + SETTLING
            self.load_guide()  # a first stage is something to start from now
            if run.state in ("failed", "crashed"):
                self.session.message.emit(Message(f"{run.name} has {run.state}.", run.message, error=True))
        if run.model and (before is None or not before.model):
            self.session.load_models(lambda: self._announce(run))

    def _announce(self, run: RunInfo) -> None:
        whole = self.session.model(run.model) is not None
        body = "It is among the models of the Create page." if whole else "An add-on for its model on the Create page."
        use = ("Use it", lambda: self.model_wanted.emit(run.model)) if self.usable(run.model) else None
        self.session.message.emit(Message(f"{run.model} is trained.", body, action=use))

    def usable(self, name: str) -> bool:
        """Whether a model, or an add-on, makes samples on the Create page."""
        models = [info.name for info in self.session.usable_models()]
        return name in models or name in [info.name for info in self.session.form.addons]

    # One run

    def select(self, path: Path | None) -> None:
        """Look at a run."""
        if path == self.current:
            return
        self.current, self.shown = path, None
        self._asked.discard("run")  # an answer about the other run is not waited for
        self.selected.emit(path)
        self.run_changed.emit()
        self._look_at_current()

    def info(self, path: Path) -> RunInfo | None:
        """Where a run stands."""
        return next((run for run in self.runs if run.path == path), None)

    def _take_details(self, request: ShowRun, details: RunDetails) -> None:
        if details.info.path != self.current:
            return
        series = self.shown.series if self.shown is not None else RunSeries(int(details.config.get("batch") or 0))
        if not series.take(details.metrics, request.metrics_from):
            self.shown = None  # rows were dropped when it was resumed: read all of them
            self._look_at_current()
            return
        self.shown = ShownRun(details, series)
        self.run_changed.emit()

    # Comparing

    def compare(self, path: Path, on: bool) -> None:
        """Show another run's loss beside that of the run that is looked at, or no longer."""
        if not on:
            self.compared.pop(path, None)
            self.compared_changed.emit()
            return

        def heard(event: Event) -> None:
            if isinstance(event, Result):
                series = RunSeries()
                series.take(event.value.metrics, 0)
                self.compared[path] = series
                self.compared_changed.emit()
            elif isinstance(event, Failed):
                self.session.message.emit(problem(event))
                self.compared_changed.emit()

        self.lane.submit(ShowRun(str(path), log_lines=0), heard, Priority.VIEW)

    def others(self) -> dict[str, Points]:
        """Smoothed losses of the runs to compare with, by a name that no other run has."""
        names = distinct_names([run.path for run in self.runs])
        chosen = {path: series for path, series in self.compared.items() if path != self.current}
        return {names.get(path, str(path)): series.smoothed() for path, series in chosen.items()}

    # Asking

    def load_guide(self) -> None:
        """Ask what a new run can be told, and what it can start from."""
        self._poll("guide", DescribeTraining(), self._take_guide)

    def _take_guide(self, guide: TrainingGuide) -> None:
        changed = guide != self.guide
        self.guide = guide
        if changed:
            self.guide_changed.emit()

    def start(self, config: dict[str, Any]) -> None:
        """Start a new run and look at it."""
        self._do(None, StartRun(config), "Starting", self._take_started)

    def control(self, path: Path, action: str) -> None:
        """Ask a run to save, sample, pause, stop or resume."""
        words = {"save": "Saving", "sample": "Drawing", "pause": "Pausing", "stop": "Stopping", "resume": "Resuming"}
        self._do(path, ControlRun(str(path), action), words[action], self._put)

    def remove(self, path: Path) -> None:
        """Delete the files of a run that has ended."""
        self._do(path, RemoveRun(str(path)), "Removing", lambda _name: self._forget(path))

    def _forget(self, path: Path) -> None:
        self.runs = tuple(run for run in self.runs if run.path != path)
        self.compare(path, False)
        if path == self.current:
            self.select(self.runs[0].path if self.runs else None)
        self.runs_changed.emit()

    def _do(self, path: Path | None, request: Request, words: str, done: Callable[[Any], None]) -> None:
        if path in self.busy:
            return
        self.busy[path] = words

        def heard(event: Event) -> None:
            if isinstance(event, FINAL_EVENTS):
                del self.busy[path]
                self.busy_changed.emit()
            if isinstance(event, Result):
                done(event.value)
                self.look()
            elif isinstance(event, Failed):
                self.session.message.emit(problem(event))
                self.look()

        self.lane.submit(request, heard, Priority.EXPORT)
        self.busy_changed.emit()

    def _take_started(self, info: RunInfo) -> None:
        self._put(info)
        self.select(info.path)

    def _put(self, info: RunInfo) -> None:
        """Take in what a run has answered, before the next look."""
        others = tuple(run for run in self.runs if run.path != info.path)
        self.runs = (info, *others)
        self._set_pace()
        self.runs_changed.emit()


def distinct_names(paths: Sequence[Path]) -> dict[Path, str]:
    """The last name of each path; the whole path in brackets where others have the same."""
    counts = Counter(path.name for path in paths)
    return {path: path.name if counts[path.name] == 1 else f"{path.name} ({path.parent})" for path in paths}
