"""Reading basis planes at points: bilinear, clamped at the border."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from ddmi_models.coords import PLANE_AXES, plane_fraction


def sample_plane(plane: torch.Tensor, grid: torch.Tensor, align_corners: bool) -> torch.Tensor:
    """Read plane [B, C, H, W] at grid [B, N, 2] (width, height in [-1, 1]): [B, C, N].

    `align_corners` False: -1 and 1 are the outer edges of the border cells; True: their centres.
    """
    values = F.grid_sample(plane, grid[:, :, None], mode="bilinear", padding_mode="border", align_corners=align_corners)
    return values[..., 0]


def cube_grid(points: torch.Tensor, plane: str, padding: float) -> torch.Tensor:
    """Where points [B, N, 3] of the cube fall on a named plane: [B, N, 2] in [-1, 1]."""
    fraction = plane_fraction(points[..., list(PLANE_AXES[plane])], padding)
    return 2.0 * fraction - 1.0
