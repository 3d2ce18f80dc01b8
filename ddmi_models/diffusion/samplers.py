"""Samplers: from noise to a latent in a number of steps. `SAMPLERS` is the table of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch

from ddmi_models.cancel import CancelToken
from ddmi_models.diffusion.denoiser import Prediction
from ddmi_models.diffusion.diffusers_samplers import LibraryScheduler, sample_with_library
from ddmi_models.diffusion.noise import Noise
from ddmi_models.diffusion.schedule import Schedule, timesteps_for
from ddmi_models.diffusion.steps import Denoise, SamplerFunction, Step, times_like
from ddmi_models.errors import BadInput


def ancestral_step(
    schedule: Schedule, prediction: Prediction, x: torch.Tensor, t: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """x_{t-1} from x_t by the posterior of the predicted x0; at t = 0 its mean, without noise."""
    posterior = schedule.posterior(prediction.x0, x, t)
    noisy = (t > 0).reshape(-1, *[1] * (x.ndim - 1))
    return posterior.mean + noisy * (0.5 * posterior.log_variance).exp() * noise


def sample_ddpm(
    denoise: Denoise, schedule: Schedule, noise: Noise, shape: Sequence[int], steps: int, eta: float, token: CancelToken
) -> Iterator[Step]:
    """Ancestral sampling over the whole schedule (paper algorithm 2); `steps` is its length, `eta` is not used."""
    device = schedule.betas.device
    x = noise.draw(shape).to(device)
    for t in reversed(range(steps)):
        token.check()
        times = times_like(x, t)
        prediction = denoise(x, times)
        fresh = noise.draw(shape).to(device) if t else torch.zeros_like(x)
        x = ancestral_step(schedule, prediction, x, times, fresh)
        yield Step(steps - t, steps, prediction.x0, x)


def sample_ddim(
    denoise: Denoise, schedule: Schedule, noise: Noise, shape: Sequence[int], steps: int, eta: float, token: CancelToken
) -> Iterator[Step]:
    """DDIM over the published times; eta 0 is deterministic, eta 1 as noisy as ancestral sampling."""
    x = noise.draw(shape).to(schedule.betas.device)
    yield from ddim_from(x, timesteps_for(steps, schedule.timesteps), denoise, schedule, noise, eta, token)


def ddim_from(
    x: torch.Tensor,
    times: Sequence[int],
    denoise: Denoise,
    schedule: Schedule,
    noise: Noise,
    eta: float,
    token: CancelToken,
) -> Iterator[Step]:
    """DDIM from a noisy latent [B, C, H, W] at the first of falling times; the last is -1, for "finished"."""
    total = len(times) - 1
    for index, (t, following) in enumerate(pairwise(times), start=1):
        token.check()
        prediction = denoise(x, times_like(x, t))
        if following < 0:
            yield Step(index, total, prediction.x0, prediction.x0)
            return
        now, then = schedule.alphas_cumprod[t], schedule.alphas_cumprod[following]
        sigma = eta * ((1 - now / then) * (1 - then) / (1 - now)).sqrt()
        x = then.sqrt() * prediction.x0 + (1 - then - sigma**2).sqrt() * prediction.eps
        if eta:
            x = x + sigma * noise.draw(x.shape[1:]).to(x.device)
        yield Step(index, total, prediction.x0, x)


@dataclass(frozen=True)
class Sampler:
    """An entry of the table.

    Attributes:
        function: runs it.
        minimum: fewest steps; None: the whole schedule.
        maximum: most steps; None: the whole schedule.
        takes_eta: whether it has DDIM's stochasticity.
        clips: whether predicted latents are clamped for models that say so (`clip_denoised`).
    """

    function: SamplerFunction
    minimum: int | None = 1
    maximum: int | None = None
    takes_eta: bool = False
    clips: bool = False

    def bounds(self, timesteps: int) -> tuple[int, int]:
        """Fewest and most steps for a schedule of this length."""
        most = timesteps if self.maximum is None else min(self.maximum, timesteps)
        return most if self.minimum is None else self.minimum, most


MOST_LIBRARY_STEPS = 200
"""Beyond this the higher-order samplers gain nothing."""


def _library(scheduler: LibraryScheduler) -> Sampler:
    return Sampler(partial(sample_with_library, scheduler), maximum=MOST_LIBRARY_STEPS)


SAMPLERS: dict[str, Sampler] = {
    "dpm++2m": _library(LibraryScheduler.DPM_SOLVER_2M),
    "unipc": _library(LibraryScheduler.UNIPC),
    "euler": _library(LibraryScheduler.EULER),
    "heun": _library(LibraryScheduler.HEUN),
    "ddim": Sampler(sample_ddim, takes_eta=True),
    "ddpm": Sampler(sample_ddpm, minimum=None, clips=True),
}
"""By name; `names.SAMPLER_LABELS` says what people call them."""

DEFAULT_SAMPLER = "dpm++2m"


def sampler_named(name: str) -> Sampler:
    """The entry of the table.

    Raises:
        BadInput: if there is none, naming those that exist.
    """
    if name not in SAMPLERS:
        raise BadInput(f"There is no sampler {name!r}.", f"Use one of {', '.join(SAMPLERS)}.")
    return SAMPLERS[name]


def check_steps(name: str, steps: int, timesteps: int) -> None:
    """Refuse a number of steps that a sampler cannot run on a schedule of `timesteps` times.

    Raises:
        BadInput: naming the range.
    """
    fewest, most = sampler_named(name).bounds(timesteps)
    if not fewest <= steps <= most:
        wanted = f"exactly {most}" if fewest == most else f"{fewest} to {most}"
        raise BadInput(f"The sampler {name} cannot run {steps} steps.", f"Ask for {wanted}.")
