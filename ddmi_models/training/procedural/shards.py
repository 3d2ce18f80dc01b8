"""Training sets on disk: numbered .npz shards and a manifest that names the set exactly."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadInput, CannotWrite
from ddmi_models.files import atomic_file, cannot_write

MANIFEST = "manifest.json"
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class DataMaker:
    """A procedural data set.

    Attributes:
        name: what `ddmi data make` calls it. version: raised whenever the same seed gives something else.
        arrays: the arrays of one shard for a range of seeds, among them `seeds` int64 [n]; must be picklable.
        label: one line for lists.
    """

    name: str
    version: int
    shard_size: int
    arrays: Callable[[range], Arrays]
    label: str


def write_shards(maker: DataMaker, out: Path, count: int, seed: int, workers: int = 1) -> Iterator[tuple[int, int]]:
    """Write `count` items of the seeds seed, seed + 1, ... into `out`; yields (items ready, count) after each shard.

    Complete shards of the same seeds are kept. The manifest is written last.

    Raises:
        BadInput: count or workers below 1. CannotWrite: the folder cannot be written.
    """
    if count < 1 or workers < 1:
        raise BadInput("The count of items and of workers must be at least 1.")
    jobs = [
        (maker, out / f"shard-{index:05d}.npz", seed + start, min(maker.shard_size, count - start))
        for index, start in enumerate(range(0, count, maker.shard_size))
    ]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(out, error) from None
    ready = 0
    for size in _run(jobs, workers):
        ready += size
        yield ready, count
    _write_manifest(maker, out, [job[1] for job in jobs], count, seed)


def _run(jobs: list[tuple[DataMaker, Path, int, int]], workers: int) -> Iterator[int]:
    if workers == 1:
        yield from map(_write_shard, jobs)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_write_shard, jobs)


def _write_shard(job: tuple[DataMaker, Path, int, int]) -> int:
    maker, path, seed, size = job
    if not _is_complete(path, seed, size):
        arrays = maker.arrays(range(seed, seed + size))
        with atomic_file(path) as file:
            np.savez(file, allow_pickle=False, **arrays)
    return size


def _is_complete(path: Path, seed: int, size: int) -> bool:
    """Whether a whole shard of these seeds is there; a damaged one counts as missing and is written again."""
    try:
        with path.open("rb") as file, np.load(file) as shard:
            seeds = shard["seeds"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
        return False
    return bool(np.array_equal(seeds, np.arange(seed, seed + size)))


def _write_manifest(maker: DataMaker, out: Path, shards: list[Path], count: int, seed: int) -> None:
    sums = {shard.name: file_digest(shard) for shard in shards}
    manifest = {"name": maker.name, "version": maker.version, "seed": seed, "count": count, "sha256": sums}
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
