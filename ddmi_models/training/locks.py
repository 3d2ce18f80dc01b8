"""Work that several processes would do at the same time is done by the first; the others wait, and find it done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ddmi_models.files import cannot_write

POLL_SECONDS = 0.5


@contextmanager
def lock_beside(folder: Path, name: str) -> Iterator[FileLock]:
    """A lock in a folder, which is made, as a hidden file; not yet held, and released at the end of the block.

    Raises:
        CannotWrite: if there is no such folder and none can be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from None
    lock = FileLock(folder / f".{name}.lock", thread_local=False)
    try:
        yield lock
    finally:
        lock.release()


def taken(lock: FileLock) -> bool:
    """Take a lock at once; whether that was possible."""
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):  # another process has it, or the folder belongs to someone else
        return False
    return True


def acquiring(lock: FileLock, check: Callable[[], None]) -> Iterator[None]:
    """Take a lock; yields now and then while another process has it.

    Args:
        check: called before each wait; may raise to stop.

    Raises:
        CannotWrite: if its file cannot be written.
    """
    while not lock.is_locked:
        check()
        try:
            lock.acquire(timeout=POLL_SECONDS)
        except Timeout:
            yield
        except OSError as error:
            raise cannot_write(Path(lock.lock_file), error) from None
