"""Shapes: three planes, occupancy logits in the cube [-0.5, 0.5]^3, y up (paper section 4.2)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn import functional as F

from ddmi_models.config import ModelConfig
from ddmi_models.coords import CUBE_MARGIN, cube_axis, cube_points
from ddmi_models.domains.base import LossTerms, Query
from ddmi_models.domains.triplane import TriplaneDomain
from ddmi_models.fields.gaussian import Posterior
from ddmi_models.fields.sampling import cube_grid, sample_plane
from ddmi_models.nets.autoencoder import TRIPLANES
from ddmi_models.nets.occupancy_mlp import OccupancyMLP
from ddmi_models.planes import BasisFields


class ShapeDomain(TriplaneDomain):
    """Solids. A batch holds `cloud` [B, N, 3], points of the surface; for training also `points` [B, M, 3] and
    `occupancy` [B, M]."""

    name = "shape"
    label = "Shape"

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.mlp = OccupancyMLP(config.coordinate_net)

    def grid(self, resolution: int) -> Query:
        return Query(cube_points(cube_axis(resolution)))

    def evaluate(self, fields: BasisFields, query: Query) -> torch.Tensor:
        return self.logits(fields, query.points[None])[..., None]

    def logits(self, fields: BasisFields, points: torch.Tensor) -> torch.Tensor:
        """Occupancy logits [B, N] at points [B or 1, N, 3]."""
        batch = fields.levels[0][TRIPLANES[0]].shape[0]
        points = points.expand(batch, -1, -1)
        grids = {name: cube_grid(points, name, CUBE_MARGIN) for name in TRIPLANES}
        features = [
            torch.stack([sample_plane(level[name], grids[name], align_corners=True) for name in TRIPLANES])
            .sum(0)
            .transpose(1, 2)
            for level in fields.weighted()
        ]
        return self.mlp(points, features)

    def solidity(self, fields: BasisFields, points: torch.Tensor) -> torch.Tensor:
        return self.logits(fields, points)

    def loss(self, batch: Mapping[str, torch.Tensor], latent: torch.Tensor, posterior: Posterior) -> LossTerms:
        logits = self.logits(self.decode(latent), batch["points"])
        occupancy = batch["occupancy"]
        errors = F.binary_cross_entropy_with_logits(logits, occupancy, reduction="none")
        inside, guess = occupancy > 0.5, logits.detach() > 0
        union = (inside | guess).sum(1).clamp(min=1)
        figures = {
            "iou": float(((inside & guess).sum(1) / union).mean()),
            "accuracy": float((inside == guess).float().mean()),
        }
        return LossTerms(errors.sum(1).mean(), posterior.kl().mean(), figures)
