"""Time-lapse skies: drifting and changing clouds over a horizon, under a sun that moves along its path.

A clip is a function of picture coordinates and time, so it can be drawn at any size and any instants. Clouds lie on two
planes seen in perspective. Their light comes from the height of the sun, from a look towards the sun, and from a glow
around it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.training.procedural.horizons import Horizon, draw_horizon, random_horizon
from ddmi_models.training.procedural.layouts import png_bytes
from ddmi_models.training.procedural.sky_noise import LEVELS, TEXELS, Field, bilinear, cloud_textures, pyramid

FRAMES = 16
RESOLUTION = 64

HEIGHTS = np.array([-14.0, -6.0, -1.0, 4.0, 12.0, 30.0, 60.0])
"""Degrees of the sun above the horizon for which PALETTE has a colour."""
PALETTE = {
    "zenith": [[1, 2, 6], [6, 10, 26], [17, 24, 46], [25, 39, 63], [25, 45, 78], [21, 45, 82], [17, 41, 82]],
    "rim": [[3, 4, 9], [32, 24, 32], [82, 46, 30], [96, 71, 48], [87, 83, 78], [74, 85, 93], [71, 84, 94]],
    "lit": [[7, 8, 13], [30, 23, 31], [92, 50, 39], [100, 73, 51], [100, 92, 82], [100, 100, 98], [100, 100, 100]],
    "shade": [[3, 3, 6], [12, 11, 18], [34, 25, 34], [50, 42, 48], [58, 58, 64], [59, 65, 73], [61, 67, 76]],
    "glow": [[0, 0, 0], [30, 12, 8], [88, 42, 14], [85, 56, 28], [60, 52, 38], [45, 45, 40], [40, 40, 38]],
}
"""Colours in percent for each of HEIGHTS: sky above, sky at the horizon, clouds in light and in shade, sun's halo."""


@dataclass(frozen=True)
class Deck:
    """One layer of clouds. Lengths are in units of its height above the eye, times in clips.

    threshold, softness: cloud where the field exceeds the first, opaque from their sum on; growth: change of the
    threshold over the clip; wind, shear: drift (across, towards the eye) of its two fields, and their difference.
    """

    scale: float
    billow: float
    stretch: float
    threshold: float
    growth: float
    softness: float
    opacity: float
    wind: tuple[float, float]
    shear: tuple[float, float]
    direction: float


@dataclass(frozen=True)
class Sky:
    """Everything that a clip shows. Angles in degrees; azimuth 0 is the middle of the picture, right positive."""

    seed: int
    horizon: Horizon
    level: float
    """Place of the horizon in the picture: 0 top, 1 bottom."""
    reach: float
    """Tangent of half the field of view."""
    sun: tuple[float, float, float, float]
    """Azimuth and height of the sun at the clip's start, and how far both move over it."""
    low: Deck
    high: Deck
    haze: float
    tint: tuple[float, float, float]

    def frames(self, size: int) -> NDArray[np.uint8]:
        """The clip of a training item at any size: [T, size, size, 3]."""
        return render_sky(self, size)


def random_sky(seed: int) -> Sky:
    """The sky of a seed: the same on every machine."""
    rng = np.random.default_rng((seed, 1))
    height = float(rng.choice([rng.uniform(-9, 2), rng.uniform(0, 12), rng.uniform(10, 55)], p=[0.25, 0.35, 0.4]))
    climb = float(rng.uniform(4, 14) * rng.choice([-1, 1]))
    azimuth, travel = float(rng.uniform(-70, 70)), float(rng.uniform(5, 25) * rng.choice([-1, 1]))
    heading, speed = rng.uniform(0, 2 * math.pi), rng.uniform(0.25, 1.1)
    tint = 1 + rng.normal(0, [0.05, 0.03, 0.05])
    return Sky(
        seed=seed,
        horizon=random_horizon(rng),
        level=float(rng.choice([rng.uniform(0.68, 0.9), rng.uniform(0.9, 1.15)], p=[0.75, 0.25])),
        reach=float(rng.uniform(0.55, 0.8)),
        sun=(azimuth, height - climb / 2, travel, climb),
        low=_low_deck(rng, heading, speed),
        high=_high_deck(rng, heading + rng.normal(0, 0.5), speed * rng.uniform(0.2, 0.6)),
        haze=float(rng.uniform(0.03, 0.11)),
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
    )


def _low_deck(rng: np.random.Generator, heading: float, speed: float) -> Deck:
    """From a few heaps to a closed deck."""
    cover = rng.choice([rng.uniform(0.9, 1.8), rng.uniform(0.0, 0.9), rng.uniform(-1.2, 0.0)], p=[0.35, 0.45, 0.2])
    shear = rng.normal(0, 0.12, 2)
    return Deck(
        scale=float(rng.uniform(5, 9)),
        billow=float(rng.uniform(0.3, 1.0)),
        stretch=1.0,
        threshold=float(cover),
        growth=float(rng.normal(0, 0.25)),
        softness=float(rng.uniform(0.5, 1.4)),
        opacity=float(rng.uniform(0.85, 1.0)),
        wind=(speed * math.cos(heading), speed * math.sin(heading)),
        shear=(float(shear[0]), float(shear[1])),
        direction=0.0,
    )


