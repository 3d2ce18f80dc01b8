"""The coordinate network of radiance fields: position, direction and plane features to colour and density (reference
facts, section 4.5)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ddmi_models.config import CoordinateNetConfig, RadianceConfig
from ddmi_models.errors import BadConfig


def frequency_encoding(values: torch.Tensor, frequencies: int) -> torch.Tensor:
    """[..., 3] -> [..., 3 + 6 * frequencies]: the values, then sines and cosines of 2^k times them, k from 0."""
    parts = [values]
    for power in range(frequencies):
        parts += [torch.sin(2.0**power * values), torch.cos(2.0**power * values)]
    return torch.cat(parts, dim=-1)


class RadianceMLP(nn.Module):
    """Points, unit directions and features of the three planes, one tensor [..., 3 * plane_channels] a scale.

    Coarse to fine: the first layer reads the coarsest scale, the k-th skip layer scale k. With a single scale, or with
    the fusion `once` (all scales side by side), the skip layers read the same input as the first.
    """

    def __init__(self, net: CoordinateNetConfig, config: RadianceConfig) -> None:
        super().__init__()
        if net.fusion == "sum":
            raise BadConfig("Radiance fields have no fusion `sum`.", "Use concat or once.")
        self.net, self.config = net, config
        encoded = 3 + 6 * config.point_frequencies
        inputs = 3 * net.plane_channels * (net.scales if net.fusion == "once" else 1) + encoded
        for index in range(config.layers):
            skipped = inputs if index in config.skips and index > 0 else 0
            entering = inputs if index == 0 else net.width + skipped
            self.add_module(f"xyz_encoding_{index + 1}", nn.Sequential(nn.Linear(entering, net.width)))
        self.xyz_encoding_final = nn.Linear(net.width, net.width)
        directions = 3 + 6 * config.direction_frequencies
        self.dir_encoding = nn.Sequential(nn.Linear(net.width + directions, net.width // 2))
        self.sigma = nn.Linear(net.width, 1)
        self.rgb = nn.Sequential(nn.Linear(net.width // 2, 3))

    def forward(
        self, points: torch.Tensor, directions: torch.Tensor, features: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Colours [..., 3] in [0, 1] and raw densities [...]."""
        hidden, density = self.hidden_and_density(points, features)
        return self.colours(hidden, directions), density

    def hidden_and_density(
        self, points: torch.Tensor, features: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What `colours` starts from, [..., width], and the raw densities [...]: half of the cost."""
        hidden = self._trunk(points, features)
        return hidden, self.sigma(hidden)[..., 0]

    def colours(self, hidden: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
        """Colours [..., 3] in [0, 1] of hidden values [..., width] seen in unit directions [..., 3]."""
        seen = frequency_encoding(directions, self.config.direction_frequencies)
        shaded = self._activated(self.dir_encoding(torch.cat([self.xyz_encoding_final(hidden), seen], dim=-1)))
        return torch.sigmoid(self.rgb(shaded))

    def raw_density(self, points: torch.Tensor, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """The raw densities [...] alone."""
        return self.hidden_and_density(points, features)[1]

    def _trunk(self, points: torch.Tensor, features: Sequence[torch.Tensor]) -> torch.Tensor:
        encoded = frequency_encoding(points, self.config.point_frequencies)
        if self.net.fusion == "once":
            features = [torch.cat(list(features), dim=-1)]
        inputs = [torch.cat([scale, encoded], dim=-1) for scale in features]
        h, used = inputs[0], 0
        for index in range(self.config.layers):
            if index in self.config.skips and index > 0:
                used = min(used + 1, len(inputs) - 1)
                h = torch.cat([inputs[used], h], dim=-1)
            h = self._activated(self.get_submodule(f"xyz_encoding_{index + 1}")(h))
        return h

    def _activated(self, values: torch.Tensor) -> torch.Tensor:
        return F.relu(values) if self.config.activation == "relu" else values
