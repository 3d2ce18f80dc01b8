"""Stage between the two: a text tower and an encoder of latents, trained against each other (Radford et al. 2021)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

from ddmi_models.errors import BadConfig
from ddmi_models.events import Progress
from ddmi_models.model import ModelParts
from ddmi_models.nets.ranking import RankingHead
from ddmi_models.text.tower import Tower
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.latent_objectives import LatentBatch, LatentObjective, also_true, retrieval_figures
from ddmi_models.training.objectives import step_generator


class TextPair(nn.Module):
    """What the stage trains: the text tower and the ranking head."""

    def __init__(self, text: Tower, ranking: RankingHead) -> None:
        super().__init__()
        self.text, self.ranking = text, ranking


class AlignmentObjective(LatentObjective[TextPair, LatentBatch]):
    """Symmetric contrastive loss of (caption, latent) pairs within a batch.

    With `accumulate` or several processes, each part is contrasted within itself.
    """

    def __init__(self, config: TrainConfig, parts: ModelParts) -> None:
        if parts.text is None or parts.ranking is None:
            raise BadConfig(
                "The run aligns texts with latents and the architecture lacks the text tower or the ranking head.",
                "Give the sections `text` and `ranking`.",
            )
        super().__init__(config, parts)
        if self.train.captions(np.arange(1)) is None:
            raise BadConfig("The training data has no captions to align with.", "Use data with captions.")
        self.pair = TextPair(parts.text, parts.ranking)

    def prepare(self, check: Callable[[], None]) -> Iterator[Progress]:
        yield from super().prepare(check)
        self.pair.ranking.set_statistics(*self.encoded.statistics())

    def trained(self) -> TextPair:
        return self.pair

    def given(self, step: int, part: slice) -> LatentBatch:
        batch = self.config.batch
        noise = torch.randn((batch, *self.encoded.mean.shape[1:]), generator=step_generator(self.config.seed, step))
        items = self.train.indices(step, batch)[part]
        captions = self.train.captions(items) or []
        texts = self.draw_texts(captions, step, part, drop=0.0)
        return LatentBatch(self.encoded.sample(items, noise[part]), captions, texts)

    def loss(
        self, module: TextPair, given: LatentBatch, step: int, part: slice, device: torch.device
    ) -> tuple[torch.Tensor, dict[str, float]]:
        texts, captions = given.texts or [], given.captions or []
        latents = given.latents.to(device)
        return module.ranking.loss(module.text(texts).pooled, latents, also_true(texts, captions)), {}

    def validate(self, module: TextPair, device: torch.device) -> dict[str, float]:
        if self.validation is None or self.held_out is None:
            return {}
        captions = self.validation.captions(np.arange(len(self.validation))) or []
        return retrieval_figures(module.text, module.ranking, self.held_out.mean.float().to(device), captions)
