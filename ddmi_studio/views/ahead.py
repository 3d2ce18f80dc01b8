"""Which frames of a clip are rendered next: coarse ones of the whole clip, then sharp ones, from the play head on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ddmi_studio.views.frame_store import Ready

COARSER = 4
"""Divisor of the size of the frames that are rendered first."""

SMALLEST_COARSE, LARGEST_COARSE = 16, 128
"""Pixels a side of coarse frames: worth showing, and made in no time."""

SLICE_SECONDS = 0.12
"""How long a slice of frames may take: as long as the lane is kept from whatever is wanted next."""

MOST_FRAMES, MOST_PIXELS = 64, 4 * 2**20
"""Of a slice."""

FIRST_GUESS = 2e-6
"""Seconds that a pixel takes before anything was measured."""

BYTES_PER_PIXEL = 3
COARSE_SHARE = 4
"""The part of the memory that coarse frames may take is 1 / COARSE_SHARE."""

BEHIND = 8
"""The part of the kept frames that lies behind the play head, for steps back, is 1 / BEHIND."""


@dataclass(frozen=True)
class Slice:
    """Frames `first` ... `first + count - 1` at `side` pixels."""

    first: int
    count: int
    side: int


class Speed:
    """Seconds that a pixel takes, learned from every slice."""

    def __init__(self) -> None:
        self._seconds = FIRST_GUESS

    def learn(self, seconds: float, pixels: int) -> None:
        self._seconds = (self._seconds + seconds / max(pixels, 1)) / 2

    def frames(self, side: int) -> int:
        """How many frames of a size fit into a slice."""
        by_time = SLICE_SECONDS / max(self._seconds * side * side, 1e-9)
        return int(min(max(by_time, 1), MOST_FRAMES, max(1, MOST_PIXELS // (side * side))))


def coarse_side(side: int) -> int | None:
    """Pixels of the coarse frames that come before those of `side` pixels; None where these are small themselves."""
    return min(side // COARSER, LARGEST_COARSE) if side // COARSER >= SMALLEST_COARSE else None


@dataclass(frozen=True)
class Plan:
    """The clip as it is now wanted.

    Attributes:
        count, side: frames and their size in pixels. head: the frame that is shown. limit: bytes for all frames.
        lead: frames that pass while a slice is rendered; 0 where the clip rests.
        after: the frame after the last slice, where that was sharp: the sharp part grows without gaps, so that
            a clip that plays faster than it is rendered does not flicker.
    """

    count: int
    side: int
    head: int
    limit: int
    lead: int = 0
    after: int | None = None

    def order(self) -> list[int]:
        """All frames, the most wanted first: from the play head on, and around the end."""
        return [(self.head + place) % self.count for place in range(self.count)]

    def room(self) -> int:
        """How many sharp frames are kept."""
        coarse = coarse_side(self.side)
        taken = self.count * coarse * coarse * BYTES_PER_PIXEL if coarse else 0
        left = self.limit - min(taken, self.limit // COARSE_SHARE)
        return max(1, min(self.count, left // (self.side * self.side * BYTES_PER_PIXEL)))

    def coarse_room(self, side: int) -> int:
        """How many coarse frames are kept."""
        return max(1, min(self.count, self.limit // COARSE_SHARE // (side * side * BYTES_PER_PIXEL)))

    def kept(self) -> list[int]:
        """The frames that are worth being sharp: from the play head on, and some behind it."""
        room = self.room()
        behind = 0 if room == self.count else room // BEHIND
        return self.order()[: room - behind] + [(self.head - back) % self.count for back in range(1, behind + 1)]

    def kept_coarse(self) -> list[int]:
        """The frames that are worth being coarse, as long as they are not sharp."""
        coarse = coarse_side(self.side)
        return self.order()[: self.coarse_room(coarse)] if coarse else []

    def next_slice(self, ready: Callable[[int], Ready], speed: Speed) -> Slice | None:
        """What to render now; None where all that is kept is there."""
        if not self.lead and ready(self.head) is not Ready.SHARP:  # somebody looks at it
            return Slice(self.head, 1, self.side)
        coarse = [index for index in self.kept_coarse() if ready(index) is Ready.NOTHING]
        if coarse:
            return self._slice(self._from(self.head + self.lead, coarse), coarse_side(self.side) or self.side, speed)
        kept = self.kept()
        sharp = [index for index in kept if ready(index) is not Ready.SHARP]
        start = self.head + self.lead if self.after is None or self.after not in kept else self.after
        return self._slice(self._from(start, sharp), self.side, speed) if sharp else None

    def _from(self, start: int, missing: list[int]) -> list[int]:
        """The frames in the order in which a clip that plays from `start` comes to them."""
        return sorted(missing, key=lambda index: (index - start) % self.count)

    def _slice(self, missing: Sequence[int], side: int, speed: Speed) -> Slice:
        """The first missing frame and those after it that are missing too, as many as may be."""
        first, left = missing[0], set(missing)
        stop = first + 1
        while stop in left and stop - first < speed.frames(side):
            stop += 1
        return Slice(first, stop - first, side)


def lead_of(rate: float) -> int:
    """Frames that pass while a slice is rendered, at `rate` frames a second on the screen."""
    return math.ceil(SLICE_SECONDS * rate)
