"""Rendering and exporting the sample that is shown."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from ddmi_models.events import Cancelled, Event, Failed, Notice, Partial, Progress, Result
from ddmi_models.requests import EstimateExport, Export, ExportEstimate, Render, Timing, View
from ddmi_studio.jobs import Job, Priority
from ddmi_studio.state.messages import Message, problem
from ddmi_studio.state.queue import duration
from ddmi_studio.state.render import MESHES
from ddmi_studio.state.samples import SessionSample
from ddmi_studio.state.session import Session

ESTIMATE_DELAY = 150
"""Milliseconds that the choice must rest before its cost is asked for."""


class Renders(QObject):
    """Serves the views' wishes and the export form.

    Signals:
        rendered: (view, Picture or MeshData, final). failed: the view that was not rendered.
        timing: what took how long, in words. estimated: an ExportEstimate or None. exported: the Path written.
    """

    rendered = Signal(object, object, bool)
    failed = Signal(object)
    timing = Signal(str)
    estimated = Signal(object)
    exported = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._render_seconds: float | None = None
        self._wished: dict[str, tuple[SessionSample, Job]] = {}
        self._delay = QTimer(self, singleShot=True, interval=ESTIMATE_DELAY)
        self._delay.timeout.connect(self._ask_estimate)
        session.samples.selected.connect(self._on_selected)
        session.domain_changed.connect(self._drop_unseen)
        session.render.export_changed.connect(lambda _domain: self.estimate())
        session.render.changed.connect(self._on_settings)
        session.render.shot_changed.connect(lambda _domain: self.estimate())

    def wish(self, view: View, channel: str) -> None:
        """Render a view of the sample that is shown; a newer wish on the channel takes its place."""
        entry = self._session.samples.current
        if entry is None:
            return

        def heard(event: Event) -> None:
            if self._session.samples.current is not entry:
                return
            if isinstance(event, Partial | Result):
                self.rendered.emit(view, event.value, isinstance(event, Result))
            elif isinstance(event, Failed | Cancelled):
                self.failed.emit(view)
            if isinstance(event, Failed):
                self._session.message.emit(problem(event, "The sample is kept."))
            elif isinstance(event, Result) and channel == "view":
                self._render_seconds = time.monotonic() - asked
                self._tell_timing(entry)

        asked = time.monotonic()
        job = self._session.lane.submit(Render(entry.sample, view), heard, Priority.VIEW, channel)
        self._wished[channel] = entry, job

    def _drop_unseen(self, domain: str) -> None:
        """What was asked for of samples that are no longer on the screen keeps nobody waiting."""
        for channel, (entry, job) in list(self._wished.items()):
            if entry is not self._session.samples.current or entry.domain != domain:
                self._session.lane.cancel(job)
                del self._wished[channel]

    def _on_selected(self, entry: SessionSample | None) -> None:
        self._drop_unseen(entry.domain if entry is not None else "")
        self._render_seconds = None
        self._tell_timing(entry)
        self.estimate()

    def _tell_timing(self, entry: SessionSample | None) -> None:
        parts = []
        if entry is not None and entry.seconds is not None:
            parts.append(f"sampled in {duration(entry.seconds)}")
        if entry is not None and self._render_seconds is not None:
            done = "meshed" if self._session.scenes[entry.domain].has_iso else "rendered"
            parts.append(f"{done} in {duration(self._render_seconds)}")
        self.timing.emit(" · ".join(parts))

    def _on_settings(self, domain: str, moving: bool) -> None:
        if self._session.render.settings(domain).clip is not None and not moving:
            self.estimate()

    def _timing(self, domain: str) -> Timing:
        """Of the frames that an export has."""
        clip = self._session.render.settings(domain).clip
        return Timing() if clip is None else clip.timing(self._session.render.export(domain).rate)

    def _cameras(self, domain: str, path: Path, size: tuple[int, int], flies: bool | None) -> dict[str, Any]:
        """From where an export is seen, as its arguments."""
        shot = self._session.render.shot(domain)
        if shot is None:
            return {}
        return replace(shot, flies=shot.flies if flies is None else flies).arguments(path.suffix.lower(), size)

    def estimate(self) -> None:
        """Ask, soon, what the chosen export would cost."""
        self.estimated.emit(None)
        self._delay.start()

    def _ask_estimate(self) -> None:
        entry = self._session.samples.current
        if entry is None:
            return
        choice = self._session.render.export(entry.domain)

        def heard(event: Event) -> None:
            shown = self._session.samples.current is entry
            if shown and isinstance(event, Result) and isinstance(event.value, ExportEstimate):
                self.estimated.emit(event.value)

        size, timing = max(choice.resolution), self._timing(entry.domain)
        shot = self._session.render.shot(entry.domain)
        views = None if shot is None else shot.frames(choice.suffix)
        request = EstimateExport(entry.sample, choice.suffix, size, timing, views, choice.kept_faces)
        self._session.lane.submit(request, heard, Priority.BACKGROUND, "estimate")

    def export(self, path: Path, resolution: tuple[int, int] | None = None, flies: bool | None = None) -> None:
        """Write the sample that is shown to a file, at the chosen size unless another is given.

        `flies`: whether a clip follows the camera path; None: as chosen.
        """
        session, entry = self._session, self._session.samples.current
        if entry is None:
            return
        settings, choice = session.render.settings(entry.domain), session.render.export(entry.domain)
        size = resolution or choice.resolution
        request = Export(
            entry.sample,
            path,
            size,
            settings.iso,
            settings.gains,
            settings.grain,
            timing=self._timing(entry.domain),
            faces=choice.faces if path.suffix.lower() in MESHES else None,
            **self._cameras(entry.domain, path, size, flies),
        )
        session.settings.folder = str(path.parent)

        notices: list[str] = []

        def heard(event: Event) -> None:
            if isinstance(event, Progress):
                session.queue.progress(job, event)
            elif isinstance(event, Notice):
                notices.append(event.message)
            elif isinstance(event, Result):
                where = f"in {path.parent}, with its recipe inside or beside it."
                session.message.emit(Message(f"Saved {path.name}", " ".join([where, *notices])))
                self.exported.emit(event.value)
            elif isinstance(event, Failed):
                session.message.emit(problem(event, "The sample is kept; nothing half-written was left."))
            elif isinstance(event, Cancelled):
                session.message.emit(Message("Export cancelled.", "Nothing half-written was left."))

        job = session.lane.submit(request, heard, Priority.EXPORT)
        session.queue.add(job, f"Exporting {path.name}", movable=False)

    def stop(self) -> None:
        """Before the window closes."""
        self._delay.stop()
