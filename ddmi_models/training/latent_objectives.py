"""What the stages on latents minimise: the denoiser's error (paper eq. 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ddmi_models.checkpoints.registry import find_model
from ddmi_models.diffusion.condition import Condition
from ddmi_models.diffusion.denoiser import Denoiser
from ddmi_models.errors import BadConfig
from ddmi_models.events import Progress
from ddmi_models.model import ModelParts
from ddmi_models.nets.ranking import RankingHead
from ddmi_models.text.tower import TextFeatures, Tower
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.latent_store import EncodedSet, encoding
from ddmi_models.training.lora import adapted_share, add_adapters
from ddmi_models.training.objectives import VALIDATION_ITEMS, Given, Objective, Trained, step_generator
from ddmi_models.training.rephrasing import rephrased

FEWEST_DRAWS = 64
"""Noise levels validated at least: of fewer items several each, or chance would choose the best checkpoint."""


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


class LatentObjective(Objective[Trained, Given]):
    """A stage on latents that are encoded once; their captions are drawn anew each step.

    Attributes, once it is prepared:
        encoded, held_out: latents of the training and the validation set.
    """

    encoded: EncodedSet
    held_out: EncodedSet | None

    def __init__(self, config: TrainConfig, parts: ModelParts) -> None:
        super().__init__(config, parts)
        parts.domain.requires_grad_(False)

    def prepare(self, check: Callable[[], None]) -> Iterator[Progress]:
        domain, folder = self.parts.domain, self.config.latents
        self.encoded = yield from encoding(domain, self.train, folder, check)
        self.held_out = None
        if self.validation is not None:
            self.held_out = yield from encoding(domain, self.validation, folder, check)

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
        self._tuned = (
            config.finetune != "full" and config.start_from is not None and find_model(config.start_from).can_sample
        )
        if config.finetune == "lora" and not self._tuned:
            raise BadConfig("finetune: lora needs a model that can sample.", "Name a whole one with --from.")
        if parts.diffusion is None:
            raise BadConfig(
                "The run trains a diffusion model and the architecture has none.", "Give the section `unet`."
            )
        super().__init__(config, parts)
        trains_text = parts.text is not None and config.finetune == "full"
        if parts.text is not None:
            parts.text.requires_grad_(trains_text)
        self.stage = SecondStage(parts.diffusion, parts.text, parts.ranking if trains_text else None)
        if config.finetune == "lora":
            add_adapters(self.stage, config.lora, config.seed)

    def prepare(self, check: Callable[[], None]) -> Iterator[Progress]:
        yield from super().prepare(check)
        # A trained denoiser that is tuned keeps the units that it was trained in.
        if self.parts.config.diffusion.normalised and not self._tuned:
            self.stage.diffusion.set_statistics(*self.encoded.statistics())

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
        if module.ranking is None:
            return error, {}
        told = [row for row, text in enumerate(texts) if text]
        if told:
            wrong = also_true([texts[row] for row in told], [captions[row] for row in told])
            alignment = module.ranking.loss(features.pooled[told], latents[told], wrong)
        else:  # every part has the same figures and gradients, or those of several processes would not add up
            alignment = 0.0 * (features.pooled.sum() + sum(weight.sum() for weight in module.ranking.parameters()))
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
        items = np.resize(np.arange(count), max(count, FEWEST_DRAWS))
        draws = self._draw(len(items), step_generator(self.config.seed, 0))
        total = 0.0
        for start in range(0, len(items), self.at_once):
            part = slice(start, start + self.at_once)
            told = None if captions is None else [captions[item][0] for item in items[part]]
            features = None if told is None or module.text is None else module.text(told)
            error = self._error(module, latents[items[part]], features, draws.times[part], draws.noise[part])
            total += float(error) * len(items[part])
        figures = {"error": total / len(items)}
        if captions is None or module.text is None or module.ranking is None:
            return figures
        return {**figures, **retrieval_figures(module.text, module.ranking, latents, captions)}


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
