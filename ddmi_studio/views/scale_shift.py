"""How far each basis scale moves the surface: what the "Scales" colours of the shape view show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ddmi_models.requests import MeshData

NOISE = 0.005  # a shift that meshes of other cells have anyway
FULL = 0.03  # a shift, in the shape's units, that is shown in full colour


def partial_gains(gains: Sequence[float]) -> tuple[tuple[float, ...], ...]:
    """The gains that leave out the finest level, then all but the coarsest; () where there is only one level."""
    levels = len(gains)
    kept = sorted({levels - 1, 1}, reverse=True) if levels > 1 else []
    return tuple(tuple(g if i < count else 0.0 for i, g in enumerate(gains)) for count in kept)


def distances(points: np.ndarray, surface: MeshData) -> np.ndarray:
    """Distance of points [P, 3] to a surface, [P]: to the plane at its nearest vertex. FULL where it is empty."""
    from scipy.spatial import cKDTree

    if not len(surface.vertices):
        return np.full(len(points), FULL, np.float32)
    away, nearest = cKDTree(surface.vertices).query(points)
    flat = np.abs(((points - surface.vertices[nearest]) * surface.normals[nearest]).sum(axis=1))
    near = away < 3 / surface.cells  # farther away the tangent plane says nothing
    return np.where(near, flat, away).astype(np.float32)


def share(shift: np.ndarray) -> np.ndarray:
    """How strongly a shift is coloured, in [0, 1]."""
    return np.clip((shift - NOISE) / (FULL - NOISE), 0, 1)


def shifts(mesh: MeshData, partial: Sequence[MeshData]) -> np.ndarray:
    """Share in [0, 1] of the middle and of the fine levels in where each vertex lies: float32 [V, 2].

    Args:
        partial: the surface without the finest level, then that of the coarsest alone (or one mesh: both are the same).
    """
    fine = distances(mesh.vertices, partial[0])
    middle = np.maximum(distances(mesh.vertices, partial[-1]) - fine, 0) if len(partial) > 1 else np.zeros_like(fine)
    return share(np.stack([middle, fine], axis=1)).astype(np.float32)
