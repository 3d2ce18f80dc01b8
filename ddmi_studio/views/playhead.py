"""Where a clip stands while it plays. Plain numbers: time is told, not asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ROUNDING = 1e-6
"""Part of a frame by which an instant may be missed."""


@dataclass
class Playhead:
    """A position among frames, each of which lasts 1 / rate seconds at speed 1.

    Attributes:
        position: in frames, 0 <= position < count; its whole part is the frame that is shown.
    """

    instants: Sequence[float] = (0.0,)
    rate: float = 1.0
    position: float = 0.0
    speed: float = 1.0
    looping: bool = True

    @property
    def count(self) -> int:
        return len(self.instants)

    @property
    def index(self) -> int:
        return min(int(self.position), self.count - 1)

    @property
    def instant(self) -> float:
        """Seconds of the frame that is shown."""
        return self.instants[self.index]

    def at_end(self) -> bool:
        """Whether there is nothing left to play."""
        return not self.looping and self.index == self.count - 1

    def advance(self, seconds: float) -> bool:
        """Let time pass.

        Returns:
            Whether the clip goes on: without a loop it ends on its last frame.
        """
        self.position += seconds * self.rate * self.speed
        if self.position < self.count:
            return True
        if self.looping:
            self.position %= self.count
            return True
        self.position = float(self.count - 1)
        return False

    def until_next(self) -> float:
        """Seconds until the next frame's turn."""
        return (self.index + 1 - self.position) / (self.rate * self.speed)

    def seek(self, index: int) -> None:
        """Go to a frame; beyond the ends to the nearest one."""
        self.position = float(min(max(index, 0), self.count - 1))

    def step(self, frames: int) -> None:
        """Go some frames on or back; around the ends where the clip loops."""
        to = self.index + frames
        self.seek(to % self.count if self.looping else to)

    def nearest(self, instant: float) -> int:
        """The frame nearest to an instant in seconds."""
        return min(max(round((instant - self.instants[0]) * self.rate), 0), self.count - 1)

    def retime(self, instants: Sequence[float], rate: float) -> None:
        """Take on other frames; the time that has passed stays, as far as they reach."""
        passed = self.instants[0] + self.position / self.rate
        self.instants, self.rate = instants, rate
        position = (passed - instants[0]) * rate
        if abs(position - round(position)) < ROUNDING:  # the very frame, not the one before it
            position = float(round(position))
        self.position = position if 0 <= position < self.count else 0.0 if position < 0 else self.count - 1.0
