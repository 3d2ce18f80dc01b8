"""Which frames of a clip are read from its field."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ddmi_models.requests import Timing, frame_count

SLOWEST, FASTEST = 2, 60
"""Frames a second that the window offers."""


@dataclass(frozen=True)
class ClipSettings:
    """Frame k stands at start + k / rate seconds after the first trained frame.

    Attributes:
        last: seconds from the first trained frame to the last one; no window ends later.
        trained_rate: frames a second of the trained clips. rate: of this one.
        start, stop: the window, in seconds.
        shutter: part of the time from frame to frame over which a frame is averaged, in [0, 1].
    """

    last: float
    trained_rate: float
    rate: float
    start: float
    stop: float
    shutter: float = 0.0

    @classmethod
    def trained(cls, frames: int, rate: float) -> ClipSettings:
        """The trained frames themselves."""
        last = (frames - 1) / rate
        return cls(last, rate, rate, 0.0, last)

    @property
    def count(self) -> int:
        """How many frames there are."""
        return frame_count(self.start, self.stop, self.rate)

    def instants(self) -> tuple[float, ...]:
        """Seconds at which the frames stand."""
        return tuple(self.start + k / self.rate for k in range(self.count))

    def timing(self, rate: float | None = None) -> Timing:
        """The same for a request, at another rate where one is given."""
        rate = rate or self.rate
        return Timing(rate, self.start, self.stop, self.shutter / rate)

    def from_instant(self, start: float) -> ClipSettings:
        """With another first instant; the last one moves along where it would be earlier."""
        start = min(max(start, 0.0), self.last)
        return replace(self, start=start, stop=max(start, self.stop))

    def to_instant(self, stop: float) -> ClipSettings:
        """With another last instant; the first one moves along where it would be later."""
        stop = min(max(stop, 0.0), self.last)
        return replace(self, start=min(self.start, stop), stop=stop)
