"""Radiance fields: three planes, colour and density in space, z up, seen along rays (paper section 4.3)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn import functional as F

from ddmi_models.config import ModelConfig, RadianceConfig
from ddmi_models.coords import CUBE_MARGIN, PLANE_AXES, cube_axis, cube_points
from ddmi_models.domains.base import LossTerms, Query
from ddmi_models.domains.triplane import TriplaneDomain
from ddmi_models.errors import BadConfig
from ddmi_models.fields.compositing import (
    Composite,
    Samples,
    composite,
    cube_crossing,
    endless_samples,
    even_samples,
)
from ddmi_models.fields.gaussian import Posterior
from ddmi_models.fields.sampling import sample_plane
from ddmi_models.nets.autoencoder import TRIPLANES
from ddmi_models.nets.radiance_mlp import RadianceMLP
from ddmi_models.planes import BasisFields

HALF_OPAQUE_SHARE = 0.01
"""Share of the cube's side across which a density of probability 0.5 stops half of the light."""

LARGEST_LOGIT = 30.0


class NerfDomain(TriplaneDomain):
    """Radiance fields. A batch holds `cloud` [B, N, 6], coloured surface points (colours in [0, 1]); for training
    also `origins`, `directions` and `colours` of rays [B, R, 3] and `jitter` [B, R, samples]."""

    name = "nerf"
    label = "Radiance field"

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        if config.radiance is None:
            raise BadConfig("A radiance field model needs the section radiance in its configuration.")
        if config.coordinate_net.scales != self.scales:
            raise BadConfig(f"The network reads {config.coordinate_net.scales} basis scales; there are {self.scales}.")
        self.mlp = RadianceMLP(config.coordinate_net, config.radiance)
        self.radiance: RadianceConfig = config.radiance

    @property
    def cube_scale(self) -> float:
        """World units a unit of the cube [-0.5, 0.5]^3, whose margin reaches to the border of the planes."""
        return self.radiance.extent / (0.5 * (1 + CUBE_MARGIN))

    def to_world(self, points: torch.Tensor) -> torch.Tensor:
        """Points [..., 3] of the cube, y up, in the world, z up."""
        x, y, z = points.unbind(-1)
        return torch.stack([x, -z, y], dim=-1) * self.cube_scale

    def grid(self, resolution: int) -> Query:
        return Query(cube_points(cube_axis(resolution)) * self.cube_scale)

    def features(self, fields: BasisFields, points: torch.Tensor) -> list[torch.Tensor]:
        """What the planes hold at points [B, N, 3] of the world: [B, N, 3 * channels] a scale, planes side by side."""
        grids = {name: points[..., list(PLANE_AXES[name])] / self.radiance.extent for name in TRIPLANES}
        return [
            torch.cat([sample_plane(level[name], grids[name], align_corners=True) for name in TRIPLANES], 1).transpose(
                1, 2
            )
            for level in fields.weighted()
        ]

    def evaluate(self, fields: BasisFields, query: Query) -> torch.Tensor:
        """Colours in [0, 1] and densities per world unit, at least 0: [B, N, 4]."""
        batch = fields.levels[0][TRIPLANES[0]].shape[0]
        points = query.points[None].expand(batch, -1, -1)
        directions = -F.normalize(query.points, dim=-1) if query.directions is None else query.directions
        colours, density = self.colours_and_density(fields, points, directions[None].expand(batch, -1, -1))
        return torch.cat([colours, density[..., None]], dim=-1)

    def colours_and_density(
        self, fields: BasisFields, points: torch.Tensor, directions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Colours [B, N, 3] and densities [B, N] at points [B, N, 3] seen in unit directions [B, N, 3]."""
        hidden, density = self.hidden_and_density(fields, points)
        return self.colours(hidden, directions), density

    def hidden_and_density(self, fields: BasisFields, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Hidden values [B, N, width], which `colours` starts from, and densities [B, N] at points [B, N, 3]."""
        hidden, raw = self.mlp.hidden_and_density(points, self.features(fields, points))
        return hidden, self._density(raw)

    def colours(self, hidden: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
        """Colours [..., 3] in [0, 1] of hidden values [..., width] seen in unit directions [..., 3]."""
        return self.mlp.colours(hidden, directions)

    def density(self, fields: BasisFields, points: torch.Tensor) -> torch.Tensor:
        """Densities [B, N] at points [B or 1, N, 3] of the world, per world unit."""
        points = points.expand(fields.levels[0][TRIPLANES[0]].shape[0], -1, -1)
        return self.hidden_and_density(fields, points)[1]

    def _density(self, raw: torch.Tensor) -> torch.Tensor:
        return self.radiance.density_scale * F.softplus(raw + self.radiance.density_shift)

    def solidity(self, fields: BasisFields, points: torch.Tensor) -> torch.Tensor:
        """Logits that points of the cube, y up, are inside: the opacity of a hundredth of the cube's side there."""
        thickness = self.density(fields, self.to_world(points)) * (HALF_OPAQUE_SHARE * self.cube_scale)
        # log(p / (1 - p)) of p = 1 - exp(-thickness), without overflow
        return torch.where(
            thickness < LARGEST_LOGIT, torch.log(torch.expm1(thickness.clamp(1e-13, LARGEST_LOGIT))), thickness
        )

    def samples_along(
        self, origins: torch.Tensor, directions: torch.Tensor, count: int, jitter: torch.Tensor | None = None
    ) -> Samples:
        """Where rays [..., 3] are sampled: `count` places each."""
        norms = directions.norm(dim=-1)
        if self.radiance.background == "last_sample":
            near, far = torch.full_like(norms, self.radiance.near), torch.full_like(norms, self.radiance.far)
            return endless_samples(near, far, count, norms, jitter)
        near, far = cube_crossing(origins, directions, self.radiance.extent)
        return even_samples(near, far, count, norms, jitter)

    def render(
        self,
        fields: BasisFields,
        origins: torch.Tensor,
        directions: torch.Tensor,
        count: int,
        jitter: torch.Tensor | None = None,
    ) -> Composite:
        """What rays [B, R, 3] see, every sample evaluated: for training, and the measure of quicker ways."""
        samples = self.samples_along(origins, directions, count, jitter)
        places = origins[..., None, :] + directions[..., None, :] * samples.depths[..., None]
        views = F.normalize(directions, dim=-1)[..., None, :].expand_as(places)
        colours, density = self.colours_and_density(fields, places.flatten(1, 2), views.flatten(1, 2))
        return composite(colours.view(places.shape), density.view(samples.depths.shape), samples)

    def loss(self, batch: Mapping[str, torch.Tensor], latent: torch.Tensor, posterior: Posterior) -> LossTerms:
        jitter, colours = batch["jitter"], batch["colours"]
        seen = self.render(self.decode(latent), batch["origins"], batch["directions"], jitter.shape[-1], jitter)
        difference = seen.colour - colours
        mse = difference.detach().square().mean()
        psnr = float(-10 * torch.log10(mse.clamp(min=1e-10)))
        return LossTerms(difference.abs().flatten(1).sum(1).mean(), posterior.kl().mean(), {"psnr": psnr})
