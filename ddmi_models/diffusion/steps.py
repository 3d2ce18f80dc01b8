"""What every sampler gets and gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

from ddmi_models.cancel import CancelToken
from ddmi_models.diffusion.denoiser import Prediction
from ddmi_models.diffusion.noise import Noise
from ddmi_models.diffusion.schedule import Schedule

Denoise = Callable[[torch.Tensor, torch.Tensor], Prediction]
"""The guided prediction at a noisy latent [B, C, H, W] and times int64 [B]."""


@dataclass(frozen=True, eq=False)
class Step:
    """The state after one pass of the network.

    Attributes:
        index: passes done, 1 ... total.
        total: passes that the whole sampling takes.
        x0: the clean latent as predicted in this pass [B, C, H, W]: a preview of the result.
        latent: the latent after this step [B, C, H, W]; after the last one the finished sample.
    """

    index: int
    total: int
    x0: torch.Tensor
    latent: torch.Tensor

    @property
    def finished(self) -> bool:
        return self.index == self.total


@runtime_checkable
class SamplerFunction(Protocol):
    """Runs the reverse process, one pass of the network at a time.

    The token is looked at before every pass. Everything is computed on the schedule's device.
    """

    def __call__(
        self,
        denoise: Denoise,
        schedule: Schedule,
        noise: Noise,
        shape: Sequence[int],
        steps: int,
        eta: float,
        token: CancelToken,
    ) -> Iterator[Step]: ...


def times_like(x: torch.Tensor, t: int) -> torch.Tensor:
    """The time t for every sample of x [B, ...]: int64 [B]."""
    return torch.full((x.shape[0],), t, dtype=torch.long, device=x.device)
