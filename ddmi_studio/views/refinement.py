"""Which picture to ask for next: a quick one while something changes, the fine one at rest. No widgets."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from ddmi_models.requests import View

Kind = Literal["quick", "fine"]


class Refinement:
    """Keeps one picture on the way at a time: what changes meanwhile waits for a quick one, and interrupts a fine one.

    Args:
        ask: sends the wish for a picture of what is to be seen now, and returns it.
    """

    def __init__(self, ask: Callable[[Kind], View]) -> None:
        self._ask = ask
        self._view: View | None = None
        self._kind: Kind = "quick"
        self._started = 0.0
        self._free, self._warm = True, False
        self._changed = self._resting = self._fine = False

    def change(self, resting: bool = False) -> None:
        """Something is to be seen differently; `resting`: and stays so."""
        self._resting, self._fine = resting, False
        if self._view is not None and self._kind == "quick":
            self._changed = True
        else:
            self._free = self._view is None
            self._start("quick")

    def rest(self) -> None:
        """Nothing moves any more."""
        self._resting = True
        if self._view is None and not self._fine:
            self._start("fine")

    def finished(self, view: View) -> float | None:
        """A picture has come. Returns the seconds that it took; None where that says nothing about the next: it is the
        sample's first, had to wait for another, or is not quick."""
        if view is not self._view:
            return None
        quick, self._view = self._kind == "quick", None
        seconds = time.monotonic() - self._started if quick and self._free and self._warm else None
        self._free, self._warm, self._fine = True, True, not quick
        if self._changed:
            self._start("quick")
        elif quick and self._resting:
            self._start("fine")
        return seconds

    def failed(self, view: View) -> None:
        """A picture will not come."""
        if view is self._view:
            self._view = None

    def forget(self) -> None:
        """Another sample: nothing is on the way, and its first picture has to wait for what is made once."""
        self._view, self._changed, self._fine, self._warm = None, False, False, False

    def _start(self, kind: Kind) -> None:
        self._changed = False
        self._kind, self._started = kind, time.monotonic()
        self._view = self._ask(kind)
