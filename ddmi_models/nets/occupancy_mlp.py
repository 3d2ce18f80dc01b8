"""The coordinate network of shapes: point and plane features to an occupancy logit, coarse to fine (reference facts,
section 4.3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ddmi_models.config import CoordinateNetConfig
from ddmi_models.nets.blocks import ResnetBlockFC


class OccupancyMLP(nn.Module):
    """Features of the basis planes at N points, coarse to fine, to logits [B, N].

    The network has one block a scale (at least three) and a last one; `fusion` as in `ImageMLP`.
    """

    def __init__(self, config: CoordinateNetConfig) -> None:
        super().__init__()
        width, inputs = config.width, config.plane_channels
        self.config = config
        self.depth = config.depth
        self.net_p = nn.Linear(3, width)
        for index in range(self.depth):
            self.add_module(f"net_res{index + 1}", ResnetBlockFC(config.block_inputs(index, inputs), width))
        if config.fusion == "sum":
            self.project = nn.ModuleList(nn.Linear(inputs, width) for _ in range(1, config.scales))
        self.net_out = nn.Linear(width, config.out_channels)

    def forward(self, points: torch.Tensor, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """Logits [B, N] of points [B, N, 3] of the cube with features [B, N, plane_channels], one tensor a scale."""
        if self.config.fusion == "once":
            first, rest = torch.cat(list(features), dim=-1), []
        else:
            first, rest = features[0], list(features[1:])
        h = self.net_p(points) + self.get_submodule("net_res1")(first)
        for index in range(1, self.depth):
            if index <= len(rest):
                h = self._fuse(h, rest[index - 1], index)
            h = self.get_submodule(f"net_res{index + 1}")(h)
        return self.net_out(h)[..., 0]

    def _fuse(self, h: torch.Tensor, condition: torch.Tensor, index: int) -> torch.Tensor:
        if self.config.fusion == "sum":
            return h + self.project[index - 1](condition)
        return torch.cat([h, condition], dim=-1)
