"""Images: one plane, colours in [-1, 1] on the square [-1, 1]^2 (paper section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ddmi_models.config import ModelConfig
from ddmi_models.coords import image_points
from ddmi_models.domains.base import Domain, LossTerms, Query
from ddmi_models.fields.gaussian import Posterior
from ddmi_models.fields.sampling import sample_plane
from ddmi_models.nets.autoencoder import PlaneAutoencoder, named_levels
from ddmi_models.nets.image_mlp import ImageMLP
from ddmi_models.planes import BasisFields, PlaneLayout, PlaneSpec


class ImageDomain(Domain):
    """Pictures. A batch holds `image` [B, 3, R, R] in [-1, 1]; for training also `target` [B, 3, h, w], `points` [h
    * w, 2] and `scale`."""

    name = "image"
    label = "Image"
    point_dimensions = 2
    makes_pictures = True
    picture_layer = "mlp.torgb.conv.weight"

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.vaemodel = PlaneAutoencoder(config.autoencoder)
        self.mlp = ImageMLP(config.coordinate_net)

    @property
    def layout(self) -> PlaneLayout:
        cells = self.config.autoencoder.latent_resolution
        channels = self.config.autoencoder.embed_channels
        return PlaneLayout(tuple(PlaneSpec(name, channels, cells, cells) for name in self.config.plane_order))

    def encode(self, batch: Mapping[str, torch.Tensor]) -> Posterior:
        return Posterior.from_moments(self.vaemodel.encode([batch["image"]])[0])

    def decode(self, latent: torch.Tensor) -> BasisFields:
        return BasisFields(named_levels(self.vaemodel.decode([latent]), self.config.plane_order))

    def scale_input(self, resolution: float) -> float:
        """Scale input of a render whose full square would have `resolution` pixels a side, clamped to the trained
        range."""
        scale = self.config.anchor_resolution / resolution
        if self.config.scale_range is None:
            return scale
        low, high = self.config.scale_range
        return min(max(scale, low), high)

    def grid(self, resolution: int) -> Query:
        return Query(image_points(resolution, resolution), self.scale_input(resolution))

    def evaluate(self, fields: BasisFields, query: Query) -> torch.Tensor:
        name = self.config.plane_order[0]
        grid = query.points[None]
        features = []
        for level in fields.weighted():
            plane = level[name]
            features.append(sample_plane(plane, grid.expand(plane.shape[0], -1, -1), align_corners=False))
        scale = query.points.new_tensor([query.scale])
        return self.mlp(features, scale, query.noise).transpose(1, 2)

    def loss(self, batch: Mapping[str, torch.Tensor], latent: torch.Tensor, posterior: Posterior) -> LossTerms:
        query = Query(batch["points"], float(batch["scale"]))
        target = batch["target"].flatten(2).transpose(1, 2)
        values = self.evaluate(self.decode(latent), query)
        difference = values - target
        reconstruction = difference.abs().flatten(1).sum(1).mean()
        mse = difference.detach().clamp(-2, 2).square().mean()
        psnr = float(10 * torch.log10(4 / mse.clamp(min=1e-10)))
        pictures = values.transpose(1, 2).reshape(batch["target"].shape)
        return LossTerms(reconstruction, posterior.kl().mean(), {"psnr": psnr}, (pictures, batch["target"]))
