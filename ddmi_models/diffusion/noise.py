"""Noise that belongs to a sample: it depends on its seed alone, not on the batch, the device or the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch

from ddmi_models.errors import BadInput

LARGEST_SEED = 2**63 - 1


def candidate_seeds(seed: int, count: int) -> list[int]:
    """Seeds of the candidates for one sample: its own first, the others spread over all seeds, always the same."""
    spread = (np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0] for number in range(1, count))
    return [seed, *(int(value >> np.uint64(1)) for value in spread)]


@runtime_checkable
class Noise(Protocol):
    """A source of standard normal noise for a batch: first the initial latent, then one array a step that needs it."""

    def __len__(self) -> int:
        """Samples in the batch."""

    def draw(self, shape: Sequence[int]) -> torch.Tensor:
        """The next noise of every sample, of this shape each, stacked: float32 [B, *shape] on the CPU."""


class SampleNoise:
    """Noise from one generator a sample, always drawn on the CPU."""

    def __init__(self, seeds: Sequence[int]) -> None:
        """One seed a sample, each 0 ... 2^63 - 1; equal seeds give equal samples.

        Raises:
            BadInput: if there is no seed, or one is out of range.
        """
        if not seeds:
            raise BadInput("No seed was given.", "Give one a sample.")
        for seed in seeds:
            if not 0 <= seed <= LARGEST_SEED:
                raise BadInput(f"The seed {seed} is out of range.", f"Use 0 to {LARGEST_SEED}.")
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __len__(self) -> int:
        return len(self._generators)

    def draw(self, shape: Sequence[int]) -> torch.Tensor:
        """The next noise of every sample: float32 [B, *shape] on the CPU."""
        return torch.stack([torch.randn(tuple(shape), generator=generator) for generator in self._generators])


class ReplayNoise:
    """Given arrays in place of drawn noise, in order: to repeat a sampling whose noise was recorded."""

    def __init__(self, arrays: Sequence[torch.Tensor]) -> None:
        """Arrays [B, *shape]: the initial latent, then the noise of each step that draws any."""
        if not arrays:
            raise BadInput("No recorded noise was given.")
        self._arrays = list(arrays)
        self._count = len(arrays[0])

    def __len__(self) -> int:
        return self._count

    def draw(self, shape: Sequence[int]) -> torch.Tensor:
        """The next recorded array.

        Raises:
            BadInput: if none is left or the next has another shape.
        """
        if not self._arrays:
            raise BadInput(
                "The recorded noise is used up.", "Record one array for the start and one for each noisy step."
            )
        array = self._arrays.pop(0)
        if tuple(array.shape) != (self._count, *shape):
            raise BadInput(f"Recorded noise is {tuple(array.shape)} where {(self._count, *shape)} is needed.")
        return array
