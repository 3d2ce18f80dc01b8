"""Meshes with and without captions, and ShapeNet as Occupancy Networks prepared it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from ddmi_models.errors import BadData
from ddmi_models.training.data import ShapeBatches, training_and_validation
from ddmi_models.training.datasets import Preparation, prepared, recognise, summarise
from ddmi_models.training.datasets.occupancy import winding_numbers
from ddmi_models.training.environment import data_description
from ddmi_models.training.planning import anchored
from tests.training.small import shape_config, shape_data

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


def shapenet(folder: Path, name: str, half: bool = True, kind: str = "chairs") -> None:
    home = folder / kind / name
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


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """Two classes of four shapes each with a train.lst and a val.lst, and captions beside them."""
    for kind in ("chairs", "tables"):
        for index in range(4):
            shapenet(tmp_path, f"{kind[0]}{index}", kind=kind)
        (tmp_path / kind / "train.lst").write_text(f"{kind[0]}0\n{kind[0]}1\n{kind[0]}3\n")
        (tmp_path / kind / "val.lst").write_text(f"{kind[0]}2\n")
    (tmp_path / "captions.csv").write_text("modelId,description\nc2,a round chair\nc1,another\nt2,a table\n")
    (tmp_path / "metadata.yaml").write_text("")
    return tmp_path


def captions(path: Path) -> dict[str, tuple[str, ...]]:
    return {item.name: item.captions for item in recognise(path).items}


def test_a_class_alone_keeps_the_captions_beside_it(classes: Path) -> None:
    assert captions(classes / "chairs" / "val.lst") == {"c2": ("a round chair",)}
    assert captions(classes / "chairs") == {"c0": (), "c1": ("another",), "c3": ()}
    (classes / "chairs" / "more.csv").write_text("modelId,description\nc1,a nearer text\n")
    assert captions(classes)["chairs/c1"] == ("a nearer text",)
    assert captions(classes / "chairs" / "c1") == {"c1": ("a nearer text",)}


def test_a_list_of_all_classes(classes: Path) -> None:
    assert captions(classes / "val.lst") == {"chairs/c2": ("a round chair",), "tables/t2": ("a table",)}
    assert list(captions(classes / "train.lst")) == [f"{k}/{k[0]}{n}" for k in ("chairs", "tables") for n in (0, 1, 3)]
    assert summarise(classes / "val.lst").usable == 2
    (classes / "tables" / "val.lst").unlink()
    with pytest.raises(BadData, match=r"there is no val\.lst in tables, as there is in other folders") as caught:
        recognise(classes / "val.lst")
    assert "\n" not in str(caught.value)
    with pytest.raises(BadData, match=r"There is no .*test\.lst, nor a test\.lst in the folders beside it"):
        recognise(classes / "test.lst")
    (classes / "chairs" / "val.lst").write_text("c9\n")
    with pytest.raises(BadData, match=r"Nothing that .*val\.lst lists is there"):
        recognise(classes / "chairs" / "val.lst")


def test_a_run_on_all_classes_validates_on_their_lists(classes: Path) -> None:
    whole = anchored(shape_config(classes, 1)).data
    assert (whole.train, whole.validation) == (classes, classes / "val.lst")
    assert summarise(classes).validation == "val.lst"
    named = shape_config(classes / "train.lst", 1)
    named = named.model_copy(update={"data": named.data.model_copy(update={"validation": classes / "val.lst"})})
    for data in (whole, anchored(named).data):
        kept, held = training_and_validation(ShapeBatches, data, seed=0)
        assert held is not None and (len(kept), len(held)) == (6, 2)
    assert data_description(whole)["validation"]["files"] == 2
    (classes / "tables" / "val.lst").unlink()
    assert anchored(shape_config(classes, 1)).data.validation is None


@pytest.mark.parametrize(
    ("train", "validation"),
    [("val.lst", "val.lst"), ("val.lst", "chairs/val.lst"), ("chairs", "train.lst"), ("train.lst", "chairs")],
)
def test_lists_that_overlap_are_refused(classes: Path, train: str, validation: str) -> None:
    config = shape_config(classes / train, 1)
    config = config.model_copy(update={"data": config.data.model_copy(update={"validation": classes / validation})})
    with pytest.raises(BadData, match="would be trained on too"):
        anchored(config)


def test_points_of_shapenet_leave_the_lattice_of_half_precision(classes: Path, tmp_path: Path) -> None:
    data = ShapeBatches(classes, shape_config(classes, 1).data, seed=3)
    first, part, other = data.batch(5, 6), data.batch(5, 6, slice(2, 5)), data.batch(6, 6)
    assert all(torch.equal(first[key][2:5], part[key]) for key in first), "parts of a batch see what the whole sees"
    for batch in (first, other):
        points = batch["points"].double()
        far = (points.abs() > 0.25) & (points.abs() < 0.5)
        moved = (points - points.half().double())[far]
        assert (moved != 0).double().mean() > 0.99
    items = np.arange(6)
    stored = torch.from_numpy(data.stored("points", items).astype(np.float64))
    whole = data.config.model_copy(update={"query_points": stored.shape[1]})
    data.config = whole
    steps = torch.stack([data.prepare(items, np.random.default_rng(seed))["points"].double() for seed in (0, 1)])
    for step in steps:
        assert (step - stored).std() == pytest.approx(1e-4, rel=0.05) and abs((step - stored).mean()) < 1e-5
    assert (steps[0] - steps[1]).std() == pytest.approx(2**0.5 * 1e-4, rel=0.05)


def test_points_with_exact_occupancy_stay(meshes: Path, tmp_path: Path) -> None:
    for folder in (meshes, shape_data(tmp_path / "shards")):
        config = shape_config(folder, 1).data.model_copy(update={"query_points": 10**6})
        data = ShapeBatches(folder, config, seed=3)
        points = data.prepare(np.arange(2), np.random.default_rng(0))["points"]
        np.testing.assert_array_equal(points.numpy(), data.stored("points", np.arange(2)).astype(np.float32))
