"""Brings the frames of a clip: asks for slices of them around the play head, one at a time, and keeps what comes."""

from __future__ import annotations

import time

from PySide6.QtGui import QImage

from ddmi_models.requests import Clip, ClipView, View
from ddmi_studio.state.scene import RenderSettings
from ddmi_studio.views.ahead import Plan, Speed, coarse_side
from ddmi_studio.views.frame_store import FrameStore, Moment, Ready, moment
from ddmi_studio.views.stage import to_image


class ClipFeed:
    """Frames of the sample that is shown, by their number.

    Args:
        limit: bytes of pixels that are kept.
    """

    def __init__(self, limit: int) -> None:
        self.store = FrameStore(limit)
        self.settings = RenderSettings(resolution=256)
        self._moments: tuple[Moment, ...] = (0,)
        self._speed = Speed()
        self._pending: ClipView | None = None
        self._asked_at = 0.0
        self._after: int | None = None
        self._refused = False  # the last slice failed; asked again once anything is changed

    def forget(self) -> None:
        """Another sample, or none."""
        self.store.clear()
        self._pending, self._refused, self._after = None, False, None

    def jump(self) -> None:
        """The play head goes somewhere else: what is rendered follows it."""
        self._after = None

    def use(self, settings: RenderSettings) -> None:
        """Take on other settings; what is there stands in until the new frames come."""
        before, self.settings = self.settings, settings
        if _look(settings) != _look(before):
            self.store.restyle()
        elif settings.resolution != before.resolution:
            self.store.resize()
        if settings.clip is not None:
            self._moments = tuple(moment(instant) for instant in settings.clip.instants())
        self._pending, self._refused, self._after = None, False, None

    def next(self, head: int, lead: int, *, anew: bool = False) -> ClipView | None:
        """The slice that is wanted most, if any, and if none is on its way; `anew`: that one then gives way.

        Args:
            head, lead: as in Plan.
        """
        clip = self.settings.clip
        if clip is None or self._refused or (self._pending is not None and not anew):
            return None
        part = self._plan(head, lead).next_slice(self.ready, self._speed)
        if part is None:
            return None
        if part.side == self.settings.resolution:
            self._after = (part.first + part.count) % len(self._moments)
        self._pending = ClipView(part.side, part.side, clip.timing(), part.first, part.count, gains=self.settings.gains)
        self._asked_at = time.monotonic()
        return self._pending

    def take(self, view: ClipView, rendered: Clip, final: bool, head: int) -> None:
        """Keep what has come, where it is still wanted."""
        if (view.timing.shutter, view.gains) == _look(self.settings):
            side = rendered.frames.shape[2]
            sharp, leftover = side == self.settings.resolution, side > self._coarse()
            for instant, pixels in zip(rendered.instants, rendered.frames, strict=True):
                self.store.put(moment(instant), to_image(pixels), sharp=sharp, leftover=leftover)
            plan = self._plan(head, 0)
            self.store.trim(self._at(plan.kept()), self._at(plan.kept_coarse()))
        if final and view is self._pending:
            self._pending = None
            self._speed.learn(time.monotonic() - self._asked_at, rendered.frames[..., 0].size)

    def failed(self, view: View) -> None:
        """A slice did not come: nothing more is asked for until something is changed."""
        if view is self._pending:
            self._pending, self._refused = None, True

    def ready(self, index: int) -> Ready:
        return self.store.ready(self._moments[index], self._coarse())

    def image(self, index: int) -> QImage | None:
        """The frame, or what stands in for it; None where nothing is there yet."""
        return self.store.best(self._moments[index])

    def room(self) -> int:
        """How many sharp frames are kept at most."""
        return self._plan(0, 0).room()

    def _coarse(self) -> int:
        """Pixels a side of the coarse frames; 0 where there are none."""
        return coarse_side(self.settings.resolution) or 0

    def _plan(self, head: int, lead: int) -> Plan:
        return Plan(len(self._moments), self.settings.resolution, head, self.store.limit, lead, self._after)

    def _at(self, indices: list[int]) -> list[Moment]:
        return [self._moments[index] for index in indices]


def _look(settings: RenderSettings) -> tuple[float, tuple[float, ...] | None]:
    """What decides how a frame looks at any size: the shutter in seconds, and the gains."""
    return (0.0 if settings.clip is None else settings.clip.timing().shutter), settings.gains
