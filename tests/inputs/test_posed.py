"""Posed pictures as a radiance field: points carved from them, the error of the views, and what cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from scipy.spatial import cKDTree

from ddmi_models.cameras import Camera
from ddmi_models.cancel import CancelToken
from ddmi_models.domains.nerf import NerfDomain
from ddmi_models.engine import Engine
from ddmi_models.engine.encode import hash_of
from ddmi_models.errors import BadInput
from ddmi_models.events import Cancelled, Progress
from ddmi_models.inputs import reader_of
from ddmi_models.inputs.posed import PosedReader, Shots
from ddmi_models.posed.files import AXES_OF_SRN, spread
from ddmi_models.requests import Encode, Export, Generate, RadianceView, Render
from tests import models
from tests.engine.running import final, run

ANGLE, SIDE, VIEWS, TOKEN = 0.7, 48, 20, CancelToken()
HALF = np.array([0.3, 0.2, 0.15])
COLOURS = np.array([[220, 40, 40], [40, 40, 220]], np.uint8)
"""Of the box's half with positive x, and the other."""


def poses(count: int = VIEWS) -> np.ndarray:
    """Cameras all around, level with the middle, above and below it."""
    return np.stack([Camera(360 * k / count, (0, 40, -40, 80)[k % 4], 2.0).matrix(2.0) for k in range(count)])


def seen(pose: np.ndarray) -> np.ndarray:
    """The coloured box on white, by rays against its six planes."""
    axis = ((np.arange(SIDE) + 0.5) / SIDE * 2 - 1) * np.tan(ANGLE / 2)
    local = np.stack([*np.meshgrid(axis, -axis), -np.ones((SIDE, SIDE))], -1)
    ways, place = local @ pose[:3, :3].T, pose[:3, 3]
    with np.errstate(divide="ignore"):
        ends = np.sort(np.stack([(-HALF - place) / ways, (HALF - place) / ways]), axis=0)
    near, far = ends[0].max(-1), ends[1].min(-1)
    side = ((place + near[..., None] * ways)[..., 0] < 0).astype(int)
    return np.where((near < far)[..., None], COLOURS[side], 255).astype(np.uint8)


def as_transforms(folder: Path, scale: float = 1.0, shift: float = 0.0, count: int = VIEWS) -> Path:
    frames = []
    for index, pose in enumerate(poses(count)):
        Image.fromarray(seen(pose)).save(folder / f"{index:02d}.png")
        pose[:3, 3] = pose[:3, 3] * scale + shift
        frames.append({"file_path": f"./{index:02d}.png", "transform_matrix": pose.tolist()})
    (folder / "transforms.json").write_text(json.dumps({"camera_angle_x": ANGLE, "frames": frames}))
    return folder


def as_srn(folder: Path) -> Path:
    for name in ("rgb", "pose"):
        (folder / name).mkdir()
    for index, pose in enumerate(poses()):
        Image.fromarray(seen(pose)).save(folder / "rgb" / f"{index:06d}.png")
        np.savetxt(folder / "pose" / f"{index:06d}.txt", (pose @ AXES_OF_SRN).reshape(1, 16))
    focal = 0.5 * SIDE / np.tan(ANGLE / 2)
    (folder / "intrinsics.txt").write_text(f"{focal} {SIDE / 2} {SIDE / 2} 0.\n0. 0. 0.\n1.\n{SIDE} {SIDE}\n")
    return folder


@pytest.fixture(scope="module")
def domain() -> NerfDomain:
    made = models.parts("nerf").domain
    assert isinstance(made, NerfDomain)
    return made


def cloud_of(path: Path, domain: NerfDomain, up: str | None = None) -> tuple[np.ndarray, Shots]:
    given = PosedReader().read(path, domain, up, TOKEN)
    return given.batch["cloud"][0].numpy().astype(float), given.reference


def is_the_box(cloud: np.ndarray) -> None:
    """Every carved point lies near the box's surface and every place of it near a point, in the colour of its half."""
    box = trimesh.creation.box(2 * HALF)
    surface, _ = trimesh.sample.sample_surface(box, 2000, seed=0)
    size = np.ptp(cloud[:, :3], axis=0)
    np.testing.assert_allclose(size / size.max(), HALF / HALF.max(), atol=0.12)
    at = cloud[:, :3] * (2 * HALF[0] / size[0])
    assert np.median(cKDTree(surface).query(at)[0]) < 0.04 and cKDTree(at).query(surface)[0].max() < 0.1
    for side, colour in ((at[:, 0] > 0.05, COLOURS[0]), (at[:, 0] < -0.05, COLOURS[1])):
        assert np.abs(np.median(cloud[side, 3:], axis=0) * 255 - colour).max() < 40


