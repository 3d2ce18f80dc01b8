"""The discriminator's phase and the penalty on large weights: what they change, and that resumptions include them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from ddmi_models.checkpoints.store import read_model
from ddmi_models.errors import BadConfig
from ddmi_models.training.adversary import Adversary
from ddmi_models.training.config import AdversaryConfig, SpectralConfig, TrainConfig
from ddmi_models.training.schedules import spectral_weight
from ddmi_models.training.spectral import SpectralPenalty
from tests.training.killing import figures, survives, train
from tests.training.small import image_config, image_data, shape_config, video_config, video_data

ADVERSARY = {"weight": 0.5, "start": 3, "width": 16, "layers": 1}


def small_adversary(weight: float = 0.5) -> Adversary:
    return Adversary(AdversaryConfig(weight=weight, width=16, layers=1), seed=0, device=torch.device("cpu"))


def test_the_discriminator_joins_at_its_step(tmp_path: Path) -> None:
    data = image_data(tmp_path / "data")
    train(image_config(data, steps=6), tmp_path / "without")
    train(image_config(data, steps=6, adversary=ADVERSARY), tmp_path / "with")
    without, along = figures(tmp_path / "without"), figures(tmp_path / "with")
    assert without[:3] == along[:3]
    assert ["discriminator" in row for row in along] == [False] * 3 + [True] * 3
    assert along[4]["reconstruction"] != without[4]["reconstruction"]  # the second step with it sees what it changed
    names = read_model(tmp_path / "with" / "model.safetensors")[1].keys()
    assert names == read_model(tmp_path / "without" / "model.safetensors")[1].keys()  # it is no part of the model


def test_killed_runs_resume_with_discriminator_and_penalty(tmp_path: Path) -> None:
    config = image_config(
        image_data(tmp_path / "data"), steps=10, save_every=4, sample_every=4,
        adversary={**ADVERSARY, "start": 2}, spectral={"start": 0.5, "end": 0.1},
    )  # fmt: skip
    data = config.data.model_copy(update={"validation": tmp_path / "data"})
    info = survives(config.model_copy(update={"data": data}), tmp_path, kills=1, seed=3)
    assert (info.state, info.step) == ("finished", 10)


def test_the_pull_on_the_decoder_is_in_balance() -> None:
    torch.manual_seed(0)
    last = nn.Parameter(torch.randn(3, 5, 1, 1))
    features, true = torch.randn(2, 5, 16, 16), torch.randn(2, 3, 16, 16)
    made = nn.functional.conv2d(features, last)
    loss = (made - true).abs().sum()
    adversary = small_adversary(weight=0.25)
    added, shown = adversary.terms(loss, last, (made, true), torch.tensor(1.0))
    pulls = [torch.autograd.grad(term, last, retain_graph=True)[0].norm() for term in (loss, added)]
    assert float(pulls[1] / pulls[0]) == pytest.approx(0.25, rel=1e-2)
    assert shown["discriminator"] > 0
    added.backward()
    assert all(parameter.grad is not None for parameter in adversary.module.parameters())


def test_out_of_balance_its_mean_verdict_counts() -> None:
    torch.manual_seed(0)
    last = nn.Parameter(torch.randn(3, 5, 1, 1))
    features, true, scale = torch.randn(2, 5, 16, 16), torch.randn(2, 3, 16, 16), torch.tensor(1.0)
    made = nn.functional.conv2d(features, last)
    config = AdversaryConfig(weight=0.25, balanced=False, width=16, layers=1)
    adversary = Adversary(config, seed=0, device=torch.device("cpu"))
    added, _ = adversary.terms((made - true).abs().sum(), last, (made, true), scale)
    expected = -0.25 * adversary.module(made, scale).mean()
    pulls = [torch.autograd.grad(term, last, retain_graph=True)[0] for term in (added, expected)]
    assert torch.allclose(*pulls, rtol=1e-4, atol=1e-8)


def test_it_learns_to_tell_made_from_true() -> None:
    torch.manual_seed(0)
    adversary, last = small_adversary(), nn.Parameter(torch.ones(1))
    losses = []
    for _ in range(30):
        true = torch.rand(4, 3, 16, 16)
        made = -true * last
        added, shown = adversary.terms(made.square().sum(), last, (made, true), torch.tensor(0.5))
        adversary.optimizer.zero_grad()
        added.backward()
        adversary.apply(largest=10.0, factor=20.0)
        losses.append(shown["discriminator"])
    assert losses[-1] < 0.2 * losses[0]


def test_frames_of_videos_are_judged_too(tmp_path: Path) -> None:
    config = video_config(video_data(tmp_path / "data"), steps=2, adversary={**ADVERSARY, "start": 0})
    train(config, tmp_path / "run")
    assert "fooling" in figures(tmp_path / "run")[0]


@pytest.mark.parametrize(
    ("make", "changes", "message"),
    [
        (shape_config, {"adversary": ADVERSARY}, "pictures"),
        (image_config, {"adversary": ADVERSARY, "precision": "fp16"}, "fp16"),
    ],
)
def test_what_a_discriminator_cannot_do_is_told(make, changes: dict, message: str, tmp_path: Path) -> None:
    from ddmi_models.model import ModelParts
    from ddmi_models.training.objectives import AutoencoderObjective
    from tests.training.small import shape_data

    data = (shape_data if make is shape_config else image_data)(tmp_path / "data")
    config: TrainConfig = make(data, steps=1, **changes)
    assert config.model is not None
    with pytest.raises(BadConfig, match=message):
        AutoencoderObjective(config, ModelParts(config.model))


def test_the_penalty_is_the_largest_singular_values_and_scales() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3), nn.Conv1d(8, 2, 1)
    )
    with torch.no_grad():
        module[1].weight.copy_(torch.linspace(-3, 2, 8))
    penalty = SpectralPenalty(module)
    convolutions = [part for part in module if isinstance(part, nn.Conv2d)]
    expected = 3 + sum(torch.linalg.matrix_norm(part.weight.flatten(1), 2) for part in convolutions)
    assert torch.equal(penalty(0), penalty(0))  # the parts of a step agree
    assert float(penalty(1).detach()) == pytest.approx(float(expected.detach()), rel=2e-2)
    gradient = torch.autograd.grad(penalty(2), module[0].weight)[0].flatten(1)
    assert torch.linalg.matrix_rank(gradient, rtol=1e-3) == 1  # only the largest direction is pulled at


def test_the_penalty_keeps_weights_small(tmp_path: Path) -> None:
    data = image_data(tmp_path / "data")
    largest = []
    for name, spectral in (("free", {"start": 0.0, "end": 0.0}), ("kept", {"start": 1e5, "end": 1e5})):
        weights = read_model(train(image_config(data, steps=6, spectral=spectral), tmp_path / name))[1]
        kernels = [v for k, v in weights.items() if k.startswith("vaemodel") and v.ndim == 4]
        largest.append(sum(float(torch.linalg.matrix_norm(v.flatten(1), 2)) for v in kernels))
    assert largest[1] < 0.97 * largest[0]


def test_its_weight_falls_with_the_kl_weight() -> None:
    config = SpectralConfig(start=5.0, end=0.1)
    assert spectral_weight(0.0, config) == pytest.approx(5.0) and spectral_weight(1.0, config) == pytest.approx(0.1)
    assert spectral_weight(0.5, config) == pytest.approx(0.5**0.5)
    with pytest.raises(BadConfig, match="both"):
        SpectralConfig.parse({"start": 1.0})
