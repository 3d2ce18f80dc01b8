"""Training of radiance fields: rays of posed pictures are drawn as they should be, and the field learns them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from ddmi_models.cameras import CAMERA_ANGLE, intrinsics, pixel_rays, spherical_pose
from ddmi_models.events import Result
from ddmi_models.training.config import DataConfig, TrainConfig
from ddmi_models.training.data import NerfBatches
from ddmi_models.training.folder import METRICS_FILE
from ddmi_models.training.loop import run_training

SIDE, VIEWS, DISTANCE = 12, 3, 1.8
RADII, COLOURS = (0.2, 0.3, 0.4, 0.45), ((200, 40, 30), (30, 60, 210), (40, 180, 60), (120, 40, 140))


def ball_pictures(radius: float, colour: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Pictures uint8 [views, side, side, 3] of a ball on white, and their poses."""
    poses = np.stack([spherical_pose(120.0 * view, -20, DISTANCE) for view in range(VIEWS)]).astype(np.float32)
    pixels = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1) + 0.5
    pictures = np.full((VIEWS, SIDE, SIDE, 3), 255, np.uint8)
    for picture, pose in zip(pictures, poses, strict=True):
        origins, directions = pixel_rays(pose, intrinsics(SIDE, SIDE, CAMERA_ANGLE), pixels)
        directions = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
        along = -(origins * directions).sum(-1)
        picture[np.linalg.norm(origins + along[..., None] * directions, axis=-1) < radius] = colour
    return pictures, poses


def ball_data(folder: Path) -> Path:
    """Balls, the larger the further along in a row of colours."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    ways = rng.normal(size=(len(RADII), 128, 3))
    ways /= np.linalg.norm(ways, axis=-1, keepdims=True)
    made = [ball_pictures(radius, colour) for radius, colour in zip(RADII, COLOURS, strict=True)]
    colours = np.broadcast_to(np.array(COLOURS)[:, None] / 255, ways.shape)
    np.savez(
        folder / "shard-00000.npz",
        cloud=np.concatenate([ways * np.array(RADII)[:, None, None], colours], -1).astype(np.float16),
        images=np.stack([pictures for pictures, _ in made]),
        poses=np.stack([poses for _, poses in made]),
        camera_angle=np.full(len(RADII), CAMERA_ANGLE, np.float32),
    )
    return folder


def ball_config(data: Path, steps: int) -> TrainConfig:
    values = {
        "name": "balls", "stage": "autoencoder", "steps": steps, "batch": 4, "learning_rate": 1e-2, "warmup": 1,
        "log_every": 1, "ema": 0.9, "seed": 5, "sample_every": 1000,
        "data": {
            "train": str(data), "validation": str(data), "cloud_points": 128, "rays": 96, "ray_samples": 16,
        },
        "model": {
            "domain": "nerf", "plane_order": ["xy", "yz", "xz"],
            "point_encoder": {
                "point_channels": 6, "hidden": 8, "out_channels": 8, "blocks": 2, "plane_resolution": 16,
            },
            "autoencoder": {
                "in_channels": 8, "width": 8, "multipliers": [1, 2, 2], "blocks": 1, "z_channels": 4,
                "embed_channels": 2, "plane_channels": 4, "resolution": 16, "basis_resolutions": [4, 8], "groups": 4,
            },
            "coordinate_net": {"width": 16, "plane_channels": 4, "out_channels": 4},
            "radiance": {
                "layers": 3, "skips": [1, 2], "point_frequencies": 2, "direction_frequencies": 1, "extent": 0.55,
                "density_scale": 20.0, "density_shift": -2.0,
            },
        },
    }  # fmt: skip
    return TrainConfig.parse(values)


def test_first_stage_learns_the_colours_that_rays_see(tmp_path: Path) -> None:
    config = ball_config(ball_data(tmp_path / "data"), steps=130)
    assert any(isinstance(event, Result) for event in run_training(config, tmp_path / "run"))
    rows = [json.loads(line) for line in (tmp_path / "run" / METRICS_FILE).read_text().splitlines()]
    reached = np.mean([row["psnr"] for row in rows if "loss" in row][-10:])
    colours = NerfBatches(config.data.train, config.data, config.seed).batch(0, 4)["colours"]
    of_one_colour = -10 * torch.log10((colours - colours.mean(1, keepdim=True)).square().mean())
    assert reached > float(of_one_colour) + 2  # more than the mean colour of each object


def test_rays_go_through_the_pixels_whose_colours_they_carry(tmp_path: Path) -> None:
    settings = DataConfig(train=ball_data(tmp_path / "data"), cloud_points=50, rays=400, ray_samples=6, object_rays=0.5)
    data = NerfBatches(settings.train, settings, seed=0)
    batch = data.batch(3, size=2)
    shapes = {key: tuple(value.shape) for key, value in batch.items()}
    rays = (2, 400, 3)
    assert shapes == {
        "cloud": (2, 50, 6), "origins": rays, "directions": rays, "colours": rays, "jitter": (2, 400, 6),
    }  # fmt: skip
    for item, ways in zip(data.indices(3, 2), range(2), strict=True):
        unit = batch["directions"][ways] / batch["directions"][ways].norm(dim=-1, keepdim=True)
        along = -(batch["origins"][ways] * unit).sum(-1, keepdim=True)
        inside = (batch["origins"][ways] + along * unit).norm(dim=-1) < RADII[item]
        white = (batch["colours"][ways] == 1).all(-1)
        assert torch.equal(inside, ~white)
        assert 0.5 <= float(inside.float().mean()) < 0.95
    assert all(torch.equal(value, data.batch(3, size=2)[key]) for key, value in batch.items())
    assert not torch.equal(batch["colours"], data.batch(4, size=2)["colours"])
