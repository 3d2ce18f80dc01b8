"""The stages of a training run and what each minimises."""

from __future__ import annotations

from typing import Any

from ddmi_models.training.alignment import AlignmentObjective
from ddmi_models.training.latent_objectives import DiffusionObjective
from ddmi_models.training.objectives import AutoencoderObjective, Objective

AnyObjective = Objective[Any, Any]

OBJECTIVES: dict[str, type[AnyObjective]] = {
    "autoencoder": AutoencoderObjective,
    "alignment": AlignmentObjective,
    "diffusion": DiffusionObjective,
}


def prepared(objective: AnyObjective) -> AnyObjective:
    """The objective, once its latents are encoded."""
    for _ in objective.prepare(lambda: None):
        pass
    return objective
