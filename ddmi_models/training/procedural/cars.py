"""Cars from parameters: sedans, hatchbacks, vans, pick-ups, buses, as closed coloured parts.

Built in metres, front to -y, z up, wheels on z = 0; then set into the unit cube.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ddmi_models.training.procedural.lofts import Colour, Part, Section, beam, box, disc, loft

PAINTS: tuple[Colour, ...] = (
    (0.72, 0.07, 0.08), (0.10, 0.22, 0.55), (0.85, 0.85, 0.86), (0.16, 0.17, 0.19), (0.55, 0.57, 0.60),
    (0.93, 0.74, 0.10), (0.10, 0.40, 0.22), (0.90, 0.42, 0.08), (0.30, 0.62, 0.82), (0.42, 0.12, 0.35),
    (0.78, 0.72, 0.58), (0.06, 0.45, 0.48), (0.60, 0.20, 0.12), (0.75, 0.84, 0.55),
)  # fmt: skip
GLASS: Colour = (0.09, 0.12, 0.16)
RUBBER: Colour = (0.06, 0.06, 0.065)
TRIM: Colour = (0.12, 0.12, 0.13)
STEEL: Colour = (0.66, 0.67, 0.70)
HEADLIGHT: Colour = (0.97, 0.95, 0.86)
TAIL_LIGHT: Colour = (0.75, 0.04, 0.05)
PLATE: Colour = (0.90, 0.90, 0.85)

PAINT_SHINE, GLASS_SHINE = 0.30, 0.55


@dataclass(frozen=True)
class Car:
    """parts: in the cube [-0.5, 0.5]^3, z up, front to -y; lengths: across, along, up."""

    kind: str
    parts: tuple[Part, ...]
    lengths: tuple[float, float, float]


@dataclass(frozen=True)
class Shape:
    """Lengths of a car's body in metres; places along y count from the front (0) to the back (length)."""

    length: float
    width: float
    sill: float
    belt: float
    roof: float
    hood: float
    wheel: float
    axles: tuple[float, ...]
    paint: Colour

    @property
    def half(self) -> float:
        return self.width / 2


Builder = Callable[[np.random.Generator, Colour], tuple[Shape, list[Part]]]


def make_car(seed: int, kind: str | None = None) -> Car:
    """The car of a seed: the same on every machine; of any kind unless one of BUILDERS is asked for."""
    rng = np.random.default_rng((seed, 5))
    drawn = str(rng.choice(list(BUILDERS), p=list(KIND_SHARES.values())))
    base = np.array(PAINTS[int(rng.integers(len(PAINTS)))])
    paint = np.clip(base * rng.uniform(0.85, 1.12) + rng.normal(0, 0.025, 3), 0.03, 0.95)
    shape, parts = BUILDERS[kind or drawn](rng, (float(paint[0]), float(paint[1]), float(paint[2])))
    parts += _wheels(rng, shape) + _lamps(rng, shape)
    vertices = np.concatenate([part.vertices for part in parts])
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    scale = float(rng.uniform(0.94, 1.0)) / float((high - low).max())
    lengths = (high - low) * scale
    return Car(
        kind or drawn,
        tuple(part.moved(-(low + high) / 2, scale) for part in parts),
        (float(lengths[0]), float(lengths[1]), float(lengths[2])),
    )


def _sedan(rng: np.random.Generator, paint: Colour) -> tuple[Shape, list[Part]]:
    length, wheel = rng.uniform(4.2, 5.0), rng.uniform(0.30, 0.36)
    shape = _shape(rng, paint, length, rng.uniform(1.70, 1.9), rng.uniform(1.35, 1.5), wheel)
    trunk = shape.belt - rng.uniform(-0.02, 0.08)
    nose = rng.uniform(0.26, 0.32) * length
    tail = length * rng.uniform(0.80, 0.86)
    parts = [_body(shape, nose, tail, trunk)]
    parts += _cabin(
        rng, shape, (nose - 0.15, tail + 0.1), (nose + rng.uniform(0.45, 0.7), tail - rng.uniform(0.45, 0.7))
    )
    return shape, parts


