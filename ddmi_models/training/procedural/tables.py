"""Dining, round, coffee and side tables, and desks."""

from __future__ import annotations

import random

from ddmi_models.evaluation.vocabulary import Attributes
from ddmi_models.training.procedural.joinery import (
    PROUD,
    SLIM,
    WELD,
    box,
    four_legs,
    fronts,
    pedestal,
    side_panels,
    slab,
    three_legs,
    trestle,
)
from ddmi_models.training.procedural.proportions import Size, from_tallness, one_of
from ddmi_models.training.procedural.solids import Solid

Built = tuple[Attributes, list[Solid]]


def dining_table(rng: random.Random) -> Built:
    """A table to sit at: rectangular, square or oval."""
    outline = rng.choice(("rectangular", "rectangular", "rectangular", "square", "oval"))
    wideness = 1.0 if outline == "square" else one_of(rng, (1.35, 1.75), (2.05, 2.5))
    size = from_tallness(rng, one_of(rng, (0.44, 0.58), (0.58, 0.76)), wideness)
    support = rng.choice(("legs", "legs", "legs", "pedestal", "trestle", "panel"))
    if support in ("trestle", "panel") and outline != "rectangular":
        support = "legs"
    return _table(rng, "dining table", outline, size, support, 4)


def round_table(rng: random.Random) -> Built:
    """A round table on one, three or four legs."""
    size = from_tallness(rng, one_of(rng, (0.44, 0.57), (0.66, 0.85), (1.02, 1.2)), 1.0)
    legs = rng.choice((1, 1, 1, 4, 4, 3))
    return _table(rng, "round table", "round", size, "pedestal" if legs == 1 else "legs", legs)


def coffee_table(rng: random.Random) -> Built:
    """A low table, often with a shelf below."""
    outline = rng.choice(("round", "round", "rectangular", "rectangular", "rectangular", "square", "oval"))
    wideness = 1.0 if outline in ("round", "square") else one_of(rng, (1.35, 1.7), (2.05, 2.4))
    size = from_tallness(rng, one_of(rng, (0.28, 0.36), (0.28, 0.36), (0.43, 0.55)), wideness)
    if rng.random() < 0.55:
        return _table(rng, "coffee table", outline, size, "legs", 4, shelf=True)
    supports = ("legs", "legs", "pedestal") if outline != "rectangular" else ("legs", "legs", "panel")
    legs = rng.choice((3, 4)) if outline == "round" else 4
    return _table(rng, "coffee table", outline, size, rng.choice(supports), legs)


def side_table(rng: random.Random) -> Built:
    """A small table for beside a bed or couch."""
    outline = rng.choice(("round", "square", "rectangular"))
    wideness = rng.uniform(1.3, 1.5) if outline == "rectangular" else 1.0
    size = from_tallness(rng, one_of(rng, (0.7, 0.84), (1.0, 1.35), (1.6, 2.0)), wideness)
    if outline != "round" and rng.random() < 0.35:
        return _drawer_table(rng, "side table", outline, size, 1)
    legs = rng.choice((1, 3, 4)) if outline == "round" else rng.choice((4, 4, 4, 1))
    shelf = legs == 4 and rng.random() < 0.5
    return _table(rng, "side table", outline, size, "pedestal" if legs == 1 else "legs", legs, shelf)


def desk(rng: random.Random) -> Built:
    """A table to work at: drawers at the sides or below the top, or a plain one with a panel behind the knees."""
    wideness = one_of(rng, (1.28, 1.45), (1.62, 2.05), (2.3, 2.7))
    size = from_tallness(rng, rng.uniform(0.5, 0.72), wideness)
    layout = rng.choice(("left", "right", "both", "row", "plain", "plain"))
    if layout == "row":
        return _drawer_table(rng, "desk", "rectangular", size, rng.choice((2, 3)))
    if layout == "plain":
        return _plain_desk(rng, size)
    return _pedestal_desk(rng, size, layout)


def _table(
    rng: random.Random, kind: str, outline: str, size: Size, support: str, legs: int, shelf: bool = False
) -> Built:
    width, height, depth = size
    top = rng.uniform(0.05, 0.075)
    parts: list[Solid] = [slab(outline, width, depth, (height - top, height))]
    under = height - top + WELD
    thick = rng.uniform(0.055, 0.085)
    curved = outline in ("round", "oval")
    if support == "pedestal":
        foot = rng.choice(("disc", "cone", "cross", "star"))
        spread = min(width, depth) / 2 * rng.uniform(0.55, 0.85)
        parts += pedestal(rng, foot, spread, under, max(0.065, min(width, depth) * rng.uniform(0.09, 0.2)))
        return Attributes(kind, outline, support, 1, foot), parts
    if support == "trestle":
        return Attributes(kind, outline, support), parts + trestle(rng, 0.85 * width, 0.9 * depth, under, thick)
    if support == "panel":
        return Attributes(kind, outline, support), parts + side_panels(width - 0.02, depth - 0.02, under, thick)
    if legs == 3:
        parts += three_legs(rng, width / 2 * rng.uniform(0.75, 0.92), under, thick, rng.uniform(0.1, 0.35))
        return Attributes(kind, outline, "legs", 3), parts
    inset = 0.66 if curved else 1.0
    edge = 0.0 if curved else thick / 2 + rng.uniform(0.0, 0.03)
    spot = (width / 2 * inset - edge, depth / 2 * inset - edge)
    splay = 0.0 if shelf else rng.choice((0.0, 0.0, rng.uniform(0.08, 0.2)))
    parts += four_legs(rng, spot, under, thick, splay)
    if shelf:
        parts.append(_shelf(rng, outline, spot, thick, height - top))
    elif splay == 0 and not curved and rng.random() < 0.4:
        parts += _apron(spot, height - top, min(0.1, 0.2 * height))
    return Attributes(kind, outline, "legs", 4, shelves=int(shelf)), parts


