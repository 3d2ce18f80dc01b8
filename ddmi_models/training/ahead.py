"""What the next step needs, made in a thread of its own while the step before it is computed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Made = TypeVar("Made")
Place = tuple[int, slice]
"""A step, and the part of its batch."""


class Ahead(Generic[Made]):
    """Makes what belongs to a place before it is asked for. What is made depends on the place alone, never on the time
    at which it is made.

    Attributes:
        waited: seconds that were spent waiting for what was asked for.
    """

    def __init__(self, make: Callable[[int, slice], Made]) -> None:
        self._make = make
        self._coming: tuple[Place, Future[Made]] | None = None
        self.waited = 0.0

    def take(self, place: Place, following: Place | None) -> Made:
        """What belongs to a place, and a start on that of the following one.

        Raises:
            Whatever making it raised.
        """
        started = time.monotonic()
        try:
            made = self._made(place)
        finally:
            self.waited += time.monotonic() - started
        if following is not None:
            self._coming = (following, self._begin(following))
        return made

    def _made(self, place: Place) -> Made:
        coming, self._coming = self._coming, None
        if coming is None:
            return self._make(*place)
        made = coming[1].result()  # also where another place is wanted: two must not be made at a time
        return made if coming[0] == place else self._make(*place)

    def _begin(self, place: Place) -> Future[Made]:
        future: Future[Made] = Future()

        def make() -> None:
            try:
                future.set_result(self._make(*place))
            except BaseException as error:  # noqa: BLE001 - belongs to whoever takes it
                future.set_exception(error)

        # One thread for each: none is left over where a run ends or is abandoned.
        threading.Thread(target=make, name="next batch", daemon=True).start()
        return future
