"""Posed pictures: three layouts of the same car come out alike; points are carved where none are given."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial import cKDTree

from ddmi_models.posed.files import Lens
from ddmi_models.training.datasets import Preparation, prepared, recognise, summarise
from ddmi_models.training.procedural import data_maker, write_layout
from ddmi_models.training.procedural.car_shards import car_item
from ddmi_models.training.procedural.ray_views import CAMERA_ANGLE

HOW = Preparation(size=32, views=12, cloud=512)
SEED = 2


@pytest.fixture(scope="module")
def car() -> dict[str, np.ndarray]:
    return car_item(SEED, 32, 12)


def made(tmp_path: Path, layout: str) -> Path:
    list(write_layout(data_maker("cars").configured({"size": 32, "views": 12}), layout, tmp_path, 1, SEED))
    return tmp_path


def nearest(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.asarray(cKDTree(others.astype(float)).query(points.astype(float))[0])


@pytest.mark.parametrize("layout", ["srn", "npz"])
def test_the_published_layouts(tmp_path: Path, car: dict[str, np.ndarray], layout: str) -> None:
    folder = made(tmp_path, layout)
    summary = summarise(folder)
    assert (summary.layout, summary.domain) == ({"srn": "srn", "npz": "posed-npz"}[layout], "nerf")
    assert (summary.count, summary.usable, summary.problems) == (1, 1, ())
    facts = dict(summary.facts)
    assert (facts["holds"], facts["name"], facts["seed"]) == ("1 of 12 views", "cars", SEED)
    assert summary.thumbnails[0].shape == (96, 96, 3) and (summary.thumbnails[0][0, 0] == 255).all()
    arrays, _ = prepared(recognise(folder), HOW)
    np.testing.assert_allclose(arrays["images"][0].astype(int), car["images"], atol=1)
    np.testing.assert_allclose(arrays["poses"][0], car["poses"], atol=1e-5)
    assert arrays["camera_angle"][0] == pytest.approx(CAMERA_ANGLE, abs=1e-5)
    assert nearest(arrays["cloud"][0], car["cloud"]).max() < 2e-3


def test_srn_without_points_is_carved(tmp_path: Path, car: dict[str, np.ndarray]) -> None:
    folder = made(tmp_path, "srn")
    next(folder.rglob("pointcloud.npz")).unlink()
    arrays, _ = prepared(recognise(folder), HOW)
    cloud = arrays["cloud"][0].astype(float)
    assert np.median(nearest(cloud[:, :3], car["cloud"][:, :3])) < 0.04
    assert np.quantile(nearest(car["cloud"][:, :3], cloud[:, :3]), 0.9) < 0.12
    size, wanted = np.ptp(cloud[:, :3], axis=0), np.ptp(car["cloud"][:, :3].astype(float), axis=0)
    np.testing.assert_allclose(size / size.max(), wanted / wanted.max(), atol=0.12)
    np.testing.assert_allclose(cloud[:, 3:].mean(axis=0), car["cloud"][:, 3:].astype(float).mean(axis=0), atol=0.15)


def test_transforms_of_wide_pictures_in_another_scale(tmp_path: Path, car: dict[str, np.ndarray]) -> None:
    scale, shift = 3.0, np.array([5.0, -1.0, 2.0])
    frames = []
    for index, (picture, pose) in enumerate(zip(car["images"], car["poses"].astype(float), strict=True)):
        wide = np.pad(picture, ((0, 0), (16, 16), (0, 0)), constant_values=255)
        alpha = np.where((wide < 255).any(axis=-1), 255, 0).astype(np.uint8)
        (tmp_path / "car" / "pics").mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.dstack([wide, alpha])).save(tmp_path / "car" / "pics" / f"{index}.png")
        pose[:3, 3] = pose[:3, 3] * scale + shift
        frames.append({"file_path": f"./pics/{index}", "transform_matrix": pose.tolist()})
    angle = 2 * math.atan(2 * math.tan(CAMERA_ANGLE / 2))
    table = tmp_path / "car" / "transforms.json"
    table.write_text(json.dumps({"camera_angle_x": angle, "frames": frames}))
    assert summarise(tmp_path).layout == "transforms"
    arrays, _ = prepared(recognise(tmp_path), HOW)
    np.testing.assert_allclose(arrays["images"][0].astype(int), car["images"], atol=2)
    assert arrays["camera_angle"][0] == pytest.approx(CAMERA_ANGLE, abs=1e-5)
    assert np.abs(arrays["cloud"][0, :, :3]).max() <= 0.5
    distances = np.linalg.norm(arrays["poses"][0, :, :3, 3], axis=1)
    assert distances.min() > 1.4 and distances.max() < 2.2  # in the cube's units now
    np.testing.assert_allclose(arrays["poses"][0, :, :3, :3], car["poses"][:, :3, :3], atol=1e-6)


def table_of(folder: Path, pictures: list[Image.Image], poses: np.ndarray, **lens: object) -> Path:
    """A transforms.json of pictures and its lens."""
    folder.mkdir()
    for index, picture in enumerate(pictures):
        picture.save(folder / f"{index}.png")
    frames = [{"file_path": f"{index}.png", "transform_matrix": pose.tolist()} for index, pose in enumerate(poses)]
    (folder / "transforms.json").write_text(json.dumps({**lens, "frames": frames}))
    return folder / "transforms.json"


@pytest.mark.parametrize("scale", [1, 2])
def test_pictures_are_cut_around_their_principal_point(tmp_path: Path, car: dict[str, np.ndarray], scale: int) -> None:
    """The car's own pictures lie off the middle of larger ones; a lens may be told in pixels of other sizes."""
    wide = [np.pad(p, ((9, 0), (5, 23), (0, 0)), constant_values=255) for p in car["images"]]
    focal = 16 / math.tan(CAMERA_ANGLE / 2)
    lens = {"fl_x": focal, "fl_y": focal, "cx": 5 + 16, "cy": 9 + 16, "w": 60, "h": 41}
    told = {key: value * scale for key, value in lens.items()}
    table_of(tmp_path / "car", [Image.fromarray(p) for p in wide], car["poses"].astype(float), **told)
    arrays, _ = prepared(recognise(tmp_path), HOW)
    np.testing.assert_array_equal(arrays["images"][0], car["images"])
    assert arrays["camera_angle"][0] == pytest.approx(CAMERA_ANGLE, abs=1e-6)