def _hatchback(rng: np.random.Generator, paint: Colour) -> tuple[Shape, list[Part]]:
    length, wheel = rng.uniform(3.5, 4.6), rng.uniform(0.29, 0.37)
    shape = _shape(rng, paint, length, rng.uniform(1.62, 1.9), rng.uniform(1.42, 1.75), wheel)
    nose = rng.uniform(0.22, 0.3) * length
    parts = [_body(shape, nose, length - 0.12, shape.belt)]
    parts += _cabin(
        rng, shape, (nose - 0.15, length - 0.06), (nose + rng.uniform(0.4, 0.65), length - rng.uniform(0.12, 0.55))
    )
    if rng.random() < 0.3:
        rails = shape.half * 0.66
        parts += _both(box((rails, nose + 1.0, shape.roof), (rails + 0.05, length - 0.7, shape.roof + 0.06), TRIM))
    return shape, parts


def _pickup(rng: np.random.Generator, paint: Colour) -> tuple[Shape, list[Part]]:
    length, wheel = rng.uniform(4.8, 5.6), rng.uniform(0.36, 0.43)
    shape = _shape(rng, paint, length, rng.uniform(1.8, 2.0), rng.uniform(1.7, 1.88), wheel)
    nose = rng.uniform(0.22, 0.27) * length
    back = length * rng.uniform(0.55, 0.68)
    floor = shape.belt - rng.uniform(0.28, 0.4)
    body = [
        Section(0.0, *_upright(shape.sill + 0.1, shape.hood - 0.1, shape.half * 0.9), 6.0),
        Section(0.14, *_upright(shape.sill, shape.hood, shape.half * 0.98), 7.0),
        Section(nose, *_upright(shape.sill, shape.belt, shape.half), 8.0),
        Section(back, *_upright(shape.sill, shape.belt, shape.half), 8.0),
        Section(back + 0.02, *_upright(shape.sill, floor, shape.half), 8.0),
        Section(length, *_upright(shape.sill, floor, shape.half), 8.0),
    ]
    parts = [loft("y", body, paint, PAINT_SHINE)]
    rail = shape.belt + rng.uniform(-0.04, 0.04)
    parts += _both(box((shape.half - 0.09, back, floor - 0.1), (shape.half + 0.005, length, rail), paint, PAINT_SHINE))
    parts.append(box((-shape.half, length - 0.08, shape.sill), (shape.half, length + 0.005, rail), paint, PAINT_SHINE))
    parts.append(
        box((-shape.half * 0.9, back + 0.03, floor - 0.05), (shape.half * 0.9, length - 0.1, floor + 0.02), TRIM)
    )
    parts += _cabin(rng, shape, (nose - 0.1, back), (nose + rng.uniform(0.4, 0.6), back - rng.uniform(0.05, 0.2)))
    return shape, parts