@pytest.mark.parametrize("layout", [as_transforms, as_srn])
def test_points_are_carved_from_both_layouts(
    tmp_path: Path, domain: NerfDomain, layout: Callable[[Path], Path]
) -> None:
    folder = layout(tmp_path)
    cloud, shots = cloud_of(folder, domain)
    assert cloud.shape == (2048, 6) and shots.pictures.shape == (VIEWS, 128, 128, 3)
    is_the_box(cloud)
    np.testing.assert_allclose(shots.poses, poses(), atol=1e-6)
    if layout is as_transforms:
        np.testing.assert_array_equal(cloud_of(folder / "transforms.json", domain)[0], cloud)


def test_pictures_are_cut_around_their_principal_point(tmp_path: Path, domain: NerfDomain) -> None:
    table = as_transforms(tmp_path) / "transforms.json"
    for path in tmp_path.glob("*.png"):
        pixels = np.pad(np.asarray(Image.open(path)), ((0, 12), (20, 0), (0, 0)), constant_values=255)
        Image.fromarray(pixels).save(path)
    content = json.loads(table.read_text())
    focal = 0.5 * SIDE / np.tan(content.pop("camera_angle_x") / 2)
    table.write_text(json.dumps({**content, "fl_x": focal, "cx": 20 + SIDE / 2, "cy": SIDE / 2}))
    cloud, shots = cloud_of(tmp_path, domain)
    is_the_box(cloud)
    assert shots.angle == pytest.approx(ANGLE, abs=1e-9)


@pytest.mark.parametrize(("scale", "shift"), [(8.0, 3.0), (0.2, 0.1)])
def test_objects_of_any_size_and_place_come_into_the_cube(
    tmp_path: Path, domain: NerfDomain, scale: float, shift: float
) -> None:
    cloud, shots = cloud_of(as_transforms(tmp_path, scale, shift), domain)
    low, high = cloud[:, :3].min(axis=0), cloud[:, :3].max(axis=0)
    assert np.abs(low + high).max() < 0.05 and 0.9 < (high - low).max() <= 0.98
    is_the_box(cloud)
    distances = np.linalg.norm(shots.poses[:, :3, 3], axis=1)
    np.testing.assert_allclose(distances, 2.0 * 0.97 / 0.6, rtol=0.1)  # moved with the object


def test_y_may_point_up(tmp_path: Path, domain: NerfDomain) -> None:
    folder = as_transforms(tmp_path)
    cloud, shots = cloud_of(folder, domain, "y")
    plain, usual = cloud_of(folder, domain)
    np.testing.assert_allclose(np.ptp(cloud[:, :3], axis=0), np.ptp(plain[:, :3], axis=0)[[0, 2, 1]], atol=1e-6)
    np.testing.assert_allclose(shots.poses[:, 2, 3], usual.poses[:, 1, 3])


def test_points_beside_the_pictures_are_taken(tmp_path: Path, domain: NerfDomain) -> None:
    points = np.random.default_rng(0).uniform(-0.4, 0.4, (3000, 3))
    np.savez(as_transforms(tmp_path) / "pointcloud.npz", points=points, colors=np.full((3000, 3), 51))
    cloud, _ = cloud_of(tmp_path, domain)
    assert cKDTree(points).query(cloud[:, :3])[0].max() < 1e-6 and np.allclose(cloud[:, 3:], 0.2)


