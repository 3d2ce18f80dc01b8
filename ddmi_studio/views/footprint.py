"""The soft shadow that a shape throws on the ground under it."""

from __future__ import annotations

import numpy as np

SIDE = 96  # texels over the square that is covered
COVER = 0.8  # half side of that square, in the shape's units
REACH = 0.45  # height at which a part no longer darkens the ground


def footprint(vertices: np.ndarray) -> np.ndarray:
    """Darkness in [0, 1] on the ground, float32 [SIDE, SIDE], z along rows; low parts of the shape darken it most.

    Args:
        vertices: float [V, 3], y up.
    """
    if not len(vertices):
        return np.zeros((SIDE, SIDE), np.float32)
    height = vertices[:, 1] - vertices[:, 1].min()
    nearness = np.clip(1 - height / REACH, 0, 1) ** 2
    cells = ((vertices[:, [2, 0]] / COVER + 1) / 2 * SIDE).astype(int).clip(0, SIDE - 1)
    dark = np.zeros(SIDE * SIDE, np.float32)
    np.maximum.at(dark, cells[:, 0] * SIDE + cells[:, 1], nearness.astype(np.float32))
    square = dark.reshape(SIDE, SIDE)
    soft = 0.55 * blurred(square, 2.0) + 0.75 * blurred(square, 6.0)
    return np.clip(soft, 0, 1).astype(np.float32)


def blurred(square: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian blur along both axes."""
    reach = int(3 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        square = np.apply_along_axis(np.convolve, axis, square, kernel, mode="same")
    return square
