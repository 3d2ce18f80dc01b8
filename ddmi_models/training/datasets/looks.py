"""Small pictures of items for people to see what a data set holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LOOK = 96
"""Pixels a side."""
TURN, TILT = np.radians(35), np.radians(22)


def points_look(points: NDArray[Any]) -> NDArray[np.uint8]:
    """A cloud of points [N, 3], y up, seen from the front, right and above, near ones darker: uint8 [LOOK, LOOK, 3]."""
    points = points.astype(np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    centred = (points - (low + high) / 2) / max(float((high - low).max()), 1e-9)
    x, z = np.cos(TURN) * centred[:, 0] - np.sin(TURN) * centred[:, 2], np.sin(TURN) * centred[:, 0]
    z += np.cos(TURN) * centred[:, 2]
    y, depth = np.cos(TILT) * centred[:, 1] - np.sin(TILT) * z, np.sin(TILT) * centred[:, 1] + np.cos(TILT) * z
    reach = 1.05 * max(np.abs(x).max(), np.abs(y).max(), 1e-9)
    columns = np.clip((x / reach + 1) / 2 * LOOK, 0, LOOK - 1).astype(int)
    rows = np.clip((1 - y / reach) / 2 * LOOK, 0, LOOK - 1).astype(int)
    order = np.argsort(depth)
    shades = np.interp(depth, (depth.min(), depth.max() + 1e-9), (200, 50))
    picture = np.full((LOOK, LOOK, 3), 255, np.uint8)
    picture[rows[order], columns[order]] = shades[order, None].astype(np.uint8)
    return picture


def row_look(key: str, row: NDArray[Any]) -> NDArray[np.uint8]:
    """A row of a training set: a picture, the first frame or view, or surface points."""
    from PIL import Image

    from ddmi_models.training.datasets.images import squared

    if key == "cloud":
        return points_look(row[:, :3])
    picture = row if row.ndim == 3 else row[0]
    return squared(Image.fromarray(np.ascontiguousarray(picture)), LOOK)
