"""What a stage minimises, and that of the first one: the D2C-VAE's evidence bound (paper eq. 5)."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import nn

from ddmi_models.domains import Domain
from ddmi_models.errors import BadConfig
from ddmi_models.events import Progress
from ddmi_models.model import ModelParts
from ddmi_models.text.words import split_words
from ddmi_models.training.adversary import Adversary
from ddmi_models.training.config import DataConfig, TrainConfig
from ddmi_models.training.data import BATCHES, Batch, load_data, training_and_validation
from ddmi_models.training.perceptual import PerceptualDistance
from ddmi_models.training.rephrasing import rephrasing_words
from ddmi_models.training.schedules import kl_coefficient, spectral_weight
from ddmi_models.training.spectral import SpectralPenalty

VALIDATION_ITEMS = 256


def step_generator(seed: int, step: int) -> torch.Generator:
    """Randomness of one step: the same whether the run was resumed or not.

    Draw for the whole batch and take the part that is computed, so that parts and processes do not change the result.
    """
    return torch.Generator().manual_seed(int(np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0] >> 1))


Trained = TypeVar("Trained", bound=nn.Module)
Given = TypeVar("Given")


class Objective(ABC, Generic[Trained, Given]):
    """A stage's loss over the items of a step.

    Attributes:
        adversary: what is trained along, against the model, and belongs to no model; its gradients come with the loss.
        at_once: items that are validated together, at most; lowered where memory does not suffice.
    """

    def __init__(self, config: TrainConfig, parts: ModelParts) -> None:
        self.config, self.parts = config, parts
        self.adversary: Adversary | None = None
        batches = BATCHES[parts.config.domain]
        self.at_once = batches.at_once
        self.train, self.validation = training_and_validation(batches, config.data, config.seed)

    def notices(self) -> tuple[str, ...]:
        """What the user should know of this run, one line each."""
        return ()

    def data_notices(self) -> tuple[str, ...]:
        """What of the data cannot be used, and what of it is held out."""
        held_out = () if self.validation is None else self.validation.notices
        return (*self.train.notices, *held_out)

    def state(self) -> dict[str, Any]:
        """What an exact resumption needs beside the trained module."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a kept state. Raises: KeyError, if it lacks something."""

    def settled(self, step: int) -> bool:
        """Whether the loss weighs its terms at a step as it does in the end, so that validations compare from there."""
        return True

    def prepare(self, check: Callable[[], None]) -> Iterator[Progress]:
        """What has to be computed from the data before the first step, with progress.

        Args:
            check: called now and then; may raise to stop.
        """
        yield from ()

    @abstractmethod
    def trained(self) -> Trained:
        """The module whose weights the run changes (and averages)."""

    @abstractmethod
    def given(self, step: int, part: slice) -> Given:
        """What the loss of the items `part` of a step's batch is computed from.

        Called from another thread while the step before is computed: it reads data and draws from generators of its
        own, and touches neither the modules nor torch's own generators.
        """

    @abstractmethod
    def loss(
        self, module: Trained, given: Given, step: int, part: slice, device: torch.device
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Loss of the items `part` of a step's batch, and figures to log."""

    @abstractmethod
    def validate(self, module: Trained, device: torch.device) -> dict[str, float]:
        """Figures on data that the model never trains on; {} without any."""


class AutoencoderObjective(Objective[Domain, Batch]):
    """First stage: reconstruction by L1 (a Laplace likelihood, images) or Bernoulli likelihood (shapes) plus the
    annealed KL; of pictures also a perceptual term and, in a later phase, a discriminator; a penalty on large weights.
    """

    def __init__(self, config: TrainConfig, parts: ModelParts) -> None:
        super().__init__(config, parts)
        if config.finetune == "decoder":
            for frozen in parts.domain.frozen_parts():
                frozen.requires_grad_(False)
        self.perceptual = PerceptualDistance(config.perceptual_weights) if config.perceptual_weights else None
        device = next(parts.domain.parameters()).device
        if config.adversary.weight:
            self._check_adversary()
            self.adversary = Adversary(config.adversary, config.seed, device)
        self.spectral = (
            SpectralPenalty(parts.domain.get_submodule("vaemodel")).to(device) if config.spectral.end else None
        )

    def _check_adversary(self) -> None:
        if not self.parts.domain.picture_layer:
            raise BadConfig(
                "adversary: a discriminator looks at pictures, and this domain makes none.", "Set weight 0."
            )
        if self.config.precision == "fp16":
            raise BadConfig("adversary: fp16 does not go with a discriminator.", "Use precision bf16 or no.")

    def state(self) -> dict[str, Any]:
        adversary = {} if self.adversary is None else {"adversary": self.adversary.state()}
        return adversary if self.spectral is None else {**adversary, "spectral": self.spectral.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        if self.adversary is not None:
            self.adversary.load_state(state["adversary"])
        if self.spectral is not None:
            self.spectral.load_state_dict(state["spectral"])

    def notices(self) -> tuple[str, ...]:
        if self.perceptual is None and self.parts.domain.makes_pictures:
            return ("No VGG-16 weights at hand (perceptual_weights): the perceptual term is left out.",)
        return ()

    def settled(self, step: int) -> bool:
        """The KL term and the discriminator raise the error of reconstruction by intent: while the one still grows, and
        while the other is trained, the last checkpoint is the best."""
        return self.adversary is None and self._kl_weight(step) == self._kl_weight(self.config.steps)

    def _kl_weight(self, step: int) -> float:
        if self.config.finetune == "decoder":
            return 0.0  # the posterior stays as it is
        return kl_coefficient(step, self.config.steps, self.config.kl)

    def trained(self) -> Domain:
        return self.parts.domain

    def given(self, step: int, part: slice) -> Batch:
        return self.train.batch(step, self.config.batch, part)

    def loss(
        self, module: Domain, given: Batch, step: int, part: slice, device: torch.device
    ) -> tuple[torch.Tensor, dict[str, float]]:
        batch = to_device(given, device)
        posterior = module.encode(batch)
        generator = step_generator(self.config.seed, step)
        noise = torch.randn((self.config.batch, *posterior.mean.shape[1:]), generator=generator)[part].to(device)
        terms = module.loss(batch, posterior.sample(noise), posterior)
        weight = self._kl_weight(step)
        total = terms.reconstruction + weight * terms.kl
        if self.perceptual is not None and terms.pictures is not None:
            total = total + self.config.perceptual_weight * self.perceptual.to(device)(*terms.pictures)
        figures = {
            "reconstruction": float(terms.reconstruction.detach()),
            "kl": float(terms.kl.detach()),
            **terms.figures,
        }
        if self.adversary is not None and step >= self.config.adversary.start and terms.pictures is not None:
            last, scale = module.get_parameter(module.picture_layer), batch.get("scale", torch.ones(()))
            added, more = self.adversary.terms(total, last, terms.pictures, scale)
            total, figures = total + added, {**figures, **more}
        if self.spectral is not None:
            total = total + spectral_weight(weight, self.config.spectral) * self.spectral(step)
        return total, figures

    @torch.no_grad()
    def validate(self, module: Domain, device: torch.device) -> dict[str, float]:
        if self.validation is None:
            return {}
        collected, weights = list[dict[str, float]](), list[float]()
        count = min(VALIDATION_ITEMS, len(self.validation))
        for start in range(0, count, self.at_once):
            items = np.arange(start, min(start + self.at_once, count))
            for share, given in self.validation.validated(items, start):
                batch = to_device(given, device)
                posterior = module.encode(batch)
                terms = module.loss(batch, posterior.mean, posterior)
                collected.append({"reconstruction": float(terms.reconstruction), **terms.figures})
                weights.append(share * len(items))
        return {key: float(np.average([c[key] for c in collected], weights=weights)) for key in collected[0]}


def to_device(batch: dict[str, torch.Tensor], device: torch.device) -> dict[str, torch.Tensor]:
    """The batch on a device."""
    return {key: value.to(device) for key, value in batch.items()}


def words_of(captions: Iterable[list[str]]) -> tuple[str, ...]:
    """Every word that the captions use, sorted."""
    return tuple(sorted({word for options in captions for text in options for word in split_words(text)}))


def caption_words(data: DataConfig) -> tuple[str, ...]:
    """Every word that the captions of a data set use, and that rephrasing may bring in, sorted."""
    arrays, _ = load_data(data.train, ("occupancy", "captions"), data)
    words = words_of(json.loads(text) for text in arrays["captions"])
    return tuple(sorted({*words, *rephrasing_words()})) if data.rephrase else words
