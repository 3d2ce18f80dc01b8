"""The door to sampling: seeds, cancellation, units, bad input."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.diffusion.denoiser import Denoiser
from ddmi_models.diffusion.noise import LARGEST_SEED, SampleNoise
from ddmi_models.diffusion.samplers import SAMPLERS, ddim_from
from ddmi_models.diffusion.sampling import sample_latents, shortened_times, vary_latents
from ddmi_models.diffusion.schedule import Schedule
from ddmi_models.errors import BadInput
from tests.diffusion.tiny import SHAPE, GaussianData, random_latents, texts, tiny_denoiser

QUICK = [name for name in SAMPLERS if name != "ddpm"]


def finished(denoiser: Denoiser, seeds: list[int], **options: Any) -> torch.Tensor:
    *_, last = sample_latents(denoiser, SHAPE, seeds, **{"steps": 6, **options})
    assert last.finished
    return last.latent


def assert_same_sample(a: torch.Tensor, b: torch.Tensor) -> None:
    assert float((a - b).abs().max()) <= 1e-4 * float(b.std())


@pytest.mark.parametrize("sampler", QUICK)
def test_a_sample_depends_on_its_own_seed_alone(sampler: str) -> None:
    denoiser = tiny_denoiser()
    eta = 1.0 if SAMPLERS[sampler].takes_eta else None
    batch = finished(denoiser, [11, 3, 7], sampler=sampler, eta=eta)
    for index, seed in enumerate([11, 3, 7]):
        assert_same_sample(batch[index], finished(denoiser, [seed], sampler=sampler, eta=eta)[0])
    assert (batch[0] - batch[1]).std() > 0.1 * batch.std()


def test_ancestral_noise_depends_on_its_own_seed_alone() -> None:
    denoiser = tiny_denoiser(timesteps=12)
    batch = finished(denoiser, [11, 3], sampler="ddpm", steps=12)
    assert_same_sample(batch[1], finished(denoiser, [3], sampler="ddpm", steps=12)[0])


def test_each_sample_of_a_guided_batch_has_its_own_text() -> None:
    denoiser, both, empty = tiny_denoiser(text=True), texts(2, 1), texts(1, 2)
    batch = finished(denoiser, [5, 5], condition=both, negative=empty, guidance=3.0)
    for index in (0, 1):
        alone = finished(denoiser, [5], condition=both.select(index), negative=empty, guidance=3.0)
        assert_same_sample(batch[index], alone[0])
    assert (batch[0] - batch[1]).std() > 0.01 * batch.std()


def test_the_same_call_gives_the_same_bytes() -> None:
    denoiser = tiny_denoiser()
    torch.manual_seed(1)
    first = finished(denoiser, [4, 5], sampler="ddim", eta=0.5)
    torch.manual_seed(2)
    assert torch.equal(finished(denoiser, [4, 5], sampler="ddim", eta=0.5), first)


@pytest.mark.parametrize("sampler", QUICK)
@pytest.mark.parametrize("done", [0, 3])
def test_cancelling_stops_before_the_next_pass_and_leaves_the_model_usable(sampler: str, done: int) -> None:
    denoiser, token, passes = tiny_denoiser(), CancelToken(), []
    handle = denoiser.model.register_forward_pre_hook(lambda *_: passes.append(1))
    run = sample_latents(denoiser, SHAPE, [1], sampler=sampler, steps=6, token=token)
    for _ in range(done):
        next(run)
    token.cancel()
    with pytest.raises(WorkCancelled):
        next(run)
    assert len(passes) == done
    handle.remove()
    assert torch.isfinite(finished(denoiser, [1], sampler=sampler)).all()


def test_cancelling_stops_between_the_blocks_of_a_pass() -> None:
    denoiser, token, reached = tiny_denoiser(), CancelToken(), []
    handles = [
        denoiser.model.middle_block.register_forward_hook(lambda *_: token.cancel()),
        denoiser.model.output_blocks[0].register_forward_hook(lambda *_: reached.append(1)),
    ]
    with pytest.raises(WorkCancelled):
        next(sample_latents(denoiser, SHAPE, [1], token=token))
    assert reached == []
    for handle in handles:
        handle.remove()
    assert torch.isfinite(finished(denoiser, [1])).all()


def test_latents_come_in_the_units_of_the_first_stage() -> None:
    plain, own = tiny_denoiser(), tiny_denoiser(normalised=True)
    own.load_state_dict(plain.state_dict(), strict=False)
    own.set_statistics(torch.tensor([1.0, 2, 3, 4]), torch.tensor([0.5, 1, 2, 3]))
    steps = zip(sample_latents(plain, SHAPE, [8]), sample_latents(own, SHAPE, [8]), strict=True)
    for theirs, ours in steps:
        torch.testing.assert_close(ours.x0, own.denormalise(theirs.x0))
        torch.testing.assert_close(ours.latent, own.denormalise(theirs.latent))


def test_sampling_makes_no_gradients_and_does_not_disturb_the_caller() -> None:
    run = sample_latents(tiny_denoiser(), SHAPE, [8])
    step = next(run)
    assert torch.is_grad_enabled()
    assert not step.latent.requires_grad
    run.close()


def test_clipping_is_for_ancestral_sampling_alone() -> None:
    clipped = tiny_denoiser(timesteps=12, clip_denoised=True)
    for sampler, bounded in (("ddpm", True), ("ddim", False)):
        first = next(sample_latents(clipped, SHAPE, [1], sampler=sampler, steps=12))
        assert (float(first.x0.abs().max()) <= 1) == bounded


@pytest.mark.parametrize(
    "options",
    [
        {"sampler": "plms"},
        {"steps": 0},
        {"steps": -3},
        {"steps": 100_000},
        {"sampler": "ddpm", "steps": 20},
        {"guidance": -1.0},
        {"guidance": float("nan")},
        {"guidance": float("inf")},
        {"sampler": "ddim", "eta": 1.5},
        {"sampler": "euler", "eta": 0.5},
        {"seeds": []},
        {"seeds": [-1]},
        {"seeds": [LARGEST_SEED + 1]},
    ],
    ids=str,
)
def test_bad_input_is_refused_before_any_work(options: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        sample_latents(tiny_denoiser(), SHAPE, **{"seeds": [1], **options})


def test_noise_is_standard_normal_and_goes_on() -> None:
    noise = SampleNoise([0, 1])
    first, second = noise.draw((64, 64)), noise.draw((64, 64))
    assert not torch.equal(first, second)
    assert torch.equal(SampleNoise([1]).draw((64, 64))[0], first[1])
    assert float(first.mean()) == pytest.approx(0, abs=0.05)
    assert float(first.std()) == pytest.approx(1, abs=0.05)


def test_variations_follow_the_flow_from_the_strengths_time() -> None:
    """With the exact denoiser of normal data the deterministic process is known in closed form."""
    schedule = Schedule.build(1000)
    exact = GaussianData(schedule, mean=0.5, deviation=0.3)
    times = shortened_times(0.4, 1000, 1000)
    start = random_latents(2)
    signal = schedule.sqrt_alphas_cumprod[times[0]]
    spread = ((signal * 0.3) ** 2 + 1 - signal**2).sqrt()
    *_, last = ddim_from(start, times, exact, schedule, SampleNoise([0, 1]), 0.0, CancelToken())
    wanted = 0.5 + 0.3 * (start - signal * 0.5) / spread
    assert float((last.latent - wanted).abs().max()) < 0.03


def test_weak_variations_stay_near_their_source() -> None:
    """A network that only mixes in the prior is exact for standard normal latents, which then stay where they are."""
    denoiser = tiny_denoiser(mixed_prediction=True)
    denoiser.mixing_logit.data.fill_(-40.0)
    source = random_latents(2)
    near = []
    for strength in (0.02, 0.3, 1.0):
        *_, last = vary_latents(denoiser, source, seed=3, strength=strength, steps=20)
        near.append(float(torch.corrcoef(torch.stack([last.latent.flatten(), source.flatten()]))[0, 1]))
    assert near[0] > 0.95 and 0.4 < near[1] < 0.9 and abs(near[2]) < 0.4
    assert near == sorted(near, reverse=True)


@given(st.floats(0.001, 1), st.integers(1, 300))
def test_times_of_a_variation_fall_evenly_to_the_end(strength: float, steps: int) -> None:
    times = shortened_times(strength, steps, 1000)
    gaps = [a - b for a, b in pairwise(times)]
    assert times[0] == round(strength * 999) and times[-1] == -1
    assert min(gaps) >= 1 and max(gaps) - min(gaps) <= 1
    assert len(gaps) <= max(1, steps)
