"""The transformer encoder of clips: patches attend over time and over space, then each of the three axes is reduced to
give a plane (reference facts, sections 5.1, 5.2)."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from ddmi_models.config import VideoEncoderConfig
from ddmi_models.nets.attention import FEED_FORWARD_FACTOR

LONGEST_PERIOD = 10000.0
HIGHEST_FREQUENCY = 5.0
"""Half turns of the fastest rotation from the middle of a frame to its edge."""

PLANE_HEAD_SHARE = 8
"""The channels divided by the width of a head of the transformers that reduce an axis."""

Rotation = tuple[torch.Tensor, torch.Tensor]
"""Sines and cosines [positions, head channels]."""


class FrameRotation(nn.Module):
    """Rotary embedding of the frame's number."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        exponents = torch.arange(0, channels, 2, dtype=torch.float32) / channels
        self.register_buffer("inv_freqs", LONGEST_PERIOD**-exponents)

    def forward(self, frames: int) -> Rotation:
        speeds = self.get_buffer("inv_freqs")
        angles = torch.arange(frames, dtype=speeds.dtype, device=speeds.device)[:, None] * speeds
        angles = torch.cat([angles, angles], dim=-1)
        return angles.sin(), angles.cos()


class PlaceRotation(nn.Module):
    """Rotary embedding of the place in a frame: rows in the first half of the channels, columns in the second."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        powers = torch.linspace(0.0, math.log2(HIGHEST_FREQUENCY), channels // 4)
        self.register_buffer("scales", 2.0**powers)

    def forward(self, rows: int, columns: int) -> Rotation:
        scales = self.get_buffer("scales")
        y, x = (
            torch.linspace(-1.0, 1.0, count, device=scales.device)[:, None] * scales * math.pi
            for count in (rows, columns)
        )
        angles = torch.cat([y[:, None].expand(-1, columns, -1), x[None].expand(rows, -1, -1)], dim=-1).flatten(0, 1)
        angles = angles.repeat_interleave(2, dim=-1)
        return angles.sin(), angles.cos()


def rotated(x: torch.Tensor, rotation: Rotation) -> torch.Tensor:
    """Turn each pair of neighbouring channels of [..., positions, channels] by its angle."""
    sines, cosines = rotation
    even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
    return x * cosines + torch.stack([-odd, even], dim=-1).flatten(-2) * sines


class TokenAttention(nn.Module):
    """Self-attention over tokens [S, N, C], with or without rotary positions."""

    def __init__(self, channels: int, heads: int, head_channels: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(channels, 3 * heads * head_channels, bias=False)
        self.to_out = nn.Sequential(nn.Linear(heads * head_channels, channels))

    def forward(self, x: torch.Tensor, rotation: Rotation | None = None) -> torch.Tensor:
        q, k, v = self.to_qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if rotation is not None:
            q, k = rotated(q, rotation), rotated(k, rotation)
        return self.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Gated(nn.Module):
    """GEGLU: the second half of the channels gates the first."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        value, gate = x.chunk(2, dim=-1)
        return value * F.gelu(gate)


class TokenFeedForward(nn.Module):
    """Two-layer network on each token of [..., C], gated or not."""

    def __init__(self, channels: int, hidden: int, gated: bool) -> None:
        super().__init__()
        # The identity keeps the published numbering of the layers.
        self.net = nn.Sequential(
            nn.Linear(channels, 2 * hidden if gated else hidden),
            Gated() if gated else nn.GELU(),
            nn.Identity(),
            nn.Linear(hidden, channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


class Residual(nn.Module):
    """x + fn(LayerNorm(x), ...)."""

    def __init__(self, channels: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.fn = fn

    def forward(self, x: torch.Tensor, *rotation: Rotation) -> torch.Tensor:
        return x + self.fn(self.norm(x), *rotation)


class ClipEncoder(nn.Module):
    """Clips [B, in_channels, T, H, W] to features of their patches [B, T, H / patch, W / patch, C].

    Each layer attends over the frames at a place, over the places of a frame, then works on each token.
    """

    def __init__(self, config: VideoEncoderConfig, in_channels: int, patch: int) -> None:
        super().__init__()
        channels, heads, width = config.channels, config.heads, config.head_channels
        self.patch = patch
        self.to_patch_embedding = nn.Linear(in_channels * patch**2, channels)
        self.frame_rot_emb = FrameRotation(width)
        self.image_rot_emb = PlaceRotation(width)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [
                    Residual(channels, TokenAttention(channels, heads, width)),
                    Residual(channels, TokenAttention(channels, heads, width)),
                    Residual(channels, TokenFeedForward(channels, FEED_FORWARD_FACTOR * channels, gated=True)),
                ]
            )
            for _ in range(config.layers)
        )

    def forward(self, clip: torch.Tensor) -> torch.Tensor:
        patches = clip.unflatten(-1, (-1, self.patch)).unflatten(-3, (-1, self.patch))  # [B, C, T, h, p, w, p]
        x = self.to_patch_embedding(patches.permute(0, 2, 3, 5, 4, 6, 1).flatten(4))
        batch, frames, rows, columns, channels = x.shape
        time, place = self.frame_rot_emb(frames), self.image_rot_emb(rows, columns)
        x = x.flatten(2, 3)
        for layer in self.layers:
            over_time, over_space, alone = layer.children()
            x = x.transpose(1, 2).flatten(0, 1)
            x = over_time(x, time).unflatten(0, (batch, rows * columns)).transpose(1, 2).flatten(0, 1)
            x = alone(over_space(x, place)).unflatten(0, (batch, frames))
        return x.reshape(batch, frames, rows, columns, channels)


class AxisReducer(nn.Module):
    """A transformer over sequences [S, N, C] that keeps the features of the first position: [S, C]."""

    def __init__(self, config: VideoEncoderConfig) -> None:
        super().__init__()
        channels = config.channels
        width = max(1, channels // PLANE_HEAD_SHARE)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [
                    Residual(channels, TokenAttention(channels, config.plane_heads, width)),
                    Residual(channels, TokenFeedForward(channels, config.plane_hidden, gated=False)),
                ]
            )
            for _ in range(config.plane_layers)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            attention, alone = layer.children()
            x = alone(attention(x))
        return x[:, 0]
