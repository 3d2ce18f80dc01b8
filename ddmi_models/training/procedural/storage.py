"""Bookcases, cabinets and dressers."""

from __future__ import annotations

import random
from dataclasses import replace

from ddmi_models.evaluation.vocabulary import Attributes
from ddmi_models.training.procedural.joinery import GAP, PROUD, SLIM, WELD, box, four_legs, fronts
from ddmi_models.training.procedural.proportions import Size, from_front, one_of
from ddmi_models.training.procedural.solids import Solid

Built = tuple[Attributes, list[Solid]]


def bookcase(rng: random.Random) -> Built:
    """Open shelves between two sides; the count is of levels, so a board on top is not one."""
    ratio = one_of(rng, (0.38, 0.5), (0.4, 0.5), (0.6, 1.0), (1.25, 1.9))
    width, height, depth = from_front(rng, ratio, rng.uniform(0.26, 0.38))
    room = int((height - SLIM) / (SLIM + 0.095))
    levels = min(room, rng.choice((3, 4, 5, 5, 6) if height > 0.75 else (2, 3, 4)))
    full, deep = (-width / 2, width / 2), (-depth / 2, depth / 2)
    lift = rng.choice((0.0, 0.05)) if height - levels * (SLIM + 0.095) > 0.12 else 0.0
    parts: list[Solid] = [
        box((full[0], full[0] + SLIM), (0.0, height), deep),
        box((full[1] - SLIM, full[1]), (0.0, height), deep),
    ]
    step = (height - lift - SLIM) / levels
    for index in range(levels + 1):
        low = lift + index * step
        parts.append(box(full, (low, low + SLIM), deep))
    if rng.random() < 0.75:
        parts.append(box(full, (lift, height), (-depth / 2, -depth / 2 + SLIM)))
    if width > 0.8 and rng.random() < 0.4:
        parts.append(box((-SLIM / 2, SLIM / 2), (lift, height), deep))
    return Attributes("bookcase", support="panel", shelves=levels), parts


def cabinet(rng: random.Random) -> Built:
    """A closed body with one to four doors, now and then a row of drawers above them."""
    ratio = one_of(rng, (0.42, 0.5), (0.42, 0.5), (0.62, 1.0), (1.25, 1.7))
    width, height, depth = size = from_front(rng, ratio, rng.uniform(0.32, 0.46))
    attributes, lift, parts = _body(rng, "cabinet", size)
    upper = height - 0.04
    drawers = 0
    handle = rng.choice(("knob", "bar", "none"))
    across, face = (-width / 2 + 0.03, width / 2 - 0.03), depth / 2 - PROUD
    if height > 0.7 and rng.random() < 0.2:
        drawers = 2 if width > 0.6 else 1
        row = (upper - rng.uniform(0.1, 0.14), upper)
        parts += fronts(rng, across, row, face, drawers, 1, handle, hinged=False)
        upper = row[0] - GAP
    low = lift + 0.04
    fitting = [n for n in (1, 2, 2, 2, 3, 4) if _upright(width - 0.06, n, upper - low)]
    doors = rng.choice(fitting or [2])
    parts += fronts(rng, across, (low, upper), face, doors, 1, handle, hinged=True)
    return replace(attributes, doors=doors, drawers=drawers), parts


def dresser(rng: random.Random) -> Built:
    """A chest of drawers, one or two columns."""
    ratio = one_of(rng, (0.52, 0.7), (0.85, 1.25), (1.5, 1.9))
    width, height, depth = size = from_front(rng, ratio, rng.uniform(0.36, 0.5))
    attributes, lift, parts = _body(rng, "dresser", size)
    across, up = (-width / 2 + 0.03, width / 2 - 0.03), (lift + 0.04, height - 0.04)
    columns = 2 if ratio > 1.3 or (ratio > 0.8 and rng.random() < 0.4) else 1
    wide = (across[1] - across[0] - (columns - 1) * GAP) / columns
    options = [n for n in (2, 3, 4, 5) if 0.085 <= (up[1] - up[0] - (n - 1) * GAP) / n <= wide / 1.35]
    rows = rng.choice(options or [4])
    parts += fronts(rng, across, up, depth / 2 - PROUD, columns, rows, rng.choice(("knob", "bar", "none")), False)
    return replace(attributes, drawers=rows * columns), parts


def _upright(width: float, doors: int, high: float) -> bool:
    """Whether so many doors side by side are clearly taller than wide, and wide enough to hold."""
    each = (width - (doors - 1) * GAP) / doors
    return each >= 0.14 and high >= 1.35 * each


def _body(rng: random.Random, kind: str, size: Size) -> tuple[Attributes, float, list[Solid]]:
    """The closed body (its face PROUD behind the front) on the floor or on legs, and the height where it begins."""
    width, height, depth = size
    support = rng.choice(("plinth", "legs"))
    lift = rng.uniform(0.09, 0.15) if support == "legs" else 0.0
    face = depth / 2 - PROUD
    parts: list[Solid] = [box((-width / 2, width / 2), (lift, height), (-depth / 2, face))]
    if support == "legs":
        thick = rng.uniform(0.055, 0.075)
        spot = (width / 2 - thick / 2 - 0.01, (depth - PROUD) / 2 - thick / 2 - 0.01)
        parts += [leg.rescaled((0.0, 0.0, -PROUD / 2), 1.0) for leg in four_legs(rng, spot, lift + WELD, thick)]
    return Attributes(kind, support=support, legs=4 if support == "legs" else 0), lift, parts
