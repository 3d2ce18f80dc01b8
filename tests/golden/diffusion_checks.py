"""The denoiser, its losses and its samplers against recorded numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from ddmi_models.cancel import CancelToken
from ddmi_models.diffusion.denoiser import Denoiser, guide
from ddmi_models.diffusion.noise import ReplayNoise
from ddmi_models.diffusion.samplers import ancestral_step, sample_ddim
from ddmi_models.diffusion.schedule import SCHEDULE_BUFFERS, Schedule, lvlb_weights, timesteps_for
from ddmi_models.nets.unet import UNet, timestep_embedding
from tests.golden.configs import diffusion_config, plane_sizes, unet_config
from tests.golden.fixture import Fixture
from tests.golden.weights import fill_weights

SCHEDULE_TOLERANCE = 1e-6


def build_denoiser(config: dict) -> Denoiser:
    """The denoiser of a recorded configuration, filled by the rule."""
    unet = unet_config(config["unetconfig"])
    sizes = plane_sizes(config)
    mixing = (1, unet.in_channels, *([1] if sizes else [1, 1]))
    denoiser = Denoiser(unet, diffusion_config(config["ddpmconfig"]), mixing, sizes)
    fill_weights(denoiser, "diffusion")
    return denoiser


def ddim_latent(denoiser: Denoiser, noises: Sequence[torch.Tensor], steps: int, eta: float) -> torch.Tensor:
    """The latent that DDIM ends at with given noise."""
    noise = ReplayNoise(noises)
    shape = noises[0].shape[1:]
    *_, last = sample_ddim(denoiser.predict, denoiser.schedule, noise, shape, steps, eta, CancelToken())
    assert last.finished
    return last.latent


def check_denoiser(fixture: Fixture) -> None:
    """Everything that the fixture of a domain holds about its diffusion model."""
    denoiser = build_denoiser(fixture.config)
    x, t = fixture.tensor("in_xt"), fixture.tensor("in_t")
    fixture.compare("unet_out", denoiser.model(x, t))
    prediction = denoiser.predict(x, t)
    fixture.compare("pred_noise", prediction.eps)
    fixture.compare("pred_x_start", prediction.x0)
    for key, match in fixture.keys(r"ddim(\d+)_latent"):
        noises = [fixture.tensor("in_noise")]
        fixture.compare(key, ddim_latent(denoiser, noises, int(match[1]), denoiser.config.eta))
    if "in_z0" in fixture:
        z0, noise = fixture.tensor("in_z0"), fixture.tensor("in_train_noise")
        fixture.compare("q_sample", denoiser.q_sample(z0, t, noise))
        fixture.compare("p_losses", denoiser.loss(z0, t, noise))


def check_schedule(fixture: Fixture) -> None:
    """The schedule's arrays, the sampling times and the time embedding."""
    timesteps = fixture.config["image"]["ddpmconfig"]["timesteps"]
    schedule = Schedule.build(timesteps)
    for name in SCHEDULE_BUFFERS:
        fixture.compare(f"sched_{name}", getattr(schedule, name), SCHEDULE_TOLERANCE)
    fixture.compare("sched_lvlb_weights", lvlb_weights(schedule), SCHEDULE_TOLERANCE)
    for key, match in fixture.keys(r"times_(\d+)"):
        fixture.compare(key, timesteps_for(int(match[1]), timesteps))
    for key, match in fixture.keys(r"timestep_embedding_(\d+)"):
        fixture.compare(key, timestep_embedding(fixture.tensor("in_t"), int(match[1])))


def check_stochastic_sampling(fixture: Fixture) -> None:
    """DDIM with eta and ancestral steps, with recorded noise."""
    denoiser = build_denoiser(fixture.config["image"])
    schedule, x = denoiser.schedule, fixture.tensor("in_noise")
    step_noises = list(fixture.tensor("in_step_noises"))
    for key, match in fixture.keys(r"ddim(\d+)_eta([\d.]+)"):
        fixture.compare(key, ddim_latent(denoiser, [x, *step_noises], int(match[1]), float(match[2])))
    for key, match in fixture.keys(r"p_mean_t(\d+)"):
        t = torch.tensor([int(match[1])])
        posterior = schedule.posterior(denoiser.predict(x, t).x0, x, t)
        fixture.compare(key, posterior.mean)
        fixture.compare(key.replace("mean", "var"), posterior.variance)
        fixture.compare(key.replace("mean", "logvar"), posterior.log_variance)
    for key, match in fixture.keys(r"p_sample_t(\d+)"):
        t = torch.tensor([int(match[1])])
        fixture.compare(key, ancestral_step(schedule, denoiser.predict(x, t), x, t, step_noises[0]))


def check_losses(fixture: Fixture) -> None:
    """The published losses: the network always says eps; the error is taken in eps, in x0 or in v."""
    denoiser = build_denoiser(fixture.config["image"])
    schedule = denoiser.schedule
    z0, noise, t = fixture.tensor("in_noise"), fixture.tensor("in_step_noises")[0], torch.tensor([500])
    velocity = schedule.velocity(z0, t, noise)
    prediction = denoiser.predict(denoiser.q_sample(z0, t, noise), t)
    fixture.compare("get_velocity", velocity)
    fixture.compare("p_losses_eps", denoiser.loss(z0, t, noise))
    fixture.compare("p_losses_x0", F.mse_loss(prediction.x0, z0))
    fixture.compare("p_losses_v", F.mse_loss(schedule.velocity(z0, t, prediction.eps), velocity))


def check_text(fixture: Fixture) -> None:
    """The U-Net that looks at text, and guidance: weight 1 of the published formula is weight 2 of the paper's."""
    unet = UNet(unet_config(fixture.config["textunet"]))
    fill_weights(unet, "textunet")
    x, t, context = (fixture.tensor(f"text_in_{name}") for name in ("x", "t", "context"))
    text, empty = unet(x, t, context), unet(x, t, torch.zeros_like(context))
    fixture.compare("text_unet_out", text)
    fixture.compare("text_unet_out_ctx0", empty)
    fixture.compare("text_cfg_w1_raw", guide(text, empty, 2.0))
