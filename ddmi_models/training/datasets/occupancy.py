"""Occupancy of meshes: by winding numbers where they are closed, of the thickened and filled shell elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from ddmi_models.errors import BadItem
from ddmi_models.training.procedural.real_shards import level_of
from ddmi_models.training.procedural.sampling import FAR, NEAR, QUERY_EXTENT

Array = NDArray[Any]

WAYS = np.array([[0.36, 0.48, 0.8], [-0.64, 0.6, 0.48], [0.48, -0.8, -0.36]])
"""Directions of rays, along no axis; most of three decide, as a ray may pass an edge or faces that touch."""


def mesh_samples(
    mesh: trimesh.Trimesh, rng: np.random.Generator, cloud: int, queries: int
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Surface points [cloud, 3], queries [queries, 3] (two thirds near the surface) and their occupancy [queries].

    Args:
        mesh: in the cube [-0.5, 0.5]^3. Open ones get a thickness that a field can hold (`level_of`).

    Raises:
        BadItem: it encloses nothing.
    """
    level = None if mesh.is_watertight else level_of(mesh)
    body = mesh if level is None else level.mesh()
    if len(body.faces) == 0:
        raise BadItem("it encloses nothing")
    near = 2 * queries // 3
    surface, _ = trimesh.sample.sample_surface(body, cloud + near, seed=int(rng.integers(2**31)))
    offsets = rng.standard_normal((near, 3)) * np.where(rng.random((near, 1)) < 0.5, NEAR, FAR)
    spread = rng.uniform(-QUERY_EXTENT, QUERY_EXTENT, (queries - near, 3))
    points = np.concatenate([surface[cloud:] + offsets, spread])[rng.permutation(queries)]
    points = points.astype(np.float16).astype(np.float64)
    inside = winding_numbers(mesh, points) > 0.5 if level is None else level.at(points.T) < 0
    if not inside.any():
        raise BadItem("it encloses nothing")
    return surface[:cloud], points, inside


def winding_numbers(mesh: trimesh.Trimesh, points: Array) -> Array:
    """How often a closed mesh winds around points [N, 3]: crossings of rays, leaving counted up, entering down.

    Overlapping bodies count each; a mesh that is turned inside out counts as if it were not.
    """
    numbers = np.zeros((len(WAYS), len(points)))
    for row, way in zip(numbers, WAYS, strict=True):
        hits, rays, faces = mesh.ray.intersects_location(points, np.tile(way, (len(points), 1)), multiple_hits=True)
        if len(hits):
            np.add.at(row, rays, np.sign(mesh.face_normals[faces] @ way))
    counted = np.median(numbers, axis=0)
    return -counted if mesh.volume < 0 else counted
