"""What the items of a set were made from: drawings and solids that know their pixels or surface at any size."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ddmi_models.training.procedural.avatars import draw_avatar
from ddmi_models.training.procedural.furniture import make_furniture
from ddmi_models.training.procedural.real_shards import REAL_SETS, real_variant

TRUTHS: dict[str, Callable[[int], Any]] = {
    "avatars": draw_avatar,
    "furniture": make_furniture,
    **{name: partial(real_variant, name=name) for name in REAL_SETS},
}
"""Seed to `PictureTruth` or `SolidTruth` (`ddmi_models.evaluation.items`), by the name of the set."""
