"""Higher-order samplers through the schedulers of the library `diffusers`, on our own noise schedule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

import numpy as np

from ddmi_models.cancel import CancelToken
from ddmi_models.diffusion.noise import Noise
from ddmi_models.diffusion.schedule import Schedule
from ddmi_models.diffusion.steps import Denoise, Step, times_like


class LibraryScheduler(Enum):
    """Schedulers by their class names in the library."""

    DPM_SOLVER_2M = "DPMSolverMultistepScheduler"
    UNIPC = "UniPCMultistepScheduler"
    EULER = "EulerDiscreteScheduler"
    HEUN = "HeunDiscreteScheduler"


def spaced_times(schedule: Schedule, steps: int) -> list[int]:
    """Distinct times from the last to 0, as evenly spaced in the log of noise over signal as whole numbers allow.

    On data whose exact answer is known this spacing leaves a tenth of the error of evenly spaced times at 20 steps.
    """
    bar = schedule.alphas_cumprod.double().cpu().numpy()
    level = 0.5 * np.log((1 - bar) / bar)
    wanted = np.linspace(level[-1], level[0], steps)[::-1]
    times = np.abs(level[None] - wanted[:, None]).argmin(axis=1)
    for i in range(1, steps):
        times[i] = max(times[i], times[i - 1] + 1)
    room = np.arange(schedule.timesteps - steps, schedule.timesteps)
    return np.minimum(times, room)[::-1].tolist()


def _scheduler(kind: LibraryScheduler, schedule: Schedule, steps: int) -> Any:
    """A scheduler of the library, set to its times."""
    # The library takes seconds to import.
    import diffusers

    options: dict[str, Any] = {"trained_betas": schedule.betas.cpu().numpy(), "prediction_type": "epsilon"}
    options["num_train_timesteps"] = schedule.timesteps
    if kind is LibraryScheduler.UNIPC:
        # It takes no list of times; this spacing of its own is nearest to ours.
        options["use_karras_sigmas"] = True
    elif kind is not LibraryScheduler.DPM_SOLVER_2M:
        # Only makes the first latent exactly the drawn noise; the spacing itself is ours.
        options["timestep_spacing"] = "leading"
    scheduler = getattr(diffusers, kind.value)(**options)
    if kind is LibraryScheduler.UNIPC:
        scheduler.set_timesteps(steps)
    else:
        scheduler.set_timesteps(timesteps=spaced_times(schedule, steps))
    scheduler.set_begin_index(0)
    return scheduler


def sample_with_library(
    kind: LibraryScheduler,
    denoise: Denoise,
    schedule: Schedule,
    noise: Noise,
    shape: Sequence[int],
    steps: int,
    eta: float,
    token: CancelToken,
) -> Iterator[Step]:
    """Deterministic sampling by a scheduler of the library; `eta` is not used.

    Latents of unfinished steps are in the scheduler's own scale; the finished one and every x0 are not.
    """
    scheduler = _scheduler(kind, schedule, steps)
    x = noise.draw(shape).to(schedule.betas.device) * scheduler.init_noise_sigma
    total = len(scheduler.timesteps)
    for index, time in enumerate(scheduler.timesteps, start=1):
        token.check()
        scaled = scheduler.scale_model_input(x, time)
        prediction = denoise(scaled, times_like(x, round(float(time))))
        x = scheduler.step(prediction.eps, time, x).prev_sample
        yield Step(index, total, prediction.x0, x)
