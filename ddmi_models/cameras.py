"""Cameras that look at radiance fields: z up, camera to world, as in the published data (reference facts, section 4.5).

A camera looks along its own -z axis, x to the right and y up. Pixels are counted from the left and from the top.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadInput

CAMERA_ANGLE = 0.6911112070083618
"""Horizontal angle of view of the published cameras, in radians."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """Where a radiance field is seen from: around the middle of the scene, or from a pose of its own.

    Attributes:
        azimuth, elevation: in degrees; the elevation is above the horizon.
        distance: from the middle; None: the model's usual one.
        angle: horizontal angle of view in radians; None: the model's.
        pose: camera to world, 16 numbers row by row; in place of azimuth, elevation and distance.
    """

    azimuth: float = 30.0
    elevation: float = 20.0
    distance: float | None = None
    angle: float | None = None
    pose: tuple[float, ...] | None = None

    @classmethod
    def at(cls, pose: NDArray[np.floating], angle: float | None = None) -> Camera:
        """The camera of a 4x4 camera-to-world matrix.

        Raises:
            BadInput: if it is not one.
        """
        matrix = np.asarray(pose, np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise BadInput("A camera's pose has to be a matrix of 4x4 numbers, camera to world.")
        return cls(angle=angle, pose=tuple(matrix.ravel().tolist()))

    def matrix(self, usual_distance: float) -> Matrix:
        """The camera-to-world matrix [4, 4]."""
        if self.pose is not None:
            if len(self.pose) != 16:
                raise BadInput(f"A camera's pose has {len(self.pose)} numbers.", "Give 16, row by row.")
            return np.array(self.pose).reshape(4, 4)
        distance = usual_distance if self.distance is None else self.distance
        if not distance > 0:
            raise BadInput(f"A camera at the distance {distance:g} was asked for.", "Give a positive number.")
        return spherical_pose(self.azimuth, -self.elevation, distance)


def spherical_pose(theta: float, phi: float, radius: float) -> Matrix:
    """Camera-to-world matrix [4, 4] on a sphere around the origin, looking at it, in the published angles (degrees).

    `theta` turns around the vertical; negative `phi` is above the horizon.
    """
    t, p = math.radians(theta), math.radians(phi)
    tilt = np.array([[1, 0, 0], [0, math.cos(p), -math.sin(p)], [0, math.sin(p), math.cos(p)]])
    turn = np.array([[math.cos(t), 0, -math.sin(t)], [0, 1, 0], [math.sin(t), 0, math.cos(t)]])
    z_up = np.array([[-1, 0, 0], [0, 0, 1], [0, 1, 0]])
    pose = np.eye(4)
    pose[:3, :3] = z_up @ turn @ tilt
    pose[:3, 3] = radius * pose[:3, 2]
    return pose


def orbit(count: int, camera: Camera) -> Iterator[Camera]:
    """`count` cameras evenly around the scene, beginning at the given one."""
    for index in range(count):
        azimuth = camera.azimuth + 360 * index / count
        yield Camera(azimuth, camera.elevation, camera.distance, camera.angle)


def focal_length(width: int, angle: float) -> float:
    """Focal length in pixels of a picture that is `width` pixels wide."""
    if not 0 < angle < math.pi:
        raise BadInput(f"An angle of view of {angle:g} radians was asked for.", "Give a value between 0 and pi.")
    return 0.5 * width / math.tan(0.5 * angle)


def intrinsics(width: int, height: int, angle: float) -> Matrix:
    """Pinhole matrix [3, 3] whose principal point is the middle of the picture."""
    focal = focal_length(width, angle)
    return np.array([[focal, 0, 0.5 * width], [0, focal, 0.5 * height], [0, 0, 1]])


def pixel_rays(
    pose: NDArray[np.floating], matrix: NDArray[np.floating], pixels: NDArray[np.floating]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rays through places of a picture.

    Args:
        pose: camera to world [4, 4], or one a place [..., 4, 4]. matrix: pinhole matrix [3, 3].
        pixels: (column, row) [..., 2] in pixels; the middle of the first pixel is (0.5, 0.5).

    Returns:
        Origins and directions float32 [..., 3] in the world. Directions have length 1 along the camera's axis, so that
        distances along a ray are depths.
    """
    x = (pixels[..., 0] - matrix[0, 2]) / matrix[0, 0]
    y = (pixels[..., 1] - matrix[1, 2]) / matrix[1, 1]
    right, up, back = (pose[..., :3, axis] for axis in range(3))
    directions = x[..., None] * right - y[..., None] * up - back
    origins = np.broadcast_to(pose[..., :3, 3], directions.shape)
    return origins.astype(np.float32), directions.astype(np.float32)
