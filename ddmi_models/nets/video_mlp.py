"""The coordinate network of clips: features of the planes at points of space and time to colours, coarse to fine
(reference facts, section 5.4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from ddmi_models.config import CoordinateNetConfig
from ddmi_models.nets.coarse_to_fine import CoarseToFine

PLANES = 3
SLOPE = 0.2


class VideoMLP(CoarseToFine):
    """Features of the three basis planes at N points, coarse to fine, to colours [B, N, out_channels]."""

    def __init__(self, config: CoordinateNetConfig) -> None:
        super().__init__(config, PLANES * config.plane_channels)

    def forward(self, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """Colours [B, N, out_channels] of features [B, N, 3 * plane_channels], one tensor a scale."""
        return self.net_out(F.leaky_relu(self.hidden(features), SLOPE))
