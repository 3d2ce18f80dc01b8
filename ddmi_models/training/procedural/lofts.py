"""Closed parts of one colour, made of sections stacked along an axis: bodies, slabs, pillars, wheels.

Frame: x to the right, y backwards (the front looks to -y), z up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]
Vec = tuple[float, float, float]
Colour = tuple[float, float, float]

LOOP = 28
"""Points around a section."""
SPACING = 0.5
"""Sections stand no further apart than about this and half as much again, in metres."""
BROAD = 0.3
"""Half size of a section in metres from which its cap gets rings, so that light can change across it."""
AXES = {"x": (1, 2, 0), "y": (2, 0, 1), "z": (0, 1, 2)}
"""For each axis: the two axes of a section, counter-clockwise as seen from its positive end, and itself."""


@dataclass(frozen=True)
class Section:
    """A superellipse across the axis at `place`: half sizes along the two other axes (in the order of AXES); the
    larger the power, the squarer: 2 is an ellipse, 8 a box with rounded edges."""

    place: float
    half: tuple[float, float]
    centre: tuple[float, float] = (0.0, 0.0)
    power: float = 8.0


@dataclass(frozen=True)
class Part:
    """A watertight surface of one colour. vertices, normals: [N, 3] (doubled at sharp edges); faces [F, 3], wound
    outward; colour in [0, 1]; shine: strength of the highlight."""

    vertices: Array
    normals: Array
    faces: NDArray[np.int64]
    colour: Colour
    shine: float = 0.0

    def moved(self, shift: Array, scale: float) -> Part:
        """The part moved by `shift`, then scaled about the origin."""
        return replace(self, vertices=(self.vertices + shift) * scale)

    def mirrored(self) -> Part:
        """The part on the other side of the car."""
        flip = np.array([-1.0, 1.0, 1.0])
        return replace(self, vertices=self.vertices * flip, normals=self.normals * flip, faces=self.faces[:, ::-1])

    def mesh(self) -> trimesh.Trimesh:
        """The part as a watertight mesh."""
        import trimesh

        mesh = trimesh.Trimesh(self.vertices, self.faces, process=False)
        mesh.merge_vertices(merge_norm=True, merge_tex=True)
        mesh.update_faces(mesh.nondegenerate_faces())
        return mesh


def loft(axis: str, sections: Sequence[Section], colour: Colour, shine: float = 0.0) -> Part:
    """The skin over sections in order of rising place, closed by flat caps."""
    sections = _closer(sections)
    rings = np.stack([_ring(axis, section) for section in sections])
    normals = _smooth_normals(rings.reshape(-1, 3), _between(len(rings)))
    pieces = [(rings, normals, _between(len(rings)))]
    along = AXES[axis][2]
    for section, ring, sign in ((sections[0], rings[0], -1.0), (sections[-1], rings[-1], 1.0)):
        middle = ring.mean(axis=0)
        inner = (1.0, 0.66, 0.33, 0.0) if min(section.half) > BROAD else (1.0, 0.0)
        cap = np.stack([middle + share * (ring - middle) for share in inner])
        faces = _between(len(cap))
        flat = np.tile(sign * np.eye(3)[along], (cap[..., 0].size, 1))
        pieces.append((cap, flat, faces if sign > 0 else faces[:, ::-1]))
    starts = np.cumsum([0, *(piece[0][..., 0].size for piece in pieces)])
    return Part(
        np.concatenate([piece[0].reshape(-1, 3) for piece in pieces]),
        np.concatenate([piece[1] for piece in pieces]),
        np.concatenate([piece[2] + start for piece, start in zip(pieces, starts, strict=False)]),
        colour,
        shine,
    )


def _ring(axis: str, section: Section) -> Array:
    """Points [LOOP, 3] around a section."""
    angle = (np.arange(LOOP) + 0.5) * (2 * np.pi / LOOP)
    cosine, sine = np.cos(angle), np.sin(angle)
    first, second, along = AXES[axis]
    ring = np.empty((LOOP, 3))
    ring[:, first] = section.centre[0] + section.half[0] * np.sign(cosine) * np.abs(cosine) ** (2 / section.power)
    ring[:, second] = section.centre[1] + section.half[1] * np.sign(sine) * np.abs(sine) ** (2 / section.power)
    ring[:, along] = section.place
    return ring


def _between(rings: int) -> NDArray[np.int64]:
    """Faces between each of so many rings and the next, outward where they rise along their axis."""
    index = np.arange(rings * LOOP).reshape(rings, LOOP)
    a, b = index[:-1], np.roll(index[:-1], -1, axis=1)
    c, d = index[1:], np.roll(index[1:], -1, axis=1)
    return np.concatenate([np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])


def _closer(sections: Sequence[Section]) -> list[Section]:
    """The sections with others between those that are far apart, so that light can change along the part."""
    result = [sections[0]]
    for before, after in pairwise(sections):
        steps = max(1, int((after.place - before.place) / SPACING))
        for step in range(1, steps):
            t = step / steps
            result.append(
                Section(
                    before.place + t * (after.place - before.place),
                    (_mix(before.half[0], after.half[0], t), _mix(before.half[1], after.half[1], t)),
                    (_mix(before.centre[0], after.centre[0], t), _mix(before.centre[1], after.centre[1], t)),
                    _mix(before.power, after.power, t),
                )
            )
        result.append(after)
    return result


def _mix(a: float, b: float, t: float) -> float:
    return a + t * (b - a)


def box(low: Vec, high: Vec, colour: Colour, shine: float = 0.0, power: float = 12.0) -> Part:
    """A box with slightly rounded edges along y."""
    middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    half = [(b - a) / 2 for a, b in zip(low, high, strict=True)]
    sections = [Section(y, (half[2], half[0]), (middle[2], middle[0]), power) for y in (low[1], high[1])]
    return loft("y", sections, colour, shine)


def beam(low: Vec, high: Vec, half: tuple[float, float], colour: Colour, shine: float = 0.0) -> Part:
    """A slanted post of half sizes (x, y) from one point up to another."""
    sections = [Section(end[2], half, (end[0], end[1]), 10.0) for end in (low, high)]
    return loft("z", sections, colour, shine)


def disc(
    centre: Vec, radius: float, half_width: float, colour: Colour, shine: float = 0.0, round_: float = 0.1
) -> Part:
    """A wheel-like cylinder across the car; `round_`: share of its edge that is rounded off."""
    x, y, z = centre
    steps = ((-1.0, 1 - round_), (-1 + 2 * round_, 1.0), (1 - 2 * round_, 1.0), (1.0, 1 - round_))
    sections = [Section(x + s * half_width, (radius * r, radius * r), (y, z), 2.0) for s, r in steps]
    return loft("x", sections, colour, shine)


def joined(parts: Sequence[Part]) -> dict[str, NDArray[Any]]:
    """The parts as one soup: vertices, normals, colours [N, 3], shine [N], faces [F, 3]."""
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    return {
        "vertices": np.concatenate([part.vertices for part in parts]),
        "normals": np.concatenate([part.normals for part in parts]),
        "colours": np.concatenate([np.tile(part.colour, (len(part.vertices), 1)) for part in parts]),
        "shine": np.concatenate([np.full(len(part.vertices), part.shine) for part in parts]),
        "faces": np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=False)]),
    }


def _smooth_normals(vertices: Array, faces: NDArray[np.int64]) -> Array:
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], across)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))
