"""What the items of a set were made from: drawings, solids, scenes and clips that are true at any
size."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ddmi_models.training.procedural.avatars import draw_avatar
from ddmi_models.training.procedural.car_shards import car_scene
from ddmi_models.training.procedural.furniture import make_furniture
from ddmi_models.training.procedural.real_shards import REAL_SETS, real_variant
from ddmi_models.training.procedural.skies import random_sky

TRUTHS: dict[str, Callable[[int], Any]] = {
    "avatars": draw_avatar,
    "furniture": make_furniture,
    "cars": car_scene,
    "skies": random_sky,
    **{name: partial(real_variant, name=name) for name in REAL_SETS},
}
"""Seed to one of the truths of `ddmi_models.evaluation.items`, by the name of the set."""
