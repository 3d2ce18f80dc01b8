"""Convex solids with exact membership, surface samples and watertight meshes.

Points are float64 arrays [3, N] (one row a coordinate: contiguous rows make the vector operations fast).
`distance` has the exact sign; its magnitude is a bound, good to within the anisotropy of the solid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import trimesh

Vec: TypeAlias = tuple[float, float, float]
Points: TypeAlias = NDArray[np.float64]

ROUND_SEGMENTS = 48


@dataclass(frozen=True)
class Solid:
    """A convex solid at `center`, rotated by `turn` (3x3, local to world; None = upright)."""

    center: Vec
    turn: NDArray[np.float64] | None = field(default=None, kw_only=True)

    def local(self, points: Points) -> Points:
        """World points [3, N] in the solid's own frame."""
        moved = points - np.array(self.center)[:, None]
        return moved if self.turn is None else self.turn.T @ moved

    def world(self, points: Points) -> Points:
        """Own-frame points [3, N] in world coordinates."""
        turned = points if self.turn is None else self.turn @ points
        return turned + np.array(self.center)[:, None]

    def distance(self, points: Points) -> NDArray[np.float64]:
        """Signed distance bound [N] of world points [3, N]; negative inside."""
        return self._distance(self.local(points))

    def contains(self, points: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Whether world points [N, 3] are in the closed solid."""
        return np.asarray(self.distance(np.ascontiguousarray(points.T, dtype=np.float64)) <= 0)

    def surface(self, rng: np.random.Generator, count: int) -> Points:
        """Points [3, count] on the surface, about uniform in area."""
        return self.world(self._surface(rng, count))

    def rescaled(self, shift: Vec, scale: float) -> Solid:
        """The solid moved by `shift`, then scaled about the origin."""
        x, y, z = self.center
        moved = ((x + shift[0]) * scale, (y + shift[1]) * scale, (z + shift[2]) * scale)
        return replace(self._scaled(scale), center=moved)

    def turned(self, pivot: Vec, turn: NDArray[np.float64]) -> Solid:
        """The solid rotated by `turn` about `pivot`."""
        offset = turn @ (np.array(self.center) - np.array(pivot)) + np.array(pivot)
        return replace(
            self,
            center=(float(offset[0]), float(offset[1]), float(offset[2])),
            turn=turn if self.turn is None else turn @ self.turn,
        )

    def mesh(self) -> trimesh.Trimesh:
        """Watertight mesh; curved faces have ROUND_SEGMENTS segments a turn."""
        import trimesh

        return trimesh.convex.convex_hull(self.world(self._corners()).T)

    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lowest and highest corner [3] of the axis-aligned box."""
        corners = self.world(self._corners())
        return corners.min(axis=1), corners.max(axis=1)

    @property
    def area(self) -> float:
        """Surface area, about (it only weighs the sampling)."""
        raise NotImplementedError

    @property
    def thickness(self) -> float:
        """The smallest extent of the solid in its own frame."""
        raise NotImplementedError

    def _distance(self, points: Points) -> NDArray[np.float64]:
        raise NotImplementedError

    def _surface(self, rng: np.random.Generator, count: int) -> Points:
        raise NotImplementedError

    def _corners(self) -> Points:
        raise NotImplementedError

    def _scaled(self, scale: float) -> Solid:
        raise NotImplementedError


@dataclass(frozen=True)
class Box(Solid):
    """A box with half sizes `half`; edges rounded with radius `rounding` (below the smallest half size)."""

    half: Vec
    rounding: float = 0.0

    @property
    def area(self) -> float:
        a, b, c = self.half
        return 8 * (a * b + b * c + a * c)

    @property
    def thickness(self) -> float:
        return 2 * min(self.half)

    def _distance(self, points: Points) -> NDArray[np.float64]:
        excess = np.abs(points) - (np.array(self.half) - self.rounding)[:, None]
        largest = excess.max(axis=0)
        if self.rounding == 0:
            return largest
        outside = np.sqrt((np.maximum(excess, 0) ** 2).sum(axis=0))
        return np.where(largest > 0, outside, largest) - self.rounding

    def _surface(self, rng: np.random.Generator, count: int) -> Points:
        half = np.array(self.half)
        areas = np.array([half[1] * half[2], half[0] * half[2], half[0] * half[1]])
        points = rng.uniform(-1, 1, (3, count)) * half[:, None]
        axis = np.searchsorted(np.cumsum(areas / areas.sum())[:2], rng.random(count))
        columns = np.arange(count)
        points[axis, columns] = np.copysign(half[axis], points[axis, columns])
        if self.rounding == 0:
            return points
        inner = (half - self.rounding)[:, None]
        core = np.clip(points, -inner, inner)
        away = points - core
        return core + away * (self.rounding / np.sqrt((away**2).sum(axis=0)))

    def _corners(self) -> Points:
        signs = np.array([[i, j, k] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)], dtype=float).T
        inner = signs * (np.array(self.half) - self.rounding)[:, None]
        if self.rounding == 0:
            return inner
        ball = self.rounding * _sphere(24)
        return (inner[:, :, None] + ball[:, None, :]).reshape(3, -1)

    def _scaled(self, scale: float) -> Solid:
        a, b, c = self.half
        return replace(self, half=(a * scale, b * scale, c * scale), rounding=self.rounding * scale)


