"""Meshes with and without captions, and ShapeNet as Occupancy Networks prepared it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from ddmi_models.training.datasets import Preparation, prepared, recognise, summarise
from ddmi_models.training.datasets.occupancy import winding_numbers

HOW = Preparation(cloud=256, queries=512)


def ball() -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(2, 3.0)
    mesh.apply_translation([5, -2, 1])
    return mesh


@pytest.fixture
def meshes(tmp_path: Path) -> Path:
    ball().export(tmp_path / "ball.stl")
    (tmp_path / "ball.txt").write_text("a ball\n\na  round thing\n")
    trimesh.creation.box((1, 2, 4)).export(tmp_path / "box.ply")
    lidless = trimesh.creation.box((2, 2, 2))
    lidless.update_faces(lidless.face_normals[:, 1] < 0.5)
    lidless.export(tmp_path / "open.obj")
    (tmp_path / "broken.obj").write_text("v 1 2\nf 1 2 x\n")
    (tmp_path / "empty.off").write_text("OFF\n0 0 0\n")
    (tmp_path / "texture.png").write_text("")
    (tmp_path / "words.csv").write_text('id,modelId,description\n1,box,"a tall box, of wood"\n2,box,a box\n3,ball,\n')
    return tmp_path


def test_the_summary_of_meshes(meshes: Path) -> None:
    summary = summarise(meshes)
    assert (summary.layout, summary.domain, summary.count, summary.usable) == ("meshes", "shape", 5, 3)
    assert [line.split(":")[0] for line in summary.problems] == ["broken.obj", "empty.off"]
    assert dict(summary.facts) == {"holds": "2 of closed, 1 of open", "captions": "2 of 5 items"}


def test_thumbnails_of_meshes_show_their_form(meshes: Path) -> None:
    round_one, tall, _ = (np.argwhere((look < 255).any(axis=-1)) for look in summarise(meshes).thumbnails)
    height, width = np.ptp(round_one, axis=0)
    assert 0.9 < height / width < 1.1
    assert np.ptp(tall, axis=0).max() > 80


def test_meshes_become_occupancy_with_their_captions(meshes: Path) -> None:
    arrays, _ = prepared(recognise(meshes), HOW)
    captions = [json.loads(text) for text in arrays["captions"]]
    assert captions[:2] == [["a ball", "a round thing"], ["a tall box, of wood", "a box"]]
    points = arrays["points"].astype(float)
    inside = np.unpackbits(arrays["occupancy"], axis=1).astype(bool)
    radius = 0.97 / 2
    away = np.linalg.norm(points[0], axis=1) - radius
    clear = np.abs(away) > 0.02 * radius  # the ball is a polyhedron
    np.testing.assert_array_equal(inside[0][clear], away[clear] < 0)
    half = np.array([1, 2, 4]) / 4 * 0.97 / 2
    apart = (np.abs(points[1]) - half).max(axis=1)
    np.testing.assert_array_equal(inside[1][np.abs(apart) > 1e-3], apart[np.abs(apart) > 1e-3] < 0)
    on = np.abs((np.abs(arrays["cloud"][1].astype(float)) - half).max(axis=1))
    assert on.max() < 1e-3


def test_captions_that_are_not_utf8_are_read_and_told(meshes: Path) -> None:
    (meshes / "ball.txt").write_bytes("ein Ball, größer als ein Würfel – “rund”\n".encode("cp1252"))
    (meshes / "words.csv").write_bytes(
        "modelId,description\nbox,boîte carrée\nbox,boîte\nopen,né ouvert\n".encode("latin-1")
    )
    wanted = [("ball.txt", "not UTF-8, read as Windows-1252"), ("words.csv", "not UTF-8, read as Windows-1252")]
    assert summarise(meshes).problems[:2] == tuple(f"{name}: {reason}." for name, reason in wanted)
    arrays, problems = prepared(recognise(meshes), HOW)
    assert problems[:2] == wanted and len(problems) == 4
    captions = [json.loads(text) for text in arrays["captions"]]
    assert captions[0] == ["ein Ball, größer als ein Würfel – “rund”"]
    assert captions[1:] == [["boîte carrée", "boîte"], ["né ouvert"]]


def test_captions_in_utf8_may_begin_with_a_mark(meshes: Path) -> None:
    (meshes / "words.csv").unlink()
    (meshes / "ball.txt").write_text("größer", encoding="utf-8-sig")
    assert recognise(meshes).items[0].captions == ("größer",) and not recognise(meshes).remarks


def test_an_open_mesh_gets_thick_walls_and_stays_hollow(meshes: Path) -> None:
    arrays, _ = prepared(recognise(meshes), HOW)
    points = arrays["points"][2].astype(float)
    inside = np.unpackbits(arrays["occupancy"][2]).astype(bool)
    hollow = (np.abs(points) < 0.4).all(axis=1)
    assert hollow.any() and not inside[hollow].any()
    assert 0.1 < inside.mean() < 0.9


def test_winding_numbers_count_overlapping_bodies() -> None:
    two = trimesh.util.concatenate([trimesh.creation.box((2, 1, 1)), trimesh.creation.box((1, 2, 1.2))])
    points = np.array([[0.0, 0.0, 0.0], [0.8, 0.1, 0.0], [0.8, 0.8, 0.0]])
    np.testing.assert_array_equal(winding_numbers(two, points), [2, 1, 0])


def shapenet(folder: Path, name: str, half: bool = True) -> None:
    home = folder / "chairs" / name
    home.mkdir(parents=True)
    rng = np.random.default_rng(len(name))
    points = rng.uniform(-0.55, 0.55, (1000, 3)).astype(np.float16 if half else np.float32)
    inside = np.linalg.norm(points.astype(float), axis=1) < 0.3
    np.savez(home / "points.npz", points=points, occupancies=np.packbits(inside) if half else inside)
    way = rng.normal(size=(500, 3))
    way *= 0.3 / np.linalg.norm(way, axis=1, keepdims=True)
    np.savez(home / "pointcloud.npz", points=way.astype(np.float16), normals=way.astype(np.float16))


def test_shapenet_of_occupancy_networks(tmp_path: Path) -> None:
    for name in ("a1", "b22", "c333", "d4444"):
        shapenet(tmp_path, name, half=name != "b22")
    (tmp_path / "chairs" / "train.lst").write_text("a1\nb22\nc333\n")
    file = tmp_path / "chairs" / "c333" / "points.npz"
    file.write_bytes(file.read_bytes()[:900])
    (tmp_path / "captions.csv").write_text("modelId,description\na1,a round chair\n")
    (tmp_path / "chairs" / "val.lst").write_text("d4444\n")
    summary = summarise(tmp_path)
    assert (summary.layout, summary.count, summary.usable) == ("occupancy", 3, 2)
    assert [item.name for item in recognise(tmp_path / "chairs" / "val.lst").items] == ["d4444"]
    assert summary.problems[0].startswith("chairs/c333: points.npz is missing or damaged")
    arrays, _ = prepared(recognise(tmp_path), HOW)
    assert arrays["captions"].tolist() == ['["a round chair"]', '[""]']
    for row in range(2):
        inside = np.unpackbits(arrays["occupancy"][row]).astype(bool)
        away = np.linalg.norm(arrays["points"][row].astype(float), axis=1) - 0.3
        clear = np.abs(away) > 2e-3  # points in half precision are moved a little
        np.testing.assert_array_equal(inside[clear], away[clear] < 0)
        radii = np.linalg.norm(arrays["cloud"][row].astype(float), axis=1)
        np.testing.assert_allclose(radii, 0.3, atol=1e-3)
