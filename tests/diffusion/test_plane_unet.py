"""The U-Net of planes of unequal sizes: they keep their sizes and see one another."""

from __future__ import annotations

import pytest
import torch

from ddmi_models.config import UNetConfig
from ddmi_models.errors import BadConfig
from ddmi_models.nets.plane_unet import PlaneUNet, build_unet
from ddmi_models.nets.unet import UNet
from tests.golden.weights import fill_weights

SIZES = ((4, 4), (6, 4), (6, 4))
CELLS = 16 + 24 + 24


def config(**changes: object) -> UNetConfig:
    values = {
        "in_channels": 3, "out_channels": 3, "model_channels": 8, "multipliers": (1, 2), "blocks": 1, "groups": 4,
        "attention_factors": (2,), "head_channels": 4, "joint_heads": 2,
    }  # fmt: skip
    return UNetConfig.parse({**values, **changes})


def network() -> PlaneUNet:
    net = build_unet(config(), SIZES)
    assert isinstance(net, PlaneUNet)
    fill_weights(net, "diffusion")
    return net


def test_every_plane_changes_every_other() -> None:
    net, t = network(), torch.tensor([7])
    x = torch.randn(1, 3, CELLS, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        before = net(x, t)
        assert before.shape == x.shape
        for part in (slice(0, 16), slice(16, 40), slice(40, 64)):
            other = x.clone()
            other[..., part] += 1
            assert bool(((net(other, t) - before).abs().mean(1) > 1e-6).all())


def test_planes_of_one_kind_only_have_the_plain_network() -> None:
    assert type(build_unet(config())) is UNet


def test_a_pass_can_be_stopped_between_blocks() -> None:
    net, calls = network(), []

    def check() -> None:
        calls.append(None)
        if len(calls) == 3:
            raise KeyboardInterrupt

    net.check = check
    with pytest.raises(KeyboardInterrupt):
        net(torch.zeros(1, 3, CELLS), torch.tensor([0]))
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("changes", "sizes", "said"),
    [
        ({}, ((4, 4), (5, 4), (5, 4)), "5x4 cells cannot be halved 1 times"),
        ({"joint_heads": 3}, SIZES, "8 channels cannot be split into 3 heads"),
    ],
)
def test_sizes_that_do_not_fit_are_named(changes: dict, sizes: tuple, said: str) -> None:
    with pytest.raises(BadConfig, match=said):
        build_unet(config(**changes), sizes)
