"""Cameras along a path through keyframes, and the clips and frames that they see."""

from __future__ import annotations

import json
import math
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ddmi_models.cameras import Camera, flight, orbit, spherical_pose
from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.errors import BadInput
from ddmi_models.events import Partial
from ddmi_models.rendering import radiance
from ddmi_models.rendering.metadata import read_recipe
from ddmi_models.rendering.renderers import RENDERERS
from ddmi_models.requests import Export, Picture, RadianceView
from tests.rendering.fields import ball
from tests.rendering.solids import drained, sampled

TOKEN = CancelToken()
RENDERER = RENDERERS["nerf"]
USUAL = Camera(distance=2.0, angle=0.7)
CORNERS = (Camera(0, 10), Camera(100, 40), Camera(200, -10, 1.2))


def pose(camera: Camera) -> np.ndarray:
    return camera.matrix(2.0)


@pytest.mark.parametrize("camera", [Camera(math.nan), Camera(0, math.inf), Camera(distance=math.inf)], ids=str)
def test_a_camera_s_numbers_have_to_be_finite(camera: Camera) -> None:
    with pytest.raises(BadInput, match="finite"):
        camera.matrix(2.0)


cameras = st.lists(
    st.builds(Camera, st.floats(-180, 180), st.floats(-80, 80), st.floats(0.5, 4)), min_size=2, max_size=5
)


@given(keyframes=cameras)
def test_a_path_begins_and_ends_at_its_keyframes_and_looks_at_the_middle(keyframes: list[Camera]) -> None:
    seen = flight(keyframes, 9, USUAL)
    for camera, keyframe in ((seen[0], keyframes[0]), (seen[-1], keyframes[-1])):
        assert np.allclose(pose(camera), pose(keyframe), atol=1e-6) and camera.angle == pytest.approx(0.7)
    for camera in seen:
        right, _, back, eye = pose(camera)[:3].T
        assert np.allclose(np.cross(back, eye), 0, atol=1e-6) and eye @ back > 0, "it looks at the middle"
        assert right[2] == pytest.approx(0, abs=1e-6), "the horizon is level"


def test_a_path_passes_every_keyframe_at_an_even_speed_around_the_object() -> None:
    seen = flight(CORNERS, 400, USUAL)
    eyes = np.stack([pose(camera)[:3, 3] for camera in seen])
    for keyframe in CORNERS:
        assert np.linalg.norm(eyes - pose(keyframe)[:3, 3], axis=1).min() < 0.02
    distances = np.linalg.norm(eyes, axis=1)
    assert distances.min() > 1.1 and distances.max() < 2.2, "never through the object"
    first_half = np.linalg.norm(np.diff(eyes, axis=0), axis=1)[:150]
    assert first_half.max() < 1.4 * first_half.min()
    assert np.abs(np.diff(eyes, 2, axis=0)).max() < 1e-3, "no corners"


@given(keyframes=cameras)
def test_a_closed_path_comes_back_as_smoothly_as_it_left(keyframes: list[Camera]) -> None:
    seen = flight(keyframes, 240, USUAL, closed=True)
    assert np.allclose(pose(seen[0]), pose(keyframes[0]), atol=1e-6)
    eyes = np.stack([pose(camera)[:3, 3] for camera in seen])
    steps = np.linalg.norm(np.diff(np.concatenate([eyes, eyes[:1]]), axis=0), axis=1)
    assert steps[-1] < 2.5 * np.median(steps) + 1e-3, "no jump at the joint, and no frame twice"


def test_a_closed_path_may_go_all_the_way_round() -> None:
    seen = flight([Camera(azimuth, 10) for azimuth in (0, 120, 240)], 12, USUAL, closed=True)
    turntable = orbit(12, Camera(0, 10))
    for camera, own in zip(seen, turntable, strict=True):
        assert np.allclose(pose(camera), pose(own), atol=0.02)


def test_the_shorter_way_round_is_taken() -> None:
    halfway = flight((Camera(350, 0), Camera(10, 0)), 3, USUAL)[1]
    assert np.allclose(pose(halfway), pose(Camera(0, 0)), atol=1e-6)


def test_a_moved_rolled_and_narrowed_camera_is_passed_as_it_is() -> None:
    matrix = spherical_pose(40, -20, 1.5)
    c, s = math.cos(0.3), math.sin(0.3)
    matrix[:3, :3] = matrix[:3, :3] @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    matrix[:3, 3] += (0.1, -0.2, 0.3)
    moved = Camera.at(matrix, 0.4)
    seen = flight((Camera(30, 10), moved, moved), 5, USUAL)
    assert np.allclose(pose(seen[-1]), matrix, atol=1e-6) and seen[-1].angle == pytest.approx(0.4)


def test_a_turntable_keeps_a_moved_camera_s_height_and_offset() -> None:
    matrix = spherical_pose(40, -20, 1.5)
    matrix[:3, 3] += (0.0, 0.0, 0.3)
    seen = [pose(camera) for camera in orbit(4, Camera.at(matrix))]
    assert np.allclose(seen[0], matrix)
    plain = [pose(camera) for camera in orbit(4, Camera(40, 20, 1.5))]
    for moved, own in zip(seen, plain, strict=True):
        assert np.allclose(moved[:3, :3], own[:3, :3]) and np.allclose(moved[:3, 3] - own[:3, 3], (0, 0, 0.3))


