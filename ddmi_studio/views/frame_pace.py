"""How large pictures may be while something moves, from how long they take. No widgets."""

from __future__ import annotations

import math

TARGET = 0.08  # seconds that a moving picture may take
FIRST, FLOOR, CEILING = 64, 40, 1024  # pixels
LEAST_CHANGE, MOST_CHANGE = 0.5, 2.0  # factor of the size from one picture to the next
HYSTERESIS = 0.2  # part of the size below which a change is not worth the flicker


class FramePace:
    """The size of the next picture that moves: time grows with the pixels, so the side with its square root.

    The rule of instant-ngp's viewer (Mueller et al. 2022).

    Attributes:
        side: pixels.
    """

    def __init__(self) -> None:
        self.side = FIRST

    def learn(self, side: int, seconds: float) -> None:
        """Take in that a picture of a side in pixels took so long."""
        change = math.sqrt(TARGET / max(seconds, 1e-4))
        wanted = side * min(max(change, LEAST_CHANGE), MOST_CHANGE)
        wanted = min(max(wanted, FLOOR), CEILING)
        if abs(wanted - self.side) > HYSTERESIS * self.side or wanted in (FLOOR, CEILING):
            self.side = round(wanted)
