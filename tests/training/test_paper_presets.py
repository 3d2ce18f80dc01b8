"""The paper's own settings: every preset parses, its networks can be built, published ones have their sizes."""

from __future__ import annotations

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


def test_sizes_of_pictures_are_drawn_as_often_as_the_authors_do() -> None:
    sizes = config_of("paper-afhq-cat-autoencoder").data.target_resolutions
    assert [sizes.count(size) / len(sizes) for size in (256, 384, 512)] == [0.3, 0.3, 0.4]
