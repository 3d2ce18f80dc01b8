"""Surfaces against recorded ones.

Another library's marching cubes cuts a cell's polygon into other triangles and numbers its vertices otherwise. So
vertices are compared as sets, and triangles by what does not depend on the cutting: the vertices that each cell joins,
the volume, the winding.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ddmi_models.cancel import CancelToken
from ddmi_models.coords import CUBE_MARGIN
from ddmi_models.rendering.isosurface import logit
from ddmi_models.rendering.surface import contour, signed_volume
from tests.golden.fixture import TOLERANCE, Fixture

OUTSIDE = -1e6
"""Logit of the layer that the recorded surfaces were closed with."""

AMBIGUOUS = 0.02
"""Share of cells that two marching cubes may join otherwise: those with inside corners across a face."""

SURFACES = (("grid_logits", "mesh"), ("ellipsoid_logits", "ellipsoid"))


def check_surfaces(fixture: Fixture) -> None:
    """The surface of a sampled shape's lattice, and of an ellipsoid's."""
    level = logit(fixture.config["generation"]["threshold"])
    for values, name in SURFACES:
        lattice = fixture.array(values).astype(np.float64)
        vertices, faces = contour([(0, np.pad(lattice, 1, constant_values=OUTSIDE))], level, CancelToken())
        expected = fixture.array(f"{name}_vertices") / (1 + CUBE_MARGIN) + 0.5
        steps = len(lattice) - 1
        compare_surfaces(vertices - 1, faces, expected * steps, fixture.array(f"{name}_faces"))


def compare_surfaces(
    vertices: np.ndarray, faces: np.ndarray, expected_vertices: np.ndarray, expected_faces: np.ndarray
) -> None:
    """Assert that two surfaces, vertices in steps of one lattice, are the same but for the cutting."""
    assert len(vertices) == len(expected_vertices)
    assert abs(len(faces) - len(expected_faces)) <= AMBIGUOUS * len(expected_faces)
    tolerance = TOLERANCE * expected_vertices.std()
    distances, numbers = cKDTree(expected_vertices).query(vertices)
    assert distances.max() <= tolerance
    assert cKDTree(vertices).query(expected_vertices)[0].max() <= tolerance
    ours, theirs = joined(numbers[faces], expected_vertices), joined(expected_faces, expected_vertices)
    different = sum(ours.get(key) != theirs.get(key) for key in ours.keys() | theirs.keys())
    assert different <= AMBIGUOUS * len(theirs)
    volume = signed_volume(expected_vertices, expected_faces)
    assert volume > 0
    assert abs(signed_volume(vertices, faces) / volume - 1) < 1e-3


def joined(faces: np.ndarray, vertices: np.ndarray) -> dict[tuple[int, ...], set[int]]:
    """The vertices that the triangles of each cell join."""
    middles = np.floor(vertices[faces].mean(1)).astype(int)
    cells: dict[tuple[int, ...], set[int]] = {}
    for key, face in zip(map(tuple, middles.tolist()), faces, strict=True):
        cells.setdefault(key, set()).update(face.tolist())
    return cells
