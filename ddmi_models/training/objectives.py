"""What each stage minimises: the D2C-VAE's evidence bound (paper eq. 5), the denoiser's error (eq. 6)."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import nn

from ddmi_models.checkpoints.registry import find_model
from ddmi_models.diffusion.condition import Condition
from ddmi_models.diffusion.denoiser import Denoiser
from ddmi_models.domains import Domain
from ddmi_models.errors import BadConfig
from ddmi_models.model import ModelParts
from ddmi_models.nets.ranking import RankingHead
from ddmi_models.text.tower import TextFeatures, Tower
from ddmi_models.text.words import split_words
from ddmi_models.training.adversary import Adversary
from ddmi_models.training.config import DataConfig, TrainConfig
from ddmi_models.training.data import BATCHES, Batch, Batches, load_data
from ddmi_models.training.latent_store import encoded_set
from ddmi_models.training.lora import adapted_share, add_adapters
from ddmi_models.training.perceptual import PerceptualDistance
from ddmi_models.training.rephrasing import rephrased, rephrasing_words
from ddmi_models.training.schedules import kl_coefficient, spectral_weight
from ddmi_models.training.spectral import SpectralPenalty

VALIDATION_ITEMS = 256


def step_generator(seed: int, step: int) -> torch.Generator:
    """Randomness of one step: the same whether the run was resumed or not.

    Draw for the whole batch and take the part that is computed, so that parts and processes do not change the result.
    """
    return torch.Generator().manual_seed(int(np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0] >> 1))


class SecondStage(nn.Module):
    """What the second stage trains: the denoiser, the text tower where there is one, and the ranking head where it
    has to follow the tower."""

    def __init__(self, diffusion: Denoiser, text: Tower | None, ranking: RankingHead | None) -> None:
        super().__init__()
        self.diffusion, self.text, self.ranking = diffusion, text, ranking


@dataclass(frozen=True, eq=False)
class StepDraws:
    """What a second-stage step draws for its whole batch: times [B], noise and posterior noise [B, C, H, W]."""

    times: torch.Tensor
    noise: torch.Tensor
    posterior: torch.Tensor


@dataclass(frozen=True, eq=False)
class LatentBatch:
    """Latents float32 [B, C, H, W] of items, all captions of each and the one that was drawn; None without captions."""

    latents: torch.Tensor
    captions: list[list[str]] | None
    texts: list[str] | None


@dataclass(frozen=True, eq=False)
class NoisedBatch(LatentBatch):
    """And what the denoiser is asked: times [B], noise [B, C, H, W]."""

    times: torch.Tensor
    noise: torch.Tensor


Trained = TypeVar("Trained", bound=nn.Module)
Given = TypeVar("Given")


class Objective(ABC, Generic[Trained, Given]):
    """A stage's loss over the items of a step.

    Attributes:
        adversary: what is trained along, against the model, and belongs to no model; its gradients come with the loss.
    """

    def __init__(self, config: TrainConfig, parts: ModelParts) -> None:
        self.config, self.parts = config, parts
        self.adversary: Adversary | None = None
        batches = BATCHES[parts.config.domain]
        self.train: Batches = batches(config.data.train, config.data, config.seed)
        held_out = config.data.validation
        self.validation: Batches | None = batches(held_out, config.data, config.seed) if held_out else None

    def notices(self) -> tuple[str, ...]:
        """What the user should know of this run, one line each."""
        return ()

    def data_notices(self) -> tuple[str, ...]:
        """What of the data cannot be used."""
        held_out = () if self.validation is None else self.validation.notices
        return (*self.train.notices, *held_out)

    def state(self) -> dict[str, Any]:
        """What an exact resumption needs beside the trained module."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a kept state. Raises: KeyError, if it lacks something."""

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
        weight = 0.0 if self.config.finetune == "decoder" else kl_coefficient(step, self.config.steps, self.config.kl)
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
        collected: list[dict[str, float]] = []
        for start in range(0, min(VALIDATION_ITEMS, len(self.validation)), self.validation.at_once):
            items = np.arange(start, min(start + self.validation.at_once, len(self.validation)))
            batch = to_device(self.validation.prepare(items, np.random.default_rng(start)), device)
            posterior = module.encode(batch)
            terms = module.loss(batch, posterior.mean, posterior)
            collected.append({"reconstruction": float(terms.reconstruction), **terms.figures})
        return {key: float(np.mean([c[key] for c in collected])) for key in collected[0]}


class LatentObjective(Objective[Trained, Given]):
    """A stage on latents that are encoded once; their captions are drawn anew each step."""

    def __init__(self, config: TrainConfig, parts: ModelParts) -> None:
        super().__init__(config, parts)
        keep = config.latents
        self.encoded = encoded_set(parts.domain, self.train, keep)
        self.held_out = encoded_set(parts.domain, self.validation, keep) if self.validation is not None else None
        parts.domain.requires_grad_(False)

    def draw_texts(self, captions: list[list[str]], step: int, part: slice, drop: float) -> list[str]:
        """One caption an item of the batch's part; empty for a share `drop` of them."""
        texts = self._draw_captions(captions, step, part, drop)
        if not self.config.data.rephrase:
            return texts
        seeds = np.random.SeedSequence((self.config.seed, step, 3)).generate_state(self.config.batch)[part]
        return [rephrased(text, np.random.default_rng(seed)) for text, seed in zip(texts, seeds, strict=True)]

    def _draw_captions(self, captions: list[list[str]], step: int, part: slice, drop: float) -> list[str]:
        rng = np.random.default_rng((self.config.seed, step, 2))
        dropped = rng.random(self.config.batch)[part] < drop
        choices = rng.random(self.config.batch)[part]
        return [
            "" if drop else options[int(choice * len(options))]
            for drop, choice, options in zip(dropped, choices, captions, strict=True)
        ]


