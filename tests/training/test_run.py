"""The training loop on small data: it learns, resumes exactly, keeps what it is told to keep."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.checkpoints.store import read_model
from ddmi_models.errors import BadConfig, BadData
from ddmi_models.events import Notice, Progress, Result
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.folder import METRICS_FILE, MODEL_FILE, run_info
from ddmi_models.training.loop import run_training
from tests.training.small import image_config, image_data, shape_config, shape_data


def finish(config: TrainConfig, folder: Path, resume: bool = False) -> Path:
    return [event for event in run_training(config, folder, resume=resume) if isinstance(event, Result)][-1].value


def weights(path: Path) -> dict[str, torch.Tensor]:
    return read_model(path)[1]


def figures(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / METRICS_FILE).read_text().splitlines()]


@pytest.mark.parametrize("make", [(image_config, image_data), (shape_config, shape_data)], ids=["image", "shape"])
def test_first_stage_learns(make: tuple, tmp_path: Path) -> None:
    config_of, data_of = make
    config = config_of(data_of(tmp_path / "data"), steps=120, learning_rate=8e-3)
    finish(config, tmp_path / "run")
    losses = [row["reconstruction"] for row in figures(tmp_path / "run") if "loss" in row]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_a_run_that_saves_often_tells_its_loss_and_pace_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ddmi_models.training.folder.STATUS_SECONDS", 0.01)
    config, folder = (
        image_config(image_data(tmp_path / "data"), steps=8, save_every=1, sample_every=1),
        tmp_path / "run",
    )
    for event in run_training(config, folder):
        if isinstance(event, Progress) and event.step == 7:
            info = run_info(folder)
            assert info.loss is not None and info.seconds_left is not None
    rows = [row for row in figures(folder) if "loss" in row]
    assert run_info(folder).loss == rows[-1]["loss"]
    seconds = [row["seconds"] for row in rows]
    assert seconds == sorted(set(seconds))  # finer than a step


def test_resumed_run_equals_uninterrupted_one(tmp_path: Path) -> None:
    data = image_data(tmp_path / "data")
    config = image_config(data, steps=12, save_every=4)
    whole = weights(finish(config, tmp_path / "whole"))

    token = CancelToken()
    with pytest.raises(WorkCancelled):
        for event in run_training(config, tmp_path / "halves", token=token):
            if isinstance(event, Progress) and event.step == 7:
                token.cancel()
    halves = weights(finish(config, tmp_path / "halves", resume=True))
    assert whole.keys() == halves.keys()
    assert all(torch.equal(whole[key], halves[key]) for key in whole)


def test_parts_of_a_batch_add_up_to_it(tmp_path: Path) -> None:
    data = shape_data(tmp_path / "data")
    whole = weights(finish(shape_config(data, steps=2, kl={"start": 0, "end": 0}, ema=0.0), tmp_path / "whole"))
    config = shape_config(data, steps=2, kl={"start": 0, "end": 0}, ema=0.0, accumulate=2)
    parts = weights(finish(config, tmp_path / "parts"))
    moved = [key for key in whole if not torch.allclose(whole[key], parts[key], atol=5e-3)]
    assert not moved


def test_decoder_only_keeps_the_encoder(tmp_path: Path) -> None:
    data = image_data(tmp_path / "data")
    first = finish(image_config(data, steps=2), tmp_path / "first")
    config = image_config(data, steps=2, model=None, start_from=str(first), finetune="decoder")
    before, after = weights(first), weights(finish(config, tmp_path / "second"))
    encoder = [key for key in before if ".encoder." in key or ".quant_conv" in key]
    assert encoder and all(torch.equal(before[key], after[key]) for key in encoder)
    assert not torch.equal(before["vaemodel.decoder.conv_out.weight"], after["vaemodel.decoder.conv_out.weight"])


def test_second_stage_with_text_learns_the_words_of_the_captions(tmp_path: Path) -> None:
    data = shape_data(tmp_path / "data")
    first = finish(shape_config(data, steps=2), tmp_path / "first")
    values = {
        "name": "small",
        "stage": "diffusion",
        "start_from": str(first),
        "data": {"train": str(data)},
        "unet": {
            "in_channels": 6, "out_channels": 6, "model_channels": 16, "multipliers": [1], "blocks": 1,
            "attention_factors": [1], "head_channels": 8, "context_channels": 16, "pooled_channels": 16, "groups": 4,
        },
        "diffusion": {"mixed_prediction": False, "target": "v", "normalised": True},
        "text": {"width": 16, "layers": 1, "heads": 2, "context_length": 8},
        "steps": 40, "batch": 8, "learning_rate": 3e-3, "log_every": 1, "warmup": 1,
    }  # fmt: skip
    path = finish(TrainConfig.parse(values), tmp_path / "second")
    header, tensors = read_model(path)
    assert header.stage == "full"
    assert set(header.config.text.words) == {"ball", "small", "large", "a"}
    losses = [row["loss"] for row in figures(tmp_path / "second") if "loss" in row]
    assert np.mean(losses[-8:]) < np.mean(losses[:8])
    assert torch.equal(tensors["vaemodel.decoder.conv_out.weight"], weights(first)["vaemodel.decoder.conv_out.weight"])
    assert tensors["diffusion.latent_std"].min() > 0


def test_says_that_the_perceptual_term_is_left_out(tmp_path: Path) -> None:
    events = list(run_training(image_config(image_data(tmp_path / "data"), steps=1), tmp_path / "run"))
    assert any(isinstance(event, Notice) and "VGG-16" in event.message for event in events)


def test_no_data_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="ddmi data make"):
        list(run_training(image_config(tmp_path / "empty", steps=1), tmp_path / "run"))


def test_second_stage_without_a_denoiser_is_refused(tmp_path: Path) -> None:
    data = image_data(tmp_path / "data")
    first = finish(image_config(data, steps=1), tmp_path / "first")
    values = {"name": "x", "stage": "diffusion", "start_from": str(first), "data": {"train": str(data)}, "steps": 1}
    with pytest.raises(BadConfig, match="unet"):
        list(run_training(TrainConfig.parse(values), tmp_path / "second"))


def test_resuming_nothing_is_one_clear_error(tmp_path: Path) -> None:
    config = image_config(image_data(tmp_path / "data"), steps=1)
    with pytest.raises(BadData, match="cannot be resumed"):
        list(run_training(config, tmp_path / "run", resume=True))
    assert not (tmp_path / "run" / MODEL_FILE).exists()
