"""A model under study: its samples, its reconstructions and how its own encoder sees them, each made once.

Feature space `own-encoder`: the mean of the encoder's posterior, each plane averaged over 2 x 2 parts, each number
divided by its standard deviation over the held-out items. Samples are rendered (pictures of the trained size, points on
the surface) and encoded like data.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np
import torch
from torch.nn import functional as F

from ddmi_models.cancel import CancelToken
from ddmi_models.diffusion.condition import Condition
from ddmi_models.diffusion.sampling import sample_latents
from ddmi_models.evaluation.items import DataSet
from ddmi_models.evaluation.subjects import SUBJECTS
from ddmi_models.events import Progress
from ddmi_models.model import Model
from ddmi_models.planes import BasisFields

FEATURE_SPACE = "own-encoder"
PARTS = 2
BATCH = 4
"""Samples drawn or items encoded together."""

Figures: TypeAlias = dict[str, float | int | str | dict[str, float] | dict[str, dict[str, float]]]
Work: TypeAlias = Generator[Progress, None, Figures]


@dataclass(frozen=True)
class Settings:
    """How much is measured.

    Attributes:
        count: items, and samples. seed: of the first sample. seeds: a prompt, for the attributes. cells: of meshes.
    """

    count: int = 256
    seed: int = 0
    seeds: int = 5
    cells: int = 64


@dataclass(frozen=True, eq=False)
class Seen:
    """Samples or reconstructions as the encoder sees them.

    Attributes:
        inputs: of the encoder, one a thing that could be seen. means: its posterior means [N, C, h, w].
        empty: how many had nothing to be seen.
    """

    inputs: list[dict[str, torch.Tensor]]
    means: torch.Tensor
    empty: int


@dataclass(eq=False)
class Study:
    """A model, the data that it is measured against, and what was made of both so far."""

    model: Model
    settings: Settings
    token: CancelToken
    data: DataSet | None = None
    train: DataSet | None = None
    _seen: dict[str, Seen] = field(default_factory=dict)

    @property
    def held_out(self) -> DataSet:
        """The data, where a metric needs it."""
        assert self.data is not None
        return self.data

    @cached_property
    def chosen(self) -> np.ndarray:
        """The items that are looked at: int64 [count]."""
        return self.held_out.spread(self.settings.count)

    @cached_property
    def means(self) -> torch.Tensor:
        """Posterior means of the chosen items [count, C, h, w]."""
        return self.encoded(self.held_out, self.chosen)

    def encoded(self, data: DataSet, items: np.ndarray) -> torch.Tensor:
        """Posterior means of items [N, C, h, w]."""
        means = []
        for start in range(0, len(items), BATCH):
            self.token.check()
            means.append(self._encode(data.items.inputs(items[start : start + BATCH])))
        return torch.cat(means)

    def _encode(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        with torch.inference_mode():
            moved = {key: value.to(self.model.device) for key, value in batch.items()}
            return self.model.domain.encode(moved).mean.float().cpu()

    def means_of(self, inputs: Sequence[dict[str, torch.Tensor]]) -> torch.Tensor:
        """Posterior means [N, C, h, w] of things that were looked at, whichever model they are of."""
        return torch.cat([self._encode(look) for look in inputs])

    def fields(self, latent: torch.Tensor) -> BasisFields:
        """Basis fields of one latent [C, h, w]."""
        with torch.inference_mode():
            return self.model.domain.decode(latent[None].to(self.model.device))

    def reconstructions(self) -> Generator[Progress, None, Seen]:
        """The chosen items after the autoencoder."""
        if "reconstructions" not in self._seen:
            looks = self._looked_at("Looking at reconstructions", iter(self.means), len(self.means))
            self._seen["reconstructions"] = yield from looks
        return self._seen["reconstructions"]

    def samples(self) -> Generator[Progress, None, Seen]:
        """As many samples; those of a model with text have captions of the chosen items as prompts."""
        if "samples" not in self._seen:
            latents = yield from self._drawn()
            self._seen["samples"] = yield from self._looked_at("Looking at samples", iter(latents), len(latents))
        return self._seen["samples"]

    def _drawn(self) -> Generator[Progress, None, list[torch.Tensor]]:
        seeds = [self.settings.seed + k for k in range(self.settings.count)]
        prompts, latents = self._prompts(), []
        for start in range(0, len(seeds), BATCH):
            yield Progress(start, len(seeds), "Sampling")
            stop = start + BATCH
            latents += list(self.draw(seeds[start:stop], prompts and prompts[start:stop]))
        return latents

    def _prompts(self) -> list[str] | None:
        if self.model.text is None:
            return None
        captions = self.held_out.items.captions(self.chosen) if self.data is not None else None
        if captions is None:
            return [""] * self.settings.count
        rng = np.random.default_rng(self.settings.seed)
        return [options[rng.integers(len(options))] for options in captions]

    def draw(self, seeds: list[int], prompts: list[str] | None) -> torch.Tensor:
        """Latents [N, C, h, w] of seeds and, for a model with text, a prompt each; everything else as the model's
        defaults."""
        model, config = self.model, self.model.config.diffusion
        assert model.denoiser is not None
        condition, negative = self._conditions(prompts)
        steps = sample_latents(
            model.denoiser,
            model.domain.layout.shape,
            seeds,
            condition,
            negative,
            sampler=config.sampler,
            steps=config.steps,
            guidance=config.guidance if negative is not None else 1.0,
            token=self.token,
            device=model.device,
        )
        *_, last = steps
        return last.latent

    def _conditions(self, prompts: list[str] | None) -> tuple[Condition | None, Condition | None]:
        if prompts is None:
            return None, None
        with torch.inference_mode():
            return self.model.parts.encode_text(prompts), self.model.parts.encode_text([""])

    def _looked_at(self, label: str, latents: Iterator[torch.Tensor], count: int) -> Generator[Progress, None, Seen]:
        subject, domain = SUBJECTS[self.model.config.domain], self.model.domain
        inputs = []
        for number, latent in enumerate(latents):
            yield Progress(number, count, label)
            look = subject.look(domain, self.fields(latent), self.settings.cells, self.token)
            inputs += [] if look is None else [look]
        means = self.means_of(inputs) if inputs else torch.empty(0, *domain.layout.shape)
        return Seen(inputs, means, count - len(inputs))

    def features(self, means: torch.Tensor) -> np.ndarray:
        """Features float64 [N, D] of posterior means, see the module."""
        return self._pooled(means) / self._deviation

    @cached_property
    def _deviation(self) -> np.ndarray:
        return self._pooled(self.means).std(axis=0).clip(min=1e-6)

    def _pooled(self, means: torch.Tensor) -> np.ndarray:
        planes = self.model.domain.layout.unpack(means).values()
        return torch.cat([F.adaptive_avg_pool2d(p, PARTS).flatten(1) for p in planes], dim=1).double().numpy()
