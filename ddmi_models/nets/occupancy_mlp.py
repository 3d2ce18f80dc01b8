"""The coordinate network of shapes: point and plane features to an occupancy logit, coarse to fine (reference facts,
section 4.3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ddmi_models.config import CoordinateNetConfig
from ddmi_models.nets.coarse_to_fine import CoarseToFine


class OccupancyMLP(CoarseToFine):
    """Features of the basis planes at N points, coarse to fine, to logits [B, N]."""

    def __init__(self, config: CoordinateNetConfig) -> None:
        super().__init__(config, config.plane_channels, coordinates=3)

    def forward(self, points: torch.Tensor, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """Logits [B, N] of points [B, N, 3] of the cube with features [B, N, plane_channels], one tensor a scale."""
        return self.net_out(self.hidden(features, points))[..., 0]
