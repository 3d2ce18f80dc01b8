"""Work on samples beside drawing them: own files as fields, neighbours, ways between two, mixtures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from ddmi_models.events import Cancelled, Event, Failed, Notice, Progress, Result
from ddmi_models.requests import (
    Encode,
    Encoded,
    ExportPath,
    Interpolate,
    Mix,
    ModelInfo,
    Request,
    Sample,
    Thumbnail,
    Vary,
    describe,
)
from ddmi_studio.jobs import Priority
from ddmi_studio.state.messages import Message, problem
from ddmi_studio.state.samples import SessionSample
from ddmi_studio.state.scene import Scene
from ddmi_studio.state.session import Session

PREVIEW_CHANNEL, STRIP_CHANNEL = "combined", "way"
PREVIEW_PIXELS, STRIP_PIXELS = 192, 64
KEPT = "The samples are kept."


class LatentTools(QObject):
    """What the filmstrip's buttons and dropped files ask for.

    Signals:
        previewed: picture (uint8 [h, w, 3]) of a mixture or of a point on a way, or None where there is none.
        strip_changed: number and picture (uint8 [h, w, 3]) of one of the strip's samples.
    """

    previewed = Signal(object)
    strip_changed = Signal(int, object)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._strip_wish: object | None = None
        session.plain_file.connect(self.open_plain)

    # Own files

    def takers(self, path: Path) -> list[ModelInfo]:
        """The models that would encode a file or folder, the likeliest first: the picked one if it takes its kind."""
        picked = self._session.form.model
        usable = sorted(self._session.usable_models(), key=lambda m: m != picked)
        return [m for wanted in (2, 1) for m in usable if self.scene(m).fit(path) == wanted]

    def scene(self, model: ModelInfo) -> Scene:
        """How a model's samples are shown."""
        return self._session.scenes[model.domain]

    def kinds(self) -> str:
        """What some installed model takes, in words."""
        own = [scene.own for scene in {m.domain: self.scene(m) for m in self._session.usable_models()}.values()]
        return ", ".join(words for words in own if words) or "no files"

    def suffixes(self) -> list[str]:
        """Endings of all files that some installed model takes."""
        scenes = self._session.scenes
        return sorted({suffix for m in self._session.usable_models() for suffix in scenes[m.domain].takes})

    def open_plain(self, path: Path) -> None:
        """Open a file without a recipe as a field."""
        takers = self.takers(path)
        if not takers:
            self._session.message.emit(
                Message(
                    f"{path.name} carries no recipe, and no installed model takes it as a field.",
                    f"Files that are taken: {', '.join(self.suffixes()) or 'none'}.",
                    error=True,
                )
            )
            return
        self.encode(path, takers[0])

    def encode(self, path: Path, model: ModelInfo, up: str | None = None) -> None:
        """Make a sample of a file; `up`: the axis that points up in it, None: the usual one."""
        title = f"Opening {path.name} as a field"
        self._session.settings.folder = str(path.parent)
        self._session.task(
            Encode(model.name, path, up), title, partial(self._encoded, path, model), "The file is kept."
        )

    def _encoded(self, path: Path, model: ModelInfo, encoded: Encoded) -> None:
        self._session.pick_model(model.name)
        self._session.add_samples([SessionSample(encoded.sample)])
        self._session.message.emit(
            Message(f"{path.name} is a field now: render, export, vary or mix it.", f"{model.name}: {encoded.words}.")
        )

    # Neighbours

    def vary(self, source: Sample, seed: int, strength: float, count: int) -> None:
        """Send `count` neighbours, with consecutive seeds, down the queue."""
        for number in range(count):
            title = f"Varying {describe(source.recipe)} · seed {seed + number}"
            self._queue(Vary(source, seed + number, strength), title)

    # Two samples

    def mix(self, coarse: Sample, fine: Sample, levels: Sequence[float]) -> None:
        """Put a mixture on the strip."""
        self._session.task(
            Mix(coarse, fine, tuple(levels)),
            f"Mixing {describe(coarse.recipe)} and {describe(fine.recipe)}",
            lambda sample: self._session.add_samples([SessionSample(sample)]),
            KEPT,
        )

    def interpolate(self, first: Sample, second: Sample, steps: int, path: Path | None) -> None:
        """Samples on the way between two: to a file (strip, clip) or folder, or, without a path, to the strip."""

        def done(way: tuple[Sample, ...]) -> None:
            if path is None:
                self._session.add_samples([SessionSample(sample) for sample in way[1:-1]])
                return
            self._session.task(ExportPath(way, path), f"Writing {path.name}", partial(self._written, path))

        self._session.task(
            Interpolate(first, second, steps),
            f"Between {describe(first.recipe)} and {describe(second.recipe)}",
            done,
            KEPT,
        )

    def _written(self, path: Path, files: tuple[Path, ...]) -> None:
        many = f", {len(files)} files" if len(files) > 1 else ""
        self._session.message.emit(Message(f"Saved {path.name}{many}", f"in {path.parent}, recipes included."))

    def preview_mix(self, coarse: Sample, fine: Sample, levels: Sequence[float]) -> None:
        """A look at a mixture; the newest wish counts."""
        self._preview(Mix(coarse, fine, tuple(levels)), lambda sample: sample)

    def preview_way(self, first: Sample, second: Sample, steps: int, at: int) -> None:
        """A look at one of the samples on a way."""
        self._preview(Interpolate(first, second, steps), lambda way: way[at])

    def preview_strip(self, first: Sample, second: Sample, count: int) -> None:
        """Small pictures of `count` samples on a way, one after the other; the newest way counts."""
        lane, wish = self._session.lane, object()
        self._strip_wish = wish

        def made(event: Event) -> None:
            if isinstance(event, Result) and self._strip_wish is wish:
                draw(event.value, 0)

        def draw(way: tuple[Sample, ...], at: int) -> None:
            def shown(event: Event) -> None:
                if isinstance(event, Result) and self._strip_wish is wish:
                    self.strip_changed.emit(at, event.value.pixels)
                    if at + 1 < len(way):
                        draw(way, at + 1)

            lane.submit(Thumbnail(way[at], STRIP_PIXELS), shown, Priority.BACKGROUND, STRIP_CHANNEL)

        lane.submit(Interpolate(first, second, count), made, Priority.BACKGROUND, STRIP_CHANNEL)

    def end_strip(self) -> None:
        """Nobody looks at the strip any more."""
        self._strip_wish = None

    def _preview(self, request: Request, pick: Callable[[Any], Sample]) -> None:
        def made(event: Event) -> None:
            if isinstance(event, Result):
                look = Thumbnail(pick(event.value), PREVIEW_PIXELS)
                self._session.lane.submit(look, shown, Priority.VIEW, PREVIEW_CHANNEL)
            elif isinstance(event, Failed):
                self.previewed.emit(None)

        def shown(event: Event) -> None:
            if isinstance(event, Result):
                self.previewed.emit(event.value.pixels)

        self._session.lane.submit(request, made, Priority.VIEW, PREVIEW_CHANNEL)

    # The queue

    def _queue(self, request: Request, title: str) -> None:
        session = self._session

        def heard(event: Event) -> None:
            if isinstance(event, Progress):
                session.queue.progress(job, event)
            elif isinstance(event, Notice):
                session.message.emit(Message(event.message))
            elif isinstance(event, Result):
                session.add_samples([SessionSample(event.value)])
            elif isinstance(event, Failed):
                session.message.emit(problem(event, KEPT))
            elif isinstance(event, Cancelled):
                session.message.emit(Message(f"{title}: cancelled.", KEPT))

        session.make_way()
        job = session.lane.submit(request, heard, Priority.QUEUE)
        session.queue.add(job, title, movable=True)
