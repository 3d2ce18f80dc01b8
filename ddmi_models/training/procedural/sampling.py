"""Training arrays of one shape: points on its surface, query points and their exact occupancy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ddmi_models.training.procedural.furniture import Furniture
from ddmi_models.training.procedural.solids import Points

QUERY_EXTENT = 0.55
NEAR, FAR = 0.01, 0.04
"""Standard deviations of the offsets from the surface."""


@dataclass(frozen=True)
class TrainingArrays:
    """What a training reads of one shape.

    cloud: points on the surface, float16 [cloud, 3]; points: queries, float16 [queries, 3]; occupancy: one bit a query
    at the rounded coordinates, uint8 [queries / 8] in the order of numpy.packbits.
    """

    cloud: NDArray[np.float16]
    points: NDArray[np.float16]
    occupancy: NDArray[np.uint8]


def surface_points(furniture: Furniture, rng: np.random.Generator, count: int) -> Points:
    """Points [3, count] on the surface of the union, by area with thin parts up to twice as dense."""
    weights = np.array([part.area * min(2.0, (0.2 / part.thickness) ** 0.5) for part in furniture.parts])
    kept: list[Points] = []
    have = 0
    while have < count:
        share = rng.multinomial(int((count - have) * 1.6) + 64, weights / weights.sum())
        for index, (part, number) in enumerate(zip(furniture.parts, share, strict=True)):
            points = part.surface(rng, int(number))
            visible = np.ones(points.shape[1], dtype=bool)
            for other in furniture.parts[:index] + furniture.parts[index + 1 :]:
                visible &= other.distance(points) > -1e-6
            kept.append(points[:, visible])
            have += kept[-1].shape[1]
    everything = np.concatenate(kept, axis=1)
    return everything[:, rng.permutation(have)[:count]]


def sample_training(
    furniture: Furniture, rng: np.random.Generator, cloud: int = 2048, queries: int = 4096
) -> TrainingArrays:
    """Arrays of one shape: a third of the queries uniform in the cube, the rest near the surface."""
    near = 2 * queries // 3
    surface = surface_points(furniture, rng, max(cloud, near))
    sigma = np.where(rng.random(near) < 0.5, NEAR, FAR)
    close = surface[:, :near] + rng.standard_normal((3, near)) * sigma
    spread = rng.uniform(-QUERY_EXTENT, QUERY_EXTENT, (3, queries - near))
    points = np.concatenate([close, spread], axis=1)[:, rng.permutation(queries)].astype(np.float16)
    occupied = furniture.occupied(points.astype(np.float64))
    return TrainingArrays(
        np.ascontiguousarray(surface[:, :cloud].T.astype(np.float16)),
        np.ascontiguousarray(points.T),
        np.packbits(occupied),
    )
