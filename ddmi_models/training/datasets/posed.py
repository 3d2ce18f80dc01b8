"""Objects in posed pictures: SRN Cars (folders, and the authors' .npz), transforms.json.

A row has `images` uint8 [views, size, size, 3], `poses` float32 [views, 4, 4] (camera to world, the camera looks along
its -z, x right, y up), `camera_angle` float32 (radians across a picture), `cloud` float16 [points, 6] (coloured, in the
cube [-0.5, 0.5]^3, z up). Where no coloured points are given they are carved out of the pictures.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.training.datasets.carving import carve
from ddmi_models.training.datasets.images import ENDINGS, open_picture, picture_look, squared
from ddmi_models.training.datasets.layout import (
    BadItem,
    Item,
    Layout,
    Preparation,
    Rows,
    Tree,
    read_npz,
    seeded,
)
from ddmi_models.training.datasets.looks import LOOK
from ddmi_models.training.procedural.ray_views import CAMERA_ANGLE

Array = NDArray[Any]

AXES_OF_SRN = np.diag([1.0, -1.0, -1.0, 1.0])
"""From our camera's axes to SRN's (x right, y down, z ahead), and back."""
TRANSFORMS = "transforms.json"
POINTS = ("pointcloud.npz", "points.npz")
MARGIN = 0.97


@dataclass(frozen=True)
class Shot:
    """A picture [S, S, 3] uint8, its pose [4, 4] and its camera angle in radians."""

    picture: NDArray[np.uint8]
    pose: Array
    angle: float


def _find_srn(tree: Tree) -> list[Item]:
    items = []
    for intrinsics in tree.named("intrinsics.txt"):
        home = intrinsics.parent
        pictures = Tree.of(home / "rgb").ending(ENDINGS)
        poses = [home / "pose" / f"{picture.stem}.txt" for picture in pictures]
        points = [home / name for name in POINTS if (home / name).is_file()][:1]
        if pictures:
            items.append(Item(tree.label(home), (intrinsics, *pictures, *poses, *points)))
    return items


def _inspect_srn(item: Item) -> str:
    pictures = [path for path in item.files if path.parent.name == "rgb"]
    _srn_angle(item.files[0])
    for path in pictures:
        _numbers(path.parents[1] / "pose" / f"{path.stem}.txt", 16)
        open_picture(path)
    return f"{len(pictures)} views"


def _read_srn(item: Item, how: Preparation) -> tuple[Rows, list[str]]:
    pictures = [path for path in item.files if path.parent.name == "rgb"]
    angle = _srn_angle(item.files[0])
    shots = []
    for path in _spread(pictures, how.views):
        pose = _numbers(path.parents[1] / "pose" / f"{path.stem}.txt", 16).reshape(4, 4) @ AXES_OF_SRN
        shots.append(_shot(path, pose, angle, how.size))
    points = next((path for path in item.files if path.name in POINTS), None)
    return _rows(shots, None if points is None else _stored_points(points), item, how), []


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


def _find_npz(tree: Tree) -> list[Item]:
    items = []
    for path in tree.ending((".npz",)):
        try:
            with zipfile.ZipFile(path) as file:
                names = set(file.namelist())
        except (OSError, zipfile.BadZipFile):
            continue  # reported only among files that are of this layout
        if {"images.npy", "cam_poses.npy"} <= names:
            items.append(Item(tree.label(path), (path,)))
    return items


def _npz(item: Item) -> tuple[Array, Array, Array | None]:
    arrays = read_npz(item.files[0], ("images", "cam_poses"), optional=("data",))
    images, poses, points = arrays["images"], arrays["cam_poses"].astype(np.float64), arrays.get("data")
    if images.ndim != 4 or images.shape[-1] not in (3, 4) or poses.shape[1:] not in ((4, 4), (3, 4)):
        raise BadItem("images or cam_poses have an unknown shape")
    if len(images) != len(poses) or not len(images) or not np.isfinite(poses).all():
        raise BadItem("images and cam_poses do not fit each other")
    return images, poses, points


def _inspect_npz(item: Item) -> str:
    return f"{len(_npz(item)[0])} views"


def _read_npz(item: Item, how: Preparation) -> tuple[Rows, list[str]]:
    from PIL import Image

    images, poses, points = _npz(item)
    shots = []
    for index in _spread(range(len(images)), how.views):
        pose = np.eye(4)
        pose[:3] = poses[index][:3]
        shots.append(Shot(squared(_on_white(Image.fromarray(_as_bytes(images[index]))), how.size), pose, CAMERA_ANGLE))
    return _rows(shots, points, item, how), []


def _as_bytes(pixels: Array) -> NDArray[np.uint8]:
    """Pixels of a picture that has them in [0, 1] or as bytes."""
    return pixels if pixels.dtype == np.uint8 else np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8)


def _on_white(picture: Any) -> Any:
    from PIL import Image

    if picture.mode != "RGBA":
        return picture.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def _find_transforms(tree: Tree) -> list[Item]:
    items = []
    for table in tree.ending((".json",)):
        if table.name != TRANSFORMS and (table.parent / TRANSFORMS).is_file():
            continue  # the splits of a scene that has them together
        if table.name not in (TRANSFORMS, "transforms_train.json"):
            continue
        points = [table.parent / each for each in POINTS if (table.parent / each).is_file()][:1]
        pictures = [path for path, _ in _transforms(table, strict=False)]
        items.append(Item(tree.label(table.parent), (table, *pictures, *points)))
    return items


def _transforms(table: Path, strict: bool = True) -> list[tuple[Path, dict[str, Any]]]:
    """The pictures of a transforms.json with their entries, in its order; where not strict, none if it is damaged."""
    try:
        content = json.loads(table.read_text(encoding="utf-8"))
        found = []
        for frame in content["frames"]:
            path = table.parent / str(frame["file_path"])
            path = path if path.suffix else path.with_suffix(".png")
            np.array(frame["transform_matrix"], dtype=np.float64).reshape(4, 4)
            found.append((path, {**{k: v for k, v in content.items() if k != "frames"}, **frame}))
    except (OSError, ValueError, KeyError, TypeError) as error:
        if strict:
            raise BadItem(f"{table.name} is damaged ({error})") from None
        return []
    return found


def _angle(entry: dict[str, Any], width: int) -> float:
    """Camera angle across the whole width of a picture."""
    if "camera_angle_x" in entry:
        return float(entry["camera_angle_x"])
    if "fl_x" in entry:
        return 2 * math.atan(float(entry.get("w", width)) / (2 * float(entry["fl_x"])))
    raise BadItem("transforms.json has no camera_angle_x or fl_x")


def _inspect_transforms(item: Item) -> str:
    found = _transforms(item.files[0])
    if not found:
        raise BadItem("transforms.json lists no frames")
    for path, entry in found:
        _angle(entry, open_picture(path).width)
    return f"{len(found)} views"


def _read_transforms(item: Item, how: Preparation) -> tuple[Rows, list[str]]:
    found = _transforms(item.files[0])
    if not found:
        raise BadItem("transforms.json lists no frames")
    shots = []
    for path, entry in _spread(found, how.views):
        pose = np.array(entry["transform_matrix"], dtype=np.float64).reshape(4, 4)
        shots.append(_shot(path, pose, _angle(entry, open_picture(path).width), how.size))
    points = next((path for path in item.files if path.name in POINTS), None)
    return _rows(shots, None if points is None else _stored_points(points), item, how), []


def _shot(path: Path, pose: Array, angle: float, size: int) -> Shot:
    """A picture cut to its middle square, whose camera angle is smaller than that of a wide picture."""
    picture = open_picture(path)
    share = min(picture.size) / picture.width
    return Shot(squared(picture, size), pose, 2 * math.atan(math.tan(angle / 2) * share))


def _spread(things: Sequence[Any], count: int) -> list[Any]:
    """So many of them, evenly over all; some again where there are too few."""
    return [things[int((index + 0.5) * len(things) / count)] for index in range(count)]


def _stored_points(path: Path) -> Array:
    """Coloured points [N, 6] of a pointcloud.npz: `points`, and `colors` in [0, 1] or 0 to 255."""
    points, colours = (values.astype(np.float64) for values in read_npz(path, ("points", "colors")).values())
    if points.ndim != 2 or points.shape[1] != 3 or colours.shape != points.shape or not len(points):
        raise BadItem(f"the points and colors of {path.name} do not fit each other")
    return np.concatenate([points, colours / (255 if colours.max() > 1 else 1)], axis=1)


def _rows(shots: list[Shot], points: Array | None, item: Item, how: Preparation) -> Rows:
    """The row of an object, moved and scaled into the cube where it is not there yet."""
    rng, poses = seeded(item), np.stack([shot.pose for shot in shots])
    angles = np.array([shot.angle for shot in shots])
    if np.ptp(angles) > 1e-3:
        raise BadItem("its cameras have different angles")
    turns = poses[:, :3, :3]
    if np.abs(turns @ turns.transpose(0, 2, 1) - np.eye(3)).max() > 1e-2 or (np.linalg.det(turns) < 0).any():
        raise BadItem("its poses are no rotations")
    pictures = np.stack([shot.picture for shot in shots])
    if points is None:
        points = carve(pictures, poses, float(angles[0]), rng, how.cloud)
    points = points.astype(np.float64)
    if points.ndim != 2 or points.shape[1] != 6 or not len(points) or not np.isfinite(points).all():
        raise BadItem("its coloured points are damaged")
    low, high = points[:, :3].min(axis=0), points[:, :3].max(axis=0)
    if np.abs(points[:, :3]).max() > 0.5:
        middle, scale = (low + high) / 2, MARGIN / float((high - low).max())
        points = np.concatenate([(points[:, :3] - middle) * scale, points[:, 3:]], axis=1)
        poses = poses.copy()
        poses[:, :3, 3] = (poses[:, :3, 3] - middle) * scale
    chosen = rng.choice(len(points), how.cloud, replace=how.cloud > len(points))
    return {
        "images": pictures[None],
        "poses": poses.astype(np.float32)[None],
        "camera_angle": angles[:1].astype(np.float32),
        "cloud": points[chosen].astype(np.float16)[None],
    }


def _look_at_npz(item: Item) -> NDArray[np.uint8]:
    from PIL import Image

    return squared(_on_white(Image.fromarray(_as_bytes(_npz(item)[0][0]))), LOOK)


SRN = Layout("srn", "Posed pictures as in SRN Cars", "nerf", _find_srn, _inspect_srn, _read_srn, picture_look)
POSED_NPZ = Layout(
    "posed-npz", "One .npz of posed pictures an object", "nerf", _find_npz, _inspect_npz, _read_npz, _look_at_npz
)
POSED = Layout(
    "transforms", "Posed pictures with transforms.json", "nerf", _find_transforms, _inspect_transforms,
    _read_transforms, picture_look,
)  # fmt: skip
