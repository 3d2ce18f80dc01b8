"""Local-pooling PointNet: a point cloud to three feature planes (reference facts, section 4.1)."""

from __future__ import annotations

from functools import reduce

import torch
from torch import nn

from ddmi_models.config import PointEncoderConfig
from ddmi_models.coords import PLANE_AXES, plane_fraction
from ddmi_models.nets.autoencoder import TRIPLANES
from ddmi_models.nets.blocks import ResnetBlockFC

POOLED_PLANES = ("xz", "xy", "yz")
"""Order in which the pooled values of the planes are added up."""


class PointEncoder(nn.Module):
    """Point cloud [B, N, point_channels] to feature planes {name: [B, out_channels, R, R]}; x, y, z come first."""

    def __init__(self, config: PointEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.fc_pos = nn.Linear(config.point_channels, 2 * config.hidden)
        self.blocks = nn.ModuleList(ResnetBlockFC(2 * config.hidden, config.hidden) for _ in range(config.blocks))
        self.fc_c = nn.Linear(config.hidden, config.out_channels)

    def cells(self, points: torch.Tensor, plane: str) -> torch.Tensor:
        """Index of the cell of a plane that each point falls in, row by row: int64 [B, N]."""
        side = self.config.plane_resolution
        fraction = plane_fraction(points[..., list(PLANE_AXES[plane])], self.config.padding)
        column, row = (fraction * side).long().unbind(-1)
        return column + side * row

    def forward(self, cloud: torch.Tensor) -> dict[str, torch.Tensor]:
        indices = {plane: self.cells(cloud[..., :3], plane) for plane in POOLED_PLANES}
        net = self.blocks[0](self.fc_pos(cloud))
        for block in self.blocks[1:]:
            pooled = reduce(torch.add, (self._local_maximum(net, index) for index in indices.values()))
            net = block(torch.cat([net, pooled], dim=-1))
        features = self.fc_c(net)
        return {plane: self._plane(features, indices[plane]) for plane in TRIPLANES}

    def _local_maximum(self, net: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """The maximum of each cell, a channel, given back to the cell's points: [B, N, C]."""
        cells = self.config.plane_resolution**2
        spread = index[..., None].expand_as(net)
        grid = net.new_zeros(net.shape[0], cells, net.shape[2])
        grid = grid.scatter_reduce(1, spread, net, "amax", include_self=False)
        return grid.gather(1, spread)

    def _plane(self, features: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """The mean of each cell, zero where empty: [B, C, R, R]."""
        batch, _, channels = features.shape
        side = self.config.plane_resolution
        sums = features.new_zeros(batch, side * side, channels).scatter_add(
            1, index[..., None].expand_as(features), features
        )
        counts = features.new_zeros(batch, side * side).scatter_add(
            1, index, torch.ones_like(index, dtype=features.dtype)
        )
        means = sums / counts.clamp(min=1)[..., None]
        return means.transpose(1, 2).reshape(batch, channels, side, side)
