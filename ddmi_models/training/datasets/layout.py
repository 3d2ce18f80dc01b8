"""What the layouts of data sets share: items, how one is found, looked at and read."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadItem

Rows = dict[str, NDArray[np.generic]]
"""Arrays of a training set by key; one row a training item."""
Remark = tuple[str, str]
"""An item or a file, and what is wrong with it, in a few words each."""


@dataclass(frozen=True)
class Item:
    """A thing that a training learns from, as it lies on the disk.

    name: path below the folder of the set. files: all that it is read from; their content is what it is known by.
    captions: texts that say what it is. remarks: what was odd about finding it.
    """

    name: str
    files: tuple[Path, ...]
    captions: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class Tree:
    """The files below a folder, in natural order; hidden ones are left out."""

    folder: Path
    files: tuple[Path, ...]

    @classmethod
    def of(cls, folder: Path, without: Collection[str] = ()) -> Tree:
        """Look through a folder once; `without`: subfolders that are left out."""
        found = []
        for parent, folders, names in os.walk(folder):
            left_out = without if Path(parent) == folder else ()
            folders[:] = [name for name in folders if not name.startswith(".") and name not in left_out]
            found += [Path(parent, name) for name in names if not name.startswith(".")]
        return cls(folder, tuple(sorted(found, key=natural)))

    def ending(self, endings: Iterable[str]) -> list[Path]:
        """Files with one of the endings (".png"), in capitals or not."""
        wanted = frozenset(endings)
        return [path for path in self.files if path.suffix.lower() in wanted]

    def named(self, name: str) -> list[Path]:
        """Files of a name."""
        return [path for path in self.files if path.name == name]

    def label(self, path: Path) -> str:
        """A path's name in reports; of the folder itself, its own name."""
        label = path.relative_to(self.folder).as_posix()
        return self.folder.name if label == "." else label


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
        find: the items in a folder, none if it has another layout; quick, as it is asked of every folder.
        inspect: what an item is in a word or two (a size, a length), and what of it is left out; read as far as needed
            to know that `read` can use it, prepared so; raises BadItem.
        read: the rows of an item, one or more, and what of it was left out; raises BadItem.
            Picklable, like `inspect`.
        look: a small picture of an item; raises BadItem.
    """

    key: str
    label: str
    domain: str
    find: Callable[[Tree], list[Item]]
    inspect: Callable[[Item, Preparation], tuple[str, list[str]]]
    read: Callable[[Item, Preparation], tuple[Rows, list[str]]]
    look: Callable[[Item], NDArray[np.uint8]]


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
    return [int(piece) if piece.isdecimal() else piece.lower() for piece in re.split(r"(\d+)", str(path))]


def seeded(item: Item) -> np.random.Generator:
    """Randomness of an item: the same wherever the set lies."""
    return np.random.default_rng(list(encoded(item.name)))


def encoded(text: str) -> bytes:
    """UTF-8 of a text with names of files in it, also of such as are none: the same on every system."""
    return text.encode(errors="surrogatepass")
