"""What stands before a sky: ridges, woods, roofs, the sea."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]

KINDS = ("ridges", "woods", "roofs", "sea", "plain")


@dataclass(frozen=True)
class Horizon:
    """kind: one of KINDS; layers: silhouettes from far to near; height: of the nearest, 1 = half the picture's side;
    dark: how dark they are by day, 0 to 1."""

    kind: str
    layers: int
    height: float
    dark: float


def random_horizon(rng: np.random.Generator) -> Horizon:
    """Any horizon."""
    kind = str(rng.choice(KINDS, p=[0.32, 0.2, 0.2, 0.18, 0.1]))
    layers = int(rng.integers(2, 4)) if kind == "ridges" else 1
    return Horizon(kind, layers, float(rng.uniform(0.1, 0.32)), float(rng.uniform(0.55, 0.95)))


def draw_horizon(
    picture: Field, horizon: Horizon, seed: int, up: Field, times: Field, sun: Field, rim: Field, shade: Field
) -> None:
    """Draw the land or the sea over the picture [T, H, W, 3].

    Args:
        up: height [H] of the rows above the horizon, half the picture's side = 1.
        times: of the frames [T]; sun: its height [T] in degrees.
        rim, shade: colours [T, 3] of the sky at the horizon and of what is in shade.
    """
    rng = np.random.default_rng((seed, 3))
    if horizon.kind == "sea":
        _draw_sea(picture, rng, up, times, shade)
        return
    width = picture.shape[2]
    day = np.clip((sun + 4) / 16, 0, 1)[:, None]
    hue = rng.uniform([0.16, 0.2, 0.1], [0.34, 0.34, 0.26])
    land = (1 - horizon.dark) * day * hue + 0.14 * shade + 0.015
    for layer in range(horizon.layers):
        nearness = (layer + 1) / horizon.layers
        skyline = _skyline(rng, horizon, layer, width)
        colour = land + (1 - nearness) * 0.75 * (rim * 0.8 + shade * 0.2 - land)
        row = 2 / len(up)
        cover = np.clip((skyline[None, :] - up[:, None]) / row + 0.5, 0, 1)[None, ..., None]
        picture += cover * (colour[:, None, None] - picture)
    if horizon.kind == "roofs":
        _light_windows(picture, rng, up, skyline, np.clip((2 - sun) / 6, 0, 1))


def _skyline(rng: np.random.Generator, horizon: Horizon, layer: int, width: int) -> Field:
    """Height [W] of the land's edge."""
    x = (np.arange(width) + 0.5) / width
    tall = horizon.height * (1.0 - 0.32 * (horizon.layers - 1 - layer) if horizon.layers == 1 else 1.2 - 0.4 * layer)
    if horizon.kind == "plain":
        return np.asarray(0.12 * horizon.height * (1 + _waves(rng, x, 2, 4)), np.float32)
    if horizon.kind == "roofs":
        return _roofs(rng, x, horizon.height)
    hills = 0.5 + 0.33 * _waves(rng, x, 1 if horizon.kind == "ridges" else 2, 7 if horizon.kind == "ridges" else 4)
    if horizon.kind == "woods":
        hills = 0.55 * hills + 0.2 * np.abs(_waves(rng, x, 18, 3)) + 0.07 * rng.random(64)[(x * 64).astype(int)]
    return np.asarray(tall * np.clip(hills, 0.02, None), np.float32)


def _waves(rng: np.random.Generator, x: NDArray[np.float64], first: int, octaves: int) -> NDArray[np.float64]:
    """Jagged noise [W] of about unit size: triangle waves of growing frequency."""
    total = np.zeros_like(x)
    for octave in range(octaves):
        phase, wave = rng.random(2)
        turns = x * first * (1.7 + 0.6 * wave) ** octave * 0.8 + phase
        total += 0.58**octave * (4 * np.abs(turns - np.floor(turns) - 0.5) - 1)
    return total


def _roofs(rng: np.random.Generator, x: NDArray[np.float64], height: float) -> Field:
    """Blocks of flats and towers side by side."""
    edges = np.concatenate([[0.0], np.cumsum(rng.uniform(0.03, 0.13, 40))])
    heights = height * rng.choice([rng.uniform(0.2, 0.6, 41), rng.uniform(0.6, 1.5, 41)], p=[0.75, 0.25])
    heights = np.where(rng.random(41) < 0.2, heights * 1.7, heights)
    return np.asarray(heights[np.searchsorted(edges, x, side="right") - 1], np.float32)


def _light_windows(picture: Field, rng: np.random.Generator, up: Field, skyline: Field, lit: Field) -> None:
    """Some windows that are lit after dusk: one a cell of a fixed grid, so that every size shows the same ones."""
    cells = 48
    bright = (rng.random((cells, cells)) < 0.22) * rng.uniform(0.4, 1.0, (cells, cells))
    places = np.clip(((1 - up) / 2 * cells % cells).astype(int), 0, cells - 1)
    columns = (np.arange(picture.shape[2]) * cells // picture.shape[2]).astype(int)
    inside = skyline[None, :] - up[:, None] > 0.05
    glow = bright[places][:, columns] * inside
    picture += lit[:, None, None, None] * glow[None, ..., None] * np.array([0.75, 0.55, 0.25], np.float32)


def _draw_sea(picture: Field, rng: np.random.Generator, up: Field, times: Field, shade: Field) -> None:
    """Water that mirrors the sky in moving ripples, darker towards the eye."""
    below = np.flatnonzero(up < 0)
    if len(below) == 0:
        return
    row = 2 / len(up)
    horizon = np.interp(0.0, up[::-1], np.arange(len(up))[::-1])
    x = np.linspace(-1, 1, picture.shape[2], dtype=np.float32)[None, None]
    depth = (-up[below])[None, :, None]
    phase, speed = rng.uniform(0, 6, 3), rng.uniform(3, 8, 3)
    near = 1 / (depth + 0.06)
    ripple = sum(
        np.sin(k * near + j * x * near * 0.5 + p + s * times[:, None, None])
        for k, j, p, s in zip((2.3, 4.1, 7.3), (3.0, -2.2, 5.1), phase, speed, strict=True)
    )
    mirrored = horizon - (1.15 * depth + 0.05 * depth * ripple) / row
    source = np.clip(np.round(mirrored), 0, max(int(horizon) - 1, 0)).astype(int)
    frame = np.arange(len(picture))[:, None, None]
    column = np.arange(picture.shape[2])[None, None]
    water = 0.62 * picture[frame, source, column] * (1 + 0.06 * ripple[..., None])
    deep = np.clip(1.1 * depth, 0, 0.65)[..., None]
    water += deep * (0.3 * shade[:, None, None] * np.array([0.6, 0.85, 1.0], np.float32) - water)
    cover = np.clip((-up[below]) / row + 0.5, 0, 1)[None, :, None, None]
    picture[:, below] += cover * (water - picture[:, below])
