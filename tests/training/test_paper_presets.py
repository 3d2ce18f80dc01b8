"""The paper's own settings: every preset parses, its networks can be built, and what the authors' configuration files
and trainers say is what published sets get."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch

from ddmi_models.model import ModelParts
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.presets import parse_config, preset_names, preset_text
from ddmi_models.training.presets.paper import PAPER_SETS, paper_presets

PUBLISHED = {
    "afhq-cat": (57_201_088 + 1_880_021, 519_220_480),
    "celebahq": (69_598_144 + 1_880_021, 1_014_986_880),
    "shapenet": (2_307_616 + 124_110_464 + 629_825, 678_673_792),
    "srn-cars": (2_309_152 + 124_067_296 + 554_116, 678_673_792),
    "skytimelapse": (88_634_240 + 858_819, 767_856_768),
}
"""Parameters of the first stage and of the denoiser of the published models, buffers of the images' noise left out."""

SETS_OF_THE_PAPER = {
    "afhq-cat", "afhq-dog", "celebahq", "cifar10", "lsun-churches", "shapenet", "shapenet-chair", "text2shape",
    "srn-cars", "skytimelapse",
}  # fmt: skip


class FirstStage(NamedTuple):
    """A file of the authors for the first stage, and what its trainer makes of it.

    `before`: epochs that the trainer counts as done (`resume`). `adversary`: disc_weight, 0 where `adversarial` is off.
    `reconstruction`: weight of that term in the trainer, which has 1 in this program.
    """

    items: int
    epochs: int
    before: int
    batch_size: int
    gradient_accumulate_every: int
    lr: float
    lr_scheduler: bool
    kl_max_coeff: float
    kl_anneals: bool
    sn_anneals: bool
    warm_epochs: int = 5
    adversary: float = 0.0
    flipped: bool = False
    reconstruction: float = 1.0


FIRST_STAGES = {
    "afhq-cat-autoencoder": FirstStage(5065, 200, 0, 4, 5, 1e-4, True, 0.5, True, True, flipped=True),
    "afhq-cat-adversary": FirstStage(
        5065, 1500, 200, 1, 5, 5e-5, False, 0.5, False, False, warm_epochs=0, adversary=1.0, flipped=True
    ),
    "celebahq-autoencoder": FirstStage(30_000, 200, 0, 10, 5, 1e-4, True, 0.5, True, True, flipped=True),
    "celebahq-phase-2": FirstStage(
        30_000, 400, 200, 1, 5, 5e-5, True, 0.1, False, False, warm_epochs=0, flipped=True
    ),
    "shapenet-autoencoder": FirstStage(30_661, 300, 0, 12, 5, 1e-4, True, 0.01, True, True),
    "skytimelapse-autoencoder": FirstStage(2392, 200, 0, 2, 5, 1e-4, True, 0.1, True, True),
    "skytimelapse-adversary": FirstStage(2392, 600, 0, 2, 5, 1e-4, False, 0.1, False, False, adversary=0.5),
    "srn-cars-autoencoder": FirstStage(2458, 4000, 0, 1, 10, 5e-5, True, 0.05, True, False, reconstruction=20.0),
}  # fmt: skip


class SecondStage(NamedTuple):
    """The same for the second stage."""

    items: int
    epochs: int
    batch_size: int
    gradient_accumulate_every: int
    ema_update_every: int
    weight_decay: float


SECOND_STAGES = {
    "afhq-cat": SecondStage(5065, 1500, 4, 5, 10, 0.0),
    "celebahq": SecondStage(30_000, 1500, 5, 5, 10, 0.0),
    "shapenet": SecondStage(30_661, 3000, 10, 5, 5, 0.01),
    "srn-cars": SecondStage(2458, 3000, 32, 5, 5, 0.01),
    "skytimelapse": SecondStage(2392, 1500, 2, 1, 5, 0.01),
}


def config_of(name: str) -> TrainConfig:
    return parse_config(preset_text(name))


def parts_of(key: str) -> ModelParts:
    """Both stages of a set, without memory for their weights."""
    first, second = config_of(f"paper-{key}-autoencoder"), config_of(f"paper-{key}-diffusion")
    assert first.model is not None
    added = {"unet": second.unet, "diffusion": second.diffusion, "text": second.text}
    with torch.device("meta"):
        return ModelParts(first.model.model_copy(update=added))