def _van(rng: np.random.Generator, paint: Colour) -> tuple[Shape, list[Part]]:
    length, wheel = rng.uniform(4.4, 5.6), rng.uniform(0.32, 0.38)
    shape = _shape(rng, paint, length, rng.uniform(1.8, 2.05), rng.uniform(1.9, 2.5), wheel)
    nose, lean = rng.uniform(0.10, 0.18) * length, rng.uniform(0.45, 0.8)
    half, top = shape.half, shape.roof
    back = length - 0.05
    upper = [
        Section(z, (half * width, (back - inset - front) / 2), (0.0, (front + back - inset) / 2), 9.0)
        for z, width, front, inset in (
            (shape.belt - 0.1, 1.0, nose - 0.1, 0.0),
            (top - 0.18, 0.93, nose + lean * 0.8, 0.06),
            (top - 0.05, 0.88, nose + lean * 0.95, 0.1),
            (top, 0.78, nose + lean * 1.15, 0.2),
        )
    ]
    parts = [_body(shape, nose, length - 0.1, shape.belt), loft("z", upper, paint, PAINT_SHINE)]
    low, high = shape.belt + 0.06, top - 0.3
    rows = [(nose + lean * 0.62, nose + lean * 0.62 + rng.uniform(0.75, 0.95))]
    if rng.random() < 0.6:
        start = rows[0][1] + 0.12
        while start + 0.9 < length - 0.2:
            rows.append((start, start + 0.85))
            start += 0.97
    for front, rear in rows:
        parts += _both(_side_glass(half, (low, high), (front, rear), (1.0, 0.945)))
    slope = lean * 0.8 / (top - 0.18 - shape.belt + 0.1)
    parts.append(
        loft("z", [
            Section(z, (half * width, 0.06), (0.0, nose - 0.1 + slope * (z - shape.belt + 0.1) + 0.035), 9.0)
            for z, width in ((shape.belt + 0.05, 0.88), (top - 0.24, 0.8))
        ], GLASS, GLASS_SHINE)
    )  # fmt: skip
    parts.append(box((-half * 0.72, back - 0.08, low), (half * 0.72, back + 0.012, high), GLASS, GLASS_SHINE))
    return shape, parts


def _bus(rng: np.random.Generator, paint: Colour) -> tuple[Shape, list[Part]]:
    length, wheel = rng.uniform(7.0, 10.5), rng.uniform(0.44, 0.5)
    shape = Shape(
        length, rng.uniform(2.3, 2.55), 0.32, rng.uniform(1.25, 1.45), rng.uniform(2.8, 3.2), 1.2, wheel,
        (rng.uniform(0.12, 0.25) * length, rng.uniform(0.72, 0.8) * length), paint,
    )  # fmt: skip
    half, top = shape.half, shape.roof
    upper = paint if rng.random() < 0.5 else PAINTS[2]
    parts = [
        loft("y", [
            Section(y, *_upright(shape.sill + lift, top - drop, half * narrow), 9.0)
            for y, lift, drop, narrow in (
                (0.0, 0.08, 0.2, 0.95), (0.1, 0.0, 0.05, 1.0),
                (length - 0.12, 0.0, 0.05, 1.0), (length, 0.08, 0.15, 0.96),
            )
        ], paint, PAINT_SHINE),
        box((-half * 0.97, 0.08, top - 0.45), (half * 0.97, length - 0.08, top), upper, PAINT_SHINE, 9.0),
        box((-half * 0.9, -0.03, shape.belt - 0.05), (half * 0.9, 0.4, top - 0.45), GLASS, GLASS_SHINE, 9.0),
        box((-half * 0.75, length - 0.4, shape.belt + 0.2), (half * 0.75, length + 0.02, top - 0.5), GLASS),
        box((-half * 0.6, -0.04, top - 0.36), (half * 0.6, 0.04, top - 0.12), (0.10, 0.10, 0.08)),
    ]  # fmt: skip
    count = max(3, int((length - 1.2) / rng.uniform(1.1, 1.5)))
    edges = np.linspace(0.75, length - 0.35, count + 1)
    for front, rear in pairwise(edges):
        parts += _both(_side_glass(half, (shape.belt, top - 0.5), (front + 0.06, rear - 0.06), (1.0, 1.0)))
    if rng.random() < 0.6:
        stripe = PAINTS[int(rng.integers(len(PAINTS)))]
        low = shape.belt - rng.uniform(0.35, 0.5)
        parts += _both(box((half - 0.05, 0.15, low), (half + 0.012, length - 0.2, low + 0.18), stripe))
    return shape, parts


BUILDERS: dict[str, Builder] = {
    "sedan": _sedan, "hatchback": _hatchback, "van": _van, "pick-up": _pickup, "bus": _bus,
}  # fmt: skip
KIND_SHARES = {"sedan": 0.32, "hatchback": 0.28, "van": 0.16, "pick-up": 0.14, "bus": 0.1}