def _shelf(rng: random.Random, outline: str, spot: tuple[float, float], thick: float, below: float) -> Solid:
    """A board between the legs, low enough to leave room under the top that begins at `below`."""
    level = max(0.05, rng.uniform(0.12, 0.4) * (below - SLIM))
    y = (level, level + SLIM)
    if outline in ("round", "oval"):
        return slab(outline, 2 * spot[0] * 1.35, 2 * spot[1] * 1.35, y)
    return slab(outline, 2 * spot[0] + thick * 0.6, 2 * spot[1] + thick * 0.6, y)


def _apron(spot: tuple[float, float], below: float, high: float) -> list[Solid]:
    """Boards between the legs right under the top."""
    x, z = spot
    y, half = (below - high, below + WELD), SLIM / 2
    boards: list[Solid] = []
    for side in (-1, 1):
        boards.append(box((-x, x), y, (side * z - half, side * z + half)))
        boards.append(box((side * x - half, side * x + half), y, (-z, z)))
    return boards


def _drawer_table(rng: random.Random, kind: str, outline: str, size: Size, columns: int) -> Built:
    """A table on four legs with a row of drawers right under the top."""
    width, height, depth = size
    top, high, face = SLIM, rng.uniform(0.19, 0.22), depth / 2 - PROUD
    edges, deep = (-width / 2, width / 2), (-depth / 2, face)
    parts: list[Solid] = [box(edges, (height - top, height), deep), box(edges, (height - high, height - 0.01), deep)]
    thick = rng.uniform(0.055, 0.075)
    corners = four_legs(rng, (width / 2 - thick / 2, (depth - PROUD) / 2 - thick / 2), height - high + WELD, thick)
    parts += [part.rescaled((0.0, 0.0, -PROUD / 2), 1.0) for part in corners]
    cell = (height - high + 0.03, height - 0.05)
    handle = rng.choice(("knob", "bar", "none"))
    parts += fronts(rng, (edges[0] + 0.04, edges[1] - 0.04), cell, face, columns, 1, handle, hinged=False)
    return Attributes(kind, outline, "legs", 4, drawers=columns), parts


def _pedestal_desk(rng: random.Random, size: Size, layout: str) -> Built:
    """Stacks of drawers at one or both ends; at the other end a board."""
    width, height, depth = size
    top, face = rng.uniform(SLIM, 0.065), depth / 2 - PROUD
    deep = (-depth / 2, face)
    parts: list[Solid] = [box((-width / 2, width / 2), (height - top, height), deep)]
    stack = width * rng.uniform(0.26, 0.32)
    rows = 2 if height < 0.55 else rng.choice((2, 3))
    handle = rng.choice(("knob", "none", "none"))
    for side in ("left", "right"):
        edge = (-width / 2, -width / 2 + stack) if side == "left" else (width / 2 - stack, width / 2)
        if layout in (side, "both"):
            parts.append(box(edge, (0.0, height - top + WELD), deep))
            cells = (0.04, height - top - 0.02)
            parts += fronts(rng, (edge[0] + 0.03, edge[1] - 0.03), cells, face, 1, rows, handle, hinged=False)
        else:
            outer = (edge[0], edge[0] + 0.06) if side == "left" else (edge[1] - 0.06, edge[1])
            parts.append(box(outer, (0.0, height - top + WELD), deep))
    if rng.random() < 0.5:
        low = rng.uniform(0.2, 0.5) * height
        parts.append(box((-width / 2, width / 2), (low, height - WELD), (-depth / 2, -depth / 2 + SLIM)))
    return Attributes("desk", "rectangular", "panel", drawers=rows * (2 if layout == "both" else 1)), parts


def _plain_desk(rng: random.Random, size: Size) -> Built:
    """Legs or side boards, and a board behind the knees."""
    width, height, depth = size
    top, thick = rng.uniform(SLIM, 0.065), rng.uniform(0.055, 0.08)
    parts: list[Solid] = [slab("rectangular", width, depth, (height - top, height))]
    support = rng.choice(("legs", "panel"))
    if support == "legs":
        spot = (width / 2 - thick / 2 - 0.01, depth / 2 - thick / 2 - 0.01)
        parts += four_legs(rng, spot, height - top + WELD, thick, style=rng.choice(("square", "round")))
        rear = -spot[1]
    else:
        parts += side_panels(width - 0.02, depth - 0.02, height - top + WELD, thick)
        rear = -depth / 2 + 0.06
    low = rng.uniform(0.3, 0.6) * height
    span = width / 2 - thick
    parts.append(box((-span - WELD, span + WELD), (low, height - top + WELD), (rear - SLIM / 2, rear + SLIM / 2)))
    return Attributes("desk", "rectangular", support, 4 if support == "legs" else 0), parts