def test_pixels_that_are_not_square_are_resampled(tmp_path: Path, car: dict[str, np.ndarray]) -> None:
    tall = [Image.fromarray(p).resize((32, 48), Image.Resampling.BICUBIC) for p in car["images"]]
    focal = 16 / math.tan(CAMERA_ANGLE / 2)
    table_of(tmp_path / "car", tall, car["poses"].astype(float), fl_x=focal, fl_y=1.5 * focal)
    arrays, _ = prepared(recognise(tmp_path), HOW)
    assert np.abs(arrays["images"][0].astype(int) - car["images"]).mean() < 2
    assert arrays["camera_angle"][0] == pytest.approx(CAMERA_ANGLE, abs=1e-6)


def test_missing_and_damaged_pictures_are_left_out(tmp_path: Path, car: dict[str, np.ndarray]) -> None:
    pictures, poses = [Image.fromarray(p) for p in car["images"]], car["poses"].astype(float)
    for name in ("a", "b", "c"):
        table_of(tmp_path / name, pictures, poses, camera_angle_x=CAMERA_ANGLE)
    (tmp_path / "a" / "3.png").unlink()
    (tmp_path / "a" / "7.png").write_text("no picture")
    for index in range(12):
        (tmp_path / "c" / f"{index}.png").unlink()
        if index < 7:
            (tmp_path / "b" / f"{index}.png").unlink()
    summary = summarise(tmp_path)
    assert summary.problems == (
        "a: used without 3.png (missing), 7.png (damaged or no picture).",
        "b: without coloured points at least 6 views are needed.",
        "c: no picture can be used: 0.png (missing), 1.png (missing), 2.png (missing) and 9 more.",
    )
    assert (summary.usable, dict(summary.facts)["holds"]) == (1, "1 of 10 views")
    arrays, problems = prepared(recognise(tmp_path), HOW)
    assert tuple(f"{name}: {reason}." for name, reason in problems) == summary.problems
    kept = [index for index in range(12) if index not in (3, 7)]
    assert len(arrays["images"]) == 1
    np.testing.assert_array_equal(np.unique(arrays["images"][0], axis=0), np.unique(car["images"][kept], axis=0))


def test_a_point_hardly_off_the_middle_counts_as_there() -> None:
    middle = Lens(None, 50.0).window(101, 80)
    assert middle[0] == (10.5, 0, 90.5, 80)
    assert Lens(None, 50.0, 50.0, (50.55, 40.05)).window(101, 80) == middle
    assert Lens(None, 50.0, 50.0, (50.5, 41)).window(101, 80)[0] == (11.5, 2, 89.5, 80)


@pytest.mark.parametrize(
    ("lens", "told"),
    [
        ({"k1": 0.05, "k2": 0, "p1": -0.002}, r"distorts \(k1 = 0\.05, p1 = -0\.002\); undistort .* image_undistorter"),
        ({"camera_model": "OPENCV_FISHEYE", "k1": 0}, "no pinhole"),
        ({"cx": 3}, r"principal point \(3, 16\) lies far"),
        ({"fl_y": -20}, "damaged"),
    ],
)
def test_lenses_that_are_not_modelled_are_refused(
    tmp_path: Path, car: dict[str, np.ndarray], lens: dict[str, object], told: str
) -> None:
    pictures, poses = [Image.fromarray(p) for p in car["images"]], car["poses"].astype(float)
    table_of(tmp_path / "a", pictures, poses, camera_angle_x=CAMERA_ANGLE, **lens)
    table_of(tmp_path / "b", pictures, poses, camera_angle_x=CAMERA_ANGLE, k1=1e-4, k2=-1e-3, camera_model="OPENCV")
    summary = summarise(tmp_path)
    assert (summary.count, summary.usable, len(summary.problems)) == (2, 1, 1)
    assert re.match(f"a: .*{told}", summary.problems[0])
    arrays, problems = prepared(recognise(tmp_path), HOW)
    assert len(arrays["images"]) == 1 and f"{problems[0][0]}: {problems[0][1]}." == summary.problems[0]


def test_damaged_sets_are_told(tmp_path: Path) -> None:
    folder = made(tmp_path, "srn")
    (folder / "cars_train" / f"car{SEED:08d}" / "pose" / "000003.txt").write_text("1 0 0")
    summary = summarise(folder)
    assert summary.usable == 0
    assert summary.problems == (
        f"car{SEED:08d}: 000003.txt does not hold the numbers that are needed.",
        f"cars_train/car{SEED:08d} is not what was made.",
    )
    other = tmp_path / "other"
    other.mkdir()
    (other / "transforms.json").write_text('{"frames": [{"file_path": "a"}]}')
    assert summarise(other).problems[0].startswith("other: transforms.json is damaged")
