"""Small add-ons with random weights for the small image model, registered beside it."""

from __future__ import annotations

from pathlib import Path

import torch

from ddmi_models.checkpoints import registry
from ddmi_models.checkpoints.addons import AddonHeader, write_addon
from ddmi_models.checkpoints.registry import find_model, models_dir
from tests import models

BASE = "small-image"
LAYERS = ("diffusion.model.input_blocks.0.0", "diffusion.model.time_embed.0", "diffusion.model.middle_block.1.qkv")


def factors(seed: int) -> dict[str, torch.Tensor]:
    """Random factors of rank 2 for a convolution, a linear layer and attention of the small image model."""
    own = models.parts("image").tensors()
    draw = torch.Generator().manual_seed(seed)
    made = {}
    for layer in LAYERS:
        weight = own[f"{layer}.weight"]
        made[f"{layer}.lora_A.weight"] = torch.randn(2, *weight.shape[1:], generator=draw)
        made[f"{layer}.lora_B.weight"] = torch.randn(len(weight), 2, *[1] * (weight.ndim - 2), generator=draw) * 0.1
    return made


def add(name: str, seed: int = 0, base: str = BASE) -> Path:
    """Register an add-on for the small image model."""
    info = find_model(base)
    header = AddonHeader(name=name, base=base, base_sha256=info.sha256, domain="image", rank=2, alpha=2, licence="MIT")
    with registry.new_model(name, file=registry.ADDON_FILE) as folder:
        write_addon(folder / registry.ADDON_FILE, header, factors(seed))
    return models_dir() / name / registry.ADDON_FILE
