"""What the layouts of data sets share: items, how one is found, looked at and read."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = dict[str, NDArray[np.generic]]
"""Arrays of a training set by key; one row a training item."""


class BadItem(Exception):
    """An item cannot be used; the message says why, in a few words."""


@dataclass(frozen=True)
class Item:
    """A thing that a training learns from, as it lies on the disk.

    name: path below the folder of the set. files: all that it is read from; their content is what it is known by.
    captions: texts that say what it is.
    """

    name: str
    files: tuple[Path, ...]
    captions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preparation:
    """How items become rows of equal size.

    Attributes:
        size: pixels a side of pictures, frames and views. frames, stride: of a clip; every stride-th frame is taken.
        views: pictures of an object. cloud, queries: points on the surface, and occupancy queries.
    """

    size: int = 64
    frames: int = 16
    stride: int = 1
    views: int = 24
    cloud: int = 4096
    queries: int = 16384


@dataclass(frozen=True)
class Layout:
    """A layout in which data sets lie on disks.

    Attributes:
        key, label: its name in reports, and for people. domain: what is trained on it.
        find: the items in a folder, none if it has another layout.
        inspect: what an item is in a word or two (a size, a length), read as far as needed to know that it is whole;
            raises BadItem.
        read: the rows of an item, one or more, and what of it was left out; raises BadItem. Picklable, like `find`.
    """

    key: str
    label: str
    domain: str
    find: Callable[[Path], list[Item]]
    inspect: Callable[[Item], str]
    read: Callable[[Item, Preparation], tuple[Rows, list[str]]]


def read_npz(path: Path, keys: Iterable[str], optional: Iterable[str] = ()) -> dict[str, NDArray[Any]]:
    """Arrays of an .npz file.

    Raises:
        BadItem: it is missing or damaged, or lacks one of `keys`.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return {key: file[key] for key in (*keys, *(key for key in optional if key in file))}
    except KeyError as error:
        raise BadItem(f"{path.name} lacks {error.args[0].split()[0]}") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        raise BadItem(f"{path.name} is missing or damaged") from None


def natural(path: Path) -> list[Any]:
    """Key that sorts frame2 before frame10."""
    return [int(piece) if piece.isdigit() else piece.lower() for piece in re.split(r"(\d+)", str(path))]


def files_below(folder: Path, endings: Iterable[str]) -> list[Path]:
    """Files with one of the endings (".png") anywhere below a folder, hidden ones left out, in natural order."""
    wanted = frozenset(endings)
    found = (path for path in folder.rglob("*") if path.suffix.lower() in wanted)
    return sorted(
        (p for p in found if p.is_file() and not any(part.startswith(".") for part in p.relative_to(folder).parts)),
        key=natural,
    )


def below(path: Path, folder: Path) -> str:
    """A path's name in reports."""
    return path.relative_to(folder).as_posix()


def seeded(item: Item) -> np.random.Generator:
    """Randomness of an item: the same wherever the set lies."""
    return np.random.default_rng(list(item.name.encode()))
