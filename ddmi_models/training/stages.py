"""The stages of a training run and what each minimises."""

from __future__ import annotations

from typing import Any

from ddmi_models.training.alignment import AlignmentObjective
from ddmi_models.training.objectives import AutoencoderObjective, DiffusionObjective, Objective

OBJECTIVES: dict[str, type[Objective[Any, Any]]] = {
    "autoencoder": AutoencoderObjective,
    "alignment": AlignmentObjective,
    "diffusion": DiffusionObjective,
}
