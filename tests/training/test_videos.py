"""Training on clips: what a step looks at, both stages, a clip of another length."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ddmi_models.errors import BadInput
from ddmi_models.events import Result
from ddmi_models.model import load_model
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.data import VideoBatches
from ddmi_models.training.folder import METRICS_FILE
from ddmi_models.training.loop import run_training
from tests.training.small import video_config, video_data


def finish(config: TrainConfig, folder: Path) -> Path:
    return [event for event in run_training(config, folder) if isinstance(event, Result)][-1].value


def figures(folder: Path, key: str) -> list[float]:
    rows = [json.loads(line) for line in (folder / METRICS_FILE).read_text().splitlines()]
    return [row[key] for row in rows if key in row]


def test_targets_are_the_pixels_at_the_points(tmp_path: Path) -> None:
    config = video_config(video_data(tmp_path / "data"), steps=1).data.model_copy(
        update={"crop": 6, "target_frames": 3, "size": 8, "flip": True}
    )
    batches = VideoBatches(config.train, config, seed=0)
    items = np.array([4, 9])
    batch = batches.prepare(items, np.random.default_rng(3))
    assert batch["frames"].shape == (2, 3, 8, 8, 8)  # the encoder sees the frames at half the size
    assert batch["target"].shape == (2, 3, 3, 6, 6) and batch["points"].shape == (3 * 6 * 6, 3)
    x, y, t = np.round((batch["points"].numpy() * [16, 16, 8] + [15, 15, 7]) / 2).astype(int).T
    stored = batches.arrays["frames"][items]
    same = []
    for clip, target in zip(stored, batch["target"], strict=True):
        wanted = target.flatten(1).T.add(1).mul(127.5).round().numpy()
        same.append([np.array_equal(side[t, y, x], wanted) for side in (clip, clip[:, :, ::-1])])
    assert all(sum(sides) >= 1 for sides in same)


def test_both_stages_learn(tmp_path: Path) -> None:
    data = video_data(tmp_path / "data")
    first = finish(video_config(data, steps=40, batch=4, learning_rate=8e-3), tmp_path / "first")
    losses = figures(tmp_path / "first", "reconstruction")
    assert np.mean(losses[-5:]) < 0.85 * np.mean(losses[:5])
    unet = {
        "in_channels": 4, "out_channels": 4, "model_channels": 16, "multipliers": [1, 2], "blocks": 1, "groups": 4,
        "attention_factors": [2], "head_channels": 8, "joint_heads": 2,
    }  # fmt: skip
    diffusion = {"mixed_prediction": False, "target": "v", "normalised": True, "steps": 4}
    config = video_config(
        data, steps=20, stage="diffusion", model=None, start_from=str(first), unet=unet, diffusion=diffusion
    )
    model = load_model(finish(config, tmp_path / "second"))
    errors = figures(tmp_path / "second", "loss")
    assert np.mean(errors[-5:]) < 0.9 * np.mean(errors[:5])
    assert model.denoiser is not None
    with torch.no_grad():
        latent = torch.randn(1, *model.domain.layout.shape)
        assert model.denoiser.predict(latent, torch.tensor([500])).x0.shape == latent.shape


def test_a_clip_of_another_length_is_named(tmp_path: Path) -> None:
    data = video_data(tmp_path / "data")
    config = video_config(data, steps=1)
    assert config.model is not None
    clip = config.model.clip.model_copy(update={"frames": 6})
    other = config.model_copy(update={"model": config.model.model_copy(update={"clip": clip})})
    with pytest.raises(BadInput, match=r"8 frames of 16x16 .* reads 6 frames of 16x16"):
        list(run_training(other, tmp_path / "run"))