def test_the_error_is_that_of_the_same_views(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ddmi_models.inputs.posed.COMPARED_VIEWS", 3)
    engine, model = Engine("cpu"), models.write(tmp_path, "nerf")
    folder = tmp_path / "frames"
    folder.mkdir()
    encoded = final(run(engine, Encode(str(model), as_transforms(folder))))
    assert encoded.sample.recipe.source == "frames"
    errors = []
    for index in spread(range(VIEWS), 3):
        view = RadianceView(64, 64, Camera.at(poses()[index], ANGLE))
        made = final(run(engine, Render(encoded.sample, view))).pixels.astype(float)
        given = np.asarray(Image.open(folder / f"{index:02d}.png").resize((64, 64), Image.Resampling.BICUBIC), float)
        errors.append(np.square(made - given).mean())
    assert encoded.figures["psnr"] == pytest.approx(10 * np.log10(255**2 / np.mean(errors)), abs=0.2)
    assert f"{encoded.figures['psnr']:.1f} dB over 3 of the given views" in encoded.words


def test_frames_that_were_exported_are_read_again(tmp_path: Path) -> None:
    engine, model = Engine("cpu"), str(models.write(tmp_path, "nerf"))
    (sample,) = final(run(engine, Generate(model, seed=1)))
    folder = final(run(engine, Export(sample, tmp_path / "turn", (16, 16), views=8)))
    table, *pictures = PosedReader().files(folder)
    assert table.name == "transforms.json" and [path.name for path in pictures] == [f"{n:04d}.png" for n in range(8)]


def test_one_changed_picture_is_another_source(tmp_path: Path) -> None:
    folder = as_transforms(tmp_path)
    (folder / "notes.txt").write_text("not read")
    hashes = []
    for change in (lambda: None, lambda: (folder / "notes.txt").write_text("changed"), lambda: repaint(folder)):
        change()
        hashes.append(hash_of(folder, reader_of("nerf").files(folder), TOKEN))
    assert hashes[0] == hashes[1] != hashes[2]


def repaint(folder: Path) -> None:
    with Image.open(folder / "03.png") as picture:
        changed = picture.convert("RGB")
    changed.putpixel((0, 0), (255, 255, 254))
    changed.save(folder / "03.png")


def test_carving_is_cancelled(tmp_path: Path) -> None:
    engine, model = Engine("cpu"), str(models.write(tmp_path, "nerf"))
    token, last = CancelToken(), None
    for last in engine.run(Encode(model, as_transforms(tmp_path)), token):
        if isinstance(last, Progress) and last.label.startswith("Reading"):
            token.cancel()
    assert isinstance(last, Cancelled)


# What cannot be used


def no_poses(folder: Path) -> None:
    as_transforms(folder)
    (folder / "transforms.json").unlink()


def one_pose_missing(folder: Path) -> None:
    (as_srn(folder) / "pose" / "000004.txt").unlink()


def no_matrix(folder: Path) -> None:
    (folder / "transforms.json").write_text('{"camera_angle_x": 0.7, "frames": [{"file_path": "a"}]}')


def no_lens(folder: Path) -> None:
    table = as_transforms(folder) / "transforms.json"
    table.write_text(table.read_text().replace("camera_angle_x", "angle"))


def no_frames(folder: Path) -> None:
    (folder / "transforms.json").write_text('{"camera_angle_x": 0.7, "frames": []}')


def distorted(folder: Path) -> None:
    set_lens(folder, k1=-0.2)


def off_the_middle(folder: Path) -> None:
    set_lens(folder, cx=4)


def set_lens(folder: Path, **lens: float) -> None:
    table = as_transforms(folder) / "transforms.json"
    table.write_text(json.dumps({**json.loads(table.read_text()), **lens}))


def picture_missing(folder: Path) -> None:
    (as_transforms(folder) / "05.png").unlink()


def picture_damaged(folder: Path) -> None:
    (as_transforms(folder) / "05.png").write_bytes(b"no picture")


def black_background(folder: Path) -> None:
    for path in as_transforms(folder).glob("*.png"):
        Image.new("RGB", (SIDE, SIDE)).save(path)


def few_views(folder: Path) -> None:
    as_transforms(folder, count=4)


def mirrored(folder: Path) -> None:
    table = as_transforms(folder) / "transforms.json"
    content = json.loads(table.read_text())
    content["frames"][0]["transform_matrix"][0] = [-v for v in content["frames"][0]["transform_matrix"][0]]
    table.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: None, "is empty"),
        (no_poses, "holds no camera poses"),
        (one_pose_missing, r"000004\.txt is missing"),
        (no_matrix, r"transforms\.json is damaged"),
        (no_lens, "no camera_angle_x or fl_x"),
        (no_frames, "lists no frames"),
        (distorted, r"distorts \(k1 = -0\.2\); undistort the pictures first"),
        (off_the_middle, r"the principal point \(4, 24\) lies far"),
        (picture_missing, r"05\.png is missing"),
        (picture_damaged, r"05\.png is not a readable picture"),
        (black_background, "no white background"),
        (few_views, "at least 6 views"),
        (mirrored, "poses are no rotations"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(
    tmp_path: Path, domain: NerfDomain, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(tmp_path)
    reader = reader_of("nerf")
    with pytest.raises(BadInput, match=message) as caught:
        reader.check(tmp_path)
        reader.read(tmp_path, domain, None, TOKEN)
    assert "\n" not in str(caught.value)
