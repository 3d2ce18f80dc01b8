"""Coarse-to-fine conditioning (CFC, paper section 3.2): each block on points takes in one basis scale more."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ddmi_models.config import CoordinateNetConfig
from ddmi_models.nets.blocks import ResnetBlockFC


class CoarseToFine(nn.Module):
    """Trunk and last layer of a coordinate network: one block a scale (at least three) and a last one.

    Args:
        config: `fusion` says how the finer scales come in.
        inputs: channels of a scale's features at a point.
        coordinates: of a point that is given to the first block as well; 0: none.
    """

    def __init__(self, config: CoordinateNetConfig, inputs: int, coordinates: int = 0) -> None:
        super().__init__()
        width = config.width
        self.config = config
        if coordinates:
            self.net_p = nn.Linear(coordinates, width)
        for index in range(config.depth):
            self.add_module(f"net_res{index + 1}", ResnetBlockFC(config.block_inputs(index, inputs), width))
        if config.fusion == "sum":
            self.project = nn.ModuleList(nn.Linear(inputs, width) for _ in range(1, config.scales))
        self.net_out = nn.Linear(width, config.out_channels)

    def hidden(self, features: Sequence[torch.Tensor], points: torch.Tensor | None = None) -> torch.Tensor:
        """What the last layer sees, [B, N, width], of features [B, N, inputs], one tensor a scale, coarse to fine."""
        if self.config.fusion == "once":
            first, rest = torch.cat(list(features), dim=-1), []
        else:
            first, rest = features[0], list(features[1:])
        h = self.get_submodule("net_res1")(first)
        if points is not None:
            h = self.net_p(points) + h
        for index in range(1, self.config.depth):
            if index <= len(rest):
                h = self._fuse(h, rest[index - 1], index)
            h = self.get_submodule(f"net_res{index + 1}")(h)
        return h

    def _fuse(self, h: torch.Tensor, condition: torch.Tensor, index: int) -> torch.Tensor:
        if self.config.fusion == "sum":
            return h + self.project[index - 1](condition)
        return torch.cat([h, condition], dim=-1)
