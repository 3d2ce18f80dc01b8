"""Volume rendering: samples along rays and their composition, front to back (reference facts, section 4.5)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

ENDLESS = 1e10
"""Length of the last interval where the last sample stands for everything behind it."""

CLEAR = 1e-10
"""Least light that a sample lets through, so that gradients reach what lies behind it."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Places along rays: depths [..., N] along the direction, and the lengths [..., N] that they stand for (world
    units)."""

    depths: torch.Tensor
    lengths: torch.Tensor


@dataclass(frozen=True, eq=False)
class Composite:
    """What rays see.

    Attributes:
        colour: [..., 3], the background included. depth: [...], sum of weights times depths, not normalised.
        accumulation: [...], share of the light that comes from samples. weights: [..., N].
    """

    colour: torch.Tensor
    depth: torch.Tensor
    accumulation: torch.Tensor
    weights: torch.Tensor


def even_samples(
    near: torch.Tensor, far: torch.Tensor, count: int, norms: torch.Tensor, jitter: torch.Tensor | None = None
) -> Samples:
    """The middles of `count` equal intervals between near [...] and far [...].

    Args:
        norms: lengths [...] of the rays' directions.
        jitter: place of each sample in its interval, [..., N] in [0, 1), for training; None: the middle.
    """
    width = ((far - near) / count)[..., None]
    index = torch.arange(count, device=near.device, dtype=near.dtype)
    depths = near[..., None] + width * (index + (0.5 if jitter is None else jitter))
    return Samples(depths, (width * norms[..., None]).expand_as(depths))


def endless_samples(
    near: torch.Tensor, far: torch.Tensor, count: int, norms: torch.Tensor, jitter: torch.Tensor | None = None
) -> Samples:
    """`count` samples from near to far, both ends included; the last stands for everything behind it.

    Arguments as for `even_samples`; with jitter each sample moves halfway towards its neighbours at most.
    """
    share = torch.linspace(0.0, 1.0, count, device=near.device, dtype=near.dtype)
    depths = near[..., None] * (1 - share) + far[..., None] * share
    if jitter is not None:
        middles = 0.5 * (depths[..., 1:] + depths[..., :-1])
        low = torch.cat([depths[..., :1], middles], -1)
        high = torch.cat([middles, depths[..., -1:]], -1)
        depths = low + (high - low) * jitter
    lengths = torch.cat([depths[..., 1:] - depths[..., :-1], torch.full_like(depths[..., :1], ENDLESS)], -1)
    return Samples(depths, lengths * norms[..., None])


def opacity(density: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Share of the light that intervals stop."""
    return 1.0 - torch.exp(-density * lengths)


def composite(colours: torch.Tensor, density: torch.Tensor, samples: Samples, background: float = 1.0) -> Composite:
    """Blend samples front to back over a background.

    Args:
        colours: [..., N, 3] in [0, 1]. density: [..., N], at least 0. background: a shade in [0, 1]; 1 is white.
    """
    alpha = opacity(density, samples.lengths)
    passed = torch.cumprod(1.0 - alpha + CLEAR, -1)
    before = torch.cat([torch.ones_like(passed[..., :1]), passed[..., :-1]], -1)
    weights = alpha * before
    accumulation = weights.sum(-1)
    colour = (weights[..., None] * colours).sum(-2) + background * (1.0 - accumulation)[..., None]
    return Composite(colour, (weights * samples.depths).sum(-1), accumulation, weights)


def cube_crossing(origins: torch.Tensor, directions: torch.Tensor, half: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Depths [...] at which rays [..., 3] enter and leave the cube [-half, half]^3; equal where they miss it."""
    safe = torch.where(directions.abs() < 1e-12, torch.full_like(directions, 1e-12), directions)
    one, other = (-half - origins) / safe, (half - origins) / safe
    near = torch.minimum(one, other).amax(-1).clamp(min=0.0)
    far = torch.maximum(one, other).amin(-1)
    return near, torch.maximum(near, far)