def also_true(texts: list[str], captions: list[list[str]]) -> torch.Tensor:
    """bool [B, B]: whether text i is among the captions of item j; its contrast would teach a falsehood."""
    known = [set(options) for options in captions]
    return torch.tensor([[text in options for options in known] for text in texts])


class DiffusionObjective(LatentObjective[SecondStage, NoisedBatch]):
    """Second stage: the denoiser's error. Captions are dropped now and then, for guidance; a ranking head is kept
    in step with a text tower that is trained along."""

    def __init__(self, config: TrainConfig, parts: ModelParts) -> None:
        if parts.diffusion is None:
            raise BadConfig(
                "The run trains a diffusion model and the architecture has none.", "Give the section `unet`."
            )
        super().__init__(config, parts)
        trains_text = parts.text is not None and config.finetune == "full"
        if parts.text is not None:
            parts.text.requires_grad_(trains_text)
        self.stage = SecondStage(parts.diffusion, parts.text, parts.ranking if trains_text else None)
        # A trained denoiser that is tuned keeps the units that it was trained in.
        tuned = config.finetune != "full" and config.start_from is not None and find_model(config.start_from).can_sample
        if parts.config.diffusion.normalised and not tuned:
            parts.diffusion.set_statistics(*self.encoded.statistics())
        if config.finetune == "lora":
            if not tuned:
                raise BadConfig("finetune: lora needs a model that can sample.", "Name a whole one with --from.")
            add_adapters(self.stage, config.lora, config.seed)

    def notices(self) -> tuple[str, ...]:
        return (adapted_share(self.stage),) if self.config.finetune == "lora" else ()

    def trained(self) -> SecondStage:
        return self.stage

    def given(self, step: int, part: slice) -> NoisedBatch:
        batch = self.config.batch
        draws = self._draw(batch, step_generator(self.config.seed, step))
        items = self.train.indices(step, batch)[part]
        latents = self.encoded.sample(items, draws.posterior[part])
        captions = self.train.captions(items) if self.stage.text is not None else None
        texts = self.draw_texts(captions, step, part, self.config.text_drop) if captions is not None else None
        return NoisedBatch(latents, captions, texts, draws.times[part], draws.noise[part])

    def loss(
        self, module: SecondStage, given: NoisedBatch, step: int, part: slice, device: torch.device
    ) -> tuple[torch.Tensor, dict[str, float]]:
        latents, captions, texts = given.latents.to(device), given.captions, given.texts
        if captions is None or texts is None or module.text is None:
            return self._error(module, latents, None, given.times, given.noise), {}
        features = module.text(texts)
        error = self._error(module, latents, features, given.times, given.noise)
        told = [row for row, text in enumerate(texts) if text]
        if module.ranking is None or not told:
            return error, {}
        wrong = also_true([texts[row] for row in told], [captions[row] for row in told])
        alignment = module.ranking.loss(features.pooled[told], latents[told], wrong)
        figures = {"error": float(error.detach()), "alignment": float(alignment.detach())}
        return error + self.config.alignment_weight * alignment, figures

    def _draw(self, count: int, generator: torch.Generator) -> StepDraws:
        shape = (count, *self.encoded.mean.shape[1:])
        if self.config.uniform_times:
            fractions = torch.rand(count, generator=generator)
        else:
            fractions = torch.sigmoid(torch.randn(count, generator=generator))
        timesteps = self.parts.config.diffusion.timesteps
        return StepDraws(
            (fractions * timesteps).long().clamp(max=timesteps - 1),
            torch.randn(shape, generator=generator),
            torch.randn(shape, generator=generator),
        )

    def _error(
        self,
        module: SecondStage,
        latents: torch.Tensor,
        texts: TextFeatures | None,
        t: torch.Tensor,
        noise: torch.Tensor,
    ) -> torch.Tensor:
        denoiser = module.diffusion
        condition = None if texts is None else Condition(texts.tokens, texts.mask, texts.pooled)
        z0 = denoiser.normalise(latents)
        return denoiser.loss(z0, t.to(z0.device), noise.to(z0.device), condition, weighting=self.config.weighting)

    @torch.no_grad()
    def validate(self, module: SecondStage, device: torch.device) -> dict[str, float]:
        if self.validation is None or self.held_out is None:
            return {}
        count = min(VALIDATION_ITEMS, len(self.validation))
        latents = self.held_out.mean[:count].float().to(device)
        captions = self.validation.captions(np.arange(count))
        draws = self._draw(count, step_generator(self.config.seed, 0))
        if captions is None or module.text is None:
            return {"error": float(self._error(module, latents, None, draws.times, draws.noise))}
        features = module.text([options[0] for options in captions])
        error = float(self._error(module, latents, features, draws.times, draws.noise))
        if module.ranking is None:
            return {"error": error}
        return {"error": error, **retrieval_figures(module.text, module.ranking, latents, captions)}


@torch.no_grad()
def retrieval_figures(
    text: Tower, ranking: RankingHead, latents: torch.Tensor, captions: list[list[str]]
) -> dict[str, float]:
    """How well each item's last caption (the fullest) finds its latent among all: shares in which a latent that the
    caption is true of stands first, and its own stands among the first ten; the contrastive loss."""
    texts = [options[-1] for options in captions]
    pooled, true = text(texts).pooled, also_true(texts, captions)
    order = ranking.scores(pooled, latents).argsort(dim=1, descending=True).cpu()
    own = order == torch.arange(len(texts))[:, None]
    return {
        "first_true": float(true.gather(1, order[:, :1]).float().mean()),
        "own_in_ten": float(own[:, :10].any(1).float().mean()),
        "alignment": float(ranking.loss(pooled, latents, true)),
    }


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
