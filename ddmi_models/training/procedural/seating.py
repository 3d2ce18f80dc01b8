"""Chairs, armchairs, stools, benches and sofas."""

from __future__ import annotations

import random
from dataclasses import replace

from ddmi_models.evaluation.vocabulary import Attributes
from ddmi_models.training.procedural.joinery import (
    GAP,
    SLIM,
    WELD,
    back_panel,
    box,
    four_legs,
    leaned,
    pedestal,
    rod,
    side_panels,
    slab,
    sled,
    three_legs,
    trestle,
)
from ddmi_models.training.procedural.proportions import Size, from_front, from_tallness, one_of
from ddmi_models.training.procedural.solids import Solid

Built = tuple[Attributes, list[Solid]]


def chair(rng: random.Random) -> Built:
    """A chair of wood or metal: seat, backrest, with or without open arms."""
    tallness = one_of(rng, (1.22, 1.42), (1.6, 1.95), (1.6, 1.95), (2.2, 2.5))
    size = from_tallness(rng, tallness, one_of(rng, (0.92, 1.1), (0.92, 1.1), (0.68, 0.77), (1.32, 1.5)))
    return _wooden_seat(rng, "chair", size, arms=rng.random() < 0.35)


def armchair(rng: random.Random) -> Built:
    """An upholstered chair with closed arms, or (one in four) a wide one with open arms."""
    if rng.random() < 0.25:
        size = from_tallness(rng, one_of(rng, (1.05, 1.2), (1.3, 1.5)), rng.uniform(0.95, 1.15))
        return _wooden_seat(rng, "armchair", size, arms=True)
    wideness = one_of(rng, (0.92, 1.1), (0.92, 1.1), (0.68, 0.77), (1.32, 1.5))
    width, height, depth = from_tallness(rng, one_of(rng, (0.72, 0.86), (0.95, 1.15), (1.3, 1.5)), wideness)
    support = rng.choice(("legs", "legs", "plinth", "pedestal", "pedestal"))
    lift = {"legs": 0.18, "plinth": 0.0, "pedestal": 0.27}[support] * height * rng.uniform(0.85, 1.2)
    seat = max(0.45 * height, lift + 0.12)
    parts = _upholstery(rng, (width, height, depth), lift, seat, cushions=1, arms=True)
    attributes = Attributes("armchair", support=support, arms=True, back="solid")
    return _stand(rng, attributes, parts, (width, height, depth), lift)


def stool(rng: random.Random) -> Built:
    """A seat without a back on four legs, three legs or one."""
    tallness = one_of(rng, (0.78, 0.92), (1.05, 1.45), (1.75, 2.4))
    outline = rng.choice(("round", "square"))
    width, height, depth = from_tallness(rng, tallness, 1.0)
    legs = rng.choice((1, 3, 4))
    thick, seat = rng.uniform(0.055, 0.075) * (1.35 if tallness < 1 else 1.0), rng.uniform(0.065, 0.12)
    parts: list[Solid] = [slab(outline, width, depth, (height - seat, height), rng.choice((0.0, 0.03)))]
    attributes = Attributes("stool", top=outline, support="legs", legs=legs)
    under = height - seat + WELD
    if legs == 1:
        foot = rng.choice(("disc", "cone", "cross", "star"))
        spread = width / 2 * rng.uniform(0.7, 0.98)
        parts += pedestal(rng, foot, spread, under, max(0.065, width * rng.uniform(0.13, 0.24)))
        return Attributes("stool", top=outline, support="pedestal", legs=1, foot=foot), parts
    splay = rng.choice((0.0, rng.uniform(0.1, 0.35)))
    if legs == 3:
        parts += three_legs(rng, width / 2 - thick / 2 - 0.01, under, thick, max(splay, 0.12))
        return attributes, parts
    inset = width / 2 - thick / 2 - 0.01 if outline == "square" else 0.68 * width / 2
    spot = (inset, inset)
    parts += four_legs(rng, spot, under, thick, splay)
    if splay == 0 and height > 0.6 and rng.random() < 0.5:
        parts += _rails(spot, rng.uniform(0.25, 0.4) * height)
    return attributes, parts


