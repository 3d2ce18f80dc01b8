"""Occupancy on a cubic lattice, evaluated only where the surface may pass.

A coarse lattice is evaluated whole; each finer one only in the cells around a change of sign, and onwards from there
wherever the surface leads. Everywhere else values are carried over from the coarser lattice, which has the same sign.
What can differ from the dense evaluation is a part thinner than a coarse cell that no coarse vertex sees and that
touches no part that is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from ddmi_models.cancel import CancelToken
from ddmi_models.coords import CUBE_MARGIN, cube_axis, cube_points
from ddmi_models.domains.base import CHUNK_POINTS

COARSE_CELLS = 64
"""Lattices up to twice this many cells a side start from at least this many."""

FINER_COST = 3
"""How much more a lattice costs than the one of twice its cell size."""

SLAB_PLANES = 16
"""Planes of a lattice that are worked on at a time."""

Field = Callable[[torch.Tensor], torch.Tensor]
"""Points [N, 3] of the cube to logits [N]."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """Where the evaluation stands: `fraction` of it is done; `values`, logits [n + 1] * 3, once a lattice is complete.

    Its vertices are every `stride`-th of the final lattice, beginning with the first.
    """

    stride: int
    fraction: float
    values: np.ndarray | None = None


def dense_lattice(field: Field, cells: int, token: CancelToken) -> np.ndarray:
    """Logits at every vertex: float32 [cells + 1] * 3, axes x, y, z. The oracle of `sparse_lattice`."""
    points = cube_points(cube_axis(cells))
    values = np.empty(len(points), np.float32)
    for start, part in _chunks(field, points, token):
        values[start : start + len(part)] = part
    return values.reshape(cells + 1, cells + 1, cells + 1)


def sparse_lattice(field: Field, cells: int, level: float, token: CancelToken) -> Iterator[Lattice]:
    """Coarse to fine; the last lattice is complete and has `cells` as asked.

    Earlier lattices may reach a little beyond the cube (by less than one of their cells).
    """
    halvings = max(0, (cells // COARSE_CELLS).bit_length() - 1)
    coarse = -(-cells // 2**halvings)
    grid = _Grid(field, token, [FINER_COST**level for level in range(halvings + 1)])
    points = cube_points(_axis(cells, coarse, 2**halvings))
    values = np.empty(len(points), np.float32)
    yield from grid.fill(values, (np.arange(len(points)),), points)
    values = values.reshape([coarse + 1] * 3)
    for step in reversed(range(halvings)):
        yield grid.complete(values)
        active = _beside_surface(values, level)
        if step == halvings - 1:  # thin parts beside the surface, unseen by the coarsest lattice
            active = _spread(active)
        values = _doubled(values)
        wanted = _doubled(active)
        axis = _axis(cells, coarse * 2 ** (halvings - step), 2**step)
        yield from _refine(grid, values, wanted, axis, level)
    stop = cells + 1
    yield Lattice(1, 1.0, np.ascontiguousarray(values[:stop, :stop, :stop]))


class _Grid:
    """Evaluates points and knows how much of the whole is done, each level weighted by its expected cost."""

    def __init__(self, field: Field, token: CancelToken, costs: list[int]) -> None:
        self.field, self.token, self.costs, self.level = field, token, costs, 0

    @property
    def stride(self) -> int:
        return 2 ** (len(self.costs) - 1 - self.level)

    def fill(self, values: np.ndarray, index: tuple[np.ndarray, ...], points: torch.Tensor) -> Iterator[Lattice]:
        """Evaluate points [N, 3] into `values[index]`."""
        for start, part in _chunks(self.field, points, self.token):
            values[tuple(i[start : start + len(part)] for i in index)] = part
            yield Lattice(self.stride, self._fraction((start + len(part)) / len(points)))

    def complete(self, values: np.ndarray) -> Lattice:
        done = Lattice(self.stride, self._fraction(1.0), values)
        self.level += 1
        return done

    def _fraction(self, part: float) -> float:
        return (sum(self.costs[: self.level]) + part * self.costs[self.level]) / sum(self.costs)


def _axis(cells: int, count: int, stride: int) -> torch.Tensor:
    """Every stride-th vertex of the final lattice, continued beyond its end: float32 [count + 1]."""
    index = torch.arange(count + 1, dtype=torch.float64) * stride
    return ((1 + CUBE_MARGIN) * (index / cells - 0.5)).float()


def _chunks(field: Field, points: torch.Tensor, token: CancelToken) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, len(points), CHUNK_POINTS):
        token.check()
        yield start, field(points[start : start + CHUNK_POINTS]).float().cpu().numpy()


def _refine(grid: _Grid, values: np.ndarray, wanted: np.ndarray, axis: torch.Tensor, level: float) -> Iterator[Lattice]:
    """Evaluate the wanted vertices of a doubled lattice, then those to which the surface leads from there, in place."""
    known = np.zeros(values.shape, bool)
    known[::2, ::2, ::2] = True
    while True:
        grid.token.check()
        index = np.nonzero(wanted & ~known)
        if not len(index[0]):
            return
        points = torch.stack([axis[torch.from_numpy(i)] for i in index], dim=-1)
        yield from grid.fill(values, index, points)
        known[index] = True
        wanted = _beside_surface(values, level)


def _doubled(values: np.ndarray) -> np.ndarray:
    """The lattice with half the cell size, linear in between; of marks, whether more than half of it is marked.

    Some planes at a time: nothing of the finer lattice's size is made beside the result.
    """
    fine = np.empty([2 * n - 1 for n in values.shape], values.dtype)
    for start in range(0, len(values) - 1, SLAB_PLANES):
        part = _halfway(values[start : start + SLAB_PLANES + 1].astype(np.float32))
        fine[2 * start : 2 * start + len(part)] = part > 0.5 if values.dtype == bool else part
    return fine


def _halfway(values: np.ndarray) -> np.ndarray:
    for axis in range(3):
        values = np.moveaxis(values, axis, 0)
        fine = np.empty((2 * len(values) - 1, *values.shape[1:]), values.dtype)
        fine[::2] = values
        fine[1::2] = (values[:-1] + values[1:]) / 2
        values = np.moveaxis(fine, 0, axis)
    return values


def _beside_surface(values: np.ndarray, level: float) -> np.ndarray:
    """Vertices of the cells that the surface passes, some planes at a time."""
    marked = np.empty(values.shape, bool)
    for start in range(0, len(values), SLAB_PLANES):
        before = min(start, 1)
        planes = values[start - before : start + SLAB_PLANES + 1]
        near = _vertices(_mixed(planes > level))
        marked[start : start + SLAB_PLANES] = near[before : before + SLAB_PLANES]
    return marked


def _mixed(inside: np.ndarray) -> np.ndarray:
    """Cells [n - 1] * 3 whose corners are not all on one side."""
    every, some = inside, inside
    for axis in range(3):
        low, high = (slice(None),) * axis + (slice(None, -1),), (slice(None),) * axis + (slice(1, None),)
        every, some = every[low] & every[high], some[low] | some[high]
    return some & ~every


def _vertices(cells: np.ndarray) -> np.ndarray:
    """Vertices [n + 1] * 3 that belong to a marked cell."""
    marked = np.zeros([n + 1 for n in cells.shape], bool)
    for x in (slice(None, -1), slice(1, None)):
        for y in (slice(None, -1), slice(1, None)):
            for z in (slice(None, -1), slice(1, None)):
                marked[x, y, z] |= cells
    return marked


def _spread(marked: np.ndarray) -> np.ndarray:
    """Marks and their neighbours along each axis."""
    for axis in range(3):
        grown = marked.copy()
        low, high = (slice(None),) * axis + (slice(None, -1),), (slice(None),) * axis + (slice(1, None),)
        grown[low] |= marked[high]
        grown[high] |= marked[low]
        marked = grown
    return marked
