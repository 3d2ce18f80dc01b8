"""Radiance fields that are known exactly."""

from __future__ import annotations

import torch

from ddmi_models.config import ModelConfig
from ddmi_models.domains.nerf import NerfDomain
from ddmi_models.planes import BasisFields
from ddmi_models.rendering.renderer import Decoded
from tests import models

CENTRE, RADIUS = (0.05, -0.1, 0.15), 0.3
DENSITY = 400.0
"""Inside, a world unit: opaque within a hundredth."""


class BallDomain(NerfDomain):
    """A ball whose colour is its place: (x, y, z) + 0.5 of the world."""

    def density(self, fields: BasisFields, points: torch.Tensor) -> torch.Tensor:
        inside = RADIUS - (points - torch.tensor(CENTRE)).norm(dim=-1)
        return DENSITY * torch.sigmoid(400 * inside)

    def hidden_and_density(self, fields: BasisFields, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return points, self.density(fields, points)

    def colours(self, hidden: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
        return (hidden + 0.5).clamp(0, 1)


def ball() -> Decoded:
    """The ball as a sample; its planes hold nothing."""
    domain = BallDomain(models.config("nerf")).eval().requires_grad_(False)
    return Decoded(domain, domain.decode(torch.zeros(1, *domain.layout.shape)))


def published_kind() -> Decoded:
    """A random field of the published kind, with something in it: identity activations, the last sample as
    background."""
    made = models.config("nerf")
    assert made.radiance is not None
    changes = {"activation": "identity", "background": "last_sample", "near": 1.5, "far": 2.5, "density_shift": -13.0}
    radiance = made.radiance.model_copy(update={**changes, "pixel_corners": True})
    config: ModelConfig = made.model_copy(update={"radiance": radiance})
    with torch.random.fork_rng():
        torch.manual_seed(1)
        domain = NerfDomain(config).eval().requires_grad_(False)
        domain.mlp.sigma.weight.mul_(60)
        domain.mlp.rgb[0].weight.mul_(10)
        packed = torch.randn(1, *domain.layout.shape)
    with torch.inference_mode():
        return Decoded(domain, domain.decode(packed))
