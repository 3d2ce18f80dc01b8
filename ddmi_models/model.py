"""A whole model in memory: domain, denoiser, text tower, and the file that it comes from or goes to."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import torch
from torch import nn

from ddmi_models.checkpoints.store import ModelHeader, Precision, check_keys, read_model, write_model
from ddmi_models.config import ModelConfig
from ddmi_models.diffusion.condition import Condition
from ddmi_models.diffusion.denoiser import Denoiser
from ddmi_models.domains import Domain, build_domain
from ddmi_models.errors import BadCheckpoint, BadConfig
from ddmi_models.nets.ranking import RankingHead
from ddmi_models.text.build import build_tower
from ddmi_models.text.tower import Tower

Factors: TypeAlias = Mapping[str, tuple[torch.Tensor, ...]]
"""Of an add-on, by layer: (A, B)."""


class ModelParts(nn.Module):
    """The modules of one configuration with fresh weights. Keys: the domain's own, `diffusion.*`, `text.*`,
    `ranking.*`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.domain: Domain = build_domain(config)
        layout = self.domain.layout
        self.diffusion = (
            Denoiser(config.unet, config.diffusion, layout.mixing_shape, layout.sizes)
            if config.unet is not None
            else None
        )
        self.text = build_tower(config.text) if config.text is not None else None
        self.ranking = self._ranking(config)

    def _ranking(self, config: ModelConfig) -> RankingHead | None:
        if config.ranking is None:
            return None
        if config.text is None:
            raise BadConfig("A ranking head compares latents with texts, and the model has no text tower.")
        return RankingHead(config.ranking, self.domain.layout.shape, config.text.width)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Every parameter and buffer under the name that it has in a model file."""
        named = dict(self.domain.state_dict())
        for prefix in ("diffusion", "text", "ranking"):
            module = getattr(self, prefix)
            if module is not None:
                named.update({f"{prefix}.{key}": value for key, value in module.state_dict().items()})
        return named

    def load_tensors(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take over weights.

        Raises:
            BadCheckpoint: listing every key that is missing or extra.
        """
        own = self.tensors()
        check_keys({k: tuple(v.shape) for k, v in own.items()}, {k: tuple(v.shape) for k, v in tensors.items()})
        with torch.no_grad():
            for key, value in own.items():
                value.copy_(tensors[key])

    def encode_text(self, prompts: Sequence[str]) -> Condition:
        """The text tower's tokens and summary of each prompt; the model must have a tower."""
        assert self.text is not None
        features = self.text(prompts)
        return Condition(features.tokens, features.mask, features.pooled)


@dataclass(frozen=True, eq=False)
class Model:
    """A model ready to sample from, its parts in evaluation mode on one device."""

    header: ModelHeader
    parts: ModelParts
    path: Path
    device: torch.device

    @property
    def config(self) -> ModelConfig:
        return self.header.config

    @property
    def domain(self) -> Domain:
        return self.parts.domain

    @property
    def denoiser(self) -> Denoiser | None:
        return self.parts.diffusion

    @property
    def text(self) -> Tower | None:
        return self.parts.text

    @property
    def ranking(self) -> RankingHead | None:
        return self.parts.ranking


def load_model(path: Path, device: torch.device | str = "cpu", check: Callable[[], None] | None = None) -> Model:
    """Read a native model file into memory.

    Args:
        check: called between tensors; it may raise to stop loading.

    Raises:
        BadCheckpoint: if the file is not a whole, matching model.
    """
    header, tensors = read_model(path, check=check)
    with torch.device("meta"):
        parts = ModelParts(header.config)
    parts = parts.to_empty(device="cpu")
    parts.load_tensors(tensors)
    return Model(header, parts.to(device).eval().requires_grad_(False), path, torch.device(device))


def adapted(model: Model, addons: Sequence[tuple[Factors, float]]) -> Model:
    """The model with low-rank updates: each named weight W becomes W + scale B A, of every add-on in turn.

    The denoiser is a copy, so that the model stays as it is; the other parts are shared with it.

    Args:
        addons: factors by layer (see `checkpoints.addons`), and their scale.

    Raises:
        BadCheckpoint: if an add-on names layers that the model has not, or of other sizes.
    """
    parts = copy.copy(model.parts)
    parts._modules = {**model.parts._modules, "diffusion": copy.deepcopy(model.parts.diffusion)}
    weights = dict(parts.named_parameters())
    for factors, scale in addons:
        for layer, (down, up) in factors.items():
            weight = weights.get(f"{layer}.weight")
            if weight is None or (up.shape[0], *down.shape[1:]) != weight.shape or up[0].numel() != len(down):
                raise BadCheckpoint(f"An add-on does not fit the model: {layer} is not there or of another size.")
            update = (up.flatten(1) @ down.flatten(1)).reshape(weight.shape).to(weight.device)
            weight.copy_(weight.float() + scale * update)
    return replace(model, parts=parts)


def save_model(path: Path, header: ModelHeader, parts: ModelParts, precision: Precision = "fp32") -> None:
    """Write the parts as a native model file."""
    write_model(path, header, parts.tensors(), precision=precision)
