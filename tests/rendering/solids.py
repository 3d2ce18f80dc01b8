"""Exact solids as fields of logits, and samples of small models, for tests of rendering."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import torch

from ddmi_models.cancel import CancelToken
from ddmi_models.planes import BasisFields, Latents
from ddmi_models.recipes import SampledRecipe
from ddmi_models.rendering.lattice import sparse_lattice
from ddmi_models.rendering.renderers import Decoded
from ddmi_models.rendering.surface import closed_surface, mesh_data
from ddmi_models.requests import MeshData, Sample
from tests import models

SHARPNESS = 60.0
"""Logits a unit of length."""

Field = Callable[[torch.Tensor], torch.Tensor]


def ball(centre: tuple[float, float, float] = (0.0, 0.0, 0.0), radius: float = 0.3) -> Field:
    return lambda points: SHARPNESS * (radius - (points - torch.tensor(centre)).norm(dim=1))


def box(centre: tuple[float, float, float], half: tuple[float, float, float]) -> Field:
    def field(points: torch.Tensor) -> torch.Tensor:
        return SHARPNESS * (torch.tensor(half) - (points - torch.tensor(centre)).abs()).min(dim=1).values

    return field


def union(*fields: Field) -> Field:
    return lambda points: torch.stack([field(points) for field in fields]).max(dim=0).values


def table() -> Field:
    """A round top on one leg on a foot."""
    top, leg, foot = ((0.45, 0.4, 0.03), (0.05, -0.02, 0.4), (0.2, -0.43, 0.03))

    def disc(radius: float, height: float, half: float) -> Field:
        def field(points: torch.Tensor) -> torch.Tensor:
            around = radius - points[:, [0, 2]].norm(dim=1)
            return SHARPNESS * torch.minimum(around, half - (points[:, 1] - height).abs())

        return field

    return union(disc(*top), disc(*leg), disc(*foot))


def surface(field: Field, cells: int) -> MeshData:
    *_, lattice = sparse_lattice(field, cells, 0.0, CancelToken())
    assert lattice.values is not None
    vertices, faces = closed_surface(lattice.values, 0.0, CancelToken())
    return mesh_data(1.1 * (vertices / cells - 0.5), faces, cells)


def drained(work: Generator[Any, None, Any]) -> tuple[list[Any], Any]:
    """Everything that a generator yields, and what it returns."""
    seen = []
    while True:
        try:
            seen.append(next(work))
        except StopIteration as end:
            return seen, end.value


def sampled(domain: str, seed: int = 3) -> tuple[Decoded, Sample]:
    """A random latent of the small model, decoded, with a recipe that no model file stands behind."""
    made = models.parts(domain).domain
    packed = torch.randn(made.layout.shape, generator=torch.Generator().manual_seed(seed))
    recipe = SampledRecipe(
        domain=domain, model="small", model_hash="0" * 64, seed=seed, sampler="ddim", steps=3, guidance=1.0,
        prompt="a “round” table, ☃",
    )  # fmt: skip
    return Decoded(made, fields_of(made, packed), seed), Sample(recipe, Latents(packed.numpy(), made.layout))


def fields_of(domain: Any, packed: torch.Tensor) -> BasisFields:
    with torch.inference_mode():
        return domain.decode(packed[None])


def middling_iso(decoded: Decoded) -> float:
    """A probability that cuts a random shape through the middle."""
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(2000, 3, generator=generator) - 0.5
    with torch.inference_mode():
        logits = decoded.domain.logits(decoded.fields, points[None])  # type: ignore[operator]
    return float(torch.sigmoid(logits.median()))


def volume_inside(field: Field, cells: int) -> float:
    """Share of the padded cube that is inside, by counting."""
    axis = torch.linspace(-0.55, 0.55, cells)
    grid = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    return float(np.mean(field(grid).numpy() > 0)) * 1.1**3