def frames_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as clip:
        return [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]


def test_a_flight_is_written_with_its_recipe_and_sees_what_its_cameras_see(tmp_path: Path) -> None:
    decoded, sample = ball(), sampled("nerf")[1]
    request = Export(sample, tmp_path / "a.mp4", views=5, keyframes=CORNERS, seconds=0.5)
    events, path = drained(RENDERER.write(decoded, request, (16, 16), TOKEN))
    frames = frames_of(path)
    assert len(frames) == 5 and events[-1].label == "Camera path of 16x16"
    assert read_recipe(path) == sample.recipe
    drained(RENDERER.write(decoded, Export(sample, tmp_path / "f", views=5, keyframes=CORNERS), (16, 16), TOKEN))
    told = json.loads((tmp_path / "f" / "transforms.json").read_text())
    assert np.allclose(told["frames"][4]["transform_matrix"], pose(CORNERS[-1]), atol=1e-6)
    last = np.asarray(Image.open(tmp_path / "f" / "0004.png")).astype(int)
    assert np.abs(frames[4].astype(int) - last).mean() < 12, "as the clip, up to its compression"


def test_a_flight_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    decoded, sample = ball(), sampled("nerf")[1]
    token = CancelToken()
    work = RENDERER.write(decoded, Export(sample, tmp_path / "a.mp4", keyframes=CORNERS, seconds=2), (16, 16), token)
    for _ in range(3):
        next(work)
    token.cancel()
    with pytest.raises(WorkCancelled):
        next(work)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("domain", "name", "keyframes", "seconds", "said"),
    [
        ("nerf", "a.mp4", CORNERS[:1], None, "through 1 keyframes"),
        ("nerf", "a.png", CORNERS, None, "not written as .png"),
        ("nerf", "a.mp4", CORNERS, 0.0, "clip of 0 s"),
        ("nerf", "a.mp4", (), 6000.0, "clip of 6000 s"),
        ("image", "a.png", CORNERS, None, "no camera moves"),
    ],
)
def test_impossible_flights_are_named(domain, name, keyframes, seconds, said) -> None:
    decoded, sample = sampled(domain)
    request = Export(sample, Path(name), (16, 16), keyframes=keyframes, seconds=seconds)
    with pytest.raises(BadInput, match=said):
        RENDERERS[domain].check(decoded.domain, request, (16, 16))


def test_a_still_shows_depth_when_asked_for(tmp_path: Path) -> None:
    decoded, sample = ball(), sampled("nerf")[1]
    for shows in ("colour", "depth"):
        request = Export(sample, tmp_path / f"{shows}.png", shows=shows, camera=CORNERS[1])
        drained(RENDERER.write(decoded, request, (20, 20), TOKEN))
    colour, depth = (np.asarray(Image.open(tmp_path / f"{shows}.png")).astype(int) for shows in ("colour", "depth"))
    assert (np.ptp(depth, axis=-1) == 0).all() and np.ptp(colour, axis=-1).max() > 50


def test_a_large_picture_is_refined_from_coarse_to_fine_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(radiance, "SWEEP_SECONDS", 0.0)
    events, made = drained(RENDERER.render(ball(), RadianceView(200, 200, samples=32), TOKEN, True))
    partials = [event.value for event in events if isinstance(event, Partial)]
    assert partials[0].pixels.shape == (50, 50, 3)
    swept = partials[1]
    assert isinstance(made, Picture) and swept.pixels.shape == made.pixels.shape == (200, 200, 3)
    done = 2048 // 200
    assert np.array_equal(swept.pixels[:done], made.pixels[:done])
    below = Image.fromarray(partials[0].pixels).resize((200, 200), Image.Resampling.BILINEAR)
    assert np.array_equal(swept.pixels[done + 1 :], np.asarray(below)[done + 1 :]), "the coarse one, enlarged"
    assert np.array_equal(partials[-1].opacity, made.opacity)


def test_a_quick_look_does_with_a_coarse_grid_and_a_known_fine_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, plain = [], radiance.occupancy_grid
    monkeypatch.setattr(radiance, "occupancy_grid", lambda *a: sizes.append(a[3]) or plain(*a))
    sample = ball()
    for samples, gains in ((32, None), (48, None), (None, None), (32, None), (32, (1.0, 0.5, 1.0))):
        drained(RENDERER.render(sample, RadianceView(4, 4, samples=samples, gains=gains), TOKEN, False))
    assert sizes == [24, 64, 24]


def test_a_clip_lets_others_take_their_turn_within_a_frame(tmp_path: Path) -> None:
    decoded, sample = ball(), sampled("nerf")[1]
    request = Export(sample, tmp_path / "a.gif", views=2)
    events, path = drained(RENDERER.write(decoded, request, (128, 128), TOKEN))
    steps = [event.step for event in events]
    assert steps.count(0) > 8 and steps.count(1) > 8 and steps == sorted(steps) and events[-1].step == 2
    with Image.open(path) as clip:
        assert getattr(clip, "n_frames", 1) == 2
