"""Data and configurations small enough to train within seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ddmi_models.training.config import TrainConfig

ITEMS = 24


def image_data(folder: Path) -> Path:
    """Discs of one colour on another, 32 px."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32]
    pictures = np.empty((ITEMS, 32, 32, 3), np.uint8)
    for picture in pictures:
        centre, radius = rng.uniform(10, 22, 2), rng.uniform(5, 10)
        inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2
        picture[:] = np.where(inside[..., None], rng.integers(0, 255, 3), rng.integers(0, 255, 3))
    np.savez(folder / "shard-00000.npz", image=pictures)
    return folder


def shape_data(folder: Path) -> Path:
    """Balls, with the size in the caption."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    radii = rng.uniform(0.15, 0.45, ITEMS)
    directions = rng.normal(size=(ITEMS, 128, 3))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    points = rng.uniform(-0.5, 0.5, (ITEMS, 256, 3)).astype(np.float16)
    inside = np.linalg.norm(points.astype(np.float32), axis=-1) < radii[:, None]
    sizes = ["small" if radius < 0.3 else "large" for radius in radii]
    np.savez(
        folder / "shard-00000.npz",
        cloud=(directions * radii[:, None, None]).astype(np.float16),
        points=points,
        occupancy=np.packbits(inside, axis=1),
        captions=np.array([json.dumps(["ball", f"a {size} ball"]) for size in sizes]),
    )
    return folder


def video_data(folder: Path) -> Path:
    """Discs of one colour that cross another, 8 frames of 16 px."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16]
    clips = np.empty((ITEMS, 8, 16, 16, 3), np.uint8)
    for clip in clips:
        start, way, colours = rng.uniform(3, 13, 2), rng.uniform(-0.8, 0.8, 2), rng.integers(0, 255, (2, 3))
        for number, frame in enumerate(clip):
            across, down = start + number * way
            inside = (x - across) ** 2 + (y - down) ** 2 < 16
            frame[:] = np.where(inside[..., None], colours[0], colours[1])
    np.savez(folder / "shard-00000.npz", frames=clips)
    return folder


def video_config(data: Path, steps: int, **changes: Any) -> TrainConfig:
    model = {
        "domain": "video", "plane_order": ["xy", "xt", "yt"], "clip": {"frames": 8, "rate": 8},
        "video_encoder": {
            "channels": 32, "layers": 1, "heads": 2, "head_channels": 16, "plane_layers": 1, "plane_heads": 2,
            "plane_hidden": 32,
        },
        "autoencoder": {
            "in_channels": 3, "width": 8, "multipliers": [1, 2, 2], "blocks": 1, "z_channels": 4, "embed_channels": 4,
            "plane_channels": 4, "resolution": 16, "basis_resolutions": [4, 8], "joint_resolutions": [4],
            "joint_heads": 1, "groups": 4,
        },
        "coordinate_net": {"width": 16, "plane_channels": 4, "out_channels": 3},
    }  # fmt: skip
    return _config("disc", data, steps, model, {"size": 16, "crop": 16, "target_frames": 4}, changes)


def image_config(data: Path, steps: int, **changes: Any) -> TrainConfig:
    model = {
        "domain": "image", "plane_order": ["image"], "anchor_resolution": 16,
        "autoencoder": {
            "in_channels": 3, "width": 8, "multipliers": [1, 2, 2], "blocks": 1, "z_channels": 4, "embed_channels": 3,
            "plane_channels": 4, "resolution": 16, "basis_resolutions": [4, 8], "groups": 4,
        },
        "coordinate_net": {"width": 16, "plane_channels": 4, "out_channels": 3},
    }  # fmt: skip
    return _config("image", data, steps, model, {"target_resolutions": [16, 32], "crop": 16}, changes)


def shape_config(data: Path, steps: int, **changes: Any) -> TrainConfig:
    model = {
        "domain": "shape", "plane_order": ["xy", "xz", "yz"],
        "point_encoder": {"hidden": 8, "out_channels": 8, "blocks": 2, "plane_resolution": 16},
        "autoencoder": {
            "in_channels": 8, "width": 8, "multipliers": [1, 2, 2], "blocks": 1, "z_channels": 4, "embed_channels": 2,
            "plane_channels": 4, "resolution": 16, "basis_resolutions": [4, 8], "groups": 4,
        },
        "coordinate_net": {"width": 16, "plane_channels": 4, "out_channels": 1},
    }  # fmt: skip
    return _config("ball", data, steps, model, {"cloud_points": 128, "query_points": 256}, changes)


def _config(
    name: str, data: Path, steps: int, model: dict[str, Any], settings: dict[str, Any], changes: dict[str, Any]
) -> TrainConfig:
    values: dict[str, Any] = {
        "name": name, "stage": "autoencoder", "data": {"train": str(data), "validation_share": 0, **settings},
        "model": model, "steps": steps, "batch": 8, "learning_rate": 3e-3, "warmup": 1, "log_every": 1, "ema": 0.9,
        "seed": 5, "sample_every": 1000,
    }  # fmt: skip
    return TrainConfig.parse({key: value for key, value in {**values, **changes}.items() if value is not None})