def _high_deck(rng: np.random.Generator, heading: float, speed: float) -> Deck:
    """Streaks of ice, often hardly there."""
    shear = rng.normal(0, 0.05, 2)
    return Deck(
        scale=float(rng.uniform(4, 7)),
        billow=0.0,
        stretch=float(rng.uniform(2.5, 5)),
        threshold=float(rng.uniform(-0.4, 1.4)),
        growth=float(rng.normal(0, 0.15)),
        softness=2.2,
        opacity=float(rng.uniform(0.25, 0.75)),
        wind=(speed * math.cos(heading), speed * math.sin(heading)),
        shear=(float(shear[0]), float(shear[1])),
        direction=float(rng.uniform(0, math.pi)),
    )


def instants(frames: int) -> NDArray[np.float64]:
    """Times of the frames of a clip that lasts from 0 to 1: the middles of `frames` equal parts."""
    return (np.arange(frames) + 0.5) / frames


def render_sky(sky: Sky, size: int = RESOLUTION, frames: int = FRAMES) -> NDArray[np.uint8]:
    """The clip as pixels: uint8 [frames, size, size, 3]."""
    times = instants(frames).astype(np.float32)
    centres: Field = (2 * (np.arange(size, dtype=np.float32) + 0.5) / size - 1) * np.float32(sky.reach)
    up: Field = np.float32((2 * sky.level - 1) * sky.reach) - centres
    azimuth = np.radians(sky.sun[0] + sky.sun[2] * times)
    height = sky.sun[1] + sky.sun[3] * times
    colours = {name: _colour(name, height, sky.tint) for name in PALETTE}
    ways = _directions(centres, up)
    sun = _sun_direction(azimuth, np.radians(height))
    near_sun = np.einsum("tk,hwk->thw", sun, ways)
    picture = _clear_sky(ways[..., 1], near_sun, colours, height)
    rng = np.random.default_rng((sky.seed, 2))
    _add_stars(picture, rng, sky.seed, up, height)
    for deck in (sky.high, sky.low):
        _add_clouds(picture, deck, rng, times, centres, up, sun, near_sun, colours, sky.haze)
    _add_sun(picture, near_sun, colours, height)
    draw_horizon(picture, sky.horizon, sky.seed, up / sky.reach, times, height, colours["rim"], colours["shade"])
    return np.asarray(np.round(255 * _toned(picture)), np.uint8)


