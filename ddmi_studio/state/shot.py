"""From where and how a radiance field is seen, and how the camera of its clips moves."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from ddmi_models.requests import Camera, Shows

FOLDER = ""
"""The ending of a folder of frames."""

CLIPS = (".mp4", ".gif")
SHORTEST, LONGEST = 1.0, 30.0
"""Seconds of a clip that the window offers."""

SLOWEST, FASTEST = 6, 30
"""Frames a second."""

FEWEST, MOST = 4, 360
"""Views of a folder."""


@dataclass(frozen=True)
class Shot:
    """How a radiance field is shown and filmed: what an export repeats of the view.

    Attributes:
        camera: of the view; None: the model's usual one. shows: what the picture shows.
        keyframes: cameras that a path passes. flies: clips follow the path; else the camera goes around once.
        closed: the path goes back to its first keyframe.
        seconds, rate: length of a clip and its frames a second. views: frames of a folder.
    """

    camera: Camera | None = None
    shows: Shows = "colour"
    keyframes: tuple[Camera, ...] = ()
    flies: bool = False
    closed: bool = False
    seconds: float = 4.0
    rate: int = 24
    views: int = 72

    @property
    def can_fly(self) -> bool:
        """Whether there is a path."""
        return len(self.keyframes) > 1

    def frames(self, suffix: str) -> int | None:
        """Frames of a file with this ending; None where it is one picture or a mesh."""
        if suffix == FOLDER:
            return self.views
        return max(2, round(self.seconds * self.rate)) if suffix in CLIPS else None

    def arguments(self, suffix: str, size: tuple[int, int]) -> dict[str, Any]:
        """The same as arguments of Export, for pictures of width x height pixels."""
        flies = self.frames(suffix) is not None and self.flies and self.can_fly
        return {
            "camera": None if self.camera is None else widened(self.camera, *size),
            "shows": self.shows,
            "views": self.frames(suffix),
            "seconds": self.seconds if suffix in CLIPS else None,
            "keyframes": tuple(widened(camera, *size) for camera in self.keyframes) if flies else (),
            "closed": flies and self.closed,
        }


def widened(camera: Camera, width: int, height: int) -> Camera:
    """The same camera for a picture whose shorter side sees what the square one does."""
    assert camera.angle is not None
    half = math.tan(camera.angle / 2) * max(1.0, width / height)
    return replace(camera, angle=2 * math.atan(half))
