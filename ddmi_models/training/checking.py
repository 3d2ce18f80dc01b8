"""What of a training set on disk can be used."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ddmi_models.errors import BadData
from ddmi_models.training.procedural.shards import MANIFEST, file_digest, shard_folders


def check_shards(folder: Path, check: Callable[[], None]) -> dict[str, Any]:
    """Compare every shard with the manifest of its folder; of several sets in one folder, all of them.

    Args:
        check: called before each shard; may raise to stop.

    Returns:
        Plain values: name, version, seed, count, shards, usable (items in whole shards), problems (one line each).

    Raises:
        BadData: if a folder of shards holds no readable manifest.
    """
    reports = [_check_folder(place, check) for place in shard_folders(folder) or (folder,)]
    if len(reports) == 1:
        return reports[0]
    told = {key: ", ".join(str(report[key]) for report in reports) for key in ("name", "version", "seed")}
    added = {key: sum(report[key] or 0 for report in reports) for key in ("count", "shards", "usable")}
    return {**told, **added, "problems": [problem for report in reports for problem in report["problems"]]}


def _check_folder(folder: Path, check: Callable[[], None]) -> dict[str, Any]:
    manifest = read_manifest(folder)
    problems, usable = [], 0
    for name, digest in manifest["sha256"].items():
        check()
        items, problem = _shard(folder / name, digest)
        usable += items
        problems += [problem] if problem else []
    extra = sorted({path.name for path in folder.glob("*.npz")} - set(manifest["sha256"]))
    if extra:
        problems.append(f"Not in the manifest: {', '.join(extra)}.")
    facts = {key: manifest.get(key) for key in ("name", "version", "seed", "count")}
    return {**facts, "shards": len(manifest["sha256"]), "usable": usable, "problems": problems}


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a set. Raises: BadData, it is missing or not readable."""
    path = folder / MANIFEST
    if not path.is_file():
        raise BadData(f"{folder} holds no {MANIFEST}.", "Make a training set with `ddmi data make`.")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadData(f"{path} is not readable: {error}.") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("sha256"), dict):
        raise BadData(f"{path} does not describe a training set.")
    return manifest


def _shard(path: Path, digest: str) -> tuple[int, str]:
    """Usable items of a shard, and what is wrong with it."""
    if not path.is_file():
        return 0, f"{path.name} is missing."
    if file_digest(path) != digest:
        return 0, f"{path.name} is not the file that was made."
    try:
        with np.load(path) as arrays:
            return len(arrays["seeds"]), ""
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        return 0, f"{path.name} is not readable: {error}."
