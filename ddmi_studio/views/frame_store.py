"""Frames of a clip that were rendered, kept within a limit of bytes, and what stands in for those that were not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from PySide6.QtGui import QImage

MICROSECOND = 1_000_000

Moment = int
"""An instant in whole microseconds: the same one at every frame rate."""


def moment(seconds: float) -> Moment:
    return round(seconds * MICROSECOND)


class Ready(IntEnum):
    """How far a frame is."""

    NOTHING = 0
    COARSE = 1
    SHARP = 2


@dataclass(frozen=True)
class Rough:
    """A frame that stands in for a sharp one: a coarse one, or a `leftover` of a larger size; `stale`: of another look
    (gains, shutter), too."""

    image: QImage
    leftover: bool = False
    stale: bool = False


class FrameStore:
    """Sharp frames and rough ones by their moment.

    Args:
        limit: bytes of pixels that are kept at most; the frame that is put last is always kept.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        self._sharp: dict[Moment, QImage] = {}
        self._rough: dict[Moment, Rough] = {}

    def __len__(self) -> int:
        return len(self._sharp) + len(self._rough)

    def clear(self) -> None:
        """Another sample."""
        self._sharp.clear()
        self._rough.clear()
        self.bytes = 0

    def resize(self) -> None:
        """Another size: what is there stands in until the new frames come."""
        self._demote(stale=False)

    def restyle(self) -> None:
        """Another look: what is there stands in until anything of the new look comes."""
        self._rough = {at: Rough(held.image, True, True) for at, held in self._rough.items()}
        self._demote(stale=True)

    def _demote(self, *, stale: bool) -> None:
        for at, image in self._sharp.items():
            self._forget(self._rough, at)
            self._rough[at] = Rough(image, True, stale)
        self._sharp.clear()

    def ready(self, at: Moment, least: int = 0) -> Ready:
        """How far a frame is; `least`: pixels a side that a coarse one has."""
        if at in self._sharp:
            return Ready.SHARP
        rough = self._rough.get(at)
        fits = rough is not None and not rough.stale and rough.image.width() >= least
        return Ready.COARSE if fits else Ready.NOTHING

    def sharp(self, at: Moment) -> QImage | None:
        return self._sharp.get(at)

    def best(self, at: Moment) -> QImage | None:
        """The frame itself, sharp or coarse; else the last one before it, else the first one after it."""
        if at in self._sharp:
            return self._sharp[at]
        if at in self._rough:
            return self._rough[at].image
        known = [*self._sharp, *self._rough]
        if not known:
            return None
        before = [other for other in known if other < at]
        return self.best(max(before) if before else min(known))

    def put(self, at: Moment, image: QImage, *, sharp: bool, leftover: bool = False) -> None:
        """Take in a frame; a rough one does not replace a better one of the same look."""
        if sharp:
            self._forget(self._rough, at)
            self._forget(self._sharp, at)
            self._sharp[at] = image
        else:
            held = self._rough.get(at)
            if at in self._sharp or (held is not None and not held.stale and held.image.width() >= image.width()):
                return
            self._forget(self._rough, at)
            self._rough[at] = Rough(image, leftover)
        self.bytes += image.sizeInBytes()

    def trim(self, sharp: Sequence[Moment], coarse: Sequence[Moment]) -> None:
        """Drop frames until the rest is within the limit, least wanted first.

        Args:
            sharp, coarse: moments whose frames are wanted, the most wanted first; those of the first are kept.
        """
        for held, at in self._victims(sharp, coarse):
            if self.bytes <= self.limit:
                return
            self._forget(held, at)

    def _victims(
        self, sharp: Sequence[Moment], coarse: Sequence[Moment]
    ) -> Iterator[tuple[dict[Moment, Rough] | dict[Moment, QImage], Moment]]:
        ranks = {at: place for place, at in enumerate(sharp)}
        coarse_ranks = {at: place for place, at in enumerate(coarse)}
        last = len(ranks) + len(coarse_ranks)
        rough = sorted(self._rough, key=lambda at: coarse_ranks.get(at, last), reverse=True)
        clear = sorted(self._sharp, key=lambda at: ranks.get(at, last), reverse=True)
        first = sharp[0]
        yield from ((self._rough, at) for at in rough if at not in coarse_ranks or self._rough[at].leftover)
        yield from ((self._sharp, at) for at in clear if at != first)
        yield from ((self._rough, at) for at in rough if at != first and at in self._rough)

    def _forget(self, held: dict[Moment, Rough] | dict[Moment, QImage], at: Moment) -> None:
        gone = held.pop(at, None)
        if gone is not None:
            self.bytes -= (gone.image if isinstance(gone, Rough) else gone).sizeInBytes()
