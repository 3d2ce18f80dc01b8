"""Coloured surface points of an object from posed pictures on white: what all silhouettes leave, as seen."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadItem

Array = NDArray[Any]

CELLS = 72
"""Cells along a side of the carved cube."""
WHITE = 244
"""Least value of all channels of the background."""
FEWEST_VIEWS = 6


def carve(
    pictures: NDArray[np.uint8],
    poses: Array,
    angle: float,
    rng: np.random.Generator,
    count: int,
    check: Callable[[], None] = lambda: None,
) -> Array:
    """Points of the visual hull's surface and their colours in [0, 1]: [count, 6], in the units of the poses.

    Args:
        pictures: [V, S, S, 3] with a white background; poses: [V, 4, 4], looking along -z; angle: radians across.
        check: called before every picture, so that it may raise and end the work.

    Raises:
        BadItem: too few views, no plain background, or nothing is left.
    """
    masks = silhouettes(pictures, poses)
    middle, reach = _seen_by_all(poses, angle)
    axis = ((np.arange(CELLS) + 0.5) / CELLS * 2 - 1) * reach
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3) + middle
    filled = np.ones(len(grid), bool)
    for mask, pose in zip(masks, poses, strict=True):
        check()
        rows, columns, _, inside = _project(grid, pose, angle, mask.shape[0])
        filled &= ~inside | mask[rows, columns]
    shell = grid[_surface(filled.reshape(CELLS, CELLS, CELLS)).ravel()]
    if len(shell) == 0:
        raise BadItem("its silhouettes leave nothing; the poses may be wrong")
    colours = _colours(shell, pictures, poses, angle, 2 * reach / CELLS)
    chosen = rng.choice(len(shell), count, replace=count > len(shell))
    jitter = rng.uniform(-reach / CELLS, reach / CELLS, (count, 3))
    return np.concatenate([shell[chosen] + jitter, colours[chosen]], axis=1)


def silhouettes(pictures: NDArray[np.uint8], poses: Array) -> NDArray[np.bool_]:
    """Where the object is in pictures [V, S, S, 3] with poses [V, 4, 4]: bool [V, S, S].

    Raises:
        BadItem: too few views, or no plain background.
    """
    if len({pose.tobytes() for pose in poses}) < FEWEST_VIEWS:
        raise BadItem(f"without coloured points at least {FEWEST_VIEWS} views are needed")
    masks: NDArray[np.bool_] = np.asarray((pictures < WHITE).any(axis=-1))
    if masks[:, [0, -1]].mean() > 0.5 or not masks.any():
        raise BadItem("no coloured points, and no white background to cut the object out from")
    return masks


def _seen_by_all(poses: Array, angle: float) -> tuple[Array, float]:
    """Middle and half side of a cube around the point nearest to all axes of view, as large as pictures show."""
    places, ways = poses[:, :3, 3], -poses[:, :3, 2]
    off = np.eye(3) - ways[:, :, None] * ways[:, None, :]
    middle = np.linalg.lstsq(off.sum(axis=0), (off @ places[:, :, None]).sum(axis=0)[:, 0], rcond=None)[0]
    distance = np.linalg.norm(places - middle, axis=1).min()
    return middle, float(distance * math.sin(angle / 2))


def _project(points: Array, pose: Array, angle: float, size: int) -> tuple[Array, Array, Array, Array]:
    """Rows, columns (kept within the picture), depths of points, and whether they are in the picture."""
    local = (points - pose[:3, 3]) @ pose[:3, :3]
    depth = np.maximum(-local[:, 2], 1e-9)
    focal = 0.5 * size / math.tan(angle / 2)
    columns = np.floor(local[:, 0] / depth * focal + size / 2)
    rows = np.floor(-local[:, 1] / depth * focal + size / 2)
    inside = (local[:, 2] < 0) & (rows >= 0) & (rows < size) & (columns >= 0) & (columns < size)
    limit = size - 1
    return np.clip(rows, 0, limit).astype(int), np.clip(columns, 0, limit).astype(int), depth, inside


def _surface(filled: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Filled cells with an empty one beside them."""
    padded = np.pad(filled, 1)
    inner = np.ones_like(filled)
    for axis in range(3):
        for shift in (-1, 1):
            inner &= np.roll(padded, shift, axis)[1:-1, 1:-1, 1:-1]
    return np.asarray(filled & ~inner)


def _colours(points: Array, pictures: NDArray[np.uint8], poses: Array, angle: float, cell: float) -> Array:
    """Mean colour [N, 3] of each point over the pictures in which nothing stands before it."""
    total, weight = np.zeros((len(points), 3)), np.full((len(points), 1), 1e-6)
    size = pictures.shape[1]
    coarse = min(size, CELLS)
    for picture, pose in zip(pictures, poses, strict=True):
        rows, columns, depth, inside = _project(points, pose, angle, size)
        spots = (rows * coarse // size) * coarse + columns * coarse // size
        nearest = np.full(coarse * coarse, np.inf)
        np.minimum.at(nearest, spots[inside], depth[inside])
        seen = (inside & (depth < nearest[spots] + 2.5 * cell)).astype(float)[:, None]
        total += seen * picture[rows, columns] / 255
        weight += seen
    never = weight[:, 0] < 0.5
    colours = total / weight
    if never.any() and not never.all():
        colours[never] = colours[~never].mean(axis=0)
    return np.asarray(np.clip(colours, 0, 1))
