"""A penalty that keeps an autoencoder smooth: the largest singular value of every convolution and the largest scale of
every normalisation (NVAE, Vahdat & Kautz 2020; reference facts, section 8)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

FIRST_ITERATIONS, ITERATIONS = 40, 4
"""Of the power method: in the first step, and in every later one, which goes on from the step before."""


class SpectralPenalty(nn.Module):
    """Sum over the convolutions and group norms of a module. Its buffers belong to the state of a run."""

    step: torch.Tensor

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        alike: dict[torch.Size, list[torch.Tensor]] = {}
        self._scales: list[torch.Tensor] = []
        for part in module.modules():
            if isinstance(part, nn.Conv2d) and part.weight.requires_grad:
                alike.setdefault(part.weight.shape, []).append(part.weight)
            elif isinstance(part, nn.GroupNorm) and part.weight.requires_grad:
                self._scales.append(part.weight)
        self._alike = list(alike.values())
        generator = torch.Generator().manual_seed(0)
        for index, weights in enumerate(self._alike):
            start = torch.randn(len(weights), weights[0].shape[0], 1, generator=generator)
            self.register_buffer(f"left_{index}", F.normalize(start, dim=1))
        self.register_buffer("step", torch.tensor(-1))

    def forward(self, step: int) -> torch.Tensor:
        """The penalty in a step; the power method goes on once a step, in however many parts its batch is computed."""
        done = int(self.step)
        rounds = 0 if done == step else FIRST_ITERATIONS if done < 0 else ITERATIONS
        self.step.fill_(step)
        total = torch.stack([scale.abs().max() for scale in self._scales]).sum()
        with torch.autocast(total.device.type, enabled=False):
            for index, weights in enumerate(self._alike):
                matrices = torch.stack([weight.flatten(1) for weight in weights]).float()
                total = total + self._largest(matrices, self.get_buffer(f"left_{index}"), rounds).sum()
        return total

    @staticmethod
    def _largest(matrices: torch.Tensor, left: torch.Tensor, rounds: int) -> torch.Tensor:
        """Largest singular value of each of the matrices [N, out, in]; `left` [N, out, 1] is brought nearer."""
        with torch.no_grad():
            fixed = matrices.detach()
            for _ in range(rounds):
                left.copy_(F.normalize(fixed @ F.normalize(fixed.mT @ left, dim=1), dim=1))
            right = F.normalize(fixed.mT @ left, dim=1)
        return (left.mT @ matrices @ right).flatten()
