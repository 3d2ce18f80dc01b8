"""The patch discriminator of the first stage's second phase (hinge loss; Isola et al. 2017, Esser et al. 2021)."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ddmi_models.training.config import AdversaryConfig

SLOPE, GROUPS, CHANNELS = 0.2, 16, 4
"""Of the leaky ReLU, and of the normalisation; colours and the scale input."""

LARGEST_BALANCE = 1e4


class PatchDiscriminator(nn.Module):
    """Pictures to a logit a patch: real or not.

    Normalised over groups of channels, not over the batch, so that a batch may be computed in parts.
    """

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        widths = [width * min(2**level, 8) for level in range(layers + 1)]
        blocks: list[nn.Module] = [nn.Conv2d(CHANNELS, width, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        for level in range(1, layers + 1):
            stride = 2 if level < layers else 1
            blocks += [
                nn.Conv2d(widths[level - 1], widths[level], 4, stride, 1, bias=False),
                nn.GroupNorm(min(GROUPS, widths[level]), widths[level]),
                nn.LeakyReLU(SLOPE),
            ]
        self.blocks = nn.Sequential(*blocks, nn.Conv2d(widths[-1], 1, 4, 1, 1))

    def forward(self, pictures: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """Logits [B, 1, h, w] of pictures [B, 3, H, W] in [-1, 1] that were rendered at a scale input, a scalar."""
        plane = scale.to(pictures).expand(len(pictures), 1, *pictures.shape[-2:])
        return self.blocks(torch.cat([pictures, plane], dim=1))


class Adversary:
    """A discriminator with its optimizer, and what it adds to a first stage's loss.

    Its gradients come with those of that loss. It is no part of the model, but of the run's state.
    """

    def __init__(self, config: AdversaryConfig, seed: int, device: torch.device) -> None:
        self.config = config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.module = PatchDiscriminator(config.width, config.layers).to(device)
        self.optimizer = torch.optim.AdamW(self.module.parameters(), lr=config.learning_rate, betas=(0.5, 0.9))

    def terms(
        self, loss: torch.Tensor, last: nn.Parameter, pictures: tuple[torch.Tensor, torch.Tensor], scale: torch.Tensor
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """What is added to the loss, and figures.

        If balanced, the term that pulls the decoder counts as much as the rest of the loss does at its last layer,
        times the weight. The discriminator's own loss brings gradients, but no value.

        Args:
            loss: of the first stage without it. last: weights of its last layer. pictures: made and true ones.
        """
        made, true = pictures
        self.module.requires_grad_(False)
        size = made[0].numel()
        fooling = -size * self.module(made, scale).mean()  # of the size of the other terms, which are sums
        balance = self._balance(loss, fooling, last) if self.config.balanced else self.config.weight / size
        self.module.requires_grad_(True)
        own = 0.5 * (F.relu(1 - self.module(true, scale)).mean() + F.relu(1 + self.module(made.detach(), scale)).mean())
        figures = {"fooling": float(fooling.detach()) / size, "discriminator": float(own.detach())}
        return balance * fooling + (own - own.detach()), figures

    def _balance(self, loss: torch.Tensor, fooling: torch.Tensor, last: nn.Parameter) -> torch.Tensor:
        others, pull = (torch.autograd.grad(term, last, retain_graph=True)[0].norm() for term in (loss, fooling))
        return self.config.weight * (others / (pull + 1e-4)).clamp(max=LARGEST_BALANCE).detach()

    def apply(self, largest: float, factor: float) -> None:
        """A step of the discriminator, if it has gradients and they are finite.

        Args:
            largest: norm to which they are cut. factor: of the learning rate.
        """
        if all(parameter.grad is None for parameter in self.module.parameters()):
            return
        if not nn.utils.clip_grad_norm_(self.module.parameters(), largest).isfinite():
            return
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * factor
        self.optimizer.step()

    def state(self) -> dict[str, Any]:
        """Everything that an exact resumption needs."""
        return {"module": self.module.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a kept state."""
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
