"""From files to arrays of equal rows: once, in parallel, into the store; what is damaged is skipped and told."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ddmi_models.errors import BadData, BadItem, printable
from ddmi_models.training.datasets.layout import Item, Layout, Preparation, Remark, Rows
from ddmi_models.training.datasets.recognise import Found
from ddmi_models.training.datasets.store import (
    StoreWriter,
    content_key,
    fingerprint,
    is_whole,
    open_set,
    remember,
    remembered,
    store_dir,
    sweep,
)
from ddmi_models.training.locks import acquiring, lock_beside
from ddmi_models.training.workers import side_by_side

CHUNK, CHUNK_BYTES = 16, 4_000_000
"""Items that a worker gets at a time, and the size of their files."""
ALONE, ALONE_BYTES = 64, 16_000_000
"""Items, and the size of their files, up to which starting other processes takes longer than the work."""
TOLD_SECONDS = 1.0
"""Time after which progress is told though few items are done."""

Outcome = tuple[Rows | None, list[str]]


def prepared(
    found: Found, how: Preparation, workers: int | None = None, check: Callable[[], None] = lambda: None
) -> tuple[dict[str, NDArray[Any]], list[Remark]]:
    """The arrays of a data set, mapped into memory, and what of it is not used; prepares it if need be.

    Args, Raises: as `preparing`.
    """
    for _ in preparing(found, how, workers, check):
        pass
    place = remembered(fingerprint(found.layout, found.items, how))
    if place is None:
        raise BadData(f"The files in {found.folder} changed while they were read.", "Start again.")
    return open_set(place)


def preparing(
    found: Found, how: Preparation, workers: int | None = None, check: Callable[[], None] = lambda: None
) -> Iterator[tuple[int, int]]:
    """Bring a data set into the store; yields (items done, items in all) on the way, nothing if it is there.

    A set that was prepared before, here or elsewhere, is found again by its content; a damaged one is made again.

    Args:
        workers: processes; None: as many as pay.
        check: called several times a second, or before each item with one worker; may raise to stop, which leaves
            nothing behind.

    Raises:
        BadData: nothing can be used. CannotWrite: no space for the store.
    """
    mark = fingerprint(found.layout, found.items, how)
    place = remembered(mark)
    if place is not None and is_whole(place):
        return
    sweep()
    key = content_key(found.layout, found.items, how, check)
    with lock_beside(store_dir(), key) as lock:
        for _ in acquiring(lock, check):
            yield 0, len(found.items)
        if not is_whole(store_dir() / key):
            shutil.rmtree(store_dir() / key, ignore_errors=True)
            yield from _write(found, how, key, workers, check)
        remember(mark, key)


def _write(
    found: Found, how: Preparation, key: str, workers: int | None, check: Callable[[], None]
) -> Iterator[tuple[int, int]]:
    problems, told = found.remarks, time.monotonic()
    with StoreWriter(key) as writer:
        outcomes = each_item(partial(_outcomes, found.layout, how), found.items, workers, check)
        for done, (item, (rows, notes)) in enumerate(zip(found.items, outcomes, strict=True), start=1):
            problems += [(printable(item.name), printable(note)) for note in notes]
            if rows is not None:
                writer.append(item, rows)
            if done % CHUNK == 0 or done == len(found.items) or time.monotonic() - told > TOLD_SECONDS:
                yield done, len(found.items)
                told = time.monotonic()
        if not writer.rows:
            name, reason = problems[len(found.remarks)]
            raise BadData(f"Nothing in {found.folder} can be used; {name}: {reason}.", "See `ddmi data check`.")
        writer.finish(problems)


def each_item(
    work: Callable[[Sequence[Item]], list[Any]],
    items: Sequence[Item],
    workers: int | None,
    check: Callable[[], None],
) -> Iterator[Any]:
    """What `work` (picklable) gives for each item, in order, in several processes where that pays.

    Args:
        workers: processes; None: as many as pay. Large items are then never read in this one, which could not stop in
            the middle of one.
        check: called several times a second, or before each item with one worker; may raise to stop.
    """
    sizes = [sum(map(_size, item.files)) for item in items]
    if workers is None:
        alone = len(items) <= ALONE and sum(sizes) <= ALONE_BYTES
        workers = 1 if alone else max(2, os.cpu_count() or 1)
    chunks = [[item] for item in items] if workers == 1 else list(_chunks(items, sizes))
    for results in side_by_side(work, chunks, min(workers, max(2, len(chunks))), check):
        yield from results


def _size(path: Path) -> int:
    """Bytes of a file; 0 where it is missing, which is told when it is read."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _chunks(items: Sequence[Item], sizes: Sequence[int]) -> Iterator[list[Item]]:
    """Items that are worth being read at a time, by the sizes of their files."""
    chunk, total = list[Item](), 0
    for item, size in zip(items, sizes, strict=True):
        if chunk and (len(chunk) == CHUNK or total + size > CHUNK_BYTES):
            yield chunk
            chunk, total = [], 0
        chunk.append(item)
        total += size
    if chunk:
        yield chunk


def _outcomes(layout: Layout, how: Preparation, items: Sequence[Item]) -> list[Outcome]:
    return [_outcome(layout, how, item) for item in items]


def _outcome(layout: Layout, how: Preparation, item: Item) -> Outcome:
    try:
        return layout.read(item, how)
    except BadItem as error:
        return None, [str(error)]
    except MemoryError:
        return None, ["too large for the memory"]
