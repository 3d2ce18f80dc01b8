"""Simplified surfaces: as many faces as asked for, the same solid, closed; said where that is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from ddmi_models.events import Notice
from ddmi_models.rendering.simplify import simplified
from ddmi_models.rendering.surface import is_watertight, mesh_data, signed_volume
from ddmi_models.requests import EstimateExport, Export, Generate, MeshData, MeshView, Render
from tests.engine.running import engine_with, error, final, run
from tests.rendering.solids import surface, table

FACES = 1500


def made(mesh: MeshData, faces: int) -> tuple[MeshData, list[str]]:
    """A simplified surface, and what is said on the way."""
    work, said = simplified(mesh, faces), []
    while True:
        try:
            event = next(work)
        except StopIteration as end:
            return end.value, said
        said += [event.message] if isinstance(event, Notice) else []


def ball() -> MeshData:
    sphere = trimesh.creation.icosphere(subdivisions=5, radius=0.4)
    return mesh_data(np.asarray(sphere.vertices), np.asarray(sphere.faces), 64)


@pytest.mark.parametrize("faces", [4000, 500, 100])
def test_a_closed_surface_stays_closed_and_in_place(faces: int) -> None:
    whole = ball()
    mesh, said = made(whole, faces)
    assert said == [] and mesh.watertight and is_watertight(mesh.faces)
    assert 0.9 * faces <= len(mesh.faces) <= faces
    assert np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.4).max() < 0.02
    assert signed_volume(mesh.vertices, mesh.faces) > 0.9 * signed_volume(whole.vertices, whole.faces)
    outward = (mesh.normals * mesh.vertices).sum(1) / 0.4
    assert len(mesh.normals) == len(mesh.vertices) and outward.min() > 0.9


def test_a_surface_with_fewer_faces_is_left_alone() -> None:
    whole = ball()
    assert made(whole, len(whole.faces))[0] is whole


def test_a_lost_form_is_said() -> None:
    mesh, said = made(surface(table(), 32), 12)
    assert mesh.watertight and len(said) == 1
    assert "With 12 faces the shape has lost a part of its volume" in said[0]
    assert made(surface(table(), 32), 200)[1] == []


@pytest.mark.parametrize("domain", ["shape", "nerf"])
def test_files_have_as_many_faces_as_asked_for(tmp_path: Path, domain: str) -> None:
    engine, model = engine_with(tmp_path, domain)
    (sample,) = final(run(engine, Generate(model, seed=1)))
    whole = final(run(engine, Render(sample, MeshView(24))))
    mesh = final(run(engine, Render(sample, MeshView(24, faces=FACES))))
    assert len(whole.faces) > 2 * FACES and 0.9 * FACES <= len(mesh.faces) <= FACES
    assert cKDTree(whole.vertices).query(mesh.vertices)[0].max() < 0.06
    assert domain == "shape" or mesh.colours.shape == mesh.vertices.shape
    for suffix in (".glb", ".ply"):
        path = final(run(engine, Export(sample, tmp_path / f"a{suffix}", (24, 24), faces=FACES)))
        assert len(trimesh.load(path, force="mesh", process=False).faces) == len(mesh.faces)
    costs = [final(run(engine, EstimateExport(sample, ".glb", 128, faces=faces))).file_bytes for faces in (None, FACES)]
    assert costs[1] == 24 * FACES < costs[0] / 10


def test_what_has_no_faces_and_too_few_are_refused(tmp_path: Path) -> None:
    engine, model = engine_with(tmp_path, "shape")
    (sample,) = final(run(engine, Generate(model, seed=1)))
    for name, faces, said in (
        ("a.png", 500, "no faces to count"),
        ("a.stl", 3, "at least 4"),
        ("a.glb", -1, "at least 4"),
    ):
        assert said in error(run(engine, Export(sample, tmp_path / name, (24, 24), faces=faces)))
        assert not (tmp_path / name).exists()
    assert "at least 4" in error(run(engine, Render(sample, MeshView(24, faces=0))))
