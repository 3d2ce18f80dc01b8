"""SHA-256 of model files, remembered between runs by size and time of change."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import platformdirs

from ddmi_models.errors import BadCheckpoint, CannotWrite
from ddmi_models.files import atomic_file

BLOCK_BYTES = 1 << 20


def hash_file(path: Path, check: Callable[[], None] | None = None) -> str:
    """SHA-256 of the file as it is now, hexadecimal.

    Raises:
        BadCheckpoint: if the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                if check is not None:
                    check()
                digest.update(block)
    except OSError as error:
        raise BadCheckpoint(f"{path} cannot be read: {error.strerror or error}.") from None
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of the file, computed again only when its size or time of change is another.

    Raises:
        BadCheckpoint: if the file cannot be read.
    """
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        values = json.loads(_memory(path).read_text())
        if values["state"] == _state(path) and isinstance(values["sha256"], str):
            return values["sha256"]
    sha256 = hash_file(path)
    remember(path, sha256)
    return sha256


def remember(path: Path, sha256: str) -> None:
    """Keep the hash of a file for the next `file_sha256`."""
    # Where nothing can be remembered the hash is computed again each time, which is right too.
    with contextlib.suppress(OSError, CannotWrite):
        state, memory = _state(path), _memory(path)
        memory.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(memory) as file:
            file.write(json.dumps({"state": state, "sha256": sha256}).encode())


def _state(path: Path) -> list[str | int]:
    status = path.stat()
    return [str(path.resolve()), status.st_size, status.st_mtime_ns]


def _memory(path: Path) -> Path:
    folder = Path(platformdirs.user_cache_dir("ddmi", appauthor=False)) / "hashes"
    return folder / f"{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:32]}.json"
