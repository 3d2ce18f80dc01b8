"""Training sets on disk: numbered .npz shards and a manifest that names the set exactly."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadInput, CannotWrite
from ddmi_models.files import atomic_file, cannot_write
from ddmi_models.training.data_parts import parts_of
from ddmi_models.training.workers import side_by_side

MANIFEST = "manifest.json"
SHARDS = "shard-*.npz"
FOR_TRAINING = "for_training"
"""Key of the manifest: false for a set that is kept for evaluation."""
USUAL_COUNT = 1000

Arrays = dict[str, NDArray[Any]]
Job = tuple[Path, range]
"""A shard and the seeds of its items."""


def usual_count() -> int:
    """Items of a set of which there is no end, where nobody says how many."""
    return USUAL_COUNT


@dataclass(frozen=True)
class FileLayout:
    """How a published data set lays out its items; both functions must be picklable.

    place: path of the item of a seed below the folder of the set, a file if `files` names it "", else a folder.
    files: content of the files of a seed, by their paths below that place.
    """

    place: Callable[[int], str]
    files: Callable[..., dict[str, bytes]]


@dataclass(frozen=True)
class DataMaker:
    """A data set that the program makes.

    Attributes:
        name: what `ddmi data make` calls it. version: raised whenever the same seed gives something else.
        arrays: the arrays of one shard for a range of seeds, among them `seeds` int64 [n]; must be picklable.
        label: one line for lists. usual_count: how many items are made where nobody says.
        for_training: False for what is kept for evaluation; its manifest says so, and no training takes it.
        layouts: published file layouts in which it can be written too.
        options: whole numbers that `arrays` and the layouts take as keywords; settings: those that were given.
    """

    name: str
    version: int
    shard_size: int
    arrays: Callable[..., Arrays]
    label: str
    usual_count: Callable[[], int] = usual_count
    for_training: bool = True
    layouts: dict[str, FileLayout] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    settings: dict[str, int] = field(default_factory=dict)

    def configured(self, options: dict[str, int]) -> DataMaker:
        """The maker with options set.

        Raises:
            BadInput: it has no such option, or a value is below 1.
        """
        for name, value in options.items():
            if name not in self.options:
                raise BadInput(f"The data set {self.name} has no option {name!r}.", "Leave it out.")
            if value < 1:
                raise BadInput(f"The option {name} must be at least 1.")
        return replace(self, settings={**self.settings, **options})

    def stamp(self) -> Arrays:
        """What a shard holds beside its arrays, so that shards of other settings are not taken for it."""
        return {"settings": np.array(json.dumps(self.settings, sort_keys=True))} if self.settings else {}


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
    make_folder(out)
    missing = [job for job in jobs if not _is_complete(*job, maker.stamp())]
    ready = count - sum(len(seeds) for _, seeds in missing)
    if ready:
        yield ready, count
    made = side_by_side(
        partial(maker.arrays, **maker.settings), [seeds for _, seeds in missing], min(workers, len(missing)), check
    )
    for (path, seeds), arrays in zip(missing, made, strict=True):
        with atomic_file(path) as file:
            np.savez(file, allow_pickle=False, **arrays, **maker.stamp())
        ready += len(seeds)
        yield ready, count
    write_manifest(maker, out, {path.name: file_digest(path) for path, _ in jobs}, count, seed)


def shard_folders(folder: Path) -> list[Path]:
    """Of a folder's training part (`parts_of`) and the folders right in it those that hold shards, or a manifest that
    names some."""
    parts = parts_of(folder)
    with os.scandir(parts.training) as entries:
        below = sorted(Path(entry.path) for entry in entries if entry.is_dir() and entry.name not in parts.apart)
    return [place for place in (parts.training, *below) if _holds_shards(place)]


def _holds_shards(folder: Path) -> bool:
    manifest = folder / MANIFEST
    return any(folder.glob(SHARDS)) or (manifest.is_file() and '"layout"' not in manifest.read_text(encoding="utf-8"))


def shard_files(folder: Path) -> list[Path]:
    """The shards of a set, which may lie in several folders; in a fixed order."""
    return [path for place in shard_folders(folder) for path in sorted(place.glob(SHARDS))]


def make_folder(out: Path) -> None:
    """Make a folder and those above it, unless they are there.

    Raises:
        CannotWrite: a file is in the way, or nothing may be written there.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(out, error) from None


def _is_complete(path: Path, seeds: range, stamp: Arrays) -> bool:
    """Whether a whole shard of these seeds and settings is there; a damaged one counts as missing and is made again."""
    try:
        with path.open("rb") as file, np.load(file) as shard:
            stored = shard["seeds"]
            same = {key: str(shard[key]) for key in ("settings",) if key in shard}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
        return False
    wanted = {key: str(value) for key, value in stamp.items()}
    return same == wanted and bool(np.array_equal(stored, np.arange(seeds.start, seeds.stop)))


def write_manifest(
    maker: DataMaker, out: Path, sums: dict[str, str], count: int, seed: int, layout: str = "shards"
) -> None:
    """Write what the set is, with the hash of each shard or item."""
    facts = {"name": maker.name, "version": maker.version, "seed": seed, "count": count}
    facts |= {} if layout == "shards" else {"layout": layout}
    manifest = {**facts, **maker.settings, FOR_TRAINING: maker.for_training, "sha256": sums}
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


def item_digest(place: Path) -> str:
    """SHA-256 of a file, or of the paths and hashes of the files in a folder.

    Raises:
        CannotWrite: if a file cannot be read back.
    """
    if not place.is_dir():
        return file_digest(place)
    digest = hashlib.sha256()
    for path in sorted(path for path in place.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(place).as_posix()} {file_digest(path)}\n".encode())
    return digest.hexdigest()
