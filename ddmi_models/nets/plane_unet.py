"""The denoising U-Net of videos: planes of unequal sizes with shared weights, joined by attention after every step
(reference facts, section 6.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from ddmi_models.config import UNetConfig
from ddmi_models.errors import BadConfig
from ddmi_models.nets.blocks import SequenceAttention
from ddmi_models.nets.unet import UNet


class PlaneUNet(UNet):
    """Predicts noise (or what the model's target says) from noisy planes laid end to end, [B, C, cells].

    Args:
        config: as for `UNet`.
        sizes: (height, width) of the planes in packed order.
    """

    def __init__(self, config: UNetConfig, sizes: Sequence[tuple[int, int]]) -> None:
        super().__init__(config)
        halvings = 2 ** (len(config.multipliers) - 1)
        if any(side % halvings for size in sizes for side in size):
            raise BadConfig(
                f"Planes of {', '.join(f'{h}x{w}' for h, w in sizes)} cells cannot be halved "
                f"{len(config.multipliers) - 1} times.",
                "Give the U-Net fewer levels.",
            )
        self.sizes = tuple(sizes)
        going_down, going_up = step_widths(config)
        # The first convolution has no attention; the identity keeps the published numbering.
        self.input_attns = nn.ModuleList([nn.Identity(), *(self._joint(width) for width in going_down[1:])])
        self.mid_attn = self._joint(going_down[-1])
        self.output_attns = nn.ModuleList(self._joint(width) for width in going_up)

    def _joint(self, channels: int) -> SequenceAttention:
        heads = self.config.joint_heads
        if channels % heads:
            raise BadConfig(
                f"A layer of {channels} channels cannot be split into {heads} heads.", "Change joint_heads."
            )
        return SequenceAttention(channels, heads, channels // heads, self.config.groups)

    def forward(
        self,
        x: Float[Tensor, "batch channels cells"],
        t: Shaped[Tensor, " batch"],
        context: Float[Tensor, "batch tokens width_of_tokens"] | None = None,
        pooled: Float[Tensor, "batch width_of_summary"] | None = None,
        mask: Bool[Tensor, "batch tokens"] | None = None,
    ) -> Float[Tensor, "batch out_channels cells"]:
        """Network output [B, out_channels, cells]; arguments and errors as `UNet.forward`."""
        parts = x.split([height * width for height, width in self.sizes], dim=2)
        planes = [part.unflatten(2, size) for part, size in zip(parts, self.sizes, strict=True)]
        return torch.cat([plane.flatten(2) for plane in self._run(planes, t, context, pooled, mask)], dim=2)

    def _joined(self, attention: str, planes: list[torch.Tensor]) -> list[torch.Tensor]:
        module = self.get_submodule(attention)
        return module.across(planes) if isinstance(module, SequenceAttention) else planes


def step_widths(config: UNetConfig) -> tuple[list[int], list[int]]:
    """Channels after each input block and after each output block."""
    down, up = [config.model_channels], list[int]()
    for level, multiplier in enumerate(config.multipliers):
        last = level + 1 == len(config.multipliers)
        down += [config.model_channels * multiplier] * (config.blocks + (0 if last else 1))
        up = [config.model_channels * multiplier] * (config.blocks + 1) + up
    return down, up


def build_unet(config: UNetConfig, sizes: Sequence[tuple[int, int]] = ()) -> UNet:
    """The network of a latent whose planes have these sizes, see `PlaneLayout.sizes`.

    Raises:
        BadConfig: if the configuration's numbers do not fit one another.
    """
    return PlaneUNet(config, sizes) if sizes else UNet(config)
