"""Diagonal Gaussian posteriors of the D2C-VAE (paper section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, eq=False)
class Posterior:
    """A diagonal Gaussian over latents: `mean` and `logvar` are [B, C, H, W]."""

    mean: torch.Tensor
    logvar: torch.Tensor

    @classmethod
    def from_moments(cls, moments: torch.Tensor) -> Posterior:
        """Split moments [B, 2C, H, W] into mean and log-variance, the latter clamped to [-30, 20]."""
        mean, logvar = moments.chunk(2, dim=1)
        return cls(mean, logvar.clamp(-30.0, 20.0))

    @property
    def std(self) -> torch.Tensor:
        return torch.exp(0.5 * self.logvar)

    def sample(self, noise: torch.Tensor) -> torch.Tensor:
        """mean + std * noise; `noise` is standard normal of the same shape."""
        return self.mean + self.std * noise

    def kl(self) -> torch.Tensor:
        """KL divergence from the standard normal, summed over channels and cells: [B]."""
        terms = self.mean.square() + self.logvar.exp() - 1.0 - self.logvar
        return 0.5 * terms.flatten(1).sum(1)
