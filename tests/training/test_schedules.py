"""How learning rate, averages and clipping go over a run, as the settings say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from ddmi_models.checkpoints.store import read_model
from ddmi_models.errors import BadConfig
from ddmi_models.training.averaging import averaging
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.folder import STATE_FILE
from ddmi_models.training.proofreading import proofread
from ddmi_models.training.schedules import ema_decay, learning_rate_factor
from tests.training.killing import figures, train
from tests.training.small import image_config, image_data

EVEN = {"kl": {"start": 0.01, "end": 0.01}, "schedule": "constant", "ema": 0.0}
"""Steps of which none knows how many there are."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_data(tmp_path_factory.mktemp("schedules") / "data")


def values(**changes: Any) -> TrainConfig:
    return TrainConfig.parse({"name": "x", "stage": "diffusion", "data": {"train": "x"}, "steps": 100, **changes})


def weights(path: Path) -> torch.Tensor:
    return torch.cat([value.flatten().float() for _, value in sorted(read_model(path)[1].items())])


def test_the_learning_rate_rises_and_then_falls_or_stays() -> None:
    cosine, constant = values(warmup=10), values(warmup=10, schedule="constant")
    assert [learning_rate_factor(step, cosine) for step in (0, 4, 9, 10)] == pytest.approx([0.1, 0.5, 1, 1])
    assert [learning_rate_factor(step, cosine) for step in (55, 100)] == pytest.approx([0.51, 0.02])
    assert [learning_rate_factor(step, constant) for step in (0, 4, 9, 10, 55, 99)] == [0.1, 0.5, 1, 1, 1, 1]
    assert learning_rate_factor(0, values(warmup=0)) == learning_rate_factor(99, values(**EVEN, warmup=0)) == 1


def test_a_warmed_up_average_forgets_the_beginning() -> None:
    assert [ema_decay(step, 0.9999) for step in (0, 100)] == [0, 0]
    assert ema_decay(31_722, 0.9999) == pytest.approx(0.999, abs=1e-6)
    assert ema_decay(900_000, 0.9999) < ema_decay(1_100_000, 0.9999) == 0.9999


@pytest.mark.parametrize("warm", [False, True])
def test_averages_have_the_decay_of_their_step(warm: bool) -> None:
    trained = nn.Linear(1, 1, bias=False)
    average = AveragedModel(trained, multi_avg_fn=averaging(values(ema=0.9, ema_every=40, ema_warmup=warm)))
    expected = 0.0
    for update in range(8):
        nn.init.constant_(trained.weight, float(update))
        average.update_parameters(trained)
        decay = min(0.9, 1 - (1 + max(0, 40 * update - 100)) ** (-2 / 3)) if warm else 0.9
        expected = float(update) if update == 0 else decay * expected + (1 - decay) * update
        assert float(average.module.weight.detach()) == pytest.approx(expected, rel=1e-5)


def test_averages_are_updated_every_so_many_steps(data: Path, tmp_path: Path) -> None:
    often = train(image_config(data, steps=5, **EVEN), tmp_path / "often")
    seldom = train(image_config(data, steps=7, ema_every=4, **EVEN), tmp_path / "seldom")
    assert torch.equal(weights(often), weights(seldom)), "steps 0 and 4 are kept, 5 and 6 are not"


def test_gradients_are_cut_only_if_asked(data: Path, tmp_path: Path) -> None:
    made = {}
    for name, clip in (("free", None), ("wide", 1e12), ("narrow", 1e-6)):
        config = image_config(data, steps=3, **EVEN).model_copy(update={"clip": clip})
        made[name] = weights(train(config, tmp_path / name))
    assert all(row["gradient_norm"] > 1 for row in figures(tmp_path / "free"))
    assert torch.equal(made["free"], made["wide"]) and not torch.allclose(made["free"], made["narrow"])


def test_beta2_and_the_constant_rate_reach_the_optimizer(data: Path, tmp_path: Path) -> None:
    train(image_config(data, steps=2, beta2=0.999, **EVEN), tmp_path / "run")
    state = torch.load(tmp_path / "run" / STATE_FILE, weights_only=True)
    assert state["optimizer"]["param_groups"][0]["betas"] == (0.9, 0.999)
    assert [row["learning_rate"] for row in figures(tmp_path / "run")] == [3e-3, 3e-3]


def test_a_kl_term_that_would_fall_is_refused(data: Path) -> None:
    falling = {**image_config(data, steps=1).model_dump(mode="json"), "kl": {"start": 0.1, "end": 0.02}}
    with pytest.raises(BadConfig, match=r"0\.1 is above kl\.end, 0\.02"):
        TrainConfig.parse(falling)
    (problem,) = proofread(falling)
    assert problem.path == "kl.start" and problem.message.endswith("Lower it, or raise kl.end.")
