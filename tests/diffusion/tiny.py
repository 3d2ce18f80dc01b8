"""Small denoisers for the tests of this folder."""

from __future__ import annotations

from typing import Any

import torch

from ddmi_models.config import DiffusionConfig, UNetConfig
from ddmi_models.diffusion.condition import Condition
from ddmi_models.diffusion.denoiser import Denoiser, Prediction
from ddmi_models.diffusion.schedule import Schedule, at
from tests.golden.weights import fill_weights

CHANNELS = 4
SHAPE = (CHANNELS, 4, 4)
TOKENS, TOKEN_WIDTH, SUMMARY_WIDTH = 3, 6, 5


def tiny_denoiser(text: bool = False, **diffusion: Any) -> Denoiser:
    """A denoiser with arbitrary but fixed weights, none of them zero."""
    unet = UNetConfig(
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        model_channels=8,
        blocks=1,
        multipliers=(1, 2),
        attention_factors=(2,),
        head_channels=4,
        groups=4,
        context_channels=TOKEN_WIDTH if text else None,
        pooled_channels=SUMMARY_WIDTH if text else None,
    )
    denoiser = Denoiser(unet, DiffusionConfig(**diffusion), (1, CHANNELS, 1, 1))
    if not denoiser.config.normalised:
        fill_weights(denoiser, "diffusion")
    return denoiser


def texts(count: int, seed: int = 0) -> Condition:
    """Encodings of arbitrary texts whose last token is padding."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(count, TOKENS, dtype=torch.bool)
    mask[:, -1] = False
    return Condition(
        torch.randn(count, TOKENS, TOKEN_WIDTH, generator=generator),
        mask,
        torch.randn(count, SUMMARY_WIDTH, generator=generator),
    )


def random_latents(count: int, seed: int = 0) -> torch.Tensor:
    """Standard normal latents."""
    return torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(seed))


class GaussianData:
    """The exact denoiser of data that are normal with a known mean and deviation in every entry."""

    def __init__(self, schedule: Schedule, mean: float, deviation: float) -> None:
        self.schedule, self.mean, self.deviation = schedule, mean, deviation

    def __call__(self, x: torch.Tensor, t: torch.Tensor) -> Prediction:
        signal, noise = (
            at(self.schedule.sqrt_alphas_cumprod, t, x),
            at(self.schedule.sqrt_one_minus_alphas_cumprod, t, x),
        )
        variance = (signal * self.deviation) ** 2 + noise**2
        eps = noise * (x - signal * self.mean) / variance
        return Prediction(eps, self.schedule.x0_from_eps(x, t, eps))

    def follow_flow(self, start: torch.Tensor) -> torch.Tensor:
        """Where the deterministic process ends that starts at the last time in `start`."""
        signal = self.schedule.sqrt_alphas_cumprod[-1]
        spread = ((signal * self.deviation) ** 2 + 1 - signal**2).sqrt()
        return self.mean + self.deviation * (start - signal * self.mean) / spread
