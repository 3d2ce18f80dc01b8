"""Shards of cars, and cars in the two published layouts of SRN Cars.

A shard holds cloud float16 [n, 4096, 6] (visible surface points in the cube [-0.5, 0.5]^3, z up, and their colours in
[0, 1]), images uint8 [n, views, size, size, 3], poses float32 [n, views, 4, 4] (camera to world, the camera looks along
its -z with y up; see `ray_views`), camera_angle float32 [n] (radians across a picture), kinds, seeds int64.
"""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.training.procedural.cars import make_car
from ddmi_models.training.procedural.layouts import png_bytes
from ddmi_models.training.procedural.ray_views import CAMERA_ANGLE, Scene, camera_poses

VIEWS, RESOLUTION = 24, 64
PUBLISHED_VIEWS, PUBLISHED_RESOLUTION = 50, 128
CLOUD = 4096
DOWN_AND_AHEAD = np.diag([1.0, -1.0, -1.0, 1.0])
"""From the axes of SRN's cameras (x right, y down, z ahead) to ours."""


def car_scene(seed: int) -> Scene:
    """The car of a seed, ready to be seen from anywhere."""
    return Scene(make_car(seed).parts)


def car_item(seed: int, size: int, views: int) -> dict[str, NDArray[Any]]:
    """The arrays of one car."""
    car = make_car(seed)
    rng = np.random.default_rng((seed, 6))
    scene, poses = Scene(car.parts), camera_poses(rng, views)
    return {
        "cloud": scene.cloud(rng, CLOUD),
        "images": np.stack([scene.picture(pose.astype(np.float64), size) for pose in poses]),
        "poses": poses,
        "camera_angle": np.array(CAMERA_ANGLE, np.float32),
        "kinds": np.array(car.kind),
    }


def car_arrays(seeds: range, *, size: int = RESOLUTION, views: int = VIEWS) -> dict[str, NDArray[Any]]:
    """The arrays of one shard."""
    items = [car_item(seed, size, views) for seed in seeds]
    arrays = {key: np.stack([item[key] for item in items]) for key in items[0]}
    return {**arrays, "seeds": np.array(list(seeds), dtype=np.int64)}


def srn_place(seed: int) -> str:
    """Folder of a car in the layout of SRN Cars."""
    return f"cars_train/car{seed:08d}"


def srn_files(seed: int, *, size: int = PUBLISHED_RESOLUTION, views: int = PUBLISHED_VIEWS) -> dict[str, bytes]:
    """rgb, pose and intrinsics of a car as SRN Cars has them, and its coloured points (pointcloud.npz)."""
    item = car_item(seed, size, views)
    focal = 0.5 * size / math.tan(CAMERA_ANGLE / 2)
    intrinsics = f"{focal:.6f} {size / 2:.6f} {size / 2:.6f} 0.\n0. 0. 0.\n1.\n{size} {size}\n"
    files = {"intrinsics.txt": intrinsics.encode()}
    points = item["cloud"].astype(np.float32)
    files["pointcloud.npz"] = _npz(points=points[:, :3], colors=points[:, 3:])
    for index, (picture, pose) in enumerate(zip(item["images"], item["poses"], strict=True)):
        files[f"rgb/{index:06d}.png"] = png_bytes(picture)
        numbers = (pose @ DOWN_AND_AHEAD).ravel()
        files[f"pose/{index:06d}.txt"] = (" ".join(f"{number:.8f}" for number in numbers) + "\n").encode()
    return files


def npz_place(seed: int) -> str:
    """File of a car in the layout of the authors' SRN Cars."""
    return f"cars/sampled/car_{seed:08d}.npz"


def npz_files(seed: int, *, size: int = PUBLISHED_RESOLUTION, views: int = PUBLISHED_VIEWS) -> dict[str, bytes]:
    """images [views, size, size, 3] in [0, 1], cam_poses [views, 4, 4], data [4096, 6]: one file a car."""
    item = car_item(seed, size, views)
    images = item["images"].astype(np.float32) / 255
    return {"": _npz(images=images, cam_poses=item["poses"], data=item["cloud"].astype(np.float32))}


def _npz(**arrays: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()
