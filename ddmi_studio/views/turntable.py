"""A turntable camera: orbits a point, y up. Plain numbers, no widgets, no OpenGL."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

FIELD_OF_VIEW = 30.0  # degrees, vertical
HOME_AZIMUTH, HOME_ELEVATION = 32.0, 16.0
DEGREES_PER_PIXEL = 0.4
NEAREST, FARTHEST = 0.3, 12.0
REACH = 0.9  # how far the middle may be moved off the cube's own


@dataclass(frozen=True)
class Turntable:
    """Angles in degrees, lengths in the shape's units (the cube [-0.5, 0.5]^3).

    Attributes:
        target: the point that is orbited. distance: from it to the eye. home_*: what `home` goes back to.
        field_of_view: vertical; in a window higher than wide horizontal.
    """

    azimuth: float = HOME_AZIMUTH
    elevation: float = HOME_ELEVATION
    distance: float = 2.6
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)
    home_distance: float = 2.6
    home_target: tuple[float, float, float] = (0.0, 0.0, 0.0)
    home_azimuth: float = HOME_AZIMUTH
    home_elevation: float = HOME_ELEVATION
    field_of_view: float = FIELD_OF_VIEW

    def framed(self, low: np.ndarray, high: np.ndarray) -> Turntable:
        """Make a view of the box from `low` to `high` the home of this camera, and go there."""
        center = (low + high) / 2
        radius = max(float(np.linalg.norm(high - low)) / 2, 0.05)
        distance = 0.96 * radius / math.sin(math.radians(self.field_of_view / 2))
        target = (float(center[0]), float(center[1]), float(center[2]))
        return replace(self, home_distance=distance, home_target=target).home()

    def home(self) -> Turntable:
        return replace(
            self,
            azimuth=self.home_azimuth,
            elevation=self.home_elevation,
            distance=self.home_distance,
            target=self.home_target,
        )

    def is_home(self) -> bool:
        return self == self.home()

    def orbited(self, dx: float, dy: float) -> Turntable:
        """Turn by a drag of so many pixels: the shape follows the hand."""
        elevation = min(max(self.elevation + dy * DEGREES_PER_PIXEL, -89.0), 89.0)
        return replace(self, azimuth=(self.azimuth - dx * DEGREES_PER_PIXEL) % 360, elevation=elevation)

    def zoomed(self, factor: float) -> Turntable:
        """Come nearer by a factor."""
        return replace(self, distance=min(max(self.distance / factor, NEAREST), FARTHEST))

    def panned(self, dx: float, dy: float, height: int) -> Turntable:
        """Move by a drag of so many pixels in a window `height` pixels high: the target stays under the hand."""
        unit = 2 * self.distance * math.tan(math.radians(self.field_of_view / 2)) / max(1, height)
        right, up, _ = self.axes()
        moved = np.asarray(self.target) - dx * unit * right + dy * unit * up
        x, y, z = np.clip(moved, -REACH, REACH)
        return replace(self, target=(float(x), float(y), float(z)))

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The camera's right, up and backward directions in the world, each [3]."""
        a, e = math.radians(self.azimuth), math.radians(self.elevation)
        backward = np.array([math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)])
        right = np.array([math.cos(a), 0.0, -math.sin(a)])
        return right, np.cross(backward, right), backward

    def view(self) -> np.ndarray:
        """World to camera, [4, 4], for column vectors."""
        rotation = np.stack(self.axes())
        matrix = np.eye(4)
        matrix[:3, :3] = rotation
        matrix[:3, 3] = -rotation @ np.asarray(self.target)
        matrix[2, 3] -= self.distance
        return matrix

    def projection(self, aspect: float) -> np.ndarray:
        """Camera to clip space, [4, 4], for column vectors. In a window higher than wide the width decides."""
        near, far = max(0.02, self.distance - 2.5), self.distance + 4.0
        f = 1 / math.tan(math.radians(self.field_of_view / 2)) * min(1.0, aspect)
        matrix = np.zeros((4, 4))
        matrix[0, 0], matrix[1, 1] = f / aspect, f
        matrix[2, 2], matrix[2, 3] = (far + near) / (near - far), 2 * far * near / (near - far)
        matrix[3, 2] = -1.0
        return matrix
