"""Targets, mixed prediction, guidance, weightings and the state dict of the denoiser."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from ddmi_models.config import Target
from ddmi_models.diffusion.condition import Condition
from ddmi_models.diffusion.denoiser import Denoiser
from ddmi_models.diffusion.schedule import SCHEDULE_BUFFERS
from ddmi_models.errors import BadConfig, BadInput
from tests.diffusion.tiny import CHANNELS, random_latents, texts, tiny_denoiser

TIMES = torch.tensor([0, 40, 300, 999])
TARGETS = get_args(Target)


def plain(target: str) -> Denoiser:
    return tiny_denoiser(target=target, mixed_prediction=False)


@pytest.mark.parametrize("target", TARGETS)
def test_a_perfect_output_gives_back_noise_and_latent(target: str) -> None:
    denoiser, z0, noise = plain(target), random_latents(4, 1), random_latents(4, 2)
    x = denoiser.q_sample(z0, TIMES, noise)
    prediction = denoiser.split_output(x, TIMES, denoiser.target(z0, TIMES, noise))
    # At t = 0 there is hardly any noise to tell, at t = 999 hardly any latent: float32 leaves that many digits.
    torch.testing.assert_close(prediction.eps, noise, rtol=0, atol=1e-4)
    torch.testing.assert_close(prediction.x0, z0, rtol=0, atol=1e-4)


@pytest.mark.parametrize("target", TARGETS)
def test_min_snr_weighs_the_error_of_x0_alike_for_every_target(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    denoiser, z0, noise, wrong = plain(target), random_latents(4, 1), random_latents(4, 2), random_latents(4, 3)
    x = denoiser.q_sample(z0, TIMES, noise)
    eps = denoiser.schedule.eps_from_x0(x, TIMES, wrong)
    output = {"eps": eps, "x0": wrong, "v": denoiser.schedule.velocity(wrong, TIMES, eps)}[target]
    monkeypatch.setattr(denoiser, "network_output", lambda *_: output)
    bar = denoiser.schedule.alphas_cumprod[TIMES]
    expected = ((wrong - z0).square().mean((1, 2, 3)) * (bar / (1 - bar)).clamp(max=5)).mean()
    torch.testing.assert_close(denoiser.loss(z0, TIMES, noise, weighting="min-snr"), expected, rtol=1e-3, atol=0)


@pytest.mark.parametrize("target", ["eps", "x0"])
def test_mixed_prediction_starts_at_the_answer_for_standard_normal_latents(target: str) -> None:
    denoiser, x = tiny_denoiser(target=target), random_latents(4)
    torch.nn.init.constant_(denoiser.mixing_logit, -40.0)
    bar = denoiser.schedule.alphas_cumprod[TIMES].reshape(-1, 1, 1, 1)
    torch.testing.assert_close(denoiser.predict(x, TIMES).x0, bar.sqrt() * x, rtol=1e-3, atol=1e-4)


def test_full_share_is_the_network_alone() -> None:
    denoiser, x = tiny_denoiser(), random_latents(4)
    torch.nn.init.constant_(denoiser.mixing_logit, 40.0)
    torch.testing.assert_close(denoiser.network_output(x, TIMES), denoiser.model(x, TIMES))


def test_mixed_prediction_of_v_is_refused() -> None:
    with pytest.raises(BadConfig, match="mixed_prediction"):
        tiny_denoiser(target="v", mixed_prediction=True)


def test_channels_must_fit_the_latent() -> None:
    config = tiny_denoiser().model.config
    with pytest.raises(BadConfig, match="latent has 5"):
        Denoiser(config, tiny_denoiser().config, (1, 5, 1, 1))


@pytest.mark.parametrize(("guidance", "batches"), [(0.0, [2]), (1.0, [2]), (3.0, [4])])
def test_guidance_takes_one_pass_and_follows_the_formula(guidance: float, batches: list[int]) -> None:
    denoiser, x, t = tiny_denoiser(text=True), random_latents(2), torch.tensor([500, 20])
    text, empty = texts(1, 1), texts(1, 2)
    eps_text, eps_empty = (denoiser.network_output(x, t, c.expand(2)) for c in (text, empty))
    seen: list[int] = []
    denoiser.model.register_forward_pre_hook(lambda _, arguments: seen.append(len(arguments[0])))
    prediction = denoiser.predict(x, t, text, guidance, empty)
    assert seen == batches
    torch.testing.assert_close(prediction.eps, eps_empty + guidance * (eps_text - eps_empty), rtol=1e-4, atol=1e-4)


def test_a_negative_prompt_takes_the_place_of_the_empty_text() -> None:
    denoiser, x, t = tiny_denoiser(text=True), random_latents(1), torch.tensor([500])
    text, empty, negative = texts(1, 1), texts(1, 2), texts(1, 3)
    with_empty = denoiser.predict(x, t, text, 3.0, empty).eps
    with_negative = denoiser.predict(x, t, text, 3.0, negative).eps
    change = -2 * (denoiser.network_output(x, t, negative) - denoiser.network_output(x, t, empty))
    torch.testing.assert_close(with_negative - with_empty, change, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("condition", "guidance", "negative"), [(1, 3.0, None), (None, 3.0, 1), (3, 1.0, None)])
def test_texts_that_do_not_fit_are_refused(condition: int | None, guidance: float, negative: int | None) -> None:
    denoiser = tiny_denoiser(text=True)
    given = [None if count is None else texts(count) for count in (condition, negative)]
    with pytest.raises(BadInput):
        denoiser.predict(random_latents(2), torch.tensor([5, 5]), given[0], guidance, given[1])


def test_a_text_model_says_that_it_needs_text_and_others_that_they_take_none() -> None:
    t = torch.tensor([5])
    with pytest.raises(BadInput, match="needs text"):
        tiny_denoiser(text=True).predict(random_latents(1), t)
    with pytest.raises(BadInput, match="takes none"):
        tiny_denoiser().predict(random_latents(1), t, texts(1))


def test_padding_is_not_looked_at_and_the_summary_is() -> None:
    denoiser, x, t, text = tiny_denoiser(text=True), random_latents(2), torch.tensor([500, 20]), texts(2)
    assert text.mask is not None and text.pooled is not None
    before = denoiser.network_output(x, t, text)
    padded = torch.where(text.mask[..., None], text.context, 7.0)
    torch.testing.assert_close(denoiser.network_output(x, t, Condition(padded, text.mask, text.pooled)), before)
    unmasked = denoiser.network_output(x, t, Condition(text.context, None, text.pooled))
    other_summary = denoiser.network_output(x, t, Condition(text.context, text.mask, text.pooled + 1))
    assert (unmasked - before).std() > 1e-3 * before.std()
    assert (other_summary - before).std() > 1e-3 * before.std()


def test_state_dict_is_the_published_one_plus_statistics_where_there_are_any() -> None:
    keys = {key for key in tiny_denoiser().state_dict() if not key.startswith("model.")}
    assert keys == {"mixing_logit", *SCHEDULE_BUFFERS}
    own = tiny_denoiser(mixed_prediction=False, normalised=True)
    assert {key for key in own.state_dict() if not key.startswith("model.")} == {
        "latent_mean",
        "latent_std",
        *SCHEDULE_BUFFERS,
    }


def test_conversion_to_half_precision_keeps_the_schedule() -> None:
    denoiser, x, t = tiny_denoiser(), random_latents(2), torch.tensor([500, 20])
    exact = denoiser.schedule.buffers()
    before = denoiser.predict(x, t)
    denoiser.to(torch.bfloat16)
    assert denoiser.model.dtype == torch.bfloat16
    for name, array in denoiser.schedule.buffers().items():
        assert torch.equal(array, exact[name])
    after = denoiser.predict(x, t)
    assert after.eps.dtype == torch.float32
    assert (after.eps - before.eps).std() < 0.05 * before.eps.std()


def test_normalisation_gives_unit_channels_and_comes_back() -> None:
    denoiser = tiny_denoiser(normalised=True)
    latents = random_latents(64) * torch.tensor([1.0, 2, 3, 4]).reshape(1, -1, 1, 1) + 5
    channels = latents.transpose(0, 1).flatten(1)
    denoiser.set_statistics(channels.mean(1), channels.std(1))
    normal = denoiser.normalise(latents).transpose(0, 1).flatten(1)
    torch.testing.assert_close(normal.mean(1), torch.zeros(CHANNELS), rtol=0, atol=1e-4)
    torch.testing.assert_close(normal.std(1), torch.ones(CHANNELS))
    torch.testing.assert_close(denoiser.denormalise(denoiser.normalise(latents)), latents)


def test_a_channel_that_never_varies_is_refused() -> None:
    with pytest.raises(BadInput, match="never varies"):
        tiny_denoiser(normalised=True).set_statistics(torch.zeros(CHANNELS), torch.zeros(CHANNELS))


def test_the_loss_falls_when_trained() -> None:
    torch.manual_seed(0)
    denoiser = tiny_denoiser(text=True, mixed_prediction=False)
    z0, noise, text, t = random_latents(4, 1), random_latents(4, 2), texts(4), torch.tensor([100, 400, 700, 950])
    optimizer = torch.optim.Adam(denoiser.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = denoiser.loss(z0, t, noise, text)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
    assert all(parameter.grad is not None for parameter in denoiser.parameters())
