"""Every sampler on data whose exact answer is known, and the limits of their steps."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ddmi_models.cancel import CancelToken
from ddmi_models.diffusion.diffusers_samplers import spaced_times
from ddmi_models.diffusion.names import SAMPLER_LABELS
from ddmi_models.diffusion.noise import ReplayNoise, SampleNoise
from ddmi_models.diffusion.samplers import SAMPLERS, check_steps, sampler_named
from ddmi_models.diffusion.schedule import Schedule, timesteps_for
from ddmi_models.errors import BadInput
from tests.diffusion.tiny import GaussianData

SCHEDULE = Schedule.build(1000)
SEEDS = list(range(64))
SHAPE = (4, 4, 4)
MEAN, DEVIATION = 0.7, 0.4
# Figures over 64 * 64 entries: their own scatter is 0.006.
CLOSE = 0.02


def many_steps(name: str) -> int:
    """The most that a sampler runs: what is left of its error is below the bound."""
    return SAMPLERS[name].bounds(SCHEDULE.timesteps)[1]


def test_every_sampler_has_a_name_for_people() -> None:
    assert list(SAMPLER_LABELS) == list(SAMPLERS)
    assert len(set(SAMPLER_LABELS.values())) == len(SAMPLERS)


@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_reaches_the_distribution_of_the_data(name: str, eta: float) -> None:
    data, steps = GaussianData(SCHEDULE, MEAN, DEVIATION), many_steps(name)
    *_, last = SAMPLERS[name].function(data, SCHEDULE, SampleNoise(SEEDS), SHAPE, steps, eta, CancelToken())
    assert last.finished
    assert float(last.latent.mean()) == pytest.approx(MEAN, abs=CLOSE)
    assert float(last.latent.std()) == pytest.approx(DEVIATION, abs=CLOSE)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "ddpm"])
def test_deterministic_samplers_follow_the_flow_from_the_same_noise(name: str) -> None:
    data = GaussianData(SCHEDULE, MEAN, DEVIATION)
    start = SampleNoise(SEEDS).draw(SHAPE)
    *_, last = SAMPLERS[name].function(
        data, SCHEDULE, ReplayNoise([start]), SHAPE, many_steps(name), 0.0, CancelToken()
    )
    assert float((last.latent - data.follow_flow(start)).abs().mean()) < CLOSE


@pytest.mark.parametrize("name", SAMPLERS)
def test_steps_count_up_and_every_preview_is_a_clean_latent(name: str) -> None:
    data, steps = GaussianData(SCHEDULE, MEAN, DEVIATION), 10 if SAMPLERS[name].minimum else 1000
    run = list(SAMPLERS[name].function(data, SCHEDULE, SampleNoise([1, 2]), SHAPE, steps, 0.0, CancelToken()))
    assert [step.index for step in run] == list(range(1, run[0].total + 1))
    assert [step.finished for step in run] == [False] * (len(run) - 1) + [True]
    assert all(step.x0.shape == (2, *SHAPE) for step in run)
    assert float(run[0].x0.mean()) == pytest.approx(MEAN, abs=0.1)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("steps", [-1, 0, 1001])
def test_steps_out_of_range_are_refused_with_the_range(name: str, steps: int) -> None:
    fewest, most = SAMPLERS[name].bounds(1000)
    with pytest.raises(BadInput, match=f"{most}"):
        check_steps(name, steps, 1000)
    check_steps(name, fewest, 1000)
    check_steps(name, most, 1000)


def test_ancestral_sampling_takes_every_step() -> None:
    with pytest.raises(BadInput, match="exactly 1000"):
        check_steps("ddpm", 999, 1000)


def test_an_unknown_sampler_is_refused_with_those_that_exist() -> None:
    with pytest.raises(BadInput, match=r"ddim.*ddpm"):
        sampler_named("plms")


@given(timesteps=st.integers(2, 1000), share=st.floats(0, 1))
def test_spaced_times_are_distinct_and_span_the_schedule(timesteps: int, share: float) -> None:
    steps = 2 + round(share * (timesteps - 2))
    times = spaced_times(Schedule.build(timesteps), steps)
    assert len(times) == steps
    assert times[0] == timesteps - 1
    assert times[-1] == 0
    assert all(later < earlier for earlier, later in pairwise(times))


@given(timesteps=st.integers(2, 1000), share=st.floats(0, 1))
def test_published_times_fall_from_the_last_to_the_end(timesteps: int, share: float) -> None:
    steps = 1 + round(share * (timesteps - 1))
    times = timesteps_for(steps, timesteps)
    assert len(times) == steps + 1
    assert (times[0], times[-1]) == (timesteps - 1, -1)
    assert all(later < earlier for earlier, later in pairwise(times))


@pytest.mark.parametrize("steps", [0, 1001])
def test_published_times_outside_the_schedule_are_refused(steps: int) -> None:
    with pytest.raises(BadInput):
        timesteps_for(steps)


def test_recorded_noise_must_fit_and_suffice() -> None:
    noise = ReplayNoise([torch.zeros(2, 3)])
    with pytest.raises(BadInput, match="is needed"):
        ReplayNoise([torch.zeros(2, 3)]).draw((4,))
    assert torch.equal(noise.draw((3,)), torch.zeros(2, 3))
    with pytest.raises(BadInput, match="used up"):
        noise.draw((3,))