def _shape(rng: np.random.Generator, paint: Colour, length: float, width: float, roof: float, wheel: float) -> Shape:
    sill = wheel * rng.uniform(0.6, 0.8)
    belt = sill + (roof - sill) * rng.uniform(0.56, 0.63)
    axles = (length * rng.uniform(0.17, 0.2), length * rng.uniform(0.78, 0.82))
    return Shape(length, width, sill, belt, roof, belt - rng.uniform(0.05, 0.16), wheel, axles, paint)


def _upright(low: float, high: float, half: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Half sizes and centre of a section across y (its first axis is z)."""
    return ((high - low) / 2, half), ((low + high) / 2, 0.0)


def _body(shape: Shape, nose: float, tail: float, trunk: float) -> Part:
    """The lower body: hood up to `nose`, belt line, trunk from `tail` on."""
    length, half, sill = shape.length, shape.half, shape.sill
    sections = [
        Section(0.0, *_upright(sill + 0.14, shape.hood - 0.16, half * 0.80), 4.0),
        Section(0.06, *_upright(sill + 0.05, shape.hood - 0.09, half * 0.9), 5.0),
        Section(0.28, *_upright(sill, shape.hood - 0.03, half * 0.97), 6.0),
        Section(nose * 0.75, *_upright(sill, (shape.hood + shape.belt) / 2, half), 7.0),
        Section(nose, *_upright(sill, shape.belt, half), 7.0),
        Section(tail, *_upright(sill, max(shape.belt, trunk), half), 7.0),
        Section(max(length - 0.3, tail + 0.01), *_upright(sill, trunk - 0.01, half * 0.97), 6.0),
        Section(length - 0.05, *_upright(sill + 0.05, trunk - 0.06, half * 0.9), 5.0),
        Section(length, *_upright(sill + 0.16, trunk - 0.14, half * 0.82), 4.0),
    ]
    return loft("y", sections, shape.paint, PAINT_SHINE)


def _cabin(rng: np.random.Generator, shape: Shape, base: tuple[float, float], roof: tuple[float, float]) -> list[Part]:
    """Glass from the belt line to the roof, the roof, and the posts between; places along y at belt and roof."""
    narrow = shape.half * rng.uniform(0.74, 0.8)
    wide, low, top = shape.half * 0.94, shape.belt - 0.05, shape.roof
    glass = [
        Section(low, (wide, (base[1] - base[0]) / 2), (0.0, (base[0] + base[1]) / 2), 9.0),
        Section(top - 0.05, (narrow, (roof[1] - roof[0]) / 2), (0.0, (roof[0] + roof[1]) / 2), 9.0),
    ]
    cover = [
        Section(top - lower, (narrow * width, (roof[1] - roof[0]) / 2 * along), (0.0, (roof[0] + roof[1]) / 2), 8.0)
        for lower, width, along in ((0.09, 1.03, 1.04), (0.05, 1.02, 1.02), (0.015, 0.95, 0.95), (0.0, 0.82, 0.86))
    ]
    parts = [loft("z", glass, GLASS, GLASS_SHINE), loft("z", cover, shape.paint, PAINT_SHINE)]
    thick = rng.uniform(0.035, 0.05)
    count = 2 if roof[1] - roof[0] < 1.3 else 3
    shares = [0.0, *([rng.uniform(0.42, 0.5)] if count == 3 else []), 1.0]
    for share in shares:
        bottom = base[0] + 0.06 + share * (base[1] - base[0] - 0.12)
        above = roof[0] + 0.04 + share * (roof[1] - roof[0] - 0.08)
        wider = 1.7 if share == 1.0 else 1.0
        parts += _both(
            beam((wide - 0.02, bottom, low), (narrow - 0.015, above, top - 0.05), (thick, thick * 1.3 * wider),
                 shape.paint, PAINT_SHINE)
        )  # fmt: skip
    mirror = base[0] + 0.35
    parts += _both(box((wide, mirror, low + 0.07), (wide + 0.2, mirror + 0.1, low + 0.22), shape.paint, PAINT_SHINE))
    return parts


def _side_glass(half: float, up: tuple[float, float], along: tuple[float, float], lean: tuple[float, float]) -> Part:
    """A pane that stands a little proud of a side; `lean`: share of the half width at its lower and upper edge."""
    sections = [
        Section(z, (0.03, (along[1] - along[0]) / 2), (half * share - 0.015, (along[0] + along[1]) / 2), 12.0)
        for z, share in zip(up, lean, strict=True)
    ]
    return loft("z", sections, GLASS, GLASS_SHINE)


def _wheels(rng: np.random.Generator, shape: Shape) -> list[Part]:
    radius, parts = shape.wheel, []
    rim = rng.uniform(0.55, 0.72)
    metal: Colour = STEEL if rng.random() < 0.75 else (0.2, 0.2, 0.21)
    thick = 0.11 if shape.width < 2.2 else 0.15
    for place in shape.axles:
        parts += _both(disc((shape.half - thick + 0.02, place, radius), radius, thick, RUBBER, 0.05))
        parts += _both(disc((shape.half - thick + 0.03, place, radius), radius * rim, thick, metal, 0.3, 0.06))
        parts += _both(disc((shape.half - thick + 0.045, place, radius), radius * 0.16, thick, TRIM, 0.1))
        parts += _both(disc((shape.half - 0.1, place, radius * 1.07), radius * 1.13, 0.106, TRIM, 0.0, 0.0))
    return parts


def _lamps(rng: np.random.Generator, shape: Shape) -> list[Part]:
    """Head and tail lights, grille, bumpers, plates, sills."""
    length, half = shape.length, shape.half
    front = shape.hood - 0.16 - rng.uniform(0.08, 0.14)
    if shape.length > 6.5:
        front = shape.sill + 0.45
    rear = max(front, shape.sill + 0.35)
    wide, tall = rng.uniform(0.14, 0.2), rng.uniform(0.06, 0.09)
    at = half * 0.8 - wide
    bumper = shape.sill + 0.2
    parts = _both(box((at - wide, -0.02, front - tall), (at + wide, 0.3, front + tall), HEADLIGHT, 0.4, 5.0))
    parts += _both(
        box(
            (at - wide * 0.9, length - 0.3, rear - tall * 1.2),
            (at + wide, length + 0.02, rear + tall * 1.2),
            TAIL_LIGHT,
            0.3,
            6.0,
        )
    )
    grille = at - wide - 0.06
    parts.append(box((-grille, -0.012, front - tall * 1.1), (grille, 0.3, front + tall * 0.9), TRIM, 0.2))
    trim: Colour = TRIM if rng.random() < 0.6 else shape.paint
    parts.append(box((-half * 0.86, -0.035, bumper - 0.1), (half * 0.86, 0.3, bumper + 0.07), trim, 0.1, 7.0))
    parts.append(
        box((-half * 0.86, length - 0.3, bumper - 0.1), (half * 0.86, length + 0.035, bumper + 0.07), trim, 0.1, 7.0)
    )
    parts.append(box((-0.26, -0.05, bumper - 0.06), (0.26, 0.1, bumper + 0.05), PLATE))
    parts.append(box((-0.26, length - 0.1, bumper + 0.1), (0.26, length + 0.045, bumper + 0.2), PLATE))
    low, high = shape.axles[0] + shape.wheel * 1.15, shape.axles[-1] - shape.wheel * 1.15
    parts += _both(box((half - 0.08, low, shape.sill - 0.02), (half + 0.012, high, shape.sill + 0.12), TRIM))
    return parts


def _both(part: Part) -> list[Part]:
    return [part, part.mirrored()]
