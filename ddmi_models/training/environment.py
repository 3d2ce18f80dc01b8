"""What a run's figures depend on beside its configuration: versions, device, training set."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

import torch

from ddmi_models.errors import BadData
from ddmi_models.training.alive import launched_processes
from ddmi_models.training.config import DataConfig
from ddmi_models.training.data_parts import lists_of
from ddmi_models.training.datasets.layout import encoded
from ddmi_models.training.procedural.shards import FOR_TRAINING

PACKAGES = ("ddmi-studio", "torch", "numpy", "accelerate", "peft", "open_clip_torch", "diffusers", "safetensors")
MANIFEST = "manifest.json"


def environment(device: torch.device) -> dict[str, Any]:
    """Versions, device, threads and processes of this run, plain values."""
    label = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "device": str(device),
        "device_label": label,
        "threads": torch.get_num_threads(),
        "processes": launched_processes(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def data_description(config: DataConfig) -> dict[str, Any]:
    """What the training and validation sets are: folder, number and size of the files, a hash of these and of every
    manifest; and of that right in the folder what is short."""
    folders = {"train": config.train, "validation": config.validation}
    return {part: _describe(folder) for part, folder in folders.items() if folder is not None}


def refuse_reserved(folder: Path) -> None:
    """Make sure that a folder holds no data set that is kept for evaluation alone.

    Raises:
        BadData: if a manifest in it or in a subfolder says so.
    """
    if any(_short_values(path.read_bytes()).get(FOR_TRAINING) is False for path in folder.rglob(MANIFEST)):
        raise BadData(f"The data in {folder} are kept for evaluation: models never train on them.", "Train on others.")


def _describe(folder: Path) -> dict[str, Any]:
    digest, count, total, files = hashlib.sha256(), 0, 0, sorted(_files(folder))
    for path in files:
        size = path.stat().st_size
        digest.update(encoded(f"{Path(os.path.relpath(path, folder)).as_posix()}\0{size}\n"))
        count, total = count + 1, total + size
    described = {"path": str(folder), "files": count, "bytes": total}
    for path in files:
        if path.name == MANIFEST:
            text = path.read_bytes()
            digest.update(text)
            described |= {"manifest": _short_values(text)} if path.parent == folder else {}
    return {**described, "sha256": digest.hexdigest()}


def _files(folder: Path) -> list[Path]:
    if folder.is_file() or not folder.exists():
        return lists_of(folder) or [folder]
    found = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return [path for path in found if path.is_file()]  # without links to nowhere


def _short_values(manifest: bytes) -> dict[str, Any]:
    try:
        values = json.loads(manifest)
    except ValueError:
        return {}
    plain = values.items() if isinstance(values, dict) else ()
    return {key: value for key, value in plain if isinstance(value, str | int | float)}


def changed_data(before: Any, now: dict[str, Any]) -> list[str]:
    """Which parts of the data are not what a resumed run began with."""
    if not isinstance(before, dict):
        return []
    return [part for part in now if part in before and before[part].get("sha256") != now[part]["sha256"]]
