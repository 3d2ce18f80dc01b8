"""One run at a time on a device; the others wait in the order in which they came.

A waiting or working run has a ticket, a file whose name says its place. Tickets of dead processes do not count.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from ddmi_models.checkpoints.registry import home_dir
from ddmi_models.files import atomic_file, cannot_write
from ddmi_models.training.alive import own_process, process_lives

QUEUE, LOCK, SUFFIX = "queue", "queue.lock", ".ticket"


def queue_folder(device: str) -> Path:
    """Where the tickets of a device are; need not exist."""
    kind, _, number = device.partition(":")
    return home_dir() / QUEUE / f"{kind}-{number or 0}"


@contextlib.contextmanager
def place_in_queue(device: str, run: Path) -> Iterator[Place]:
    """The last place in the queue of a device, until the block ends.

    Raises:
        CannotWrite: if the user's folder cannot be written.
    """
    folder = queue_folder(device)
    pid, started, _ = own_process()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK):  # numbers are given and tickets written in one order
            number = max((int(path.stem) for path in folder.glob(f"*{SUFFIX}")), default=0) + 1
            ticket = folder / f"{number:08}{SUFFIX}"
            with atomic_file(ticket) as file:
                file.write(json.dumps({"pid": pid, "started": started, "run": str(run)}).encode())
    except OSError as error:
        raise cannot_write(folder, error) from None
    try:
        yield Place(ticket)
    finally:
        ticket.unlink(missing_ok=True)


class Place:
    """A place in the queue."""

    def __init__(self, ticket: Path) -> None:
        self._ticket = ticket

    def ahead(self) -> list[Path]:
        """The runs before this one; the first of them has the device."""
        runs = []
        for path in sorted(self._ticket.parent.glob(f"*{SUFFIX}")):
            if path.name >= self._ticket.name:
                break
            owner = _owner(path)
            if owner is None:
                path.unlink(missing_ok=True)
            else:
                runs.append(owner)
        return runs


def _owner(ticket: Path) -> Path | None:
    """The run of a ticket whose process lives."""
    try:
        values = json.loads(ticket.read_text(encoding="utf-8"))
        return Path(values["run"]) if process_lives(values["pid"], values["started"]) else None
    except (OSError, ValueError, KeyError):
        return None
