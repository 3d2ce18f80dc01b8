"""Many samples into one folder: split over processes, restartable, a few in memory at a time."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass, replace
from functools import lru_cache, partial
from multiprocessing import current_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddmi_models.cli.session import interrupt, progress, put_json, say, wants_traceback
from ddmi_models.errors import BadInput

if TYPE_CHECKING:
    from ddmi_models.engine import Engine
    from ddmi_models.requests import Generate, Request

MANY = 256
"""Samples from which on a folder is filled in bulk, also in a single process."""

CHUNK = 16
"""Samples drawn by one request. Chunks begin at multiples of it from the first seed, whoever draws them: so what is
computed together, and with it the last bit, does not depend on the processes."""

NOTE = "bulk.json"
LEFTOVER_SECONDS = 600.0
"""Age from which on what a killed process left half-written is removed: the files of others are younger."""


@dataclass(frozen=True)
class Bulk:
    """What is drawn into a folder. `view`: arguments of Export. `device`, `threads`, `precision`: of each process."""

    request: Generate
    folder: Path
    suffix: str
    view: dict[str, Any]
    device: str
    threads: int | None
    precision: str

    def path(self, seed: int) -> Path:
        return self.folder / f"{seed}{self.suffix}"


@dataclass(frozen=True)
class Done:
    """What became of a chunk: files written, files that were there, what there is to say."""

    written: int
    kept: int
    notices: tuple[str, ...] = ()


def is_bulk(count: int, processes: int) -> bool:
    """Whether samples are drawn in bulk: many, or in several processes."""
    return count >= MANY or processes > 1 or _launched()[1] > 1


def draw_many(bulk: Bulk, processes: int, as_json: bool) -> None:
    """Draw what of the folder is missing, and report it. Under torchrun or `accelerate launch`: this process' share.

    Raises:
        BadInput: the folder holds samples of other settings.
    """
    from ddmi_models.training.workers import side_by_side

    rank, world = _launched()
    _claim(bulk)
    _clear(bulk.folder)
    first, count = bulk.request.seed, bulk.request.count
    chunks = [range(first + at, min(first + at + CHUNK, first + count)) for at in range(0, count, CHUNK)][rank::world]
    bulk = replace(bulk, threads=bulk.threads or _threads(processes * _local(world)))
    started, said, written, kept = time.monotonic(), set[str](), 0, 0
    work = side_by_side(partial(_draw, bulk), chunks, min(processes, len(chunks)), interrupt.token.check)
    with _nothing_left(bulk.folder), progress() as show:
        for number, done in enumerate(work, start=1):
            written, kept = written + done.written, kept + done.kept
            for notice in [line for line in done.notices if line not in said]:
                said.add(notice)
                say(notice)
            show(_progress(number, len(chunks), started))
    facts = {"folder": str(bulk.folder), "written": written, "kept": kept, "share": f"{rank + 1} of {world}"}
    if as_json:
        put_json({**facts, "seconds": round(time.monotonic() - started, 1)})
    else:
        share = f" (share {facts['share']})" if world > 1 else ""
        print(f"{bulk.folder}: {written} written, {kept} were there{share}")


def _launched() -> tuple[int, int]:
    """Number of this process among those that torchrun or `accelerate launch` started, and how many these are."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def _local(world: int) -> int:
    """How many of the launched processes share this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", str(world)))


def _threads(processes: int) -> int:
    return max(1, (os.cpu_count() or 1) // processes)


def _progress(done: int, total: int, started: float) -> Any:
    from ddmi_models.events import Progress

    return Progress(done, total, "Drawing samples", (time.monotonic() - started) / done * (total - done))


def _claim(bulk: Bulk) -> None:
    """Write down what the folder is to hold, or find the same there."""
    from ddmi_models.checkpoints.addons import find_addon
    from ddmi_models.checkpoints.registry import find_model
    from ddmi_models.files import atomic_file

    settings = asdict(replace(bulk.request, seed=0, count=1))
    about: dict[str, Any] = {"sha256": find_model(bulk.request.model).sha256, "request": settings, "view": bulk.view}
    if bulk.request.addons:
        about["addons"] = [find_addon(addon.name).sha256 for addon in bulk.request.addons]
    text = json.dumps({**about, "suffix": bulk.suffix, "precision": bulk.precision}, indent=1, default=_plain)
    path = bulk.folder / NOTE
    if not path.is_file():
        with atomic_file(path) as file:
            file.write(text.encode())
    elif path.read_text(encoding="utf-8") != text:
        raise BadInput(f"{bulk.folder} holds samples of another model or other settings.", "Choose another folder.")


@contextmanager
def _nothing_left(folder: Path) -> Iterator[None]:
    """Where the work ends before a first sample is there, its note goes too, unless others work in the folder."""
    try:
        yield
    except BaseException:
        if _launched()[1] == 1 and [path.name for path in folder.iterdir()] == [NOTE]:
            (folder / NOTE).unlink()
        raise


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def _clear(folder: Path) -> None:
    """Remove what killed processes left half-written."""
    from ddmi_models.files import TEMPORARY_PREFIX

    for path in folder.glob(f"{TEMPORARY_PREFIX}*"):
        try:
            if time.time() - path.stat().st_mtime > LEFTOVER_SECONDS:
                path.unlink()
        except FileNotFoundError:
            continue  # another process was quicker


def _draw(bulk: Bulk, seeds: range) -> Done:
    """Draw the samples of a chunk if one of its files is missing, and write those that are."""
    from ddmi_models.requests import Export

    missing = [seed for seed in seeds if not bulk.path(seed).exists()]
    if not missing:
        return Done(0, len(seeds))
    engine, notices = _engine(bulk.device, bulk.threads, bulk.precision), list[str]()
    request = replace(bulk.request, seed=seeds.start, count=len(seeds), previews=False)
    for sample in _ask(engine, request, notices):
        if sample.recipe.seed in missing:
            _ask(engine, Export(sample, bulk.path(sample.recipe.seed), **bulk.view), [])
    return Done(len(missing), len(seeds) - len(missing), tuple(notices))


@lru_cache(maxsize=1)
def _engine(device: str, threads: int | None, precision: str) -> Engine:
    """The engine of this process, which keeps the model in memory from chunk to chunk."""
    from ddmi_models.engine import Engine

    return Engine(_own_device(device), threads, precision)


def _own_device(name: str) -> str:
    """Processes that may choose take the graphics cards of the machine in turn."""
    import torch

    number = (
        next(iter(current_process()._identity), 0) - 1
        if _launched()[1] == 1
        else int(os.environ.get("LOCAL_RANK", "0"))
    )
    if name not in ("auto", "cuda") or number < 0 or not torch.cuda.is_available():
        return name
    return f"cuda:{number % torch.cuda.device_count()}"


def _ask(engine: Engine, request: Request, notices: list[str]) -> Any:
    """The result of a request; what there is to say goes to `notices`."""
    from ddmi_models.cancel import WorkCancelled
    from ddmi_models.events import Cancelled, Failed, Notice, Result

    for event in engine.run(request, interrupt.token):
        if isinstance(event, Result):
            return event.value
        if isinstance(event, Failed):
            if wants_traceback() and event.details:
                say(event.details)
            raise event.error
        if isinstance(event, Cancelled):
            raise WorkCancelled
        if isinstance(event, Notice):
            notices.append(event.message)
    raise AssertionError("a run ends with a final event")
