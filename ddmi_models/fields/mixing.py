"""Basis planes of several samples in one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch

from ddmi_models.planes import BasisFields


def mixed_fields(fields: Sequence[BasisFields], weights: Sequence[Sequence[float]]) -> BasisFields:
    """Weighted sums of basis planes, level by level.

    Args:
        fields: of the same model, gains not used. weights: one a level for each of the fields, coarse to fine.
    """
    if len(fields) == 1 and all(weight == 1 for weight in weights[0]):
        return fields[0]
    levels = []
    for index in range(len(fields[0].levels)):
        pairs = [(f.levels[index], w[index]) for f, w in zip(fields, weights, strict=True)]
        shares = [pair for pair in pairs if pair[1]] or pairs[:1]
        names = fields[0].levels[index]
        levels.append({name: reduce(torch.add, (weight * level[name] for level, weight in shares)) for name in names})
    return BasisFields(tuple(levels))
