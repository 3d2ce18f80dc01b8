"""Surfaces: closed, outward, the same coarse to fine as dense, the same in slabs as whole."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.errors import BadInput
from ddmi_models.events import Partial, Progress
from ddmi_models.rendering import surface as surfaces
from ddmi_models.rendering.isosurface import EmptySurface, field_of, logit, render_mesh
from ddmi_models.rendering.lattice import dense_lattice, sparse_lattice
from ddmi_models.rendering.surface import (
    bodies,
    closed_surface,
    contour,
    is_watertight,
    repaired,
    signed_volume,
    without_specks,
)
from ddmi_models.requests import MeshView
from tests.rendering.solids import ball, box, drained, middling_iso, sampled, surface, table, union

TOKEN = CancelToken()


def same_surface(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether vertices and triangles are equal but for their numbering and rounding."""
    distances, numbers = cKDTree(b[0]).query(a[0])
    sorted_faces = [{tuple(sorted(face)) for face in faces.tolist()} for faces in (numbers[a[1]], b[1])]
    return len(a[0]) == len(b[0]) and distances.max() < 1e-4 and sorted_faces[0] == sorted_faces[1]


@pytest.mark.parametrize("cells", [128, 130, 131])
def test_coarse_to_fine_equals_dense(cells: int) -> None:
    field = table()
    dense = dense_lattice(field, cells, TOKEN)
    stages = list(sparse_lattice(field, cells, 0.0, TOKEN))
    values = stages[-1].values
    assert values is not None and values.shape == dense.shape
    assert np.array_equal(values > 0, dense > 0)
    ours, oracle = closed_surface(values, 0.0, TOKEN), closed_surface(dense, 0.0, TOKEN)
    assert np.array_equal(ours[0], oracle[0]) and np.array_equal(ours[1], oracle[1])
    assert [s.fraction for s in stages] == sorted(s.fraction for s in stages)


def test_coarse_to_fine_evaluates_a_small_part() -> None:
    evaluated = 0
    exact = table()

    def counting(points: torch.Tensor) -> torch.Tensor:
        nonlocal evaluated
        evaluated += len(points)
        return exact(points)

    for _ in sparse_lattice(counting, 128, 0.0, TOKEN):
        pass
    assert evaluated < 0.3 * 129**3


def test_memory_stays_near_that_of_the_lattice() -> None:
    size = 4 * 193**3
    tracemalloc.start()
    try:
        *_, lattice = sparse_lattice(ball(), 192, 0.0, TOKEN)
        assert tracemalloc.get_traced_memory()[1] < 3.2 * size
        tracemalloc.reset_peak()
        closed_surface(lattice.values, 0.0, TOKEN)
        assert tracemalloc.get_traced_memory()[1] < 2.2 * size
    finally:
        tracemalloc.stop()


def test_slabs_join_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    values = dense_lattice(union(ball(), ball((0.2, 0.1, 0.3), 0.15)), 40, TOKEN)
    whole = closed_surface(values, 0.0, TOKEN)
    monkeypatch.setattr(surfaces, "SLAB_CELLS", 7)
    slabs = closed_surface(values, 0.0, TOKEN)
    assert same_surface(whole, slabs)
    assert is_watertight(slabs[1])


@given(seed=st.integers(0, 2**16), smooth=st.booleans())
@settings(max_examples=20)
def test_any_lattice_gives_a_closed_outward_surface(seed: int, smooth: bool) -> None:
    values = np.random.default_rng(seed).standard_normal((9, 9, 9)).astype(np.float32)
    if smooth:
        values = np.round(values)  # many values exactly at the level
    vertices, faces = closed_surface(values, 0.0, TOKEN)
    if not is_watertight(faces):
        vertices, faces = repaired(vertices, faces)
    assert is_watertight(faces)
    assert signed_volume(vertices, faces) > 0
    merged = trimesh.Trimesh(vertices.astype(np.float32), faces, process=True)
    assert merged.is_watertight


