"""What domains with three planes made of a point cloud have in common: point encoder and triplane D2C-VAE."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch

from ddmi_models.config import ModelConfig
from ddmi_models.domains.base import Domain
from ddmi_models.errors import BadConfig
from ddmi_models.fields.gaussian import Posterior
from ddmi_models.nets.autoencoder import DECODER_SLOTS, TRIPLANES, PlaneAutoencoder, named_levels
from ddmi_models.nets.pointnet import PointEncoder
from ddmi_models.planes import BasisFields, PlaneLayout, PlaneSpec


class TriplaneDomain(Domain):
    """A domain that reads points in space. A batch holds `cloud` [B, N, point channels]."""

    point_dimensions = 3

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        if config.point_encoder is None:
            raise BadConfig(f"A {config.domain} model needs the section point_encoder in its configuration.")
        self.pointnet = PointEncoder(config.point_encoder)
        self.vaemodel = PlaneAutoencoder(config.autoencoder, TRIPLANES)

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
        # Slots go by position: some published files packed their planes in another order than the decoder's names.
        slots = dict(zip(DECODER_SLOTS, self.layout.unpack(latent).values(), strict=True))
        return BasisFields(named_levels(self.vaemodel.decode([slots[name] for name in TRIPLANES]), TRIPLANES))

    @abstractmethod
    def solidity(self, fields: BasisFields, points: torch.Tensor) -> torch.Tensor:
        """Logits [B, N] that points [B or 1, N, 3] of the cube [-0.5, 0.5]^3, y up, are inside."""
