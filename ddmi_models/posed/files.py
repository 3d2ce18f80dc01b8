"""Pictures of an object and their cameras: transforms.json, and folders as in SRN Cars.

Poses are camera to world; our camera looks along its -z, x right, y up.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadItem

Array = NDArray[Any]

AXES_OF_SRN = np.diag([1.0, -1.0, -1.0, 1.0])
"""From our camera's axes to SRN's (x right, y down, z ahead), and back."""
TRANSFORMS, TRAINING_TRANSFORMS = "transforms.json", "transforms_train.json"
INTRINSICS = "intrinsics.txt"
POINTS = ("pointcloud.npz", "points.npz")
"""Coloured points that may lie beside the pictures."""
MARGIN = 0.97
"""Longest side of an object that was scaled into the cube."""
LEAST_WINDOW = 0.5
"""Share of a picture's shorter side that the largest square around its principal point has at least."""
DISTORTION = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
MOST_DISTORTION = 1e-3
"""Coefficients up to it move no pixel within 45 degrees of the axis by more than a thousandth of the focal length."""
CENTRED = 1e-3
"""Share of a side by which a principal point may lie off the middle and counts as there."""

Window = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels, whole or not."""


@dataclass(frozen=True)
class Lens:
    """A pinhole: the camera angle across the whole width in radians, or else the focal length, in pixels.

    focal_y: focal length along y where pixels are not square. centre: the principal point's x and y; None: the middle.
    size: width and height of the picture in whose pixels all that is told; None: those of the picture itself.
    """

    angle: float | None = None
    focal: float = 0.0
    focal_y: float | None = None
    centre: tuple[float | None, float | None] = (None, None)
    size: tuple[float | None, float | None] = (None, None)

    def window(self, width: int, height: int) -> tuple[Window, float]:
        """The largest part of a picture of width x height pixels that a camera with its principal point in the middle
        and square pixels sees as a square; and the angle across it in radians.

        Raises:
            BadItem: the principal point lies far from the middle of the picture.
        """
        scale_x = width / (self.size[0] or width)
        scale_y = height / self.size[1] if self.size[1] else scale_x
        focal_x = self.focal * scale_x if self.angle is None else width / (2 * math.tan(self.angle / 2))
        focal_y = focal_x if self.focal_y is None else self.focal_y * scale_y
        x, y = _principal(self.centre[0], scale_x, width), _principal(self.centre[1], scale_y, height)
        reach = min(x / focal_x, (width - x) / focal_x, y / focal_y, (height - y) / focal_y)
        if reach < LEAST_WINDOW * min(width / focal_x, height / focal_y) / 2:
            raise BadItem(
                f"the principal point ({x:.0f}, {y:.0f}) lies far from the middle of its {width}x{height} pixels"
            )
        edges = (x - reach * focal_x, y - reach * focal_y, x + reach * focal_x, y + reach * focal_y)
        left, top, right, bottom = (round(edge, 6) for edge in edges)  # edges of the picture exactly
        return (left, top, right, bottom), 2 * math.atan(reach)


def _principal(given: float | None, scale: float, pixels: int) -> float:
    """Where the principal point is along an axis of so many pixels."""
    if given is None or abs(given * scale - pixels / 2) < CENTRED * pixels:
        return pixels / 2
    return given * scale


@dataclass(frozen=True)
class PosedFile:
    """A picture, its pose float64 [4, 4], and its lens."""

    path: Path
    pose: Array
    lens: Lens


def srn_files(intrinsics: Path, pictures: Sequence[Path]) -> list[PosedFile]:
    """The pictures of an SRN folder (rgb/, pose/, intrinsics.txt).

    Raises:
        BadItem: for a pose or intrinsics that are missing or hold other than numbers.
    """
    angle = _srn_angle(intrinsics)
    poses = [_numbers(pose_of(path), 16).reshape(4, 4) @ AXES_OF_SRN for path in pictures]
    return [PosedFile(path, pose, Lens(angle)) for path, pose in zip(pictures, poses, strict=True)]


def pose_of(picture: Path) -> Path:
    """Where the pose of an SRN picture lies."""
    return picture.parents[1] / "pose" / f"{picture.stem}.txt"


def _srn_angle(path: Path) -> float:
    """Camera angle of an intrinsics.txt: focal length first, height and width in pixels last."""
    numbers = _numbers(path, None)
    if len(numbers) < 6 or numbers[0] <= 0 or numbers[-1] <= 0:
        raise BadItem("intrinsics.txt has no focal length and size")
    return 2 * math.atan(numbers[-1] / (2 * numbers[0]))


def _numbers(path: Path, count: int | None) -> Array:
    try:
        numbers = np.array([float(word) for word in path.read_text().split()])
    except (OSError, ValueError):
        raise BadItem(f"{path.name} is missing or holds no numbers") from None
    if (count is not None and len(numbers) != count) or not np.isfinite(numbers).all():
        raise BadItem(f"{path.name} does not hold the numbers that are needed")
    return numbers


def transforms_files(table: Path) -> list[PosedFile]:
    """The pictures of a transforms.json, in its order.

    Raises:
        BadItem: if it is damaged, lists no frames, or has a lens that is not told or no pinhole.
    """
    try:
        content = json.loads(table.read_text(encoding="utf-8"))
        common = {key: value for key, value in content.items() if key != "frames"}
        found = [_frame(table, {**common, **frame}) for frame in content["frames"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadItem(f"{table.name} is damaged ({error})") from None
    if not found:
        raise BadItem(f"{table.name} lists no frames")
    return found


def _frame(table: Path, entry: dict[str, Any]) -> PosedFile:
    path = table.parent / str(entry["file_path"])
    path = path if path.suffix else path.with_suffix(".png")
    pose = np.array(entry["transform_matrix"], dtype=np.float64).reshape(4, 4)
    if not np.isfinite(pose).all():
        raise ValueError("a pose that is not finite")
    return PosedFile(path, pose, _lens(table, entry))


def _lens(table: Path, entry: dict[str, Any]) -> Lens:
    """The lens of a frame. Raises: BadItem, ValueError."""
    _refuse_distortion(table, entry)
    told = {key: float(entry[key]) for key in ("fl_y", "cx", "cy", "w", "h") if entry.get(key) is not None}
    if not np.isfinite(list(told.values())).all() or min(told.get(key, 1) for key in ("fl_y", "w", "h")) <= 0:
        raise ValueError("a lens of numbers that cannot be")
    centre, size = (told.get("cx"), told.get("cy")), (told.get("w"), told.get("h"))
    if "camera_angle_x" in entry:
        angle = float(entry["camera_angle_x"])
        if not 0 < angle < math.pi:
            raise ValueError("a camera angle that cannot be")
        return Lens(angle, 0.0, told.get("fl_y"), centre, size)
    focal = float(entry.get("fl_x", 0))
    if not 0 < focal < math.inf:
        raise BadItem(f"{table.name} has no camera_angle_x or fl_x")
    return Lens(None, focal, told.get("fl_y"), centre, size)


def _refuse_distortion(table: Path, entry: dict[str, Any]) -> None:
    """Raises: BadItem, for a lens that bends lines."""
    bent = [f"{key} = {entry[key]:g}" for key in DISTORTION if not abs(entry.get(key) or 0) <= MOST_DISTORTION]
    model = str(entry.get("camera_model", "")).upper()
    if entry.get("is_fisheye") or "FISHEYE" in model or "EQUIRECTANGULAR" in model:
        bent = ["no pinhole", *bent]
    if bent:
        raise BadItem(
            f"{table.name} tells of a lens that distorts ({', '.join(bent)}); undistort the pictures first, with "
            "`colmap image_undistorter`, say"
        )


def spread(things: Sequence[Any], count: int) -> list[Any]:
    """So many of them, evenly over all; some again where there are too few."""
    return [things[int((index + 0.5) * len(things) / count)] for index in range(count)]


def check_cameras(poses: Array, angles: Array) -> None:
    """Refuse poses [V, 4, 4] that are no rotations, and angles [V] that differ. Raises: BadItem."""
    if np.ptp(angles) > 1e-3:
        raise BadItem("its cameras have different angles")
    turns = poses[:, :3, :3]
    if np.abs(turns @ turns.transpose(0, 2, 1) - np.eye(3)).max() > 1e-2 or (np.linalg.det(turns) < 0).any():
        raise BadItem("its poses are no rotations")


def into_cube(points: Array, poses: Array, least: float = 0.0) -> tuple[Array, Array]:
    """Coloured points [N, 6] and poses [V, 4, 4], moved and scaled so that the points fill the cube [-0.5, 0.5]^3 if
    they reach beyond it, or their longest side is shorter than `least`.

    Raises:
        BadItem: if the points are damaged, or all at one place.
    """
    if points.ndim != 2 or points.shape[1] != 6 or not len(points) or not np.isfinite(points).all():
        raise BadItem("its coloured points are damaged")
    low, high = points[:, :3].min(axis=0), points[:, :3].max(axis=0)
    longest = float((high - low).max())
    if np.abs(points[:, :3]).max() <= 0.5 and longest >= least:
        return points, poses
    if not longest > 0:
        raise BadItem("its coloured points are all at one place")
    middle, scale = (low + high) / 2, MARGIN / longest
    moved = poses.copy()
    moved[:, :3, 3] = (poses[:, :3, 3] - middle) * scale
    return np.concatenate([(points[:, :3] - middle) * scale, points[:, 3:]], axis=1), moved
