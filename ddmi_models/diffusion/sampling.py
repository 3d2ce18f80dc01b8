"""The door to sampling for everything above: seeds, texts and a denoiser in, steps out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from ddmi_models.cancel import CancelToken
from ddmi_models.diffusion.condition import Condition
from ddmi_models.diffusion.denoiser import Denoiser, Prediction
from ddmi_models.diffusion.noise import SampleNoise
from ddmi_models.diffusion.samplers import Sampler, check_steps, ddim_from, sampler_named
from ddmi_models.diffusion.steps import Denoise, Step, times_like
from ddmi_models.errors import BadInput


def sample_latents(
    denoiser: Denoiser,
    layout_shape: Sequence[int],
    seeds: Sequence[int],
    condition: Condition | None = None,
    negative: Condition | None = None,
    sampler: str = "dpm++2m",
    steps: int = 20,
    guidance: float = 1.0,
    eta: float | None = None,
    token: CancelToken | None = None,
    device: torch.device | str = "cpu",
) -> Iterator[Step]:
    """Sample latents of the D2C-VAE, one for each seed, yielding after every pass of the network.

    Arguments are checked at once, not at the first step. A sample depends on its own seed, not on the others.

    Args:
        denoiser: the second stage, already on `device`; left in evaluation mode.
        layout_shape: [C, H, W] of one packed latent, see `PlaneLayout.shape`.
        seeds: one a sample.
        condition: the prompts' encoding, one or one a sample; None: unconditional.
        negative: the encoding of the empty text or of a negative prompt; needed unless guidance is 1.
        sampler: name in `SAMPLERS`.
        steps: number of steps.
        guidance: weight of the text: 1 plain conditional, 0 unconditional.
        eta: DDIM's stochasticity, 0 ... 1; None: the model's own where the sampler takes it.
        token: to cancel with; looked at before every pass and between the blocks of the network.
        device: where the latents are computed.

    Returns:
        Steps whose `x0` is in the D2C-VAE's units; the last one's `latent` is the finished sample, in the same units.

    Raises:
        BadInput: for an unknown sampler, steps out of its range, eta where there is none, a text that does not fit.
    """
    chosen = sampler_named(sampler)
    check_steps(sampler, steps, denoiser.schedule.timesteps)
    _check_guidance(guidance)
    amount = _eta(sampler, chosen, eta, denoiser.config.eta)
    noise = SampleNoise(seeds)
    token = token or CancelToken()
    denoiser.eval()
    texts = [None if text is None else text.to(device) for text in (condition, negative)]
    denoise = _guided(denoiser, texts[0], texts[1], guidance, chosen.clips and denoiser.config.clip_denoised, token)
    run = chosen.function(denoise, denoiser.schedule, noise, layout_shape, steps, amount, token)
    return _in_latent_units(denoiser, run)


def vary_latents(
    denoiser: Denoiser,
    latents: Float[Tensor, "batch channels *space"],
    seed: int,
    strength: float,
    condition: Condition | None = None,
    negative: Condition | None = None,
    steps: int = 20,
    guidance: float = 1.0,
    token: CancelToken | None = None,
) -> Iterator[Step]:
    """Neighbours of latents of the D2C-VAE [B, C, H, W]: noised up to a time and denoised again (SDEdit; Meng et al.
    2022), with DDIM.

    Args:
        seed: of the noise, the same for all latents.
        strength: above 0, at most 1: the share of the schedule that is gone through; 1 leaves nothing of the latents.
        steps: of a whole sampling, of which `strength` of them are made.

    Others and the result as in `sample_latents`.

    Raises:
        BadInput: for a strength, steps or guidance out of range.
    """
    schedule = denoiser.schedule
    check_steps("ddim", steps, schedule.timesteps)
    if not 0 < strength <= 1:
        raise BadInput(f"The strength {strength:g} is out of range.", "Use a number above 0, up to 1.")
    _check_guidance(guidance)
    token = token or CancelToken()
    denoiser.eval()
    device = latents.device
    texts = [None if text is None else text.to(device) for text in (condition, negative)]
    denoise = _guided(denoiser, texts[0], texts[1], guidance, False, token)
    times = shortened_times(strength, steps, schedule.timesteps)
    noise = SampleNoise([seed] * len(latents))
    with torch.no_grad():
        clean = denoiser.normalise(latents)
        x = denoiser.q_sample(clean, times_like(clean, times[0]), noise.draw(clean.shape[1:]).to(device))
    return _in_latent_units(denoiser, ddim_from(x, times, denoise, schedule, noise, 0.0, token))


def shortened_times(strength: float, steps: int, timesteps: int) -> list[int]:
    """Falling times from the one that `strength` names, evenly spaced, ending with -1."""
    start = round(strength * (timesteps - 1))
    count = min(max(1, math.ceil(strength * steps)), start + 1)
    return [start - index * (start + 1) // count for index in range(count)] + [-1]


def _check_guidance(guidance: float) -> None:
    if not 0 <= guidance < math.inf:
        raise BadInput(f"The guidance {guidance:g} is out of range.", "Use 0 or more; 3 is usual.")


def _eta(name: str, sampler: Sampler, eta: float | None, default: float) -> float:
    if eta is None:
        return default if sampler.takes_eta else 0.0
    if not 0 <= eta <= 1:
        raise BadInput(f"The eta {eta:g} is out of range.", "Use 0 to 1.")
    if eta and not sampler.takes_eta:
        raise BadInput(f"The sampler {name} has no eta.", "Use ddim, or leave eta out.")
    return eta


def _guided(
    denoiser: Denoiser,
    condition: Condition | None,
    negative: Condition | None,
    guidance: float,
    clip: bool,
    token: CancelToken,
) -> Denoise:
    """The denoiser as samplers call it: guided, without gradients, cancellable between blocks."""

    def denoise(x: torch.Tensor, t: torch.Tensor) -> Prediction:
        with torch.no_grad(), denoiser.checked(token.check):
            prediction = denoiser.predict(x, t, condition, guidance, negative)
        return replace(prediction, x0=prediction.x0.clamp(-1, 1)) if clip else prediction

    return denoise


def _in_latent_units(denoiser: Denoiser, steps: Iterator[Step]) -> Iterator[Step]:
    for step in steps:
        yield replace(step, x0=denoiser.denormalise(step.x0), latent=denoiser.denormalise(step.latent))
