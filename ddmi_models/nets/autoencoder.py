"""The convolutional D2C-VAE: planes to a latent, a latent to basis planes at several scales (paper sections 3.1, 3.2).

One class serves images (one plane) and triplanes. The planes share the per-plane weights, and triplanes also have
joint blocks, in which the planes see one another, stacked on the channels. Reference facts: sections 3.1, 3.2, 4.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from ddmi_models.config import AutoencoderConfig
from ddmi_models.nets.blocks import NORM_EPS, Downsample, ResnetBlock, SpatialAttention, Upsample

TRIPLANES = ("xy", "yz", "xz")
"""Order in which the joint blocks stack the planes."""

DECODER_SLOTS = ("xy", "xz", "yz")
"""Order in which the decoder takes the planes from a packed latent."""


def _joint_blocks(channels: int, config: AutoencoderConfig, planes: int) -> nn.Sequential:
    width = planes * channels
    return nn.Sequential(
        ResnetBlock(width, width, config.groups, config.dropout),
        SpatialAttention(width, config.attention, config.groups),
        ResnetBlock(width, width, config.groups, config.dropout),
    )


class PlaneStack:
    """Moves between planes along the batch [P * B, C, H, W] and planes along the channels [B, P * C, H, W]."""

    def __init__(self, planes: int) -> None:
        self.planes = planes

    def joined(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat(x.chunk(self.planes, dim=0), dim=1)

    def split(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat(x.chunk(self.planes, dim=1), dim=0)

    def jointly(self, block: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return self.split(block(self.joined(x)))


class Level(nn.Module):
    """Blocks of one resolution; attention, joint blocks, tap and resampling where the configuration has them."""

    def __init__(self, channels: Sequence[int], config: AutoencoderConfig, resolution: int, planes: int) -> None:
        super().__init__()
        width = channels[-1]
        self.block = nn.ModuleList(ResnetBlock(a, b, config.groups, config.dropout) for a, b in pairwise(channels))
        attended = resolution in config.attention_resolutions
        self.attn = nn.ModuleList(
            SpatialAttention(width, config.attention, config.groups) for _ in (self.block if attended else ())
        )
        if planes > 1 and resolution in config.joint_resolutions:
            self.inter_attn = _joint_blocks(width, config, planes)

    def alone(self, x: torch.Tensor) -> torch.Tensor:
        """What happens to each plane by itself."""
        for index, block in enumerate(self.block):
            x = block(x)
            if len(self.attn):
                x = self.attn[index](x)
        return x

    def forward(self, x: torch.Tensor, stack: PlaneStack) -> torch.Tensor:
        x = self.alone(x)
        return stack.jointly(self.inter_attn, x) if hasattr(self, "inter_attn") else x


class Middle(nn.Module):
    """The bottleneck's own blocks; `block_3` and `block_4` join the planes (their attention sits beside this
    module)."""

    def __init__(self, channels: int, config: AutoencoderConfig, planes: int) -> None:
        super().__init__()
        self.block_1 = ResnetBlock(channels, channels, config.groups, config.dropout)
        self.attn_1 = SpatialAttention(channels, config.attention, config.groups)
        self.block_2 = ResnetBlock(channels, channels, config.groups, config.dropout)
        if planes > 1:
            self.block_3 = ResnetBlock(planes * channels, planes * channels, config.groups, config.dropout)
            self.block_4 = ResnetBlock(planes * channels, planes * channels, config.groups, config.dropout)

    def forward(self, x: torch.Tensor, joint_attention: nn.Module | None, stack: PlaneStack) -> torch.Tensor:
        x = self.block_2(self.attn_1(self.block_1(x)))
        if joint_attention is None:
            return x
        return stack.split(self.block_4(joint_attention(self.block_3(stack.joined(x)))))


class Encoder(nn.Module):
    """Planes [P * B, in_channels, H, W] to bottleneck features [P * B, 2 * z_channels, h, w]."""

    def __init__(self, config: AutoencoderConfig, planes: int) -> None:
        super().__init__()
        self.stack = PlaneStack(planes)
        widths = [config.width * m for m in config.multipliers]
        self.conv_in = nn.Conv2d(config.in_channels, config.width, 3, padding=1)
        self.down = nn.ModuleList()
        previous = config.width
        for index, width in enumerate(widths):
            level = Level([previous] + [width] * config.blocks, config, config.resolution // 2**index, planes)
            if index < len(widths) - 1:
                level.downsample = Downsample(width)
            self.down.append(level)
            previous = width
        self.mid = Middle(previous, config, planes)
        self.mid_attn = SpatialAttention(planes * previous, config.attention, config.groups) if planes > 1 else None
        self.norm_out = nn.GroupNorm(config.groups, previous, eps=NORM_EPS)
        self.conv_out = nn.Conv2d(previous, 2 * config.z_channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.conv_in(x)
        for level in self.down:
            h = level(h, self.stack)
            if hasattr(level, "downsample"):
                h = level.get_submodule("downsample")(h)
        h = self.mid(h, self.mid_attn, self.stack)
        return self.conv_out(F.silu(self.norm_out(h)))


class Decoder(nn.Module):
    """Bottleneck features [P * B, z_channels, h, w] to basis planes, coarse to fine: a list of [P * B,
    plane_channels, H_s, W_s]."""

    def __init__(self, config: AutoencoderConfig, planes: int) -> None:
        super().__init__()
        self.stack = PlaneStack(planes)
        widths = [config.width * m for m in config.multipliers]
        self.conv_in = nn.Conv2d(config.z_channels, widths[-1], 3, padding=1)
        self.mid = Middle(widths[-1], config, planes)
        self.mid_attn: nn.Module | None = (
            SpatialAttention(planes * widths[-1], config.attention, config.groups) if planes > 1 else None
        )
        levels: list[nn.Module] = []
        previous = widths[-1]
        for index in reversed(range(len(widths))):
            width, resolution = widths[index], config.resolution // 2**index
            level = Level([previous] + [width] * (config.blocks + 1), config, resolution, planes)
            if resolution in config.basis_resolutions:
                level.hdbf = nn.Sequential(nn.Conv2d(width, config.plane_channels, 1))
            if index > 0:
                level.upsample = Upsample(width)
            levels.insert(0, level)
            previous = width
        self.up = nn.ModuleList(levels)
        self.norm_out = nn.GroupNorm(config.groups, previous, eps=NORM_EPS)
        self.conv_out = nn.Conv2d(previous, config.plane_channels, 3, padding=1)

    def forward(self, z: torch.Tensor) -> list[torch.Tensor]:
        h = self.mid(self.conv_in(z), self.mid_attn, self.stack)
        planes = []
        for level in reversed(self.up):
            h = level(h, self.stack)
            if hasattr(level, "hdbf"):
                planes.append(level.get_submodule("hdbf")(h))
            if hasattr(level, "upsample"):
                h = level.get_submodule("upsample")(h)
        planes.append(self.conv_out(F.silu(self.norm_out(h))))
        return planes


class PlaneAutoencoder(nn.Module):
    """D2C-VAE of one plane (no names, suffix-free keys) or of the triplane xy, yz, xz.

    With `config.joint` off, a triplane has the weights and keys of a single plane, which each plane passes by itself.

    Args:
        config: sizes.
        planes: names of the planes in the order in which joint blocks stack them; () for a single plane.
    """

    def __init__(self, config: AutoencoderConfig, planes: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.plane_names = planes
        count = max(1, len(planes)) if config.joint else 1
        self.encoder = Encoder(config, count)
        self.decoder = Decoder(config, count)
        self._suffixes = tuple(f"_{name}" if config.joint else "" for name in planes) or ("",)
        for suffix in dict.fromkeys(self._suffixes):
            self.add_module(f"quant_conv{suffix}", nn.Conv2d(2 * config.z_channels, 2 * config.embed_channels, 1))
        for suffix in dict.fromkeys(self._suffixes):
            self.add_module(f"post_quant_conv{suffix}", nn.Conv2d(config.embed_channels, config.z_channels, 1))

    def encode(self, planes: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Planes [B, in_channels, H, W], in this module's order, to moments [B, 2 * embed_channels, h, w] in the
        same order."""
        features = self.encoder(torch.cat(list(planes), dim=0)).chunk(len(planes), dim=0)
        return [self.get_submodule(f"quant_conv{s}")(f) for s, f in zip(self._suffixes, features, strict=True)]

    def decode(self, latents: Sequence[torch.Tensor]) -> list[list[torch.Tensor]]:
        """Latents [B, embed_channels, h, w], in this module's order, to levels (coarse to fine) of planes in the
        same order."""
        z = [self.get_submodule(f"post_quant_conv{s}")(x) for s, x in zip(self._suffixes, latents, strict=True)]
        levels = self.decoder(torch.cat(z, dim=0))
        return [list(level.chunk(len(z), dim=0)) for level in levels]


def named_levels(levels: list[list[torch.Tensor]], names: Sequence[str]) -> tuple[Mapping[str, torch.Tensor], ...]:
    """Name the planes of each level."""
    return tuple(dict(zip(names, planes, strict=True)) for planes in levels)
