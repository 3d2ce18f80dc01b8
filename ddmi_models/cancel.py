"""The thread-safe token that every long piece of work looks at."""

from __future__ import annotations

import threading


class WorkCancelled(BaseException):
    """Raised inside cancelled work. Not an `Exception`, so that no handler for errors swallows it."""


class CancelToken:
    """A flag that one thread sets and another looks at in every step, block and chunk."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next check. May be called from any thread, any number of times."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise `WorkCancelled` if cancellation was asked for."""
        if self._event.is_set():
            raise WorkCancelled
