"""Beds, floor lamps and table lamps."""

from __future__ import annotations

import math
import random

from ddmi_models.evaluation.vocabulary import Attributes
from ddmi_models.training.procedural.joinery import SLIM, WELD, back_panel, ball, box, column, four_legs, pedestal, rod
from ddmi_models.training.procedural.proportions import one_of
from ddmi_models.training.procedural.solids import Solid

Built = tuple[Attributes, list[Solid]]


def bed(rng: random.Random) -> Built:
    """A bed with its head at -Z: frame, mattress, pillows, often a headboard."""
    double = rng.random() < 0.55
    length = rng.uniform(0.92, 1.0)
    width = length * (rng.uniform(0.75, 0.95) if double else rng.uniform(0.42, 0.55))
    support = rng.choice(("legs", "plinth"))
    lift = rng.uniform(0.07, 0.12) if support == "legs" else 0.0
    frame = lift + rng.uniform(0.07, 0.11)
    mattress = frame + rng.uniform(0.07, 0.11)
    full, deep = (-width / 2, width / 2), (-length / 2, length / 2)
    pad = 0.025
    parts: list[Solid] = [
        box(full, (lift, frame), deep),
        box((full[0] + pad, full[1] - pad), (frame - WELD, mattress), (deep[0] + pad, deep[1] - pad), 0.025),
    ]
    headboard = rng.random() < 0.7
    start = deep[0] + SLIM if headboard else deep[0] + pad
    parts += _pillows(width, 2 if double else 1, mattress, start)
    if headboard:
        style = rng.choice(("solid", "solid", "slatted"))
        high = mattress + rng.uniform(0.14, 0.3)
        parts += back_panel(rng, style, full, (lift + WELD, high), (deep[0], deep[0] + SLIM), 6)
        if rng.random() < 0.3:
            parts.append(box(full, (lift, mattress + rng.uniform(0.02, 0.07)), (deep[1] - SLIM, deep[1])))
    if support == "legs":
        thick = rng.uniform(0.06, 0.085)
        parts += four_legs(rng, (width / 2 - thick / 2 - 0.01, length / 2 - thick / 2 - 0.01), lift + WELD, thick)
    attributes = Attributes(
        "bed",
        support=support,
        legs=4 if support == "legs" else 0,
        headboard=headboard,
        bed="double" if double else "single",
    )
    return attributes, parts


def floor_lamp(rng: random.Random) -> Built:
    """A shade on a tall pole with a foot or three legs."""
    height = rng.uniform(0.94, 1.0)
    across = height * one_of(rng, (0.17, 0.235), (0.27, 0.31), (0.38, 0.55), (0.38, 0.55))
    drop = rng.uniform(0.16, 0.28) if across < 0.3 else rng.uniform(0.16, 0.24)
    bottom = height - drop
    parts = _shade(rng, across, (bottom, height))
    radius = rng.uniform(0.03, 0.04)
    foot = rng.choice(("disc", "disc", "cone", "cross", "tripod"))
    if foot != "tripod":
        parts += pedestal(rng, foot, rng.uniform(0.13, 0.19), bottom + drop / 2, 2 * radius)
        return Attributes("floor lamp", support="pedestal", legs=1, foot=foot), parts
    joint = rng.uniform(0.3, 0.6) * bottom
    parts.append(column((joint, bottom + drop / 2), radius))
    spread = rng.uniform(0.16, 0.24)
    for angle in (90, 210, 330):
        x, z = spread * math.cos(math.radians(angle)), spread * math.sin(math.radians(angle))
        parts.append(rod((x, 0.015, z), (0.0, joint + 0.06, 0.0), max(SLIM / 2, radius - 0.005)))
    return Attributes("floor lamp", support="legs", legs=3), parts


def table_lamp(rng: random.Random) -> Built:
    """A shade on a short thick body."""
    height = rng.uniform(0.94, 1.0)
    across = height * one_of(rng, (0.38, 0.47), (0.54, 0.58), (0.67, 0.88))
    bottom = height * (1 - rng.uniform(0.32, 0.42))
    parts = _shade(rng, across, (bottom, height))
    wide = rng.uniform(0.1, 0.16)
    neck = (0.1, bottom + 0.12)
    style = rng.choice(("ball", "vase", "column", "block", "stem"))
    if style == "ball":
        parts += [ball((0.0, wide, 0.0), (wide, wide, wide), -0.9), column(neck, 0.035)]
    elif style == "vase":
        parts += [column((0.0, 0.75 * bottom), wide, 0.06), column(neck, 0.035)]
    elif style == "column":
        parts += [column((0.0, 0.06), wide), column((0.03, bottom + 0.12), rng.uniform(0.045, 0.065))]
    elif style == "block":
        half, high = 0.8 * wide, rng.uniform(0.5, 0.85) * bottom
        parts += [box((-half, half), (0.0, high), (-half, half)), column(neck, 0.035)]
    else:
        parts += [column((0.0, SLIM), wide + 0.02), column((0.02, bottom + 0.12), rng.uniform(0.03, 0.036))]
    return Attributes("table lamp"), parts


def _shade(rng: random.Random, across: float, y: tuple[float, float]) -> list[Solid]:
    """A drum, cone, box or dome of the given diameter."""
    style = rng.choice(("drum", "cone", "cone", "dome"))
    radius = across / 2
    if style == "dome":
        return [ball((0.0, y[0], 0.0), (radius, y[1] - y[0], radius), 0.0)]
    upper = radius if style == "drum" else radius * rng.uniform(0.5, 0.75)
    return [column(y, radius, max(upper, 0.045))]


def _pillows(width: float, count: int, mattress: float, start: float) -> list[Solid]:
    """Pillows side by side at the head, half sunk into the mattress."""
    gap = 0.06
    each = (width - gap * (count + 1)) / count
    pillows: list[Solid] = []
    for index in range(count):
        left = -width / 2 + gap + index * (each + gap)
        pillows.append(box((left, left + each), (mattress - WELD, mattress + 0.05), (start + 0.03, start + 0.2), 0.03))
    return pillows
