"""What a data set is and what of it can be used: for `ddmi data check` and the Train page."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import printable
from ddmi_models.requests import DataSummary
from ddmi_models.training.checking import check_shards, read_manifest
from ddmi_models.training.data_parts import parts_of
from ddmi_models.training.datasets.layout import BadItem, Item, Layout, Preparation, read_npz
from ddmi_models.training.datasets.looks import row_look
from ddmi_models.training.datasets.prepare import each_item
from ddmi_models.training.datasets.recognise import Found, recognise
from ddmi_models.training.procedural.shards import MANIFEST, item_digest, shard_files, shard_folders

EXAMPLES = 12
KINDS_TOLD = 3
USUAL = Preparation()
DOMAIN_OF_KEY = {"image": "image", "occupancy": "shape", "images": "nerf", "frames": "video"}
"""The array that only data of a domain has."""


def summarise(
    folder: Path,
    check: Callable[[], None] = lambda: None,
    domain: str | None = None,
    workers: int | None = None,
    how: Preparation = USUAL,
) -> DataSummary:
    """Look at every item of a data set.

    Args:
        check: called now and then; may raise to stop. domain: what it is wanted for, if that is known.
        workers: processes; None: as many as pay. how: as the training that it is wanted for would prepare it.

    Raises:
        BadData: no folder, or nothing in it that is known.
    """
    if folder.is_dir() and shard_folders(folder):
        return _shard_summary(folder, check)
    found = recognise(folder, domain)
    outcomes = list(each_item(partial(_inspected, found.layout, how), found.items, workers, check))
    kinds = Counter(kind for kind, _ in outcomes if kind is not None)
    bad = [(item.name, note) for item, (_, notes) in zip(found.items, outcomes, strict=True) for note in notes]
    problems = [printable(f"{name}: {reason}.") for name, reason in (*found.remarks, *bad)]
    made, changed = _made(folder, check)
    return DataSummary(
        layout=found.layout.key,
        title=found.layout.label,
        domain=found.layout.domain,
        count=len(found.items),
        usable=kinds.total(),
        problems=(*problems, *changed),
        facts=(*made, ("holds", _most(kinds)), *_caption_facts(found)),
        examples=tuple(item.files[0] for item in _examples(found)),
        thumbnails=tuple(look for look in map(partial(_look, found.layout), _examples(found)) if look is not None),
        validation=_part_to_validate(folder),
    )


def _part_to_validate(folder: Path) -> str:
    part = parts_of(folder).validation if folder.is_dir() else None
    return "" if part is None else part.name


def _made(folder: Path, check: Callable[[], None]) -> tuple[tuple[tuple[str, str | int], ...], list[str]]:
    """Of a set that `ddmi data make` wrote as files: which it is, and its items that are missing or were changed."""
    if not (folder / MANIFEST).is_file():
        return (), []
    manifest = read_manifest(folder)
    problems = []
    for name, digest in manifest["sha256"].items():
        check()
        if not (folder / name).exists():
            problems.append(f"{name} is missing.")
        elif item_digest(folder / name) != digest:
            problems.append(f"{name} is not what was made.")
    return tuple((key, manifest[key]) for key in ("name", "version", "seed") if key in manifest), problems


def _inspected(layout: Layout, how: Preparation, items: Sequence[Item]) -> list[tuple[str | None, list[str]]]:
    """What each item is, None if it cannot be used; and what is wrong with it."""
    results: list[tuple[str | None, list[str]]] = []
    for item in items:
        try:
            results.append(layout.inspect(item, how))
        except BadItem as error:
            results.append((None, [str(error)]))
    return results


def _most(kinds: Counter[str]) -> str:
    told = [f"{count} of {kind}" for kind, count in kinds.most_common(KINDS_TOLD)]
    others = kinds.total() - sum(count for _, count in kinds.most_common(KINDS_TOLD))
    return ", ".join([*told, *([f"{others} others"] if others else [])]) or "nothing that can be used"


def _caption_facts(found: Found) -> tuple[tuple[str, str], ...]:
    captioned = sum(bool(item.captions) for item in found.items)
    return (("captions", f"{captioned} of {len(found.items)} items"),) if captioned else ()


def _examples(found: Found) -> tuple[Item, ...]:
    step = max(1, len(found.items) // EXAMPLES)
    return found.items[::step][:EXAMPLES]


def _look(layout: Layout, item: Item) -> NDArray[np.uint8] | None:
    """A small picture of an item; None for a damaged one, which is told elsewhere."""
    try:
        return layout.look(item)
    except BadItem:
        return None


def _shard_summary(folder: Path, check: Callable[[], None]) -> DataSummary:
    report: dict[str, Any] = check_shards(folder, check)
    domains = [shard_domain(path) for path in shard_files(folder)]
    return DataSummary(
        layout="shards",
        title=f"{report['name']} version {report['version']}",
        domain=next((domain for domain in domains if domain), ""),
        count=int(report["count"]),
        usable=int(report["usable"]),
        problems=tuple(report["problems"]),
        facts=tuple((key, report[key]) for key in ("name", "version", "seed", "shards")),
        examples=(),
        thumbnails=_shard_looks(folder),
        validation=_part_to_validate(folder),
    )


def _shard_looks(folder: Path) -> tuple[NDArray[np.uint8], ...]:
    """Small pictures of the first items of the first shard; none if it is damaged, which is told elsewhere."""
    path = next(iter(shard_files(folder)), None)
    if path is None:
        return ()
    try:
        with zipfile.ZipFile(path) as file:
            names = {Path(name).stem for name in file.namelist()}
        key = next((key for key in ("image", "frames", "images", "cloud") if key in names), None)
        rows = read_npz(path, (key,))[key][:EXAMPLES] if key is not None else ()
    except (OSError, zipfile.BadZipFile, BadItem):
        return ()
    return tuple(row_look(str(key), row) for row in rows)


def shard_domain(path: Path) -> str:
    """What is trained on a shard; "" where it is damaged, which is told elsewhere."""
    try:
        with zipfile.ZipFile(path) as file:
            keys = {Path(name).stem for name in file.namelist()}
    except (OSError, zipfile.BadZipFile):
        return ""
    return next((domain for key, domain in DOMAIN_OF_KEY.items() if key in keys), "")