def bench(rng: random.Random) -> Built:
    """A long seat, with or without a backrest."""
    backed = rng.random() < 0.5
    width_ratio = one_of(rng, (1.2, 1.42), (1.6, 2.2), (2.5, 3.0)) if backed else one_of(rng, (1.7, 2.2), (2.5, 3.1))
    width, height, depth = from_front(rng, width_ratio, rng.uniform(0.28, 0.42))
    seat, plank = (0.48 * height if backed else height), rng.uniform(0.055, 0.075)
    parts: list[Solid] = [box((-width / 2, width / 2), (seat - plank, seat), (-depth / 2, depth / 2))]
    back, arms = "", backed and rng.random() < 0.3
    if backed:
        choices = ("solid", "slatted", "slatted", "bars") if height - seat > 0.24 else ("solid", "slatted")
        back = rng.choice(choices)
        parts += back_panel(
            rng, back, (-width / 2, width / 2), (seat, height), (-depth / 2, -depth / 2 + rng.uniform(SLIM, 0.06)), 7
        )
    if arms:
        parts += _open_arms((width, height, depth), seat, seat + 0.55 * (height - seat))
    support = rng.choice(("legs", "legs", "legs", "panel", "sled", "trestle"))
    under, thick = seat - plank + WELD, rng.uniform(0.055, 0.08)
    if support == "legs":
        parts += four_legs(rng, (width / 2 - thick / 2 - 0.02, depth / 2 - thick / 2), under, thick)
    elif support == "panel":
        parts += side_panels(width, depth, under, thick)
    elif support == "sled":
        parts += sled(width, depth, under, SLIM)
    else:
        parts += trestle(rng, width * 0.9, depth, under, SLIM)
    attributes = Attributes(
        "bench", top="rectangular", support=support, legs=4 if support == "legs" else 0, arms=arms, back=back
    )
    return attributes, parts


def sofa(rng: random.Random) -> Built:
    """An upholstered seat for two to four."""
    ratio = one_of(rng, (1.3, 1.58), (1.75, 2.2), (2.45, 2.9), (2.45, 2.9))
    size = from_front(rng, ratio, rng.uniform(0.34, 0.46))
    support = rng.choice(("legs", "plinth"))
    lift = rng.uniform(0.06, 0.1) if support == "legs" else 0.0
    arms = rng.random() < 0.85
    seats = 2 if ratio < 1.6 else 3 if ratio < 2.3 else rng.choice((3, 3, 4))
    parts = _upholstery(rng, size, lift, max(0.48 * size[1], lift + 0.12), seats, arms)
    attributes = Attributes("sofa", support=support, arms=arms, back="solid")
    return _stand(rng, attributes, parts, size, lift)


def _wooden_seat(rng: random.Random, kind: str, size: Size, arms: bool) -> Built:
    width, height, depth = size
    support = rng.choice(("legs", "legs", "legs", "legs", "pedestal", "sled"))
    seat, plank = height * rng.uniform(0.44, 0.52), rng.uniform(0.055, 0.08)
    tilt = rng.choice((0.0, rng.uniform(2, 8)))
    thick, back = rng.uniform(0.055, 0.07), rng.choice(("solid", "solid", "slatted", "slatted", "bars"))
    round_seat = not arms and support != "sled" and rng.random() < 0.15
    parts: list[Solid] = [slab("round" if round_seat else "square", width, depth, (seat - plank, seat), 0.0)]
    half = width / 2 * (0.8 if round_seat else 1.0)
    rear = -depth / 2 * (0.85 if round_seat else 1.0)
    backrest = back_panel(rng, back, (-half, half), (seat, height), (rear, rear + SLIM))
    parts += leaned(backrest, seat, rear, tilt)
    if arms:
        parts += _open_arms(size, seat, seat + rng.uniform(0.4, 0.55) * (height - seat))
    attributes = Attributes(kind, "round" if round_seat else "", support, 0, "", arms, back)
    under = seat - plank + WELD
    if support == "sled":
        return attributes, parts + sled(width, depth, under, SLIM)
    return _stand(rng, attributes, parts, size, under - WELD, thick, 0.68 if round_seat else None)


