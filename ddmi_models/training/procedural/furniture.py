"""One piece of furniture: parts, attributes, captions, all from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadInput
from ddmi_models.evaluation.vocabulary import KINDS, PROPORTIONS, SHADE_BOUNDS, Attributes
from ddmi_models.training.procedural import bedroom, seating, storage, tables
from ddmi_models.training.procedural.captions import captions_for
from ddmi_models.training.procedural.solids import Points, Solid

if TYPE_CHECKING:
    import trimesh

BUILDERS: dict[str, Callable[[random.Random], tuple[Attributes, list[Solid]]]] = {
    "chair": seating.chair,
    "armchair": seating.armchair,
    "stool": seating.stool,
    "bench": seating.bench,
    "sofa": seating.sofa,
    "dining table": tables.dining_table,
    "round table": tables.round_table,
    "coffee table": tables.coffee_table,
    "side table": tables.side_table,
    "desk": tables.desk,
    "bookcase": storage.bookcase,
    "cabinet": storage.cabinet,
    "dresser": storage.dresser,
    "bed": bedroom.bed,
    "floor lamp": bedroom.floor_lamp,
    "table lamp": bedroom.table_lamp,
}
WEIGHTS = {"chair": 1.5, "stool": 1.3, "coffee table": 1.2, "side table": 0.6, "dresser": 0.6, "table lamp": 0.6}
"""How often a kind is drawn, relative to 1: many-sided kinds more often."""


@dataclass(frozen=True)
class Furniture:
    """A shape as a union of overlapping convex parts, in the frame of `ddmi_models.evaluation.vocabulary`."""

    kind: str
    attributes: Attributes
    parts: tuple[Solid, ...]
    captions: tuple[str, ...]

    def contains(self, points: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Exact occupancy [N] of points [N, 3]."""
        return self.occupied(np.ascontiguousarray(points.T, dtype=np.float64))

    def occupied(self, points: Points) -> NDArray[np.bool_]:
        """Exact occupancy [N] of points [3, N]."""
        inside = np.zeros(points.shape[1], dtype=bool)
        for part in self.parts:
            inside |= part.distance(points) <= 0
        return inside

    def surface(self, count: int, seed: int) -> NDArray[np.float64]:
        """Points [count, 3] on the surface of the union, even by area."""
        import trimesh

        points, _ = trimesh.sample.sample_surface(self.mesh(), count, seed=seed)
        return np.asarray(points)

    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lowest and highest corner [3]."""
        return _bounds(self.parts)

    def mesh(self) -> trimesh.Trimesh:
        """Watertight mesh of the union."""
        import trimesh

        if len(self.parts) == 1:
            return self.parts[0].mesh()
        return trimesh.boolean.union([part.mesh() for part in self.parts], engine="manifold")


def make_furniture(seed: int, kind: str | None = None) -> Furniture:
    """The piece of furniture of a seed; of any kind unless one of KINDS is asked for.

    Raises:
        BadInput: the kind is unknown.
    """
    if kind is not None and kind not in BUILDERS:
        raise BadInput(f"There is no furniture of kind {kind!r}.", f"Kinds are {', '.join(KINDS)}.")
    rng = random.Random(seed)
    drawn = rng.choices(KINDS, [WEIGHTS.get(each, 1.0) for each in KINDS])[0]
    attributes, solids = BUILDERS[kind or drawn](rng)
    parts = _normalised(solids, rng.uniform(0.94, 1.0))
    attributes = _with_proportions(attributes, parts)
    return Furniture(attributes.kind, attributes, parts, captions_for(attributes, rng))


def _bounds(parts: tuple[Solid, ...] | list[Solid]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    boxes = [part.bounds() for part in parts]
    return reduce(np.minimum, (box[0] for box in boxes)), reduce(np.maximum, (box[1] for box in boxes))


def _normalised(parts: list[Solid], longest: float) -> tuple[Solid, ...]:
    """Centre the bounding box and scale its longest side to `longest`."""
    low, high = _bounds(parts)
    middle = -(low + high) / 2
    shift = (float(middle[0]), float(middle[1]), float(middle[2]))
    scale = longest / float((high - low).max())
    return tuple(part.rescaled(shift, scale) for part in parts)


def _with_proportions(attributes: Attributes, parts: tuple[Solid, ...]) -> Attributes:
    """Attributes with low/tall, narrow/wide and the width of the shade as measured on the parts."""
    low, high = _bounds(parts)
    width, height, depth = (float(side) for side in high - low)
    rule = PROPORTIONS[attributes.kind]
    tallness, wideness = rule.tallness((width, height, depth)), rule.wideness((width, height, depth))
    shade = ""
    if attributes.kind in SHADE_BOUNDS:
        narrow, wide = SHADE_BOUNDS[attributes.kind]
        ratio = _width_of(parts[0]) / height  # builders of lamps put the shade first
        shade = "narrow" if ratio <= narrow else "wide" if ratio >= wide else ""
    return replace(
        attributes,
        shade=shade,
        height=_word(tallness, rule.low, rule.tall, "low", "tall"),
        width=_word(wideness, rule.narrow, rule.wide, "narrow", "wide"),
    )


def _width_of(part: Solid) -> float:
    """Extent of a part along X."""
    low, high = part.bounds()
    return float(high[0] - low[0])


def _word(value: float, below: float | None, above: float | None, small: str, large: str) -> str:
    if below is not None and value <= below:
        return small
    return large if above is not None and value >= above else ""
