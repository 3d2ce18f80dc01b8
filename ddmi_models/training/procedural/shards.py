"""Training sets on disk: numbered .npz shards and a manifest that names the set exactly."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadInput, CannotWrite, EngineError
from ddmi_models.files import atomic_file, cannot_write

MANIFEST = "manifest.json"
FOR_TRAINING = "for_training"
"""Key of the manifest: false for a set that is kept for evaluation."""
USUAL_COUNT = 1000
WAIT = 0.1
"""Seconds between two looks at whether the work is still wanted."""

Arrays = dict[str, NDArray[Any]]
Job = tuple[Path, range]
"""A shard and the seeds of its items."""


def usual_count() -> int:
    """Items of a set of which there is no end, where nobody says how many."""
    return USUAL_COUNT


@dataclass(frozen=True)
class DataMaker:
    """A data set that the program makes.

    Attributes:
        name: what `ddmi data make` calls it. version: raised whenever the same seed gives something else.
        arrays: the arrays of one shard for a range of seeds, among them `seeds` int64 [n]; must be picklable.
        label: one line for lists. usual_count: how many items are made where nobody says.
        for_training: False for what is kept for evaluation; its manifest says so, and no training takes it.
    """

    name: str
    version: int
    shard_size: int
    arrays: Callable[[range], Arrays]
    label: str
    usual_count: Callable[[], int] = usual_count
    for_training: bool = True


def write_shards(
    maker: DataMaker,
    out: Path,
    count: int,
    seed: int,
    workers: int = 1,
    check: Callable[[], None] = lambda: None,
) -> Iterator[tuple[int, int]]:
    """Write `count` items of the seeds seed, seed + 1, ... into `out`; yields (items ready, count) after each shard.

    Complete shards of the same seeds are kept. The manifest is written last.

    Args:
        workers: processes that make shards side by side; 1: this one does.
        check: called several times a second (before each shard with one worker); may raise to stop.

    Raises:
        BadInput: count or workers below 1. CannotWrite: the folder cannot be written.
    """
    if count < 1 or workers < 1:
        raise BadInput("The count of items and of workers must be at least 1.")
    starts = range(0, count, maker.shard_size)
    jobs = [
        (out / f"shard-{index:05d}.npz", range(seed + start, seed + min(start + maker.shard_size, count)))
        for index, start in enumerate(starts)
    ]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(out, error) from None
    missing = [job for job in jobs if not _is_complete(*job)]
    ready = count - sum(len(seeds) for _, seeds in missing)
    if ready:
        yield ready, count
    for (path, seeds), arrays in zip(missing, _made(maker, missing, min(workers, len(missing)), check), strict=True):
        with atomic_file(path) as file:
            np.savez(file, allow_pickle=False, **arrays)
        ready += len(seeds)
        yield ready, count
    _write_manifest(maker, out, [path for path, _ in jobs], count, seed)


def _made(maker: DataMaker, jobs: list[Job], workers: int, check: Callable[[], None]) -> Iterator[Arrays]:
    """The arrays of each shard, in order. Only this process writes, so that workers may end at any moment."""
    if workers <= 1:
        for _, seeds in jobs:
            check()
            yield maker.arrays(seeds)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the locks of this process's threads
    reader, writer = context.Pipe(duplex=False)
    with reader, writer, ProcessPoolExecutor(workers, context, _end_with_parent, (reader,)) as pool:
        try:
            for future in [pool.submit(maker.arrays, seeds) for _, seeds in jobs]:
                yield _awaited(future, check)
        except BaseException:
            writer.close()
            raise


def _awaited(future: Future[Arrays], check: Callable[[], None]) -> Arrays:
    while True:
        check()
        try:
            return future.result(WAIT)
        except TimeoutError:
            continue
        except BrokenProcessPool:
            raise EngineError(
                "A process that made data was ended from outside, perhaps for lack of memory.",
                "Run it again with fewer --workers; what is ready is kept.",
            ) from None


def _end_with_parent(reader: Connection) -> None:
    """Let a worker live until the other end of the pipe is closed, by the parent or by the parent's death."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle

    def watch() -> None:
        reader.poll(None)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _is_complete(path: Path, seeds: range) -> bool:
    """Whether a whole shard of these seeds is there; a damaged one counts as missing and is written again."""
    try:
        with path.open("rb") as file, np.load(file) as shard:
            stored = shard["seeds"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
        return False
    return bool(np.array_equal(stored, np.arange(seeds.start, seeds.stop)))


def _write_manifest(maker: DataMaker, out: Path, shards: list[Path], count: int, seed: int) -> None:
    sums = {shard.name: file_digest(shard) for shard in shards}
    facts = {"name": maker.name, "version": maker.version, "seed": seed, "count": count}
    manifest = {**facts, FOR_TRAINING: maker.for_training, "sha256": sums}
    with atomic_file(out / MANIFEST) as file:
        file.write(json.dumps(manifest, indent=1).encode())


def file_digest(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits.

    Raises:
        CannotWrite: if the file cannot be read back.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CannotWrite(f"{path} cannot be read back: {error}.", "Check the disk.") from None
