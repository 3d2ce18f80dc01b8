"""The Domain protocol: one class a modality, one table, no branches on the domain's name anywhere else.

A domain owns the D2C-VAE (encoder, decoder) and the coordinate network of its modality. The latent's shape, the
shape of the mixing logits and the order of the planes all derive from `layout`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import nn

from ddmi_models.cancel import CancelToken
from ddmi_models.config import ModelConfig
from ddmi_models.fields.gaussian import Posterior
from ddmi_models.planes import BasisFields, PlaneLayout

CHUNK_POINTS = 4096
"""Points evaluated at a time: small enough to stay in the processor's cache and to be cancelled at once."""


@dataclass(frozen=True, eq=False)
class Query:
    """Where a field is evaluated, plus what a domain needs for it.

    Attributes:
        points: coordinates [N, D].
        scale: the scale input of an image's network (anchor resolution / render resolution); ignored by other domains.
        noise: given noise, one tensor [B, 1, N] a layer that takes it; None: the deterministic field.
        directions: unit directions [N, 3] in which a radiance field is seen; None: each point towards the middle.
    """

    points: torch.Tensor
    scale: float = 1.0
    noise: tuple[torch.Tensor, ...] | None = None
    directions: torch.Tensor | None = None

    def __len__(self) -> int:
        return self.points.shape[0]

    def part(self, start: int, stop: int) -> Query:
        """Points start ... stop - 1 of the query."""
        noise = None if self.noise is None else tuple(n[..., start:stop] for n in self.noise)
        directions = None if self.directions is None else self.directions[start:stop]
        return replace(self, points=self.points[start:stop], noise=noise, directions=directions)


@dataclass(frozen=True, eq=False)
class LossTerms:
    """Reconstruction and regularisation of a batch, each a scalar mean over its items, and figures to log."""

    reconstruction: torch.Tensor
    kl: torch.Tensor
    figures: Mapping[str, float]
    pictures: tuple[torch.Tensor, torch.Tensor] | None = None
    """For the perceptual term: values and targets as pictures [B, 3, h, w], where the domain's values are pictures."""


class Domain(nn.Module, ABC):
    """A modality: its D2C-VAE and coordinate network."""

    name: ClassVar[str]
    label: ClassVar[str]
    point_dimensions: ClassVar[int]
    makes_pictures: ClassVar[bool] = False
    picture_layer: ClassVar[str] = ""
    """Name of the weights of the layer that gives the colours, where the domain's values are pictures."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config

    @classmethod
    def build(cls, config: ModelConfig) -> Domain:
        """The domain's modules with fresh weights, of the sizes in the configuration."""
        return cls(config)

    @property
    @abstractmethod
    def layout(self) -> PlaneLayout:
        """The latent's planes, in packed order."""

    @property
    def scales(self) -> int:
        """How many basis scales the decoder gives."""
        return len(self.config.autoencoder.scales)

    @abstractmethod
    def encode(self, batch: Mapping[str, torch.Tensor]) -> Posterior:
        """Posterior over packed latents [B, C, h, w] of a batch of the domain's own data."""

    @abstractmethod
    def decode(self, latent: torch.Tensor) -> BasisFields:
        """Basis planes of packed latents [B, C, h, w]."""

    @abstractmethod
    def evaluate(self, fields: BasisFields, query: Query) -> torch.Tensor:
        """Values [B, N, channels] of the fields at the query's points."""

    @abstractmethod
    def grid(self, resolution: int) -> Query:
        """The query of a whole regular grid of the domain."""

    @abstractmethod
    def loss(self, batch: Mapping[str, torch.Tensor], latent: torch.Tensor, posterior: Posterior) -> LossTerms:
        """Terms of the D2C-VAE's objective (paper eq. 5) for latents drawn from the posterior of the batch."""

    def evaluate_in_chunks(
        self, fields: BasisFields, query: Query, token: CancelToken, chunk: int = CHUNK_POINTS
    ) -> Iterator[tuple[int, torch.Tensor]]:
        """Evaluate a query piece by piece: yields (first point, values [B, n, channels]).

        Memory is bounded by the chunk, whatever the query's size; the token is looked at before each chunk.
        """
        for start in range(0, len(query), chunk):
            token.check()
            yield start, self.evaluate(fields, query.part(start, min(start + chunk, len(query))))

    def frozen_parts(self) -> Sequence[nn.Module]:
        """The modules before the latent: frozen when only the decoding side is trained further."""
        return [
            module
            for name, module in self.named_modules()
            if name.split(".")[-1].startswith(("encoder", "quant_conv", "pointnet"))
        ]
