"""The store of prepared data sets: memory-mapped arrays, found again by the content of the files they came from."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ddmi_models.checkpoints.registry import home_dir
from ddmi_models.errors import CannotWrite
from ddmi_models.files import TEMPORARY_PREFIX, atomic_file, cannot_write
from ddmi_models.training.datasets.layout import Item, Layout, Preparation, Rows, encoded
from ddmi_models.training.locks import lock_beside, taken

VERSION = 2
"""Raised whenever the same files are prepared to something else."""
CONTENTS = "contents.json"
BLOCK = 1 << 24
"""Bytes of a file read at a time."""


def store_dir() -> Path:
    """Where prepared data sets are kept; it may be deleted at any time."""
    return home_dir() / "cache" / "data"


def fingerprint(layout: Layout, items: Sequence[Item], how: Preparation) -> str:
    """Name of a set by places, sizes and times of its files: quick, and new for a set that was copied."""
    digest = _digest(layout, how)
    for item in items:
        digest.update(json.dumps([item.name, item.captions]).encode())
        for path in item.files:
            try:
                facts = path.stat()
                digest.update(encoded(f"{path} {facts.st_size} {facts.st_mtime_ns}\n"))
            except OSError:
                digest.update(encoded(f"{path} missing\n"))
    return digest.hexdigest()


def content_key(layout: Layout, items: Sequence[Item], how: Preparation, check: Callable[[], None]) -> str:
    """Name of a set by what its files hold, wherever they lie; `check` is called now and then, and may raise."""
    digest = _digest(layout, how)
    for item in items:
        digest.update(json.dumps([item.name, item.captions]).encode())
        for path in item.files:
            try:
                digest.update(_content(path, check))
            except OSError:
                digest.update(b"missing")
    return digest.hexdigest()


def _content(path: Path, check: Callable[[], None]) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            check()
            digest.update(block)
    return digest.digest()


def _digest(layout: Layout, how: Preparation) -> Any:
    return hashlib.sha256(f"{VERSION} {layout.key} {how}\n".encode())


def sweep() -> None:
    """Delete what processes left behind that were ended in the middle of preparing: nobody holds its lock any more."""
    for left in store_dir().glob(f"{TEMPORARY_PREFIX}*"):
        with lock_beside(store_dir(), left.name.removeprefix(TEMPORARY_PREFIX)) as lock:
            if left.is_dir() and taken(lock):
                shutil.rmtree(left, ignore_errors=True)


class StoreWriter:
    """A set on its way into the store. Rows go to files as they come, so that memory does not grow with the set.

    Whoever writes holds the key's lock meanwhile (`lock_beside`).
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self._shapes: dict[str, tuple[str, list[int]]] = {}
        self._files: dict[str, BinaryIO] = {}
        self._names: list[str] = []
        self._captions: list[str] = []
        self._stack = ExitStack()
        self._folder = store_dir() / f"{TEMPORARY_PREFIX}{key}"

    def __enter__(self) -> StoreWriter:
        try:
            self._folder.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise cannot_write(store_dir(), error) from None
        self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()
        self._stack.close()

    @property
    def rows(self) -> int:
        """Rows so far."""
        return len(self._names)

    def append(self, item: Item, rows: Rows) -> None:
        """Add the rows of an item.

        Raises:
            CannotWrite: no space, or no permission.
        """
        count = len(next(iter(rows.values())))
        try:
            for key, values in rows.items():
                if key not in self._files:
                    self._files[key] = (self._folder / f"{key}.bin").open("xb")
                    self._shapes[key] = (values.dtype.str, list(values.shape[1:]))
                self._files[key].write(np.ascontiguousarray(values).tobytes())
        except OSError as error:
            raise cannot_write(store_dir(), error) from None
        self._names += [item.name] * count
        self._captions += [json.dumps(list(item.captions) or [""])] * count

    def finish(self, problems: Sequence[tuple[str, str]]) -> None:
        """Put the set in its place in the store."""
        contents = {
            "arrays": self._shapes,
            "names": self._names,
            "captions": self._captions,
            "problems": list(problems),
        }
        place = store_dir() / self.key
        try:
            for file in self._files.values():
                file.close()
            (self._folder / CONTENTS).write_text(json.dumps(contents), encoding="utf-8")
            if not place.exists():  # another process may have been quicker, with the same
                self._folder.rename(place)
        except OSError as error:
            if not place.is_dir():
                raise cannot_write(place, error) from None


def remember(mark: str, key: str) -> None:
    """Note that files of this fingerprint have this content."""
    with atomic_file(store_dir() / f"{mark}.key") as file:
        file.write(key.encode())


def remembered(mark: str) -> Path | None:
    """Folder of the set that the fingerprint stands for, if it is known; the set may be gone."""
    note = store_dir() / f"{mark}.key"
    if not note.is_file():
        return None
    return store_dir() / note.read_text().strip()


def is_whole(place: Path) -> bool:
    """Whether a folder of the store holds all of a set."""
    try:
        open_set(place)
    except CannotWrite:
        return False
    return True


def open_set(place: Path) -> tuple[dict[str, NDArray[Any]], list[tuple[str, str]]]:
    """The arrays of a prepared set, mapped into memory, `captions` (a JSON list of texts a row), `sources` (the name of
    the item that a row comes from), and its problems.

    Raises:
        CannotWrite: if the store is damaged.
    """
    try:
        contents = json.loads((place / CONTENTS).read_text(encoding="utf-8"))
        count = len(contents["names"])
        arrays: dict[str, NDArray[Any]] = {
            key: np.memmap(place / f"{key}.bin", np.dtype(kind), "r", shape=(count, *shape))
            for key, (kind, shape) in contents["arrays"].items()
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotWrite(f"The prepared data in {place} is damaged: {error}.", "Delete that folder.") from None
    arrays["captions"], arrays["sources"] = np.array(contents["captions"]), np.array(contents["names"])
    return arrays, [(str(name), str(reason)) for name, reason in contents["problems"]]
