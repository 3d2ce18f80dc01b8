"""Building blocks of the D2C-VAE (reference facts, section 2)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ddmi_models.config import HEADS, AttentionKind

NORM_EPS = 1e-6


class ResnetBlock(nn.Module):
    """norm, swish, 3x3 convolution, twice, plus a skip: [B, C, H, W] -> [B, C', H, W]."""

    def __init__(self, channels: int, out_channels: int, groups: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, channels, eps=NORM_EPS)
        self.conv1 = nn.Conv2d(channels, out_channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, out_channels, eps=NORM_EPS)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.nin_shortcut = nn.Conv2d(channels, out_channels, 1) if channels != out_channels else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(self.dropout(F.silu(self.norm2(h))))
        return self.nin_shortcut(x) + h


class SpatialAttention(nn.Module):
    """Residual self-attention over all positions of [B, C, H, W]; heads are contiguous groups of channels."""

    def __init__(self, channels: int, kind: AttentionKind, groups: int) -> None:
        super().__init__()
        self.heads = HEADS[kind]
        self.norm = nn.GroupNorm(groups, channels, eps=NORM_EPS)
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        h = self.norm(x)
        q, k, v = (
            layer(h).reshape(batch, self.heads, channels // self.heads, height * width).transpose(2, 3)
            for layer in (self.q, self.k, self.v)
        )
        h = F.scaled_dot_product_attention(q, k, v)
        return x + self.proj_out(h.transpose(2, 3).reshape(batch, channels, height, width))


class SequenceAttention(nn.Module):
    """Residual self-attention over the positions of a sequence [B, C, L]; heads are contiguous groups of channels,
    each `head_channels` wide."""

    def __init__(self, channels: int, heads: int, head_channels: int, groups: int) -> None:
        super().__init__()
        self.heads, inner = heads, heads * head_channels
        self.norm = nn.GroupNorm(groups, channels, eps=NORM_EPS)
        self.q = nn.Conv1d(channels, inner, 1)
        self.k = nn.Conv1d(channels, inner, 1)
        self.v = nn.Conv1d(channels, inner, 1)
        self.proj_out = nn.Conv1d(inner, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.norm(x)
        q, k, v = (layer(h).unflatten(1, (self.heads, -1)).transpose(2, 3) for layer in (self.q, self.k, self.v))
        h = F.scaled_dot_product_attention(q, k, v)
        return x + self.proj_out(h.transpose(2, 3).flatten(1, 2))

    def across(self, planes: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The attention over the cells of planes [B, C, H, W] of any sizes together: as many planes."""
        tokens = self(torch.cat([plane.flatten(2) for plane in planes], dim=2))
        parts = tokens.split([plane[0, 0].numel() for plane in planes], dim=2)
        return [part.reshape(plane.shape) for part, plane in zip(parts, planes, strict=True)]


class Downsample(nn.Module):
    """Halve [B, C, H, W] by a strided convolution, padded at the right and the bottom only."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """Double [B, C, H, W] by repetition and a convolution; with `rows` 1 along the width only."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor, rows: float = 2.0) -> torch.Tensor:
        return self.conv(F.interpolate(x, scale_factor=(rows, 2.0), mode="nearest"))


class ResnetBlockFC(nn.Module):
    """Residual two-layer perceptron on the last axis: [..., C] -> [..., C']."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        hidden = min(channels, out_channels)
        self.fc_0 = nn.Linear(channels, hidden)
        self.fc_1 = nn.Linear(hidden, out_channels)
        self.shortcut = nn.Linear(channels, out_channels, bias=False) if channels != out_channels else nn.Identity()
        nn.init.zeros_(self.fc_1.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.shortcut(x) + self.fc_1(F.relu(self.fc_0(F.relu(x))))


def sinusoidal_embedding(values: torch.Tensor, width: int) -> torch.Tensor:
    """[B] -> [B, width]: sines then cosines at frequencies 1 ... 1/10000 (the image network's scale embedding)."""
    half = width // 2
    frequencies = torch.exp(
        -math.log(10000) * torch.arange(half, device=values.device, dtype=torch.float32) / (half - 1)
    )
    angles = values.float()[:, None] * frequencies[None]
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