@dataclass(frozen=True)
class Frustum(Solid):
    """A (tapered, elliptic) cylinder along the local Y axis.

    `lower` and `upper` are the radii along X at local y = -half_height and +half_height; `squash` is the ratio of the
    radius along Z to the radius along X.
    """

    lower: float
    upper: float
    half_height: float
    squash: float = 1.0

    @property
    def area(self) -> float:
        side = math.pi * (self.lower + self.upper) * 2 * self.half_height * (1 + self.squash) / 2
        return side + math.pi * self.squash * (self.lower**2 + self.upper**2)

    @property
    def thickness(self) -> float:
        across = 2 * min(self.lower, self.upper) * min(1.0, self.squash)
        return min(across, 2 * self.half_height)

    def _distance(self, points: Points) -> NDArray[np.float64]:
        x, y, z = points
        middle, slope = (self.lower + self.upper) / 2, (self.upper - self.lower) / (2 * self.half_height)
        radius = np.sqrt(x * x + (z if self.squash == 1 else z / self.squash) ** 2)
        side = (radius - (middle + slope * y)) * (min(1.0, self.squash) / math.sqrt(1 + slope * slope))
        return np.maximum(side, np.abs(y) - self.half_height)

    def _surface(self, rng: np.random.Generator, count: int) -> Points:
        caps = math.pi * self.squash * np.array([self.lower**2, self.upper**2])
        side = self.area - caps.sum()
        where = np.searchsorted(np.cumsum(np.append(caps, side))[:2] / self.area, rng.random(count))
        share = _trapezoid(rng.random(count), self.lower, self.upper)
        y = np.where(where == 2, (2 * share - 1) * self.half_height, np.where(where == 0, -1, 1) * self.half_height)
        rim = np.where(where == 2, self.lower + (self.upper - self.lower) * share, 0.0)
        disc = np.sqrt(rng.random(count)) * np.where(where == 0, self.lower, self.upper)
        radius = np.where(where == 2, rim, disc)
        angle = rng.random(count) * (2 * math.pi)
        return np.stack([radius * np.cos(angle), y, radius * np.sin(angle) * self.squash])

    def _corners(self) -> Points:
        angle = np.arange(ROUND_SEGMENTS) * (2 * math.pi / ROUND_SEGMENTS)
        ring = np.stack([np.cos(angle), np.zeros_like(angle), np.sin(angle) * self.squash])
        up = np.array([0.0, self.half_height, 0.0])[:, None]
        return np.concatenate([ring * self.lower - up, ring * self.upper + up], axis=1)

    def _scaled(self, scale: float) -> Solid:
        return replace(self, lower=self.lower * scale, upper=self.upper * scale, half_height=self.half_height * scale)


@dataclass(frozen=True)
class Ellipsoid(Solid):
    """An ellipsoid with radii `radii`, cut flat below local y = `floor` * radii[1] (-1: whole, 0: upper half)."""

    radii: Vec
    floor: float = -1.0

    @property
    def area(self) -> float:
        a, b, c = self.radii
        whole = 4 * math.pi * (((a * b) ** 1.6 + (b * c) ** 1.6 + (a * c) ** 1.6) / 3) ** (1 / 1.6)
        return whole * (1 - self.floor) / 2 + math.pi * a * c * (1 - self.floor**2)

    @property
    def thickness(self) -> float:
        return min(2 * self.radii[0], 2 * self.radii[2], self.radii[1] * (1 - self.floor))

    def _distance(self, points: Points) -> NDArray[np.float64]:
        scaled = points / np.array(self.radii)[:, None]
        curved = (np.sqrt((scaled**2).sum(axis=0)) - 1) * min(self.radii)
        return np.maximum(curved, self.floor * self.radii[1] - points[1])

    def _surface(self, rng: np.random.Generator, count: int) -> Points:
        flat = math.pi * self.radii[0] * self.radii[2] * (1 - self.floor**2)
        on_floor = rng.random(count) < flat / self.area
        height = np.where(on_floor, self.floor, self.floor + (1 - self.floor) * rng.random(count))
        rim = np.sqrt(1 - height**2) * np.where(on_floor, np.sqrt(rng.random(count)), 1.0)
        angle = rng.random(count) * (2 * math.pi)
        unit = np.stack([rim * np.cos(angle), height, rim * np.sin(angle)])
        return unit * np.array(self.radii)[:, None]

    def _corners(self) -> Points:
        ball = _sphere(ROUND_SEGMENTS, self.floor)
        return ball * np.array(self.radii)[:, None]

    def _scaled(self, scale: float) -> Solid:
        a, b, c = self.radii
        return replace(self, radii=(a * scale, b * scale, c * scale))


def rotation_to(direction: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Rotation [3, 3] that takes +Y to a unit `direction`; None where it is +Y already."""
    if direction[1] > 1 - 1e-9:
        return None
    side = np.cross(direction, [0.0, 0.0, 1.0] if abs(direction[2]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    return np.stack([side, direction, np.cross(side, direction)], axis=1)


def rotation_about(axis: int, degrees: float) -> NDArray[np.float64]:
    """Right-handed rotation [3, 3] about coordinate axis 0, 1 or 2."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    turn = np.eye(3)
    turn[i, i] = turn[j, j] = cosine
    turn[i, j], turn[j, i] = -sine, sine
    return turn


def _trapezoid(uniform: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
    """Position in [0, 1] whose density grows linearly from `start` to `end`."""
    if abs(end - start) < 1e-9:
        return uniform
    return (np.sqrt(start**2 + uniform * (end**2 - start**2)) - start) / (end - start)


def _sphere(segments: int, floor: float = -1.0) -> Points:
    """Points [3, N] on the unit sphere above `floor`, poles and rim included."""
    heights = np.sin(np.linspace(math.asin(floor), math.pi / 2, segments // 2 + 1))
    angle = np.arange(segments) * (2 * math.pi / segments)
    rim = np.sqrt(np.maximum(1 - heights**2, 0))[:, None]
    grid = np.stack([rim * np.cos(angle), heights[:, None] + 0 * angle, rim * np.sin(angle)])
    return grid.reshape(3, -1)
