"""Cameras that look at radiance fields: z up, camera to world, as in the published data (reference facts, section 4.5).

A camera looks along its own -z axis, x to the right and y up. Pixels are counted from the left and from the top.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadInput

CAMERA_ANGLE = 0.6911112070083618
"""Horizontal angle of view of the published cameras, in radians."""

SHORTEST_STEP = 1e-3
"""Length of the way between two keyframes that are the same."""

NEAREST_LOOK = 1e-3
"""Least distance of what a camera looks at."""

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
        if not np.isfinite([self.azimuth, self.elevation, self.distance or 0, self.angle or 0]).all():
            raise BadInput("A camera's angles and distance have to be finite numbers.")
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
    """`count` cameras evenly around the scene's vertical, beginning at the given one."""
    for index in range(count):
        turn = 360 * index / count
        if camera.pose is None:
            yield replace(camera, azimuth=camera.azimuth + turn)
        else:
            yield Camera.at(vertical_turn(turn) @ camera.matrix(1.0), camera.angle)


def vertical_turn(degrees: float) -> Matrix:
    """Rotation [4, 4] of the world around its vertical that adds so many degrees to a camera's azimuth."""
    t = math.radians(degrees)
    return np.array([[math.cos(t), math.sin(t), 0, 0], [-math.sin(t), math.cos(t), 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


def flight(keyframes: Sequence[Camera], count: int, usual: Camera, closed: bool = False) -> list[Camera]:
    """`count` cameras along a smooth path through keyframes, from the first to the last at an even speed.

    What is interpolated (cubic splines over the length of the way) is how a camera looks at the point of its
    axis that is nearest to the middle: azimuth, the shorter way round, elevation, roll, distance, the point itself, and
    the angle of view. So a path around an object never leads through it.

    Args:
        usual: stands in where a keyframe leaves out its distance or angle of view.
        closed: go on from the last keyframe to the first, just as smoothly, for clips that loop: the camera after the
            last one is the first.

    Raises:
        BadInput: for fewer than two keyframes.
    """
    from scipy.interpolate import CubicSpline

    if len(keyframes) < 2:
        raise BadInput(f"A camera path through {len(keyframes)} keyframes was asked for.", "Give at least 2.")
    distance = 1.0 if usual.distance is None else usual.distance
    angle = CAMERA_ANGLE if usual.angle is None else usual.angle
    passed = [*keyframes, keyframes[0]] if closed else keyframes
    looks = np.array([_look(camera, distance, angle) for camera in passed])
    looks[:, :3] = np.unwrap(looks[:, :3], axis=0)
    steps = np.maximum(np.linalg.norm(np.diff(looks, axis=0), axis=1), SHORTEST_STEP)
    knots = np.concatenate([[0.0], np.cumsum(steps)])
    places = np.linspace(0, knots[-1], count, endpoint=not closed)
    turns = (looks[-1] - looks[0]) / knots[-1] if closed else np.zeros(looks.shape[1])  # whole ones, round the object
    looks = looks - np.outer(knots, turns)
    if closed:
        looks[-1] = looks[0]
    spline = CubicSpline(knots, looks, bc_type="periodic" if closed else "natural")
    return [_seen_so(look) for look in spline(places) + np.outer(places, turns)]


def _look(camera: Camera, usual_distance: float, usual_angle: float) -> NDArray[np.float64]:
    """Azimuth, elevation and roll (radians), log distance, the point that is looked at, angle of view: [8]."""
    pose = camera.matrix(usual_distance)
    back, eye = pose[:3, 2], pose[:3, 3]
    distance = float(eye @ back)
    if distance < NEAREST_LOOK:  # it looks away from the middle
        distance = max(float(np.linalg.norm(eye)), NEAREST_LOOK)
    azimuth, elevation = math.atan2(back[0], back[1]), math.asin(min(max(float(back[2]), -1.0), 1.0))
    level = spherical_pose(math.degrees(azimuth), -math.degrees(elevation), 1.0)[:3, :3]
    rolled = level.T @ pose[:3, :3]
    roll = math.atan2(rolled[1, 0], rolled[0, 0])
    angle = usual_angle if camera.angle is None else camera.angle
    return np.array([azimuth, elevation, roll, math.log(distance), *(eye - distance * back), angle])


def _seen_so(look: NDArray[np.float64]) -> Camera:
    """The camera of such numbers, see `_look`."""
    azimuth, roll, angle = float(look[0]), float(look[2]), float(look[7])
    elevation = min(max(float(look[1]), -math.pi / 2), math.pi / 2)
    pose = spherical_pose(math.degrees(azimuth), -math.degrees(elevation), math.exp(look[3]))
    turn = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    pose[:3, :3] = pose[:3, :3] @ turn
    pose[:3, 3] += look[4:7]
    return Camera.at(pose, angle)


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
