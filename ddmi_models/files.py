"""Files that appear whole or not at all: written beside their place, flushed, then renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ddmi_models.errors import CannotWrite

TEMPORARY_PREFIX = ".ddmi-"

HINTS = {
    errno.ENOSPC: "Free some space or choose another disk.",
    errno.EDQUOT: "The quota is used up: free some space or choose another disk.",
    errno.EACCES: "Choose a folder that you may write to.",
    errno.EPERM: "Choose a folder that you may write to.",
    errno.EROFS: "The disk is read-only: choose another folder.",
    errno.ENOENT: "Make the folder first.",
    errno.ENOTDIR: "A part of the path is a file: choose another path.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    errno.EISDIR: "This is a folder: give the name of a file.",
}


def cannot_write(path: Path, error: OSError) -> CannotWrite:
    """The error of a failed write, in a user's words."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return CannotWrite(f"{path} cannot be written: {reason}.", HINTS.get(error.errno or 0, ""))


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A new binary file that replaces `path` when the block ends well, and vanishes when it does not.

    Raises:
        CannotWrite: no permission, no space, no such folder. Nothing is left behind, and what stood at `path` stays.
    """
    if path.is_dir():
        raise CannotWrite(f"{path} is a folder.", "Give the name of a file.")
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}{path.suffix}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        with contextlib.suppress(OSError):  # gone already, or never there
            temporary.unlink()


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A new folder that becomes `path` when the block ends well, and vanishes with its files when it does not.

    Raises:
        CannotWrite: no permission, no space, or something is there already that is not an empty folder.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise CannotWrite(f"{path} is there already.", "Give the name of a new folder.")
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
    try:
        temporary.mkdir()
        yield temporary
        if path.is_dir():
            path.rmdir()
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