def _colour(name: str, height: Field, tint: tuple[float, float, float]) -> Field:
    """A colour of the palette [T, 3] in [0, 1] for the heights of the sun [T]."""
    table = np.array(PALETTE[name]) / 100
    channels = [np.interp(height, HEIGHTS, table[:, channel]) * tint[channel] for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def _directions(across: Field, up: Field) -> Field:
    """Unit directions [H, W, 3] (right, up, ahead) of the pixels."""
    grid = np.stack(np.broadcast_arrays(across[None, :], up[:, None], np.float32(1)), axis=-1)
    return np.asarray(grid / np.linalg.norm(grid, axis=-1, keepdims=True), np.float32)


def _sun_direction(azimuth: Field, height: Field) -> Field:
    ground = np.cos(height)
    return np.stack([np.sin(azimuth) * ground, np.sin(height), np.cos(azimuth) * ground], axis=-1).astype(np.float32)


def _clear_sky(up: Field, near_sun: Field, colours: dict[str, Field], height: Field) -> Field:
    """Gradient from the horizon upwards with the halo of the sun: [T, H, W, 3]."""
    low = np.exp(-4.2 * np.clip(up, 0, None))[None, ..., None]
    zenith, rim = (colours[name][:, None, None] for name in ("zenith", "rim"))
    halo = 0.55 * np.exp(18 * (near_sun - 1)) + 0.35 * np.exp(4 * (near_sun - 1))
    dusk = np.exp(-((height / 9) ** 2))[:, None, None]
    halo = halo * (1 - 0.45 * dusk + 0.9 * dusk * low[..., 0])
    return np.asarray(zenith + (rim - zenith) * low + halo[..., None] * colours["glow"][:, None, None], np.float32)


def _add_stars(picture: Field, rng: np.random.Generator, seed: int, up: Field, height: Field) -> None:
    """Fixed stars that come out as the sun sinks."""
    dark = np.clip((-height - 5) / 6, 0, 1)
    places, bright = rng.random((90, 2)), rng.random(90) ** 3
    if not dark.any():
        return
    size = picture.shape[1]
    rows, columns = (places * size).astype(int).T
    picture[:, rows, columns] += (0.55 * dark[:, None] * (bright * (up[rows] > 0))[None])[..., None]


def _add_clouds(
    picture: Field, deck: Deck, rng: np.random.Generator, times: Field, across: Field, up: Field,
    sun: Field, near_sun: Field, colours: dict[str, Field], haze: float,
) -> None:  # fmt: skip
    """Lay a deck of clouds over the sky above the horizon."""
    seen = up > -0.02
    if not seen.any():
        return
    far = 1 / (np.clip(up[seen], 0, None) + 0.09)
    field, towards = _deck_fields(deck, rng, times, across, far, sun[len(sun) // 2])
    edge = (deck.threshold + deck.growth * (times - 0.5)).astype(np.float32)[:, None, None]
    cover = _smooth((field - edge) / deck.softness)
    depth = np.clip((towards - edge) / 2.2, 0, 1.3)
    light = np.exp(-1.5 * depth)
    rim_light = np.exp(9 * (near_sun[:, seen] - 1)) * (1 - 0.75 * cover)
    away = np.exp(-haze * np.clip(far - 1, 0, None))[None, :, None]
    alpha = (cover * deck.opacity * away)[..., None]
    lit, shade, glow = (colours[name][:, None, None] for name in ("lit", "shade", "glow"))
    colour = shade + (lit - shade) * light[..., None] + 0.8 * rim_light[..., None] * glow
    colour += 0.35 * (1 - away[..., None]) * (colours["rim"][:, None, None] - colour)
    picture[:, seen] += alpha * (colour - picture[:, seen])


def _deck_fields(
    deck: Deck, rng: np.random.Generator, times: Field, across: Field, far: Field, sun: Field
) -> tuple[Field, Field]:
    """Cloud field [T, H, W] of a deck and the same field a step nearer to the sun."""
    texels = np.float32(TEXELS / 12)
    step = 0.16 * texels
    turn = math.hypot(sun[0], sun[2]) or 1.0
    shift = (-round(step * sun[2] / turn), -round(step * sun[0] / turn))
    footprint = texels * far**1.5 * 2 * np.abs(across[-1]) / len(across)
    level = np.clip(np.round(np.log2(np.maximum(footprint, 1))), 0, LEVELS - 1).astype(np.int32)[None, :, None]
    cosine, sine = (np.float32(value) for value in (math.cos(deck.direction), math.sin(deck.direction)))
    fields = []
    textures = cloud_textures(rng, 2, deck.billow, deck.stretch, deck.scale)
    for texture, weight, shear in zip(textures, (0.75, 0.66), (0.5, -0.5), strict=True):
        levels = pyramid(np.float32(weight) * texture)
        towards = np.stack([np.roll(each, shift, axis=(0, 1)) for each in levels])
        drift = [(wind + shear * change) * times for wind, change in zip(deck.wind, deck.shear, strict=True)]
        x = texels * (far[None, :, None] * across[None, None, :] - drift[0][:, None, None])
        z = texels * (far[None, :, None] - drift[1][:, None, None])
        rows, columns = (cosine * z + sine * x, cosine * x - sine * z) if deck.direction else (z, x)
        fields.append(bilinear((np.stack(levels), towards), level, rows, columns))
    (field, nearer), (other, other_nearer) = fields
    return field + other, nearer + other_nearer


def _smooth(values: Field) -> Field:
    values = np.clip(values, 0, 1)
    return values * values * (3 - 2 * values)


def _add_sun(picture: Field, near_sun: Field, colours: dict[str, Field], height: Field) -> None:
    """The disc, dazzling through thin clouds, dimmed behind thick ones (which are no brighter than the sky)."""
    up = np.clip((height + 1.5) / 2.5, 0, 1)[:, None, None]
    disc = _smooth((near_sun - math.cos(math.radians(3.2))) / 0.0012) + 0.5 * np.exp(350 * (near_sun - 1))
    clear = _smooth((picture.mean(-1) - 0.35) / 0.5)
    warm = np.minimum(1.0, colours["lit"] * 1.08 + 0.06)[:, None, None]
    picture += (0.9 * up * disc * clear)[..., None] * np.maximum(warm * 1.15 - picture, 0)


def _toned(picture: Field) -> Field:
    """Bright values pressed below 1 so that the glow keeps its colour."""
    picture = np.clip(picture, 0, None)
    return np.where(picture < 0.8, picture, 1 - 0.2 * np.exp(-(picture - 0.8) / 0.2))


def sky_arrays(seeds: range, *, size: int = RESOLUTION) -> dict[str, NDArray[Any]]:
    """Arrays of one shard: frames uint8 [n, 16, size, size, 3], seeds int64 [n]."""
    clips = [render_sky(random_sky(seed), size) for seed in seeds]
    return {"frames": np.stack(clips), "seeds": np.array(list(seeds), dtype=np.int64)}


def sky_place(seed: int) -> str:
    """Folder of a clip in the layout of SkyTimelapse."""
    return f"train/sky{seed:08d}"


def sky_files(seed: int, *, size: int = RESOLUTION) -> dict[str, bytes]:
    """The numbered frames of a clip as PNG files, in the layout of SkyTimelapse."""
    clip = render_sky(random_sky(seed), size)
    return {f"frame{index:05d}.png": png_bytes(frame) for index, frame in enumerate(clip)}
