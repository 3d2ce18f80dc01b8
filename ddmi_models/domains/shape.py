"""Shapes: three planes, occupancy logits in the cube [-0.5, 0.5]^3, y up (paper section 4.2)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn import functional as F

from ddmi_models.config import ModelConfig
from ddmi_models.coords import CUBE_MARGIN, cube_axis, cube_points
from ddmi_models.domains.base import Domain, LossTerms, Query
from ddmi_models.errors import BadConfig
from ddmi_models.fields.gaussian import Posterior
from ddmi_models.fields.sampling import cube_grid, sample_plane
from ddmi_models.nets.autoencoder import DECODER_SLOTS, TRIPLANES, PlaneAutoencoder, named_levels
from ddmi_models.nets.occupancy_mlp import OccupancyMLP
from ddmi_models.nets.pointnet import PointEncoder
from ddmi_models.planes import BasisFields, PlaneLayout, PlaneSpec


class ShapeDomain(Domain):
    """Solids. A batch holds `cloud` [B, N, 3], points of the surface; for training also `points` [B, M, 3] and
    `occupancy` [B, M]."""

    name = "shape"
    label = "Shape"
    point_dimensions = 3

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        if config.point_encoder is None:
            raise BadConfig("A shape model needs the section point_encoder in its configuration.")
        self.pointnet = PointEncoder(config.point_encoder)
        self.vaemodel = PlaneAutoencoder(config.autoencoder, TRIPLANES)
        self.mlp = OccupancyMLP(config.coordinate_net)

    @property
    def layout(self) -> PlaneLayout:
        cells = self.config.autoencoder.latent_resolution
        channels = self.config.autoencoder.embed_channels
        return PlaneLayout(tuple(PlaneSpec(name, channels, cells, cells) for name in self.config.plane_order))

    def encode(self, batch: Mapping[str, torch.Tensor]) -> Posterior:
        planes = self.pointnet(batch["cloud"])
        moments = dict(zip(TRIPLANES, self.vaemodel.encode([planes[name] for name in TRIPLANES]), strict=True))
        posteriors = {name: Posterior.from_moments(m) for name, m in moments.items()}
        layout = self.layout
        return Posterior(
            layout.pack({name: p.mean for name, p in posteriors.items()}),
            layout.pack({name: p.logvar for name, p in posteriors.items()}),
        )

    def decode(self, latent: torch.Tensor) -> BasisFields:
        # Slots go by position: files of the published first stage packed their planes in another order than the
        # decoder's names.
        slots = dict(zip(DECODER_SLOTS, self.layout.unpack(latent).values(), strict=True))
        return BasisFields(named_levels(self.vaemodel.decode([slots[name] for name in TRIPLANES]), TRIPLANES))

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
