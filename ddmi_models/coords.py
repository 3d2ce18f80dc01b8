"""The only coordinate grids: extents, pixel centres, axis order.

Images live on [-1, 1]^2: x runs right along the columns, y runs *down* along the rows, a picture of R pixels has its
pixel centres at -(R-1)/R ... (R-1)/R, so that renders of R and 3R share every centre of R. Shapes live in the cube
[-0.5, 0.5]^3, y up, sampled with a margin of 10 % (`CUBE_MARGIN`). Clips live on [-1, 1]^3 as (x, y, t): x and y as for
images; t runs over the trained clip, whose frames are the centres of as many equal parts, as pixels are in space.
"""

from __future__ import annotations

import torch

from ddmi_models.errors import BadInput

CUBE_MARGIN = 0.1
"""Margin around the unit cube in which shapes live, as a fraction of its side (the published padding)."""

Window = tuple[float, float, float, float]
"""A part of the square field: (left, top, right, bottom) in [-1, 1]."""

FULL_WINDOW: Window = (-1.0, -1.0, 1.0, 1.0)


def pixel_centres(count: int, low: float = -1.0, high: float = 1.0) -> torch.Tensor:
    """Centres of `count` equal cells of [low, high]: float32 [count]."""
    if count < 1:
        raise BadInput(f"A grid of {count} cells was asked for.", "Ask for at least 1.")
    index = torch.arange(count, dtype=torch.float64)
    return (low + (high - low) * (index + 0.5) / count).float()


def image_points(width: int, height: int, window: Window = FULL_WINDOW) -> torch.Tensor:
    """Pixel centres of a picture of a window, row by row: float32 [height * width, 2] as (x, y)."""
    left, top, right, bottom = window
    if not (left < right and top < bottom):
        raise BadInput(f"The window {window} is empty.", "Give left < right and top < bottom.")
    y, x = torch.meshgrid(pixel_centres(height, top, bottom), pixel_centres(width, left, right), indexing="ij")
    return torch.stack([x, y], dim=-1).reshape(-1, 2)


def clip_time(seconds: torch.Tensor, frames: int, rate: float) -> torch.Tensor:
    """Time coordinates of instants, in seconds from the first trained frame (float64), of clips of `frames` frames at
    `rate` frames a second: float32 of the same shape."""
    return ((2 * seconds.double() * rate + 1) / frames - 1).float()


def clip_points(plane: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """Points (x, y) [N, 2] of a frame at every time [T]: float32 [T * N, 3] as (x, y, t), frame by frame."""
    moments = times[:, None, None].expand(-1, len(plane), 1)
    return torch.cat([plane.expand(len(times), -1, -1), moments], dim=-1).flatten(0, 1)


def cube_axis(cells: int, margin: float = CUBE_MARGIN) -> torch.Tensor:
    """Grid vertices of `cells` cells along one axis of the padded cube: float32 [cells + 1], so that N and 2N share
    vertices."""
    if cells < 1:
        raise BadInput(f"A grid of {cells} cells was asked for.", "Ask for at least 1.")
    index = torch.arange(cells + 1, dtype=torch.float64)
    return ((1 + margin) * (index / cells - 0.5)).float()


def cube_points(axis: torch.Tensor) -> torch.Tensor:
    """Every vertex of the cubic grid with this axis: float32 [n^3, 3] as (x, y, z), z fastest."""
    x, y, z = torch.meshgrid(axis, axis, axis, indexing="ij")
    return torch.stack([x, y, z], dim=-1).reshape(-1, 3)


def plane_fraction(values: torch.Tensor, padding: float) -> torch.Tensor:
    """Cube coordinates to fractions of a feature plane's side in [0, 1), clipped as the published models were trained.

    Values at or beyond the upper edge become 1 - 1e-5, values below the lower edge 0 (reference facts, section 4.1).
    """
    fraction = values / (1 + padding + 1e-5) + 0.5
    fraction = torch.where(fraction >= 1, torch.full_like(fraction, 1 - 1e-5), fraction)
    return torch.where(fraction < 0, torch.zeros_like(fraction), fraction)


PLANE_AXES = {"xy": (0, 1), "xz": (0, 2), "yz": (1, 2)}
"""Components of a point that a plane is read at: (along the width, along the height)."""

CLIP_AXES = {"xy": (0, 1), "xt": (0, 2), "yt": (1, 2)}
"""The same for the points (x, y, t) of clips."""

CROSSED_CLIP_AXES = {"xy": (0, 1), "xt": (2, 0), "yt": (2, 1)}
"""As the published video models read their planes (reference facts, section 5.4)."""
