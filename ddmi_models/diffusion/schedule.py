"""The noise schedule of the published models and the arithmetic of the forward process (facts, section 6.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from ddmi_models.errors import BadInput

BETA_START = 0.0015
BETA_END = 0.0195
SMALLEST_VARIANCE = 1e-20

SCHEDULE_BUFFERS = (
    "betas",
    "alphas_cumprod",
    "alphas_cumprod_prev",
    "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod",
    "posterior_variance",
    "posterior_log_variance_clipped",
    "posterior_mean_coef1",
    "posterior_mean_coef2",
)
"""Names of the schedule's arrays in a checkpoint, each float32 [timesteps]."""


@dataclass(frozen=True, eq=False)
class StepPosterior:
    """Gaussian of the previous step given x0 and x_t: mean [B, C, H, W], variance and its logarithm [B, 1, 1, 1]."""

    mean: torch.Tensor
    variance: torch.Tensor
    log_variance: torch.Tensor


@dataclass(frozen=True, eq=False)
class Schedule:
    """The twelve arrays of a noise schedule, each float32 [timesteps].

    Times `t` are int64 [B]; tensors that they scale are [B, C, H, W].
    """

    betas: torch.Tensor
    alphas_cumprod: torch.Tensor
    alphas_cumprod_prev: torch.Tensor
    sqrt_alphas_cumprod: torch.Tensor
    sqrt_one_minus_alphas_cumprod: torch.Tensor
    log_one_minus_alphas_cumprod: torch.Tensor
    sqrt_recip_alphas_cumprod: torch.Tensor
    sqrt_recipm1_alphas_cumprod: torch.Tensor
    posterior_variance: torch.Tensor
    posterior_log_variance_clipped: torch.Tensor
    posterior_mean_coef1: torch.Tensor
    posterior_mean_coef2: torch.Tensor

    @classmethod
    def build(cls, timesteps: int) -> Schedule:
        """The published schedule: betas whose square roots are evenly spaced. Computed in float64, kept in float32."""
        betas = np.linspace(BETA_START**0.5, BETA_END**0.5, timesteps, dtype=np.float64) ** 2
        alphas = 1 - betas
        bar = np.cumprod(alphas)
        previous = np.append(1.0, bar[:-1])
        variance = betas * (1 - previous) / (1 - bar)
        arrays = {
            "betas": betas,
            "alphas_cumprod": bar,
            "alphas_cumprod_prev": previous,
            "sqrt_alphas_cumprod": np.sqrt(bar),
            "sqrt_one_minus_alphas_cumprod": np.sqrt(1 - bar),
            "log_one_minus_alphas_cumprod": np.log(1 - bar),
            "sqrt_recip_alphas_cumprod": np.sqrt(1 / bar),
            "sqrt_recipm1_alphas_cumprod": np.sqrt(1 / bar - 1),
            "posterior_variance": variance,
            "posterior_log_variance_clipped": np.log(np.maximum(variance, SMALLEST_VARIANCE)),
            "posterior_mean_coef1": betas * np.sqrt(previous) / (1 - bar),
            "posterior_mean_coef2": (1 - previous) * np.sqrt(alphas) / (1 - bar),
        }
        return cls.from_buffers({name: torch.from_numpy(array).float() for name, array in arrays.items()})

    @classmethod
    def from_buffers(cls, buffers: Mapping[str, torch.Tensor]) -> Schedule:
        """The schedule with exactly these arrays, one for each of `SCHEDULE_BUFFERS`."""
        return cls(**{name: buffers[name] for name in SCHEDULE_BUFFERS})

    def buffers(self) -> dict[str, torch.Tensor]:
        """The arrays by their names in a checkpoint."""
        return {name: getattr(self, name) for name in SCHEDULE_BUFFERS}

    @property
    def timesteps(self) -> int:
        return len(self.betas)

    def q_sample(self, x0: torch.Tensor, t: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """The noisy latent x_t of x0 (paper eq. 1)."""
        return at(self.sqrt_alphas_cumprod, t, x0) * x0 + at(self.sqrt_one_minus_alphas_cumprod, t, x0) * noise

    def velocity(self, x0: torch.Tensor, t: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """v = sqrt(abar) noise - sqrt(1 - abar) x0."""
        return at(self.sqrt_alphas_cumprod, t, x0) * noise - at(self.sqrt_one_minus_alphas_cumprod, t, x0) * x0

    def x0_from_eps(self, x: torch.Tensor, t: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
        return at(self.sqrt_recip_alphas_cumprod, t, x) * x - at(self.sqrt_recipm1_alphas_cumprod, t, x) * eps

    def eps_from_x0(self, x: torch.Tensor, t: torch.Tensor, x0: torch.Tensor) -> torch.Tensor:
        return (at(self.sqrt_recip_alphas_cumprod, t, x) * x - x0) / at(self.sqrt_recipm1_alphas_cumprod, t, x)

    def from_velocity(
        self, x: torch.Tensor, t: torch.Tensor, velocity: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(eps, x0) that a velocity at x_t stands for."""
        signal, noise = at(self.sqrt_alphas_cumprod, t, x), at(self.sqrt_one_minus_alphas_cumprod, t, x)
        return signal * velocity + noise * x, signal * x - noise * velocity

    def posterior(self, x0: torch.Tensor, x: torch.Tensor, t: torch.Tensor) -> StepPosterior:
        """Distribution of x_{t-1} given x0 and x_t; its log-variance is clipped at log(1e-20), for t = 0."""
        mean = at(self.posterior_mean_coef1, t, x) * x0 + at(self.posterior_mean_coef2, t, x) * x
        return StepPosterior(mean, at(self.posterior_variance, t, x), at(self.posterior_log_variance_clipped, t, x))

    def signal_to_noise(self, t: torch.Tensor) -> torch.Tensor:
        """abar / (1 - abar) of the times: [B]."""
        bar = self.alphas_cumprod[t]
        return bar / (1 - bar)


def at(array: torch.Tensor, t: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Entries of a schedule's array at times [B], shaped to scale `like` [B, ...]."""
    return array[t].reshape(-1, *[1] * (like.ndim - 1))


def timesteps_for(steps: int, timesteps: int = 1000) -> list[int]:
    """The published DDIM times: evenly spaced from timesteps - 1 down to -1 (which stands for "finished"), truncated.

    `timesteps_for(5)` is [999, 799, 599, 399, 199, -1].

    Raises:
        BadInput: unless 1 <= steps <= timesteps.
    """
    if not 1 <= steps <= timesteps:
        raise BadInput(f"{steps} sampling steps were asked for.", f"Ask for 1 to {timesteps}.")
    # float32, as the published lists were computed: the truncation is sensitive to the rounding.
    return torch.linspace(-1, timesteps - 1, steps + 1).int().flip(0).tolist()


def lvlb_weights(schedule: Schedule) -> torch.Tensor:
    """Weights that turn squared errors of eps into terms of the variational bound: float32 [timesteps].

    The first, where the posterior has no variance, is set to the second.
    """
    betas, bar = schedule.betas.double(), schedule.alphas_cumprod.double()
    weights = betas**2 / (2 * schedule.posterior_variance.double() * (1 - betas) * (1 - bar))
    weights[0] = weights[1]
    return weights.float()