def test_sphere_has_its_volume_and_normals() -> None:
    mesh = surface(ball(radius=0.3), 64)
    assert mesh.watertight
    assert signed_volume(mesh.vertices, mesh.faces) == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.01)
    outward = mesh.vertices / np.linalg.norm(mesh.vertices, axis=1, keepdims=True)
    assert np.einsum("ij,ij->i", outward, mesh.normals).min() > 0.99


def test_solid_that_fills_the_cube_is_closed_at_its_border() -> None:
    values = np.full((6, 6, 6), 5.0, np.float32)
    vertices, faces = closed_surface(values, 0.0, TOKEN)
    assert is_watertight(faces)
    assert signed_volume(vertices, faces) == pytest.approx(5**3, rel=0.02)


def test_specks_and_bubbles_go_and_bodies_stay() -> None:
    solid = union(ball((-0.2, 0, 0), 0.2), ball((0.25, 0, 0), 0.12), box((0.4, 0.4, 0.4), (0.02, 0.02, 0.02)))
    values = dense_lattice(solid, 64, TOKEN)
    vertices, faces = closed_surface(values, 0.0, TOKEN)
    assert len(bodies(vertices, faces)[1]) == 3
    kept = without_specks(vertices, faces, 0.01)
    assert len(bodies(*kept)[1]) == 2
    assert is_watertight(kept[1])
    assert kept[0].max() < 0.9 * 64


def test_meeting_edges_are_repaired() -> None:
    corner = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    outward = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    other = np.array([[0, 0, -1], [0, -1, 0]], float)  # a second tetrahedron on the edge 0-1
    vertices = np.concatenate([corner, other])
    faces = np.concatenate([outward, [[0, 5, 1], [0, 1, 4], [0, 4, 5], [1, 5, 4]]])
    assert not is_watertight(faces)
    fixed, triangles = repaired(vertices, faces)
    assert is_watertight(triangles)
    assert signed_volume(fixed, triangles) == pytest.approx(2 / 6, rel=1e-4)


def test_contour_of_nothing_is_empty() -> None:
    vertices, faces = contour([(0, np.full((5, 5, 5), -1.0, np.float32))], 0.0, TOKEN)
    assert vertices.shape == (0, 3) and faces.shape == (0, 3)


def test_model_render_gives_partials_then_the_mesh() -> None:
    decoded, _ = sampled("shape")
    iso = middling_iso(decoded)
    seen, mesh = drained(render_mesh(decoded.domain, decoded.fields, MeshView(64, iso), TOKEN, partials=True))
    partials = [event.value for event in seen if isinstance(event, Partial)]
    assert [p.cells for p in partials] == [32] and mesh.cells == 64
    assert mesh.watertight and signed_volume(mesh.vertices, mesh.faces) > 0
    assert np.abs(mesh.vertices).max() <= 0.55 * 1.01
    progress = [event for event in seen if isinstance(event, Progress)]
    assert progress[-1].step == progress[-1].total


def test_gains_change_the_surface() -> None:
    decoded, _ = sampled("shape")
    iso = middling_iso(decoded)
    whole, coarse = (
        drained(render_mesh(decoded.domain, decoded.fields, MeshView(24, iso, gains), TOKEN))[1]
        for gains in (None, (1.0, 0.0, 0.0))
    )
    assert whole.vertices.shape != coarse.vertices.shape or not np.allclose(whole.vertices, coarse.vertices)


def test_impossible_views_are_refused() -> None:
    decoded, _ = sampled("shape")
    with pytest.raises(EmptySurface, match="Nothing is inside"):
        drained(render_mesh(decoded.domain, decoded.fields, MeshView(8, 1 - 1e-12), TOKEN))
    for probability in (0.0, 1.0, -1.0, 2.0):
        with pytest.raises(BadInput, match="not a probability"):
            logit(probability)
    with pytest.raises(BadInput, match="2 gains"):
        drained(render_mesh(decoded.domain, decoded.fields, MeshView(8, 0.5, (1.0, 1.0)), TOKEN))


def test_cancelling_stops_between_chunks() -> None:
    decoded, _ = sampled("shape")
    token = CancelToken()
    field = field_of(decoded.domain, decoded.fields)
    stages = sparse_lattice(field, 64, 0.0, token)
    next(stages)
    token.cancel()
    with pytest.raises(WorkCancelled):
        next(stages)
