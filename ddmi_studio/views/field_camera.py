"""Where a picture of the field lies on the screen, and which part of the field to ask for. No widgets."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

Window = tuple[float, float, float, float]  # left, top, right, bottom in field coordinates, [-1, 1], y down

MARGIN = 40.0  # logical pixels kept free around the whole field
MAX_ZOOM = 400.0
MIN_ZOOM = 0.25


@dataclass(frozen=True)
class FieldCamera:
    """A view of the field [-1, 1]^2 in a widget.

    Attributes:
        width, height: of the widget, logical pixels. x, y: the point of the field at its centre.
        zoom: 1 fits the whole field. ratio: physical pixels of the screen per logical pixel.
    """

    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0
    ratio: float = 1.0

    @property
    def scale(self) -> float:
        """Logical pixels per unit of the field; at zoom 1 the field covers a whole, even number of them."""
        side = max(16.0, min(self.width, self.height) - 2 * MARGIN)
        return math.floor(side / 2) * self.zoom

    def resized(self, width: float, height: float, ratio: float) -> FieldCamera:
        return replace(self, width=width, height=height, ratio=ratio)

    def home(self) -> FieldCamera:
        return replace(self, x=0.0, y=0.0, zoom=1.0)

    def is_home(self) -> bool:
        return (self.x, self.y, self.zoom) == (0.0, 0.0, 1.0)

    def to_field(self, px: float, py: float) -> tuple[float, float]:
        mx, my = self._middle()
        return self.x + (px - mx) / self.scale, self.y + (py - my) / self.scale

    def to_screen(self, x: float, y: float) -> tuple[float, float]:
        mx, my = self._middle()
        return (x - self.x) * self.scale + mx, (y - self.y) * self.scale + my

    def panned(self, dx: float, dy: float) -> FieldCamera:
        """Move the picture by logical pixels; its centre never leaves the field."""
        return replace(self, x=_clamp(self.x - dx / self.scale), y=_clamp(self.y - dy / self.scale))

    def zoomed(self, factor: float, px: float, py: float) -> FieldCamera:
        """Zoom so that the point under (px, py) stays where it is."""
        zoom = min(max(self.zoom * factor, MIN_ZOOM), MAX_ZOOM)
        at = self.to_field(px, py)
        near = replace(self, zoom=zoom)
        moved = near.to_field(px, py)
        return replace(near, x=_clamp(self.x + at[0] - moved[0]), y=_clamp(self.y + at[1] - moved[1]))

    def visible(self) -> Window | None:
        """The part of the field that is in sight; None where it is out of sight."""
        left, top = self.to_field(0, 0)
        right, bottom = self.to_field(self.width, self.height)
        window = (max(left, -1.0), max(top, -1.0), min(right, 1.0), min(bottom, 1.0))
        return window if window[0] < window[2] and window[1] < window[3] else None

    def shows_all(self) -> bool:
        """Whether the whole field is in sight."""
        return self.visible() == (-1.0, -1.0, 1.0, 1.0)

    def screen_request(self) -> tuple[int, int, Window] | None:
        """Width, height, window of the visible part at the screen's own pixels."""
        window = self.visible()
        if window is None:
            return None
        density = self.scale * self.ratio
        corner = [at * self.ratio for at in self.to_screen(-1.0, -1.0)]
        left, right = _cover(window[0], window[2], density, corner[0])
        top, bottom = _cover(window[1], window[3], density, corner[1])
        width, height = max(1, round((right - left) * density)), max(1, round((bottom - top) * density))
        return width, height, (left, top, right, bottom)

    def grid_request(self, resolution: int) -> tuple[int, int, Window] | None:
        """Width, height, window of those pixels in sight of a `resolution` x `resolution` picture of the field."""
        window = self.visible()
        if window is None:
            return None
        first = [math.floor((window[i] + 1) / 2 * resolution + 1e-6) for i in (0, 1)]
        last = [math.ceil((window[i] + 1) / 2 * resolution - 1e-6) for i in (2, 3)]
        first = [min(f, n - 1) for f, n in zip(first, last, strict=True)]
        edges = [2 * edge / resolution - 1 for edge in (*first, *last)]
        return last[0] - first[0], last[1] - first[1], (edges[0], edges[1], edges[2], edges[3])

    def magnifies(self, resolution: int) -> bool:
        """Whether a pixel of a `resolution` x `resolution` picture is at least as large as one of the screen."""
        return 2 * self.scale * self.ratio >= resolution

    def _middle(self) -> tuple[float, float]:
        """The middle of the widget on an edge between the screen's pixels: zoom 1 copies pictures one to one."""
        ratio = self.ratio
        return math.floor(self.width * ratio / 2) / ratio, math.floor(self.height * ratio / 2) / ratio


def _cover(low: float, high: float, density: float, corner: float) -> tuple[float, float]:
    """Widen [low, high] to the screen's pixel edges, but not past the field's own."""
    start = (math.floor((low + 1) * density + corner) - corner) / density - 1
    end = (math.ceil((high + 1) * density + corner) - corner) / density - 1
    return (max(start, -1.0), min(end, 1.0))


def _clamp(value: float) -> float:
    return min(max(value, -1.0), 1.0)
