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


@dataclass(frozen=True)
class PosedFile:
    """A picture, its pose float64 [4, 4], and its lens: the camera angle across its whole width in radians, or else the
    focal length in pixels, of a picture `wide` pixels wide where that is known."""

    path: Path
    pose: Array
    angle: float | None
    focal: float = 0.0
    wide: float | None = None

    def angle_of_square(self, width: int, height: int) -> float:
        """The angle across the middle square of the picture, which is width x height pixels."""
        angle = 2 * math.atan((self.wide or width) / (2 * self.focal)) if self.angle is None else self.angle
        return 2 * math.atan(math.tan(angle / 2) * min(width, height) / width)


def srn_files(intrinsics: Path, pictures: Sequence[Path]) -> list[PosedFile]:
    """The pictures of an SRN folder (rgb/, pose/, intrinsics.txt).

    Raises:
        BadItem: for a pose or intrinsics that are missing or hold other than numbers.
    """
    angle = _srn_angle(intrinsics)
    poses = [_numbers(pose_of(path), 16).reshape(4, 4) @ AXES_OF_SRN for path in pictures]
    return [PosedFile(path, pose, angle) for path, pose in zip(pictures, poses, strict=True)]


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
        BadItem: if it is damaged, lists no frames, or says nothing of the lens.
    """
    try:
        content = json.loads(table.read_text(encoding="utf-8"))
        common = {key: value for key, value in content.items() if key != "frames"}
        found = [_frame(table.parent, {**common, **frame}) for frame in content["frames"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadItem(f"{table.name} is damaged ({error})") from None
    if not found:
        raise BadItem(f"{table.name} lists no frames")
    return found


def _frame(folder: Path, entry: dict[str, Any]) -> PosedFile:
    path = folder / str(entry["file_path"])
    path = path if path.suffix else path.with_suffix(".png")
    pose = np.array(entry["transform_matrix"], dtype=np.float64).reshape(4, 4)
    if not np.isfinite(pose).all():
        raise ValueError("a pose that is not finite")
    if "camera_angle_x" in entry:
        return PosedFile(path, pose, float(entry["camera_angle_x"]))
    focal = float(entry.get("fl_x", 0))
    if not focal > 0:
        raise BadItem("transforms.json has no camera_angle_x or fl_x")
    return PosedFile(path, pose, None, focal, float(entry["w"]) if "w" in entry else None)


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
