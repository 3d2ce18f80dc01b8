"""The denoiser: U-Net, mixed prediction, prediction target, guidance, training objective (paper section 3.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from ddmi_models.config import DiffusionConfig, UNetConfig
from ddmi_models.diffusion.condition import Condition
from ddmi_models.diffusion.schedule import SCHEDULE_BUFFERS, Schedule, at
from ddmi_models.errors import BadConfig, BadInput
from ddmi_models.nets.plane_unet import build_unet

Weighting = Literal["plain", "min-snr"]
MIN_SNR_GAMMA = 5.0
SMALLEST_DEVIATION = 1e-6

Latent = Float[Tensor, "batch channels *space"]
Times = Int[Tensor, " batch"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the denoiser says of a noisy latent, both [B, C, H, W]: the noise in it and the clean latent."""

    eps: torch.Tensor
    x0: torch.Tensor


def guide(text: torch.Tensor, empty: torch.Tensor, weight: float) -> torch.Tensor:
    """Classifier-free guidance: empty + weight (text - empty)."""
    return empty + weight * (text - empty)


class Denoiser(nn.Module):
    """The second stage of a model.

    Its state dict is the published files' entry `diffusion`: `mixing_logit` (with mixed prediction only), the twelve
    arrays of the schedule, `model.*`; and for models with normalised latents also `latent_mean` and `latent_std`.

    Published networks say eps whatever `parameterization` their files name, which only changed the loss: target eps.

    The schedule stays float32 when the module is converted to another type; latents are float32 outside the network.
    """

    def __init__(
        self,
        unet: UNetConfig,
        diffusion: DiffusionConfig,
        mixing_shape: tuple[int, ...],
        sizes: Sequence[tuple[int, int]] = (),
    ) -> None:
        """`mixing_shape` is [1, C, 1, 1] or [1, C, 1], `sizes` those of planes along the cells: as in `PlaneLayout`.

        Raises:
            BadConfig: if the configurations do not fit each other.
        """
        super().__init__()
        if not unet.in_channels == unet.out_channels == mixing_shape[1]:
            raise BadConfig(
                f"The U-Net maps {unet.in_channels} to {unet.out_channels} channels; the latent has {mixing_shape[1]}.",
                "Make the three equal.",
            )
        if diffusion.mixed_prediction and diffusion.target == "v":
            raise BadConfig("Mixed prediction is not defined for the target v.", "Set mixed_prediction to false.")
        self.config = diffusion
        if diffusion.mixed_prediction:
            self.mixing_logit = nn.Parameter(torch.full(mixing_shape, diffusion.mixed_init))
        for name, array in Schedule.build(diffusion.timesteps).buffers().items():
            self.register_buffer(name, array)
        if diffusion.normalised:
            self.register_buffer("latent_mean", torch.zeros(mixing_shape))
            self.register_buffer("latent_std", torch.ones(mixing_shape))
        self.model = build_unet(unet, sizes)

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Denoiser:
        exact = {name: buffer for name, buffer in self._buffers.items() if buffer is not None and not buffer.is_meta}
        super()._apply(fn, recurse)
        for name, buffer in exact.items():
            self._buffers[name] = buffer.to(self._buffers[name].device)  # type: ignore[union-attr]
        return self

    @property
    def schedule(self) -> Schedule:
        """The noise schedule in this module's buffers."""
        return Schedule.from_buffers({name: self.get_buffer(name) for name in SCHEDULE_BUFFERS})

    @contextmanager
    def checked(self, check: Callable[[], None]) -> Iterator[None]:
        """While this lasts `check` is called between the blocks of the network; it may raise to stop the pass."""
        before = self.model.check
        self.model.check = check
        try:
            yield
        finally:
            self.model.check = before

    def normalise(self, latent: Latent) -> Latent:
        """A latent of the D2C-VAE [B, C, H, W] as the process sees it: unchanged unless `normalised` is set."""
        if not self.config.normalised:
            return latent
        return (latent - self.get_buffer("latent_mean")) / self.get_buffer("latent_std")

    def denormalise(self, latent: Latent) -> Latent:
        """The inverse of `normalise`."""
        if not self.config.normalised:
            return latent
        return latent * self.get_buffer("latent_std") + self.get_buffer("latent_mean")

    def set_statistics(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        """Store the mean and standard deviation of each latent channel, [C] or [1, C, 1, 1].

        Raises:
            BadInput: if the model's latents are not normalised or a deviation is not positive.
        """
        if not self.config.normalised:
            raise BadInput("This model's latents are not normalised.", "Set diffusion.normalised to true.")
        if not bool((std > SMALLEST_DEVIATION).all()):
            raise BadInput(
                "A latent channel never varies.", "Train the first stage longer or with a smaller KL weight."
            )
        for name, values in (("latent_mean", mean), ("latent_std", std)):
            buffer = self.get_buffer(name)
            buffer.copy_(values.reshape(buffer.shape))

    def q_sample(self, z0: Latent, t: Times, noise: Latent) -> Latent:
        """The noisy latent at times t [B] (paper eq. 1)."""
        return self.schedule.q_sample(z0, t, noise)

    def network_output(self, x: Latent, t: Times, condition: Condition | None = None) -> Latent:
        """Prediction of the target at x_t, float32 [B, C, H, W].

        With mixed prediction the network only adds to what would be right if latents were standard normal: for the
        target eps (1 - s) sqrt(1 - abar) x + s net, for x0 (1 - s) sqrt(abar) x + s net, s = sigmoid(mixing logit).
        """
        dtype = self.model.dtype
        if condition is None:
            output = self.model(x.to(dtype), t)
        else:
            c = condition.to(x.device, dtype)
            output = self.model(x.to(dtype), t, c.context, c.pooled, c.mask)
        output = output.float()
        if not self.config.mixed_prediction:
            return output
        schedule = self.schedule
        prior = schedule.sqrt_one_minus_alphas_cumprod if self.config.target == "eps" else schedule.sqrt_alphas_cumprod
        share = torch.sigmoid(self.mixing_logit.float())
        return (1 - share) * at(prior, t, x) * x + share * output

    def predict(
        self,
        x: Latent,
        t: Times,
        condition: Condition | None = None,
        guidance: float = 1.0,
        negative: Condition | None = None,
    ) -> Prediction:
        """Noise and clean latent at x_t, guided by the text.

        The targets are linear in each other, so guiding the network's output is guiding eps:
        eps(negative) + guidance (eps(condition) - eps(negative)).

        Args:
            x: noisy latent [B, C, H, W].
            t: times, int64 [B].
            condition: the prompts' encoding, one or B texts; None for unconditional models.
            guidance: 1 is the plain conditional prediction, 0 the unconditional one (one pass each); others take both.
            negative: the encoding of the empty text, or of the negative prompt that replaces it.
        """
        return self.split_output(x, t, self._guided_output(x, t, condition, guidance, negative))

    def _guided_output(
        self,
        x: Latent,
        t: Times,
        condition: Condition | None,
        guidance: float,
        negative: Condition | None,
    ) -> Latent:
        if condition is None and negative is None:
            return self.network_output(x, t)
        count = x.shape[0]
        if guidance != 1 and negative is None:
            raise BadInput("Guidance needs the encoding of the empty text or of a negative prompt.")
        if guidance != 0 and condition is None:
            raise BadInput("Guidance needs a prompt.", "Use guidance 0 for an unconditional sample.")
        if guidance == 1 and condition is not None:
            return self.network_output(x, t, condition.expand(count))
        if guidance == 0 and negative is not None:
            return self.network_output(x, t, negative.expand(count))
        assert condition is not None and negative is not None
        both = Condition.cat([negative.expand(count), condition.expand(count)])
        empty, text = self.network_output(torch.cat([x, x]), torch.cat([t, t]), both).chunk(2)
        return guide(text, empty, guidance)

    def split_output(self, x: Latent, t: Times, output: Latent) -> Prediction:
        """Noise and clean latent that a prediction of the target at x_t stands for."""
        schedule = self.schedule
        if self.config.target == "eps":
            return Prediction(output, schedule.x0_from_eps(x, t, output))
        if self.config.target == "x0":
            return Prediction(schedule.eps_from_x0(x, t, output), output)
        return Prediction(*schedule.from_velocity(x, t, output))

    def target(self, z0: Latent, t: Times, noise: Latent) -> Latent:
        """What the network should say of `q_sample(z0, t, noise)`."""
        if self.config.target == "eps":
            return noise
        if self.config.target == "x0":
            return z0
        return self.schedule.velocity(z0, t, noise)

    def loss(
        self,
        z0: Latent,
        t: Times,
        noise: Latent,
        condition: Condition | None = None,
        weighting: Weighting = "plain",
    ) -> Float[Tensor, ""]:
        """Mean squared error of the predicted target (paper eq. 6), a scalar.

        Args:
            z0: clean latents as the process sees them (see `normalise`), [B, C, H, W].
            t: times, int64 [B].
            noise: standard normal, shaped like z0.
            condition: encoded texts of the batch.
            weighting: plain: every time alike; min-snr: times weighted so that the error of x0 counts min(snr, 5).
        """
        output = self.network_output(self.q_sample(z0, t, noise), t, condition)
        errors = F.mse_loss(output, self.target(z0, t, noise), reduction="none").flatten(1).mean(1)
        return (errors * self._weights(t, weighting)).mean()

    def _weights(self, t: torch.Tensor, weighting: Weighting) -> torch.Tensor:
        snr = self.schedule.signal_to_noise(t)
        if weighting == "plain":
            return torch.ones_like(snr)
        scale = {"eps": snr, "x0": torch.ones_like(snr), "v": snr + 1}[self.config.target]
        return snr.clamp(max=MIN_SNR_GAMMA) / scale
