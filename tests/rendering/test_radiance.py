"""Radiance fields: composition, quick renders against plain ones, cameras, maps, turntables, coloured meshes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

import ddmi_models as ddmi
from ddmi_models.cameras import CAMERA_ANGLE, Camera, intrinsics, orbit, pixel_rays, spherical_pose
from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.checkpoints.registry import find_model
from ddmi_models.domains.nerf import NerfDomain
from ddmi_models.errors import BadInput, CannotWrite
from ddmi_models.events import Partial, value_of
from ddmi_models.fields.compositing import composite, cube_crossing, endless_samples, even_samples
from ddmi_models.model import load_model
from ddmi_models.rendering import rays
from ddmi_models.rendering.metadata import read_recipe
from ddmi_models.rendering.rays import RayMarcher, dense_maps, occupancy_grid
from ddmi_models.rendering.renderer import Decoded
from ddmi_models.rendering.renderers import RENDERERS
from ddmi_models.requests import Export, ImageView, MeshView, Picture, RadianceView
from tests.rendering.fields import CENTRE, RADIUS, ball, published_kind
from tests.rendering.solids import drained, sampled

TOKEN = CancelToken()
RENDERER = RENDERERS["nerf"]
SAMPLES = 256


def picture(sample: Decoded, view: RadianceView) -> Picture:
    made = value_of(RENDERER.render(sample, view, TOKEN, False))
    assert isinstance(made, Picture)
    return made


def camera_rays(sample: Decoded, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rays of a square picture from the usual camera."""
    assert isinstance(sample.domain, NerfDomain)
    pixels = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2) + 0.5
    pose = Camera().matrix(sample.domain.radiance.camera_distance)
    made = pixel_rays(pose, intrinsics(side, side, CAMERA_ANGLE), pixels)
    return torch.from_numpy(made[0].copy()), torch.from_numpy(made[1])


@pytest.mark.parametrize("jitter", [None, 0.0, 0.99])
def test_slab_of_constant_density_stops_the_light_that_it_should(jitter: float | None) -> None:
    near, far, norms = torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([2.0])
    shifts = None if jitter is None else torch.full((1, 8), jitter)
    samples = even_samples(near, far, 8, norms, shifts)
    seen = composite(torch.full((1, 8, 3), 0.25), torch.full((1, 8), 0.3), samples)
    light = np.exp(-0.3 * 2 * 2)  # 2 deep along a direction of length 2
    assert float(seen.accumulation) == pytest.approx(1 - light, rel=1e-5)
    assert seen.colour[0].tolist() == pytest.approx([0.25 * (1 - light) + light] * 3, rel=1e-5)
    assert float(near) <= float(samples.depths.min()) and float(samples.depths.max()) <= float(far)


def test_last_sample_stands_for_everything_behind_it() -> None:
    ends = torch.tensor([2.0]), torch.tensor([6.0])
    samples = endless_samples(*ends, 4, torch.ones(1))
    colours = torch.zeros(1, 4, 3)
    colours[0, -1] = torch.tensor([0.1, 0.6, 0.3])
    seen = composite(colours, torch.tensor([[0.0, 0.0, 0.0, 1e-3]]), samples)
    assert samples.depths[0, [0, -1]].tolist() == [2.0, 6.0]
    assert seen.colour[0].tolist() == pytest.approx([0.1, 0.6, 0.3])
    jittered = endless_samples(*ends, 4, torch.ones(1), torch.full((1, 4), 0.9)).depths[0]
    assert bool((jittered[1:] > jittered[:-1]).all()) and float(jittered[0]) >= 2 and float(jittered[-1]) <= 6


def test_rays_cross_the_cube_where_they_should() -> None:
    origins = torch.tensor([[0.0, 0.0, 3.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0], [5.0, 0.0, 0.0]])
    directions = torch.tensor([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [0.0, -0.5, 0.0], [-1.0, 0.0, 0.0]])
    near, far = cube_crossing(origins, directions, 0.5)
    assert near[[0, 2, 3]].tolist() == [2.5, 0.0, 4.5] and far[[0, 2, 3]].tolist() == [3.5, 1.0, 5.5]
    assert float(near[1]) == float(far[1])  # a ray that misses has no length


