"""Training sets on disk: numbered .npz shards and a manifest that names the set exactly.

A shard holds cloud float16 [n, 2048, 3], points float16 [n, 4096, 3], occupancy uint8 [n, 512] (numpy.packbits order),
captions (one JSON list of strings a shape), kinds, seeds int64, attributes (one JSON object a shape).
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadInput, CannotWrite
from ddmi_models.training.procedural.furniture import make_furniture
from ddmi_models.training.procedural.sampling import sample_training

NAME, VERSION, SHARD_SIZE = "furniture", 1, 256


def write_shards(out: Path, count: int, seed: int, workers: int = 1) -> Iterator[tuple[int, int]]:
    """Write `count` shapes of the seeds seed, seed + 1, ... into `out`; yields (shapes ready, count) after each shard.

    Complete shards of the same seeds are kept. The manifest is written last.

    Raises:
        BadInput: count or workers below 1. CannotWrite: the folder cannot be written.
    """
    if count < 1 or workers < 1:
        raise BadInput("The count of shapes and of workers must be at least 1.")
    jobs = [
        (out / f"shard-{index:05d}.npz", seed + start, min(SHARD_SIZE, count - start))
        for index, start in enumerate(range(0, count, SHARD_SIZE))
    ]
    try:
        out.mkdir(parents=True, exist_ok=True)
        ready = 0
        for size in _run(jobs, workers):
            ready += size
            yield ready, count
        _write_manifest(out, [job[0] for job in jobs], count, seed)
    except OSError as error:
        raise CannotWrite(f"The training set cannot be written to {out}: {error}.") from error


def _run(jobs: list[tuple[Path, int, int]], workers: int) -> Iterator[int]:
    if workers == 1:
        yield from map(_write_shard, jobs)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_write_shard, jobs)


def _write_shard(job: tuple[Path, int, int]) -> int:
    path, seed, size = job
    if _is_complete(path, seed, size):
        return size
    _save(path, shard_arrays(range(seed, seed + size)))
    return size


def shard_arrays(seeds: range) -> dict[str, NDArray[Any]]:
    """The arrays of one shard for the shapes of `seeds`."""
    pieces = [make_furniture(seed) for seed in seeds]
    samples = [sample_training(piece, np.random.default_rng(seed)) for piece, seed in zip(pieces, seeds, strict=True)]
    return {
        "cloud": np.stack([sample.cloud for sample in samples]),
        "points": np.stack([sample.points for sample in samples]),
        "occupancy": np.stack([sample.occupancy for sample in samples]),
        "captions": np.array([json.dumps(piece.captions) for piece in pieces]),
        "kinds": np.array([piece.kind for piece in pieces]),
        "attributes": np.array([json.dumps(asdict(piece.attributes)) for piece in pieces]),
        "seeds": np.array(list(seeds), dtype=np.int64),
    }


def _is_complete(path: Path, seed: int, size: int) -> bool:
    """Whether a whole shard of these seeds is there; a damaged one counts as missing and is written again."""
    try:
        with np.load(path) as shard:
            seeds = shard["seeds"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
        return False
    return bool(np.array_equal(seeds, np.arange(seed, seed + size)))


def _save(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write_manifest(out: Path, shards: list[Path], count: int, seed: int) -> None:
    sums = {shard.name: hashlib.sha256(shard.read_bytes()).hexdigest() for shard in shards}
    manifest = {"name": NAME, "version": VERSION, "seed": seed, "count": count, "sha256": sums}
    temporary = out / f".manifest.{os.getpid()}.tmp"
    temporary.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    temporary.replace(out / "manifest.json")
