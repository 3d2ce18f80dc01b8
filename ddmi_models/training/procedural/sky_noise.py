"""Periodic cloud textures: fractal noise by spectral synthesis, folded and warped into cloud shapes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]

TEXELS = 256
"""Side of a texture; it repeats beyond."""
LEVELS = 5
"""Copies of a texture, each smoothed for a footprint twice as wide as the one before."""


@lru_cache(maxsize=1)
def _wavenumbers() -> Field:
    across = np.fft.fftfreq(TEXELS, 1 / TEXELS)[:, None]
    along = np.fft.rfftfreq(TEXELS, 1 / TEXELS)[None, :]
    return np.hypot(across, along).astype(np.float32)


def fractal(rng: np.random.Generator, roughness: float, octaves_from: float) -> Field:
    """Gaussian noise [TEXELS, TEXELS] of unit deviation, amplitude ~ k^-roughness above `octaves_from` waves a side."""
    wave = _wavenumbers()
    draws = rng.standard_normal((*wave.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    square = (wave / np.float32(octaves_from)) ** 2
    noise = _field((1 + square) ** np.float32(-roughness / 2) * (1 - np.exp(-square)) * draws)
    return noise / noise.std()


def cloud_textures(
    rng: np.random.Generator, count: int, billow: float, stretch: float, scale: float
) -> tuple[Field, ...]:
    """Cloud fields [TEXELS, TEXELS] of one kind, about zero mean and unit deviation.

    Args:
        billow: 0 wispy to 1 heaped: how far the noise is folded into round heads.
        stretch: how far the field is drawn along the first axis; 1: not at all.
        scale: clouds a side, about.
    """
    rows, columns = np.mgrid[:TEXELS, :TEXELS].astype(np.float32)
    reach = np.float32(0.03 * TEXELS / scale)
    rows += reach * fractal(rng, 2.2, scale)
    columns += reach * fractal(rng, 2.2, scale)
    textures = []
    for _ in range(count):
        field = fractal(rng, 1.9, scale)
        if billow:
            field = (1 - 0.25 * billow) * field + 0.6 * billow * (1.2 - np.abs(fractal(rng, 1.7, scale * 2)))
        if stretch > 1:
            field = _drawn_out(field, stretch)
        (field,) = bilinear((field,), 0, rows, columns)
        textures.append((field - field.mean()) / field.std())
    return tuple(textures)


def _drawn_out(field: Field, stretch: float) -> Field:
    wave = np.abs(np.fft.fftfreq(TEXELS, 1 / TEXELS).astype(np.float32))[:, None]
    return _field(scipy.fft.rfft2(field) * np.exp(-0.5 * ((stretch - 1) * wave / 40) ** 2))


def pyramid(field: Field) -> list[Field]:
    """Smoothed copies [TEXELS, TEXELS] of a texture; level l suits footprints of 2^l texels."""
    wave, spectrum = _wavenumbers(), scipy.fft.rfft2(field)
    widths = [np.float32((2.0**level - 1) * 1.6 / TEXELS) for level in range(1, LEVELS)]
    return [field, *(_field(spectrum * np.exp(-0.5 * (wave * width) ** 2)) for width in widths)]


def _field(spectrum: NDArray[np.complex64]) -> Field:
    return np.asarray(scipy.fft.irfft2(spectrum, s=(TEXELS, TEXELS)), np.float32)


def bilinear(tables: tuple[Field, ...], level: NDArray[np.int32] | int, rows: Field, columns: Field) -> list[Field]:
    """Values of textures [L, TEXELS, TEXELS], each at the same places in texels, which wrap around."""
    top, left = np.floor(rows), np.floor(columns)
    v, u = rows - top, columns - left
    last = np.int32(TEXELS - 1)
    y0, x0 = top.astype(np.int32) & last, left.astype(np.int32) & last
    y1, x1 = (y0 + np.int32(1)) & last, (x0 + np.int32(1)) & last
    start = np.int32(TEXELS * TEXELS) * np.asarray(level, np.int32)
    upper, lower = start + y0 * np.int32(TEXELS), start + y1 * np.int32(TEXELS)
    corners = (upper + x0, upper + x1, lower + x0, lower + x1)
    values = []
    for table in tables:
        a, b, c, d = (table.ravel().take(corner) for corner in corners)
        a += (b - a) * u
        c += (d - c) * u
        a += (c - a) * v
        values.append(a)
    return values
