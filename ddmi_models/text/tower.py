"""A small open_clip text transformer with open_clip's tokenizer, its embedding cut to the tokens of the words that
it knows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from ddmi_models.config import TextConfig
from ddmi_models.text.words import ReadPrompt, Vocabulary

PADDING = 0
"""Row of the cut embedding that pads short texts; rows of real tokens follow in the tokenizer's order, the end token
last."""


@dataclass(frozen=True, eq=False)
class TextFeatures:
    """Encoded texts: `tokens` [B, L, width], `mask` bool [B, L] (True: a real token), `pooled` [B, width]."""

    tokens: torch.Tensor
    mask: torch.Tensor
    pooled: torch.Tensor


class Tower(nn.Module, ABC):
    """Prompts to token features and a pooled feature."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def read(self, prompt: str) -> ReadPrompt:
        """What the tower makes of a prompt: words, misspellings, synonyms, unknown words."""

    @abstractmethod
    def forward(self, prompts: Sequence[str]) -> TextFeatures:
        """Encode the prompts."""


class TextTower(Tower):
    """A small tower of our own, trained on the captions of one data set."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__(config)
        # Here, since open_clip takes seconds to import and only models with text need it.
        from open_clip.tokenizer import SimpleTokenizer
        from open_clip.transformer import TextTransformer

        self._tokenizer = SimpleTokenizer()
        self._start, self._end = self._tokenizer.sot_token_id, self._tokenizer.eot_token_id
        self._vocabulary = Vocabulary(config.words, config.synonyms)
        self._word_tokens = {word: self._tokenizer.encode(word) for word in config.words}
        self._row = self._rows_of(config.words)
        self.transformer = TextTransformer(
            context_length=config.context_length,
            vocab_size=len(self._row) + 1,
            width=config.width,
            heads=config.heads,
            layers=config.layers,
            output_dim=config.width,
            no_causal_mask=True,
            use_pad_mask=True,
            pad_id=PADDING,
            output_tokens=True,
        )

    def _rows_of(self, words: Sequence[str]) -> dict[int, int]:
        """Row of the cut embedding that each token of the words has."""
        kept = {self._start, self._end, *(token for word in words for token in self._tokenizer.encode(word))}
        return {token: row for row, token in enumerate(sorted(kept), start=PADDING + 1)}

    @torch.no_grad()
    def take_embedding(self, embedding: torch.Tensor, words: Sequence[str]) -> None:
        """Copy the embedding [rows, width] of a tower that knows `words`, token by token."""
        own = self.transformer.token_embedding.weight
        own[PADDING] = embedding[PADDING]
        for token, row in self._rows_of(words).items():
            if token in self._row:
                own[self._row[token]] = embedding[row]

    def read(self, prompt: str) -> ReadPrompt:
        return self._vocabulary.read(prompt)

    def rows(self, prompts: Sequence[str]) -> torch.Tensor:
        """Rows of the cut embedding, padded: int64 [B, context_length]. A text that is too long loses its last
        words."""
        rows = torch.full((len(prompts), self.config.context_length), PADDING, dtype=torch.long)
        for index, prompt in enumerate(prompts):
            tokens = [token for word in self.read(prompt).words for token in self._word_tokens[word]]
            tokens = [self._start, *tokens[: self.config.context_length - 2], self._end]
            rows[index, : len(tokens)] = torch.tensor([self._row[token] for token in tokens])
        return rows

    def forward(self, prompts: Sequence[str]) -> TextFeatures:
        rows = self.rows(prompts).to(self.transformer.positional_embedding.device)
        mask = rows != PADDING
        longest = int(mask.sum(1).max())  # columns that only pad cost time and change nothing
        pooled, tokens = self.transformer(rows[:, :longest])
        return TextFeatures(F.pad(tokens, (0, 0, 0, rows.shape[1] - longest)), mask, pooled)
