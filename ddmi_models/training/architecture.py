"""The architecture of a run's model: its own, or that of the model it starts from with what its stage adds."""

from __future__ import annotations

from typing import Any

from ddmi_models.config import ModelConfig
from ddmi_models.errors import BadConfig
from ddmi_models.training.config import TrainConfig


def architecture_values(config: TrainConfig, base: ModelConfig | None) -> dict[str, Any]:
    """Sections of the ModelConfig of a run; whether they go together is for ModelConfig to say.

    Args:
        base: of the model that the run starts from.

    Raises:
        BadConfig: if there is no architecture, or that of another domain.
    """
    architecture = config.model or base
    if architecture is None:
        raise BadConfig("The run has no architecture.", "Give the section `model`, or `start_from` an existing model.")
    if config.model is not None and base is not None and config.model.domain != base.domain:
        raise BadConfig(
            f"start_from: a model of the domain {base.domain} has nothing to start one of {config.model.domain} from.",
            "Name a model of the same domain, or none.",
        )
    own = {"unet": config.unet, "diffusion": config.diffusion, "text": config.text, "ranking": config.ranking}
    return {**dict(architecture), **{key: value for key, value in own.items() if value is not None}}
