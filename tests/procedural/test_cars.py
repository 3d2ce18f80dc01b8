"""Procedural cars: closed parts, views and points that agree, the published layouts."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation

from ddmi_models.training.procedural import data_maker, write_layout
from ddmi_models.training.procedural.car_shards import DOWN_AND_AHEAD, car_arrays, car_item, npz_files
from ddmi_models.training.procedural.cars import BUILDERS, make_car
from ddmi_models.training.procedural.ray_views import CAMERA_ANGLE, DISTANCE, Scene, camera_poses, look_at_middle


@pytest.mark.parametrize("kind", BUILDERS)
def test_parts_are_closed_and_fill_the_cube(kind: str) -> None:
    car = make_car(7, kind)
    assert car.kind == kind
    for part in car.parts:
        mesh = part.mesh()
        assert mesh.is_watertight and mesh.volume > 0
    vertices = np.concatenate([part.vertices for part in car.parts])
    assert np.abs(vertices).max() <= 0.5
    np.testing.assert_allclose(vertices.min(axis=0), -vertices.max(axis=0), atol=1e-9)
    assert 0.93 < max(car.lengths) == car.lengths[1]


def test_cameras_look_at_the_middle_from_all_around() -> None:
    poses = camera_poses(np.random.default_rng(0), 24).astype(np.float64)
    turns = poses[:, :3, :3]
    np.testing.assert_allclose(turns @ turns.transpose(0, 2, 1), np.tile(np.eye(3), (24, 1, 1)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(turns), 1, atol=1e-6)
    np.testing.assert_allclose(poses[:, :3, 3], DISTANCE * turns[:, :, 2], atol=1e-6)
    assert np.abs(turns[:, 2, 0]).max() < 1e-6  # the picture's rows are level
    assert np.linalg.norm(poses[:, :3, 3].mean(axis=0)[:2]) < 0.5


def test_the_cloud_lies_where_the_pictures_show_the_car() -> None:
    item = car_item(11, 64, 3)
    points = item["cloud"][:, :3].astype(np.float64)
    focal = 32 / math.tan(CAMERA_ANGLE / 2)
    for picture, pose in zip(item["images"], item["poses"].astype(np.float64), strict=True):
        local = (points - pose[:3, 3]) @ pose[:3, :3]
        columns = np.floor(local[:, 0] / -local[:, 2] * focal + 32).astype(int)
        rows = np.floor(-local[:, 1] / -local[:, 2] * focal + 32).astype(int)
        covered = (picture < 255).any(axis=-1)
        assert binary_dilation(covered)[rows, columns].all()
        shown = np.zeros((64, 64), bool)
        shown[rows, columns] = True
        assert (shown & covered).sum() > 0.75 * covered.sum()
        assert (picture[[0, -1]] == 255).all()


def test_paint_has_the_same_colour_in_points_and_pictures() -> None:
    item = car_item(0, 32, 2)
    shown = item["images"][0][(item["images"][0] < 255).any(axis=-1)].mean(axis=0) / 255
    np.testing.assert_allclose(item["cloud"][:, 3:].astype(float).mean(axis=0), shown, atol=0.15)


def test_the_front_is_seen_from_minus_y() -> None:
    picture = Scene(make_car(4, "sedan").parts).picture(look_at_middle(0.1, math.pi).astype(np.float64), 48)
    front = Scene(make_car(4, "sedan").parts).picture(look_at_middle(0.1, 0.0).astype(np.float64), 48)
    red = [((p[..., 0] > 110) & (p[..., 1] < 60) & (p[..., 2] < 60)).sum() for p in (front, picture)]
    assert red[0] == 0 < red[1]  # tail lights


def test_shards() -> None:
    arrays = car_arrays(range(3, 5), size=16, views=2)
    shapes = {key: (value.shape, value.dtype.name) for key, value in arrays.items() if key != "kinds"}
    assert shapes == {
        "cloud": ((2, 4096, 6), "float16"),
        "images": ((2, 2, 16, 16, 3), "uint8"),
        "poses": ((2, 2, 4, 4), "float32"),
        "camera_angle": ((2,), "float32"),
        "seeds": ((2,), "int64"),
    }
    np.testing.assert_array_equal(arrays["images"][1], car_item(4, 16, 2)["images"])


def test_the_layouts_of_srn_cars(tmp_path: Path) -> None:
    maker = data_maker("cars").configured({"size": 16, "views": 2})
    assert list(write_layout(maker, "srn", tmp_path, 1, 3)) == [(1, 1)]
    folder, item = tmp_path / "cars_train" / "car00000003", car_item(3, 16, 2)
    np.testing.assert_array_equal(np.asarray(Image.open(folder / "rgb" / "000001.png")), item["images"][1])
    pose = np.loadtxt(folder / "pose" / "000001.txt").reshape(4, 4)
    np.testing.assert_allclose(pose @ DOWN_AND_AHEAD, item["poses"][1], atol=1e-6)
    focal, middle = (folder / "intrinsics.txt").read_text().split()[:2]
    assert float(middle) == 8
    assert 2 * math.atan(8 / float(focal)) == pytest.approx(CAMERA_ANGLE, abs=1e-6)

    with np.load(io.BytesIO(npz_files(3, size=16, views=2)[""])) as file:
        assert file["images"].shape == (2, 16, 16, 3) and 0 <= file["images"].min() < file["images"].max() == 1
        np.testing.assert_allclose(file["cam_poses"], item["poses"])
        np.testing.assert_allclose(file["data"], item["cloud"])
