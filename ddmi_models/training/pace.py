"""How long a run will still take."""

from __future__ import annotations

from collections import deque

STEPS_REMEMBERED = 100


class Pace:
    """Average of the last steps, and of what is done between them (saving, validating, pictures), spread over all
    steps."""

    def __init__(self) -> None:
        self._steps: deque[float] = deque(maxlen=STEPS_REMEMBERED)
        self._count = 0
        self._between = 0.0

    def step(self, seconds: float) -> None:
        """A step took so long. The first one warms up and is forgotten at the second."""
        if self._count == 1:
            self._steps.clear()
        self._steps.append(seconds)
        self._count += 1

    def between(self, seconds: float) -> None:
        """Something between two steps took so long."""
        self._between += seconds

    def seconds_left(self, steps: int) -> float | None:
        """Expected time of so many more steps; None before the first."""
        if not self._steps:
            return None
        return steps * (sum(self._steps) / len(self._steps) + self._between / self._count)