def _stand(
    rng: random.Random,
    attributes: Attributes,
    parts: list[Solid],
    size: Size,
    lift: float,
    thick: float = 0.07,
    inset: float | None = None,
) -> Built:
    """Put the seat that begins at `lift` on four legs, a pedestal or nothing, as its support says."""
    width, _, depth = size
    if attributes.support == "plinth":
        return attributes, parts
    if attributes.support == "legs":
        x, z = width / 2 - thick / 2 - 0.005, depth / 2 - thick / 2 - 0.005
        spot = (x, z) if inset is None else (width / 2 * inset, depth / 2 * inset)
        splay = rng.choice((0.0, 0.0, rng.uniform(0.05, 0.12)))
        return replace(attributes, legs=4), parts + four_legs(rng, spot, lift + WELD, thick, splay)
    foot = rng.choice(("disc", "cone", "cross", "star"))
    spread = min(width, depth) / 2 * rng.uniform(0.75, 0.95)
    waist = max(0.07, min(width, depth) * rng.uniform(0.12, 0.2))
    return replace(attributes, legs=1, foot=foot), parts + pedestal(rng, foot, spread, lift + WELD, waist)


def _open_arms(size: Size, seat: float, level: float) -> list[Solid]:
    """Armrests on posts at both ends, from the backrest to near the front; top of the rest at `level`."""
    width, _, depth = size
    level = max(level, seat + GAP + SLIM)
    parts: list[Solid] = []
    for edge in ((-width / 2, -width / 2 + 0.055), (width / 2 - 0.055, width / 2)):
        front = depth / 2 - 0.02
        parts.append(box(edge, (level - SLIM, level), (-depth / 2 - 0.005, front)))
        parts.append(box(edge, (seat - WELD, level), (front - 0.055, front)))
    return parts


def _rails(spot: tuple[float, float], level: float) -> list[Solid]:
    """Foot rails between four legs at (+-x, +-z)."""
    x, z = spot
    up, half = (level, level + SLIM), SLIM / 2
    rails: list[Solid] = []
    for side in (-1, 1):
        rails.append(box((-x, x), up, (side * z - half, side * z + half)))
        rails.append(box((side * x - half, side * x + half), up, (-z, z)))
    return rails


def _upholstery(rng: random.Random, size: Size, lift: float, seat: float, cushions: int, arms: bool) -> list[Solid]:
    """Body, backrest, arms and seat cushions (grooves between them) from `lift` up; cushions end at `seat`."""
    width, height, depth = size
    rounding = rng.choice((0.0, 0.02, 0.04))
    pad = max(0.055, min(0.1, 0.3 * (seat - lift)))
    thick = rng.uniform(0.09, 0.13)
    arm = rng.uniform(0.075, 0.12) if arms else 0.0
    rear = -depth / 2 + thick
    full = (-width / 2, width / 2)
    parts: list[Solid] = [
        box(full, (lift, seat - pad), (-depth / 2, depth / 2)),
        box(full, (lift, height), (-depth / 2, rear), rounding),
    ]
    if arms:
        level = seat + rng.uniform(0.35, 0.6) * (height - seat)
        rolled = rng.random() < 0.25
        for edge in ((full[0], full[0] + arm), (full[1] - arm, full[1])):
            parts.append(box(edge, (lift, level), (-depth / 2, depth / 2), rounding))
            if rolled:
                middle = (edge[0] + edge[1]) / 2
                parts.append(rod((middle, level, -depth / 2), (middle, level, depth / 2), arm / 2 + 0.01))
    inside = (full[0] + arm, full[1] - arm)
    gap = GAP if cushions > 1 else 0.0
    each = (inside[1] - inside[0] - (cushions - 1) * gap) / cushions
    for index in range(cushions):
        left = inside[0] + index * (each + gap)
        ends = (
            left - (WELD if index == 0 and arms else 0),
            left + each + (WELD if index == cushions - 1 and arms else 0),
        )
        parts.append(box(ends, (seat - pad - WELD, seat), (rear - WELD, depth / 2), min(rounding, 0.025)))
    return parts
