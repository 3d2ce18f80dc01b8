"""The U-Net's names and shapes against the published files, and its refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from ddmi_models.config import DiffusionConfig, UNetConfig
from ddmi_models.diffusion.denoiser import Denoiser
from ddmi_models.errors import BadConfig
from ddmi_models.nets.unet import UNet

MANIFESTS = Path(__file__).resolve().parents[1] / "data" / "parity" / "manifests"
PUBLISHED = {"afhq": (64, 224, (1, 2, 4, 6)), "celebahq": (64, 256, (1, 2, 4, 8)), "shapenet": (192, 256, (1, 2, 4, 6))}


def shapes(module: torch.nn.Module) -> dict[str, list[int]]:
    return {key: list(value.shape) for key, value in module.state_dict().items()}


def recorded(path: Path, entry: str | None = None) -> dict[str, list[int]]:
    manifest = json.loads(path.read_text())
    return {key: shape for key, (shape, _) in (manifest[entry] if entry else manifest).items()}


@pytest.mark.parametrize("name", PUBLISHED)
def test_full_size_denoisers_have_the_published_tensors_in_their_order(name: str) -> None:
    channels, width, multipliers = PUBLISHED[name]
    config = UNetConfig(
        in_channels=channels,
        out_channels=channels,
        model_channels=width,
        multipliers=multipliers,
        attention_factors=(8, 4, 2),
    )
    with torch.device("meta"):
        denoiser = Denoiser(config, DiffusionConfig(), (1, channels, 1, 1))
    expected = recorded(MANIFESTS / f"ldm-{name}.json", "diffusion")
    assert shapes(denoiser) == expected
    assert list(denoiser.state_dict()) == list(expected)


def test_the_text_network_has_the_recorded_tensors() -> None:
    config = UNetConfig(
        in_channels=4,
        out_channels=4,
        model_channels=32,
        blocks=1,
        multipliers=(1, 2),
        attention_factors=(2, 1),
        head_channels=16,
        context_channels=24,
    )
    assert shapes(UNet(config)) == recorded(MANIFESTS / "tiny-text-unet.json")


def test_a_summary_of_the_text_adds_one_layer() -> None:
    config = UNetConfig(in_channels=4, out_channels=4, model_channels=8, multipliers=(1,), head_channels=8, groups=4)
    with_summary = UNet(config.model_copy(update={"pooled_channels": 6}))
    assert set(shapes(with_summary)) - set(shapes(UNet(config))) == {"pooled_embed.weight", "pooled_embed.bias"}


def test_a_fresh_network_says_nothing() -> None:
    unet = UNet(
        UNetConfig(in_channels=4, out_channels=4, model_channels=8, multipliers=(1, 2), head_channels=8, groups=4)
    )
    assert torch.equal(unet(torch.randn(1, 4, 8, 8), torch.tensor([3])), torch.zeros(1, 4, 8, 8))


@pytest.mark.parametrize(("changes", "word"), [({"groups": 5}, "groups"), ({"head_channels": 3}, "heads")])
def test_sizes_that_do_not_divide_are_refused(changes: dict[str, int], word: str) -> None:
    values = {
        "in_channels": 4,
        "out_channels": 4,
        "model_channels": 8,
        "multipliers": (1,),
        "head_channels": 8,
        "groups": 4,
    }
    with pytest.raises(BadConfig, match=word):
        UNetConfig.parse({**values, **changes})
