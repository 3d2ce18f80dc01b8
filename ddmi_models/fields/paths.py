"""Ways between latents."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

STRAIGHT = 1e-4
"""Sine of the angle below which a great circle and a straight line are the same in float32."""


def spherical(
    first: Float[Tensor, "*shape"], second: Float[Tensor, "*shape"], position: float
) -> Float[Tensor, "*shape"]:
    """The point at `position` (0: `first`, 1: `second`) of the great circle through two latents.

    Gaussian latents lie near a sphere: on a straight line between two of them every point is closer to the mean than
    samples are, on the circle it is as far away. Latents that point the same way, or opposite ways, have no such circle
    and are joined by the straight line.
    """
    a, b = first.double().flatten(), second.double().flatten()
    lengths = a.norm() * b.norm()
    cosine = (torch.dot(a, b) / lengths).clamp(-1, 1) if float(lengths) > 0 else torch.ones_like(lengths)
    angle = torch.arccos(cosine)
    if float(torch.sin(angle)) < STRAIGHT:
        weights = torch.tensor([1 - position, position], dtype=torch.float64)
    else:
        weights = torch.sin(torch.stack([(1 - position) * angle, position * angle])) / torch.sin(angle)
    return (weights[0] * a + weights[1] * b).reshape(first.shape).to(first.dtype)
