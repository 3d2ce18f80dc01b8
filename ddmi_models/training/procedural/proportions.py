"""Sizes: boxes (W, H, D) whose longest side is 0.92 to 1, drawn so that every word of proportion is common."""

from __future__ import annotations

import random

Range = tuple[float, float]
Size = tuple[float, float, float]


def one_of(rng: random.Random, *ranges: Range) -> float:
    """A number from one of the ranges, each range equally likely."""
    return rng.uniform(*rng.choice(ranges))


def from_tallness(rng: random.Random, tallness: float, wideness: float) -> Size:
    """Size with H / max(W, D) = `tallness` and W / D = `wideness`."""
    ratios = (min(wideness, 1.0), tallness, min(1 / wideness, 1.0))
    return _fit(rng, ratios)


def from_front(rng: random.Random, width: float, depth: float) -> Size:
    """Size with W / H = `width` and D / max(W, H) = `depth`."""
    return _fit(rng, (width, 1.0, depth * max(width, 1.0)))


def _fit(rng: random.Random, ratios: Size) -> Size:
    scale = rng.uniform(0.92, 1.0) / max(ratios)
    return (ratios[0] * scale, ratios[1] * scale, ratios[2] * scale)