def test_both_stages_of_every_set_of_the_paper_are_presets() -> None:
    assert set(PAPER_SETS) == SETS_OF_THE_PAPER
    names = set(preset_names())
    assert all({f"paper-{key}-autoencoder", f"paper-{key}-diffusion"} <= names for key in PAPER_SETS)
    for name in paper_presets():
        start = config_of(name).start_from
        assert start is None or start in names


@pytest.mark.parametrize("key", sorted(SETS_OF_THE_PAPER))
def test_networks_can_be_built(key: str) -> None:
    parts = parts_of(key)
    assert parts.diffusion is not None
    counts = [sum(p.numel() for p in module.parameters()) for module in (parts.domain, parts.diffusion)]
    if key in PUBLISHED:
        assert counts == pytest.approx(PUBLISHED[key], rel=1e-5)
    assert (parts.text is not None) == (key == "text2shape")


@pytest.mark.parametrize("name", sorted(paper_presets()))
def test_a_preset_says_what_it_is_and_what_it_trains(name: str) -> None:
    text, config = preset_text(name), config_of(name)
    assert text.startswith(("# First stage", "# Second stage")) and "paper's settings" in text.splitlines()[0]
    assert config.stage == ("diffusion" if name.endswith("diffusion") else "autoencoder")
    assert config.batch % config.accumulate == 0 and config.warmup < config.steps / 10
    assert bool(config.adversary.weight) == name.endswith("adversary")
    if config.stage == "autoencoder":
        assert config.spectral.end and config.kl.end >= config.kl.start


@pytest.mark.parametrize("name", FIRST_STAGES)
def test_first_stages_are_trained_as_published(name: str) -> None:
    config, file = config_of(f"paper-{name}"), FIRST_STAGES[name]
    batch = file.batch_size * file.gradient_accumulate_every
    an_epoch = file.items / batch / (2 if file.adversary else 1)  # with a discriminator, steps alternate
    assert (config.batch, config.accumulate) == (batch, file.gradient_accumulate_every)
    assert config.steps == round((file.epochs - file.before) * an_epoch)
    assert config.warmup == round(file.warm_epochs * an_epoch)
    assert (config.learning_rate, config.schedule) == (file.lr, "cosine" if file.lr_scheduler else "constant")
    assert (config.beta2, config.weight_decay, config.clip, config.ema) == (0.99, 0.01, None, 0.0)
    kl = [1e-4 if file.kl_anneals else file.kl_max_coeff, file.kl_max_coeff]
    assert [weight * file.reconstruction for weight in (config.kl.start, config.kl.end)] == pytest.approx(kl)
    assert (config.kl.constant_portion, config.kl.anneal_portion) == (1e-4, 0.9)
    spectral = [5.0 if file.sn_anneals else 0.1, 0.1]
    kept = (config.spectral.start, config.spectral.end)
    assert [weight * file.reconstruction for weight in kept] == pytest.approx(spectral)
    assert (config.adversary.weight, config.data.flip) == (file.adversary, file.flipped)
    if file.adversary:
        assert config.adversary.learning_rate == file.lr and not config.adversary.balanced


@pytest.mark.parametrize("key", SECOND_STAGES)
def test_second_stages_are_trained_as_published(key: str) -> None:
    config, file = config_of(f"paper-{key}-diffusion"), SECOND_STAGES[key]
    batch = file.batch_size * file.gradient_accumulate_every
    assert (config.batch, config.accumulate) == (batch, file.gradient_accumulate_every)
    assert config.steps == round(file.epochs * file.items / batch)
    assert (config.learning_rate, config.schedule, config.warmup) == (1e-4, "constant", 0)
    assert (config.beta2, config.weight_decay, config.clip) == (0.999, file.weight_decay, None)
    assert (config.ema, config.ema_every, config.ema_warmup) == (0.9999, file.ema_update_every, True)


def test_phases_follow_one_another() -> None:
    phases = {"celebahq": "phase-2", "afhq-cat": "adversary", "afhq-dog": "adversary", "skytimelapse": "adversary"}
    for key, later in phases.items():
        assert config_of(f"paper-{key}-{later}").start_from == f"paper-{key}-autoencoder"
        assert config_of(f"paper-{key}-diffusion").start_from == f"paper-{key}-{later}"
    assert config_of("paper-celebahq-phase-2").data.target_resolutions == (256,)


def test_sizes_of_pictures_are_drawn_as_often_as_the_authors_do() -> None:
    sizes = config_of("paper-afhq-cat-autoencoder").data.target_resolutions
    assert [sizes.count(size) / len(sizes) for size in (256, 384, 512)] == [0.3, 0.3, 0.4]
