"""Objects in posed pictures: SRN Cars (folders, and the authors' .npz), transforms.json.

A row has `images` uint8 [views, size, size, 3], `poses` float32 [views, 4, 4] (camera to world, the camera looks along
its -z, x right, y up), `camera_angle` float32 (radians across a picture), `cloud` float16 [points, 6] (coloured, in the
cube [-0.5, 0.5]^3, z up). Where no coloured points are given they are carved out of the pictures.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadItem
from ddmi_models.posed.carving import carve, silhouettes
from ddmi_models.posed.files import (
    INTRINSICS,
    POINTS,
    TRAINING_TRANSFORMS,
    TRANSFORMS,
    PosedFile,
    check_cameras,
    into_cube,
    pose_of,
    spread,
    srn_files,
    transforms_files,
)
from ddmi_models.training.datasets.images import ENDINGS, open_picture, picture_look, squared
from ddmi_models.training.datasets.layout import Item, Layout, Preparation, Rows, Tree, read_npz, seeded
from ddmi_models.training.datasets.looks import LOOK
from ddmi_models.training.procedural.ray_views import CAMERA_ANGLE

Array = NDArray[Any]

NAMED = 3
"""Files of an object that are named when they cannot be used."""


@dataclass(frozen=True)
class Shot:
    """A picture [S, S, 3] uint8, its pose [4, 4] and its camera angle in radians."""

    picture: NDArray[np.uint8]
    pose: Array
    angle: float


def _find_srn(tree: Tree) -> list[Item]:
    items = []
    for intrinsics in tree.named(INTRINSICS):
        home = intrinsics.parent
        pictures = Tree.of(home / "rgb").ending(ENDINGS)
        points = [home / name for name in POINTS if (home / name).is_file()][:1]
        if pictures:
            items.append(Item(tree.label(home), (intrinsics, *pictures, *map(pose_of, pictures), *points)))
    return items


def _srn(item: Item) -> list[PosedFile]:
    return srn_files(item.files[0], [path for path in item.files if path.parent.name == "rgb"])


def _inspect_srn(item: Item, how: Preparation) -> tuple[str, list[str]]:
    return _inspect_files(_srn(item), item, how)


def _inspect_files(files: list[PosedFile], item: Item, how: Preparation) -> tuple[str, list[str]]:
    """All but the carving. Raises: BadItem."""
    shots, left_out = _shots(files, how)
    poses = np.stack([shot.pose for shot in shots])
    check_cameras(poses, np.array([shot.angle for shot in shots]))
    if _points_of(item) is None:
        silhouettes(np.stack([shot.picture for shot in shots]), poses)
    return f"{len(files) - len(left_out)} views", _told(left_out)


def _read_srn(item: Item, how: Preparation) -> tuple[Rows, list[str]]:
    return _read_files(_srn(item), item, how)


def _read_files(files: list[PosedFile], item: Item, how: Preparation) -> tuple[Rows, list[str]]:
    shots, left_out = _shots(files, how)
    return _rows(spread(shots, how.views), _points_of(item), item, how), _told(left_out)


def _shots(files: list[PosedFile], how: Preparation) -> tuple[list[Shot], list[str]]:
    """Views evenly over those that there are, each cut to the square around its principal point, whose camera angle is
    smaller than that of a wide picture; and which files are missing or damaged.

    Raises:
        BadItem: no picture can be used; a lens cannot.
    """
    present = [each for each in files if each.path.is_file()]
    left_out = [f"{each.path.name} (missing)" for each in files if not each.path.is_file()]
    shots = []
    for each in spread(present, min(how.views, len(present))):
        try:
            picture = open_picture(each.path)
        except BadItem as error:
            left_out.append(f"{each.path.name} ({error})")
            continue
        window, angle = each.lens.window(*picture.size)
        shots.append(Shot(squared(picture, how.size, window), each.pose, angle))
    if not shots:
        raise BadItem(f"no picture can be used: {_listed(left_out)}")
    return shots, left_out


def _told(left_out: list[str]) -> list[str]:
    return [f"used without {_listed(left_out)}"] if left_out else []


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


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


def _inspect_npz(item: Item, how: Preparation) -> tuple[str, list[str]]:
    return f"{len(_npz(item)[0])} views", []


def _read_npz(item: Item, how: Preparation) -> tuple[Rows, list[str]]:
    from PIL import Image

    images, poses, points = _npz(item)
    shots = []
    for index in spread(range(len(images)), how.views):
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
        if table.name not in (TRANSFORMS, TRAINING_TRANSFORMS):
            continue
        points = [table.parent / each for each in POINTS if (table.parent / each).is_file()][:1]
        try:
            pictures = [each.path for each in transforms_files(table)]
        except BadItem:
            pictures = []  # what is wrong is told when the item is looked at
        items.append(Item(tree.label(table.parent), (table, *pictures, *points)))
    return items


def _inspect_transforms(item: Item, how: Preparation) -> tuple[str, list[str]]:
    return _inspect_files(transforms_files(item.files[0]), item, how)


def _read_transforms(item: Item, how: Preparation) -> tuple[Rows, list[str]]:
    return _read_files(transforms_files(item.files[0]), item, how)


def _points_of(item: Item) -> Array | None:
    """Coloured points [N, 6] of a pointcloud.npz, if there is one: `points`, and `colors` in [0, 1] or 0 to 255."""
    path = next((path for path in item.files if path.name in POINTS), None)
    if path is None:
        return None
    points, colours = (values.astype(np.float64) for values in read_npz(path, ("points", "colors")).values())
    if points.ndim != 2 or points.shape[1] != 3 or colours.shape != points.shape or not len(points):
        raise BadItem(f"the points and colors of {path.name} do not fit each other")
    return np.concatenate([points, colours / (255 if colours.max() > 1 else 1)], axis=1)


def _rows(shots: list[Shot], points: Array | None, item: Item, how: Preparation) -> Rows:
    """The row of an object, moved and scaled into the cube where it is not there yet."""
    rng, poses = seeded(item), np.stack([shot.pose for shot in shots])
    angles = np.array([shot.angle for shot in shots])
    check_cameras(poses, angles)
    pictures = np.stack([shot.picture for shot in shots])
    if points is None:
        points = carve(pictures, poses, float(angles[0]), rng, how.cloud)
    points, poses = into_cube(points.astype(np.float64), poses)
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
