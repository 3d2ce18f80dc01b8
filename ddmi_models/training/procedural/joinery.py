"""Parts of furniture in normalised units: Y up with the floor at y = 0, front +Z, x and z centred.

Neighbours overlap by WELD so that the union is one body. Nothing is thinner than SLIM, no gap narrower than GAP: a
field on a small plane must be able to hold it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np

from ddmi_models.training.procedural.solids import Box, Ellipsoid, Frustum, Solid, Vec, rotation_about, rotation_to

SLIM = 0.05
GAP = 0.055
WELD = 0.03
PROUD = 0.05
"""How far the fronts of drawers and doors stand out."""

Spot = tuple[float, float]


def box(x: Spot, y: Spot, z: Spot, rounding: float = 0.0) -> Box:
    """Box over three intervals; `rounding` is limited to 45 % of the smallest half size."""
    half = ((x[1] - x[0]) / 2, (y[1] - y[0]) / 2, (z[1] - z[0]) / 2)
    center = ((x[0] + x[1]) / 2, (y[0] + y[1]) / 2, (z[0] + z[1]) / 2)
    return Box(center, half, min(rounding, 0.45 * min(half)))


def column(y: Spot, lower: float, upper: float | None = None, at: Spot = (0.0, 0.0), squash: float = 1.0) -> Frustum:
    """Upright (tapered, elliptic) cylinder over the interval `y`, centred on (x, z) = `at`."""
    top = lower if upper is None else upper
    return Frustum((at[0], (y[0] + y[1]) / 2, at[1]), lower, top, (y[1] - y[0]) / 2, squash)


def rod(start: Vec, end: Vec, radius: float, end_radius: float | None = None) -> Frustum:
    """Straight round bar between two points."""
    a, b = np.array(start), np.array(end)
    length = float(np.linalg.norm(b - a))
    turn = rotation_to((b - a) / length)
    center = (a + b) / 2
    upper = radius if end_radius is None else end_radius
    return Frustum((float(center[0]), float(center[1]), float(center[2])), radius, upper, length / 2, turn=turn)


def ball(center: Vec, radii: Vec, floor: float = -1.0) -> Ellipsoid:
    """Ellipsoid, cut below `floor` (fraction of its upright radius)."""
    return Ellipsoid(center, radii, floor)


def slab(outline: str, width: float, depth: float, y: Spot, rounding: float = 0.0) -> Solid:
    """Table top or seat: round and oval outlines are elliptic, the others boxes."""
    if outline in ("round", "oval"):
        return column(y, width / 2, squash=depth / width)
    return box((-width / 2, width / 2), y, (-depth / 2, depth / 2), rounding)


def leg(style: str, top: Vec, foot: Vec, thick: float) -> Solid:
    """One leg from `top` to `foot` (its lowest point stays at the foot's height); style square, round or tapered."""
    if style == "square" and top[0] == foot[0] and top[2] == foot[2]:
        half = thick / 2
        return box((foot[0] - half, foot[0] + half), (foot[1], top[1]), (foot[2] - half, foot[2] + half))
    end = max(SLIM, 0.72 * thick) if style == "tapered" else thick
    if top[0] == foot[0] and top[2] == foot[2]:
        return column((foot[1], top[1]), end / 2, thick / 2, (foot[0], foot[2]))
    spread = math.hypot(top[0] - foot[0], top[2] - foot[2])
    lift = end / 2 * spread / math.hypot(spread, top[1] - foot[1])
    return rod((foot[0], foot[1] + lift, foot[2]), top, end / 2, thick / 2)


def four_legs(
    rng: random.Random, spot: Spot, height: float, thick: float, splay: float = 0.0, style: str | None = None
) -> list[Solid]:
    """Legs under (+-x, +-z) = `spot` at the floor; `splay` moves their tops inwards by that share."""
    style = style or rng.choice(("square", "round", "tapered"))
    x, z = spot
    keep = 1 - splay
    signs = ((-1, -1), (-1, 1), (1, -1), (1, 1))
    return [leg(style, (i * x * keep, height, k * z * keep), (i * x, 0.0, k * z), thick) for i, k in signs]


def three_legs(rng: random.Random, radius: float, height: float, thick: float, splay: float) -> list[Solid]:
    """Three legs on a circle of `radius` at the floor, one of them at the front or the back."""
    style, first = rng.choice(("round", "tapered")), rng.choice((90, 270))
    legs: list[Solid] = []
    for angle in (first, first + 120, first + 240):
        x, z = radius * math.cos(math.radians(angle)), radius * math.sin(math.radians(angle))
        keep = 1 - splay
        legs.append(leg(style, (x * keep, height, z * keep), (x, 0.0, z), thick))
    return legs


def pedestal(rng: random.Random, foot: str, spread: float, height: float, thick: float) -> list[Solid]:
    """One central column up to `height` on a foot (disc, cone, cross, star) of radius `spread`."""
    plate = rng.uniform(SLIM, 0.065)
    waist = thick / 2
    parts: list[Solid] = [column((0.0, height), waist * rng.choice((1.0, 1.0, 1.25)), waist)]
    if foot == "disc":
        parts.append(column((0.0, plate), spread, spread * rng.choice((1.0, 0.92))))
    elif foot == "cone":
        rise = max(0.09, min(0.3 * height, rng.uniform(0.1, 0.18)))
        parts += [column((0.0, SLIM), spread), column((SLIM - WELD, rise), spread * 0.95, waist)]
    else:
        arms, first = (4, rng.choice((0, 45))) if foot == "cross" else (5, 90)
        beam = rng.uniform(0.055, 0.07)
        for index in range(arms):
            angle = math.radians(first + 360 * index / arms)
            x, z = math.cos(angle), math.sin(angle)
            turn = rotation_about(1, -math.degrees(angle))
            reach = spread / 2
            parts.append(Box((x * reach, beam / 2, z * reach), (reach, beam / 2, beam / 2), turn=turn))
    return parts


def trestle(rng: random.Random, width: float, depth: float, height: float, thick: float) -> list[Solid]:
    """Two stands at the ends, each a post on a foot along the depth, joined by a beam."""
    x, foot = width / 2 - thick / 2, rng.uniform(0.055, 0.07)
    post = rng.uniform(1.0, 2.0) * thick
    parts: list[Solid] = []
    for side in (-x, x):
        across = (side - thick / 2, side + thick / 2)
        parts.append(box(across, (0.0, foot), (-depth / 2, depth / 2)))
        parts.append(box(across, (0.0, height), (-post / 2, post / 2)))
    level = rng.uniform(0.3, 0.55) * height
    parts.append(box((-x, x), (level, level + SLIM), (-SLIM / 2, SLIM / 2)))
    return parts


def side_panels(width: float, depth: float, height: float, thick: float) -> list[Solid]:
    """Two upright boards over the whole depth at the ends."""
    edges = ((-width / 2, -width / 2 + thick), (width / 2 - thick, width / 2))
    return [box(edge, (0.0, height), (-depth / 2, depth / 2)) for edge in edges]


def sled(width: float, depth: float, height: float, thick: float) -> list[Solid]:
    """Two frames at the ends: a runner on the floor and two posts."""
    parts: list[Solid] = []
    for middle in (-width / 2 + thick / 2, width / 2 - thick / 2):
        across = (middle - thick / 2, middle + thick / 2)
        parts.append(box(across, (0.0, thick), (-depth / 2, depth / 2)))
        for post in ((-depth / 2, -depth / 2 + thick), (depth / 2 - thick, depth / 2)):
            parts.append(box(across, (0.0, height), post))
    return parts


def spaced(span: Spot, bar: float, most: int, least: int = 2) -> list[Spot]:
    """Intervals of width `bar` in `span`, equal gaps of at least GAP between them and at both ends.

    Fewer than `least` fit only where the span is too short: then as many as fit.
    """
    room = span[1] - span[0]
    fit = int((room - GAP + 1e-9) // (bar + GAP))
    count = max(min(most, fit), min(least, fit))
    gap = (room - count * bar) / (count + 1)
    return [(span[0] + gap + i * (bar + gap), span[0] + gap + i * (bar + gap) + bar) for i in range(count)]


def back_panel(rng: random.Random, style: str, x: Spot, y: Spot, z: Spot, most: int = 4) -> list[Solid]:
    """Backrest in a frame: solid, slatted (upright) or bars (horizontal); it reaches WELD below y[0]."""
    below = y[0] - WELD
    if style == "solid":
        return [box(x, (below, y[1]), z, rng.choice((0.0, 0.02)))]
    post = rng.uniform(SLIM, 0.06)
    posts: list[Solid] = [box((x[0], x[0] + post), (below, y[1]), z), box((x[1] - post, x[1]), (below, y[1]), z)]
    rail = rng.uniform(SLIM, 0.075)
    inside = (x[0] + post, x[1] - post)
    if style == "slatted":
        slats = spaced(inside, SLIM, most)
        posts += [box(slat, (below, y[1] - rail + WELD), z) for slat in slats]
        return [*posts, box(x, (y[1] - rail, y[1]), z)]
    across = (inside[0] - WELD, inside[1] + WELD)
    bars = spaced((y[0], y[1] - SLIM), SLIM, rng.choice((1, 2, 2, 3)), 1)
    return [*posts, *(box(across, bar, z) for bar in bars), box(across, (y[1] - SLIM, y[1]), z)]


def leaned(parts: Sequence[Solid], pivot_y: float, pivot_z: float, degrees: float) -> list[Solid]:
    """The parts tilted backwards by `degrees` about the x axis through (pivot_y, pivot_z)."""
    if degrees == 0:
        return list(parts)
    turn = rotation_about(0, -degrees)
    return [part.turned((0.0, pivot_y, pivot_z), turn) for part in parts]


def fronts(
    rng: random.Random, x: Spot, y: Spot, z: float, columns: int, rows: int, handle: str, hinged: bool
) -> list[Solid]:
    """Raised fronts of drawers (or `hinged` doors) in a grid on the face at depth `z`, with knobs or bar handles."""
    cells: list[Solid] = []
    wide = (x[1] - x[0] - (columns - 1) * GAP) / columns
    high = (y[1] - y[0] - (rows - 1) * GAP) / rows
    for i in range(columns):
        for j in range(rows):
            left, low = x[0] + i * (wide + GAP), y[0] + j * (high + GAP)
            cells.append(box((left, left + wide), (low, low + high), (z - WELD, z + PROUD)))
            outer = left + wide - 0.05 if (i < columns / 2) == (columns > 1) else left + 0.05
            spot = (outer if hinged else left + wide / 2, low + high * (0.55 if hinged else 0.5))
            cells += _handle(handle, spot, z + PROUD, min(wide, 0.2), high, hinged)
    return cells


def _handle(handle: str, spot: Spot, z: float, wide: float, high: float, hinged: bool) -> list[Solid]:
    x, y = spot
    if handle == "knob":
        return [ball((x, y, z), (0.03, 0.03, 0.04))]
    if handle == "bar" and hinged:
        reach = min(0.09, high * 0.3)
        return [box((x - SLIM / 2, x + SLIM / 2), (y - reach, y + reach), (z - WELD, z + 0.035))]
    if handle == "bar":
        reach = wide * 0.35
        return [box((x - reach, x + reach), (y - SLIM / 2, y + SLIM / 2), (z - WELD, z + 0.035))]
    return []
