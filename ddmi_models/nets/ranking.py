"""The latent's side of a contrastive text-latent pair (Radford et al. 2021, CLIP): scores latents against texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from ddmi_models.config import RankingConfig
from ddmi_models.nets.blocks import NORM_EPS, Downsample, ResnetBlock

FIRST_TEMPERATURE, LOWEST_TEMPERATURE = 0.07, 0.01
"""CLIP's first temperature, and the bound that keeps its logits below 100."""


class RankingHead(nn.Module):
    """Packed latents to embeddings that are compared with a text tower's pooled features, and the learnt temperature.

    Latents come in the D2C-VAE's own units and are normalised per channel with stored statistics.
    """

    latent_mean: torch.Tensor
    latent_std: torch.Tensor

    def __init__(self, config: RankingConfig, latent_shape: Sequence[int], embed_channels: int) -> None:
        """Head for latents of shape [C, H, W] and text features of `embed_channels`."""
        super().__init__()
        channels, height, width = latent_shape
        widths = [config.width * multiplier for multiplier in config.multipliers]
        self.conv_in = nn.Conv2d(channels, widths[0], 3, padding=1)
        levels: list[nn.Module] = [ResnetBlock(widths[0], widths[0], config.groups)]
        for before, after in pairwise(widths):
            levels += [Downsample(before), ResnetBlock(before, after, config.groups)]
        self.levels = nn.Sequential(*levels)
        self.norm = nn.GroupNorm(config.groups, widths[-1], eps=NORM_EPS)
        cells = math.prod(side // 2 ** (len(widths) - 1) for side in (height, width))
        self.project = nn.Linear(widths[-1] * cells, embed_channels)
        self.logit_scale = nn.Parameter(torch.tensor([-math.log(FIRST_TEMPERATURE)]))
        self.register_buffer("latent_mean", torch.zeros(channels))
        self.register_buffer("latent_std", torch.ones(channels))

    def set_statistics(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        """Take the mean and standard deviation of the latents, one a channel [C]."""
        self.latent_mean.copy_(mean)
        self.latent_std.copy_(std)

    def embed(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents [B, C, H, W] to unit vectors [B, E]."""
        normalised = (latents - self.latent_mean[:, None, None]) / self.latent_std[:, None, None]
        features = self.norm(self.levels(self.conv_in(normalised)))
        return F.normalize(self.project(F.silu(features).flatten(1)), dim=-1)

    def scores(self, pooled: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """Cosine in [-1, 1] of every text [T, E] with every latent [B, C, H, W]: [T, B]."""
        return F.normalize(pooled, dim=-1) @ self.embed(latents).T

    def loss(self, pooled: torch.Tensor, latents: torch.Tensor, also_true: torch.Tensor) -> torch.Tensor:
        """Symmetric cross-entropy of texts [B, E] and latents [B, C, H, W] over the batch (CLIP, section 2.3).

        Args:
            also_true: bool [B, B], True where text i is as true of latent j as its own: no wrong answer, left out.
        """
        scale = self.logit_scale.clamp(max=-math.log(LOWEST_TEMPERATURE)).exp()
        own = torch.eye(len(pooled), dtype=torch.bool, device=pooled.device)
        logits = (scale * self.scores(pooled, latents)).masked_fill(also_true.to(own.device) & ~own, -torch.inf)
        target = torch.arange(len(pooled), device=pooled.device)
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
