"""The coordinate network of images: style-modulated, conditioned coarse to fine (paper section 3.3; reference facts,
section 3.4).

Coordinates enter only through where the basis planes are read; the scale input modulates every layer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ddmi_models.config import CoordinateNetConfig
from ddmi_models.nets.blocks import sinusoidal_embedding

SCALE_CHANNELS = 2
"""Constant channels, equal to the scale input, that are appended to the features of each basis scale."""

DEMODULATION_EPS = 1e-8


class EqualisedLinear(nn.Module):
    """Linear layer whose weights are scaled by 1/sqrt(inputs) at run time."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, channels))
        self.bias = nn.Parameter(torch.ones(out_channels))
        self.scale = 1 / math.sqrt(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.weight * self.scale, self.bias)


class ModulatedConv(nn.Module):
    """Pointwise convolution whose weights are modulated by a style: ([B, C, N], [S, style]) -> [B, C', N], S = B or
    1."""

    def __init__(self, channels: int, out_channels: int, style: int, demodulate: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, out_channels, channels, 1, 1))
        self.modulation = EqualisedLinear(style, channels)
        self.demodulate = demodulate
        self.scale = 1 / math.sqrt(channels)

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        weight = self.scale * self.weight[..., 0, 0] * self.modulation(style)[:, None]
        if self.demodulate:
            weight = weight * torch.rsqrt(weight.square().sum(2, keepdim=True) + DEMODULATION_EPS)
        return torch.bmm(weight.expand(x.shape[0], -1, -1), x)


class NoiseInjection(nn.Module):
    """Adds given noise, one value a point, with a learned strength."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
        return x if noise is None else x + self.weight * noise


class BiasedLeakyReLU(nn.Module):
    """Bias a channel, leaky ReLU, gain sqrt(2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.leaky_relu(x + self.bias[:, None], 0.2) * math.sqrt(2)


class StyledConv(nn.Module):
    """Modulated convolution, optional noise, activation."""

    def __init__(self, channels: int, out_channels: int, style: int, noise: bool) -> None:
        super().__init__()
        self.conv = ModulatedConv(channels, out_channels, style)
        if noise:
            self.noise = NoiseInjection()
        self.activate = BiasedLeakyReLU(out_channels)

    def forward(self, x: torch.Tensor, style: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
        x = self.conv(x, style)
        return self.activate(self.noise(x, noise) if noise is not None else x)


class EqualisedSkip(nn.Module):
    """Pointwise convolution without bias, equalised."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, channels, 1, 1))
        self.scale = 1 / math.sqrt(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.bmm((self.weight[..., 0, 0] * self.scale).expand(x.shape[0], -1, -1), x)


class StyledResBlock(nn.Module):
    """Three styled convolutions with a skip, scaled to keep the variance."""

    def __init__(self, channels: int, out_channels: int, style: int, noise: bool) -> None:
        super().__init__()
        self.conv1 = StyledConv(channels, out_channels, style, noise)
        self.conv2 = StyledConv(out_channels, out_channels, style, noise)
        self.conv3 = StyledConv(out_channels, out_channels, style, noise)
        self.skip = nn.Sequential(EqualisedSkip(channels, out_channels)) if channels != out_channels else nn.Identity()

    def forward(self, x: torch.Tensor, style: torch.Tensor, noise: Sequence[torch.Tensor | None]) -> torch.Tensor:
        h = x
        for conv, values in zip((self.conv1, self.conv2, self.conv3), noise, strict=True):
            h = conv(h, style, values)
        return (h + self.skip(x)) / math.sqrt(2)


class ToRGB(nn.Module):
    """Modulated projection to the output channels, without demodulation."""

    def __init__(self, channels: int, out_channels: int, style: int) -> None:
        super().__init__()
        self.conv = ModulatedConv(channels, out_channels, style, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, out_channels, 1, 1))

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        return self.conv(x, style) + self.bias[..., 0]


class ImageMLP(nn.Module):
    """Features of the basis planes at N points, coarse to fine, to colours.

    The network has one block a scale (at least three) and a last one. Fusion `concat` appends each scale's features
    to the
    hidden values, `sum` adds their projection, `once` feeds all scales to the first block (the paper's ablation of
    CFC).
    """

    def __init__(self, config: CoordinateNetConfig) -> None:
        super().__init__()
        width, inputs = config.width, config.plane_channels + SCALE_CHANNELS
        self.config = config
        self.depth = config.depth
        self.time_mlp = nn.Sequential(nn.Identity(), nn.Linear(width // 4, width), nn.GELU(), nn.Linear(width, width))
        for index in range(self.depth):
            channels = config.block_inputs(index, inputs)
            self.add_module(f"net_res{index + 1}", StyledResBlock(channels, width, width, config.noise))
        if config.fusion == "sum":
            self.project = nn.ModuleList(nn.Conv1d(inputs, width, 1) for _ in range(1, config.scales))
        self.torgb = ToRGB(width, config.out_channels, width)

    @property
    def noise_layers(self) -> int:
        """How many noise maps `forward` takes: 3 a block."""
        return 3 * self.depth if self.config.noise else 0

    def forward(
        self, features: Sequence[torch.Tensor], scale: torch.Tensor, noise: Sequence[torch.Tensor] | None = None
    ) -> torch.Tensor:
        """Colours [B, out_channels, N], not clamped.

        Args:
            features: one tensor [B, plane_channels, N] a basis scale, coarse to fine.
            scale: scale input [B] or [1] (anchor resolution / render resolution).
            noise: `noise_layers` tensors [B, 1, N], or None for the deterministic image.
        """
        style = self.time_mlp(sinusoidal_embedding(scale, self.config.width // 4))
        conditions = [self._with_scale(f, scale) for f in features]
        draws: list[torch.Tensor | None] = list(noise) if noise is not None else [None] * (3 * self.depth)
        if self.config.fusion == "once":
            h, rest = torch.cat(conditions, dim=1), []
        else:
            h, rest = conditions[0], conditions[1:]
        for index in range(self.depth):
            if 0 < index <= len(rest):
                h = self._fuse(h, rest[index - 1], index)
            h = self.get_submodule(f"net_res{index + 1}")(h, style, draws[3 * index : 3 * index + 3])
        return self.torgb(h, style)

    def _fuse(self, h: torch.Tensor, condition: torch.Tensor, index: int) -> torch.Tensor:
        if self.config.fusion == "sum":
            return h + self.project[index - 1](condition)
        return torch.cat([h, condition], dim=1)

    @staticmethod
    def _with_scale(features: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        batch, _, points = features.shape
        constant = scale.to(features.dtype)[:, None, None].expand(batch, SCALE_CHANNELS, points)
        return torch.cat([features, constant], dim=1)