@pytest.mark.parametrize("kind", ["own", "published"])
def test_quick_render_agrees_with_the_dense_one(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = sampled("nerf", seed=4)[0] if kind == "own" else published_kind()
    domain = sample.domain
    assert isinstance(domain, NerfDomain)
    origins, directions = camera_rays(sample, 24)
    dense = dense_maps(domain, sample.fields, origins, directions, SAMPLES)
    assert 0.15 < float((dense.opacity > 0.9).float().mean()) < 0.95  # something, and something beside it
    assert float(dense.colour.std()) > 0.05
    grid = occupancy_grid(domain, sample.fields, TOKEN)
    evaluated, shaded = [], []
    plain, shading = domain.hidden_and_density, domain.colours

    def counted(fields, points):
        evaluated.append(points.shape[1])
        return plain(fields, points)

    def counted_colours(hidden, directions):
        shaded.append(len(hidden))
        return shading(hidden, directions)

    monkeypatch.setattr(domain, "hidden_and_density", counted)
    monkeypatch.setattr(domain, "colours", counted_colours)
    with torch.inference_mode():
        quick = RayMarcher(domain, sample.fields, grid, SAMPLES, TOKEN).march(origins, directions)
    error = (quick.colour - dense.colour).square().mean()
    assert float(-10 * torch.log10(error)) >= 40
    assert float((quick.opacity - dense.opacity).abs().max()) < 0.01
    solid = dense.opacity > 0.9
    assert float((quick.depth - dense.depth)[solid].abs().max()) < 0.01
    assert 0 < sum(evaluated) < 0.7 * SAMPLES * len(origins)
    assert 0 < sum(shaded) < 0.7 * sum(evaluated)  # colours only where some light is


def test_a_starters_own_samples_a_ray_agree_with_twice_as_many_dense_ones() -> None:
    model = ddmi.load("cars", device="cpu")
    drawn = model.sample(seed=2)[0]
    domain = load_model(find_model("cars").path).domain
    assert isinstance(domain, NerfDomain) and domain.radiance.samples < SAMPLES
    with torch.inference_mode():
        fields = domain.decode(torch.from_numpy(drawn.latent.copy())[None])
        origins, directions = camera_rays(Decoded(domain, fields), 40)
        dense = dense_maps(domain, fields, origins, directions, SAMPLES)
        marcher = RayMarcher(domain, fields, occupancy_grid(domain, fields, TOKEN), domain.radiance.samples, TOKEN)
        quick = marcher.march(origins, directions)
    assert 0.05 < float((dense.opacity > 0.5).float().mean()) < 0.5  # a car, and room around it
    assert float(-10 * torch.log10((quick.colour - dense.colour).square().mean())) >= 40


def test_grid_finds_a_part_between_its_corners() -> None:
    sample = ball()
    assert isinstance(sample.domain, NerfDomain)
    grid = occupancy_grid(sample.domain, sample.fields, TOKEN, 16)
    points = torch.rand(5000, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    inside = (points - torch.tensor(CENTRE)).norm(dim=-1) < RADIUS
    assert bool(grid.occupied(points)[inside].all())
    assert not grid.occupied(torch.tensor([-0.5, 0.5, -0.5]))
    assert bool(grid.occupied(torch.tensor([9.0, 0.0, 0.0])))  # nothing is known beyond the cube


def test_maps_of_a_ball_are_exact() -> None:
    sample, side = ball(), 41
    eye = Camera().matrix(sample.domain.radiance.camera_distance)[:3, 3]
    origins, directions = camera_rays(sample, side)
    view = RadianceView(side, side)
    seen, normals = picture(sample, view), picture(sample, RadianceView(side, side, shows="normals"))
    offset = torch.tensor(CENTRE) - origins
    unit = directions / directions.norm(dim=-1, keepdim=True)
    along = (offset * unit).sum(-1)
    reach = RADIUS**2 - (offset.square().sum(-1) - along.square())
    hit = (reach > 0.01).reshape(side, side).numpy()  # well inside the outline
    places = origins + unit * (along - reach.clamp(min=0).sqrt())[:, None]
    depth = ((places - origins).norm(dim=-1) / directions.norm(dim=-1)).reshape(side, side).numpy()
    assert np.abs(seen.depth - depth)[hit].max() < 0.02 and seen.opacity[hit].min() > 0.99
    colours = (places + 0.5).reshape(side, side, 3).numpy()
    assert np.abs(seen.pixels / 255 - colours)[hit].max() < 0.03
    assert (seen.pixels[0, 0] == 255).all() and seen.depth[0, 0] == 0 and seen.opacity[0, 0] < 1e-3
    outward = ((places - torch.tensor(CENTRE)) / RADIUS).reshape(side, side, 3).numpy()
    assert np.abs(normals.pixels / 127.5 - 1 - outward)[hit].max() < 0.1
    grey = picture(sample, RadianceView(side, side, shows="depth")).pixels[hit][:, 0].astype(int)
    assert np.corrcoef(grey, depth[hit])[0, 1] > 0.99
    assert float(np.linalg.norm(eye)) == pytest.approx(sample.domain.radiance.camera_distance)


def test_renders_of_one_and_three_times_the_size_share_their_pixel_middles() -> None:
    sample, _ = sampled("nerf")
    small, large = (picture(sample, RadianceView(side, side)).pixels.astype(int) for side in (8, 24))
    assert np.abs(large[1::3, 1::3] - small).max() <= 1


def test_camera_at_a_pose_sees_what_the_orbit_sees() -> None:
    sample, _ = sampled("nerf")
    for camera in orbit(2, Camera(10, 35)):
        at = Camera.at(spherical_pose(camera.azimuth, -35, sample.domain.radiance.camera_distance))
        views = (RadianceView(12, 8, c) for c in (camera, at))
        first, second = (picture(sample, view).pixels for view in views)
        assert first.shape == (8, 12, 3) and np.array_equal(first, second)


@pytest.mark.parametrize(
    ("camera", "said"),
    [
        (Camera(distance=0.0), "distance 0"),
        (Camera(angle=4.0), "angle of view of 4"),
        (Camera(pose=(1.0, 2.0)), "2 numbers"),
    ],
)
def test_impossible_cameras_are_named(camera: Camera, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        picture(sampled("nerf")[0], RadianceView(4, 4, camera))


def test_impossible_views_are_named() -> None:
    sample, _ = sampled("nerf")
    with pytest.raises(BadInput, match="4x4"):
        Camera.at(np.eye(3))
    with pytest.raises(BadInput, match="1 samples a ray"):
        picture(sample, RadianceView(4, 4, samples=1))
    with pytest.raises(BadInput, match="radiance fields: there is no picture of a field in the plane"):
        RENDERER.check_view(ImageView(4, 4))


def test_coarse_picture_comes_first_and_cancelling_stops_between_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    sample, _ = sampled("nerf")
    events, made = drained(RENDERER.render(sample, RadianceView(96, 96), TOKEN, True))
    first = next(event for event in events if isinstance(event, Partial))
    assert first.value.pixels.shape == (24, 24, 3) and made.pixels.shape == (96, 96, 3)
    token = CancelToken()
    work = RENDERER.render(sample, RadianceView(512, 512), token, False)
    next(work)
    next(work)
    token.cancel()
    with pytest.raises(WorkCancelled):
        next(work)


def test_memory_of_a_large_picture_is_that_of_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    sample, _ = sampled("nerf")
    largest = []
    plain = RayMarcher.march

    def watched(self, origins, directions):
        largest.append(len(origins))
        return plain(self, origins, directions)

    monkeypatch.setattr(RayMarcher, "march", watched)
    picture(sample, RadianceView(130, 40))
    assert max(largest) <= rays.RAYS and sum(largest) == 130 * 40


def test_frames_lie_with_the_cameras_that_see_them(tmp_path: Path) -> None:
    decoded, sample = sampled("nerf")
    request = Export(sample, tmp_path / "frames", views=3, camera=Camera(0, 10, angle=0.5))
    _, path = drained(RENDERER.write(decoded, request, (10, 6), TOKEN))
    told = json.loads((path / "transforms.json").read_text())
    assert (told["camera_angle_x"], told["w"], told["h"], len(told["frames"])) == (0.5, 10, 6, 3)
    assert read_recipe(path) == read_recipe(path / "0001.png") == sample.recipe
    for frame in told["frames"]:
        camera = Camera.at(np.array(frame["transform_matrix"]), told["camera_angle_x"])
        again = picture(decoded, RadianceView(10, 6, camera)).pixels
        assert np.array_equal(np.asarray(Image.open(path / frame["file_path"])), again)
    with pytest.raises(CannotWrite, match="there already"):
        drained(RENDERER.write(decoded, request, (10, 6), TOKEN))


def test_frames_that_are_given_up_leave_nothing(tmp_path: Path) -> None:
    decoded, sample = sampled("nerf")
    work = RENDERER.write(decoded, Export(sample, tmp_path / "frames", views=3), (8, 8), TOKEN)
    for _ in range(2):
        next(work)
    work.close()
    assert list(tmp_path.iterdir()) == []


def test_mesh_has_its_colours_baked_and_stands_upright(tmp_path: Path) -> None:
    decoded, sample = ball(), sampled("nerf")[1]
    mesh = value_of(RENDERER.render(decoded, MeshView(40), TOKEN, False))
    x, y, z = CENTRE
    assert mesh.watertight and np.abs(mesh.vertices.mean(0) - [x, z, -y]).max() < 0.01  # y up
    assert np.abs(np.linalg.norm(mesh.vertices - [x, z, -y], axis=1) - RADIUS).max() < 0.02
    world = np.stack([mesh.vertices[:, 0], -mesh.vertices[:, 2], mesh.vertices[:, 1]], axis=1)
    assert np.abs(mesh.colours / 255 - (world + 0.5)).max() < 0.01
    for suffix in (".ply", ".glb"):
        path = tmp_path / f"a{suffix}"
        drained(RENDERER.write(decoded, Export(sample, path), (40, 40), TOKEN))
        back = trimesh.load(path, force="mesh", process=False)
        stored = back.visual.vertex_colors[:, :3] / 255
        shown = np.where(stored <= 0.0031308, 12.92 * stored, 1.055 * stored ** (1 / 2.4) - 0.055)
        seen = shown if suffix == ".glb" else stored  # glTF's colours are linear
        place = np.stack([back.vertices[:, 0], -back.vertices[:, 2], back.vertices[:, 1]], axis=1) + 0.5
        assert np.abs(seen - place).max() < 0.03
