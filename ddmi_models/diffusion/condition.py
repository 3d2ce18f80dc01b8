"""What a text-conditional denoiser is told of the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ddmi_models.errors import BadInput


@dataclass(frozen=True, eq=False)
class Condition:
    """Texts of a batch, encoded.

    Attributes:
        context: tokens [B, L, D].
        mask: bool [B, L], True where a token is real, at least one a row; None: all are.
        pooled: a summary of each text [B, P], for models that take one.
    """

    context: torch.Tensor
    mask: torch.Tensor | None = None
    pooled: torch.Tensor | None = None

    def __len__(self) -> int:
        return self.context.shape[0]

    def _parts(self) -> tuple[torch.Tensor | None, ...]:
        return self.context, self.mask, self.pooled

    def select(self, index: int | torch.Tensor) -> Condition:
        """One text, batch axis kept, or the texts at an index tensor [N]."""
        rows = torch.as_tensor(index, device=self.context.device).reshape(-1)
        return Condition(self.context[rows], *(None if p is None else p[rows] for p in self._parts()[1:]))

    def expand(self, count: int) -> Condition:
        """One text repeated for `count` samples; a batch of that size is returned as it is.

        Raises:
            BadInput: if there is another number of texts.
        """
        if len(self) == count:
            return self
        if len(self) != 1:
            raise BadInput(f"{len(self)} texts were given for {count} samples.", "Give one, or one a sample.")
        return self.select(torch.zeros(count, dtype=torch.long))

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Condition:
        """The same on a device, tokens and summary in a floating-point type (None: as they are)."""
        return Condition(
            self.context.to(device, dtype),
            None if self.mask is None else self.mask.to(device),
            None if self.pooled is None else self.pooled.to(device, dtype),
        )

    def replaced(self, rows: torch.Tensor, other: Condition) -> Condition:
        """The batch with the rows where bool [B] is True taken from `other` (one text or one a row).

        Used to drop the text in training: `condition.replaced(torch.rand(len(condition)) < 0.1, empty)`.
        """
        both = Condition.cat([self, other.expand(len(self))])
        own = torch.arange(len(self), device=self.context.device)
        return both.select(own + len(self) * rows.to(own))

    @staticmethod
    def cat(conditions: Sequence[Condition]) -> Condition:
        """Batches one after the other.

        Raises:
            BadInput: if their token counts or parts differ.
        """
        first = conditions[0]
        alike = all(c.context.shape[1:] == first.context.shape[1:] for c in conditions)
        if not alike or any((c.pooled is None) != (first.pooled is None) for c in conditions):
            raise BadInput(
                "Texts encoded in different ways were put together.", "Encode all with the model's own tower."
            )
        masks = [
            c.mask if c.mask is not None else c.context.new_ones(c.context.shape[:2], dtype=torch.bool)
            for c in conditions
        ]
        pooled = [c.pooled for c in conditions if c.pooled is not None]
        return Condition(
            torch.cat([c.context for c in conditions]),
            None if all(c.mask is None for c in conditions) else torch.cat(masks),
            torch.cat(pooled) if pooled else None,
        )
