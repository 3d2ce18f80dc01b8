"""What an ablation trains: one pair of configurations, and how its variants differ. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from ddmi_models.config import Fusion, StrictConfig
from ddmi_models.errors import BadConfig
from ddmi_models.training.config import Stage, TrainConfig
from ddmi_models.training.presets import parse_values

PRESET = "ablation"
STAGES: tuple[Stage, ...] = ("autoencoder", "diffusion")


class AblationData(StrictConfig):
    """What every variant is trained on and measured against."""

    train: Path | None = Field(default=None, description="Training set; None: avatars are drawn.")
    validation: Path | None = Field(default=None, description="Held-out set; needed where `train` is given.")
    items: int = Field(default=2048, gt=0, description="Avatars that are drawn to train on.")
    held_out: int = Field(default=256, gt=0, description="Avatars that are drawn to measure against.")

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.train is None) != (self.validation is None):
            raise ValueError("train and validation are given both or neither")
        return self


class Variant(StrictConfig):
    """A line of the table: what the coordinate network reads, and how."""

    name: str = Field(min_length=1)
    scales: int = Field(gt=0, description="Basis scales, the finest ones.")
    fusion: Fusion = "concat"


class AblationConfig(StrictConfig):
    """Variants that are trained alike. `autoencoder` and `diffusion` are TrainConfigs without names, data and what the
    variants decide."""

    data: AblationData = AblationData()
    samples: int = Field(default=256, gt=3, description="Samples a variant; held-out items that it is compared with.")
    variants: tuple[Variant, ...] = Field(min_length=2, description="Best last, as it is expected.")
    autoencoder: dict[str, Any]
    diffusion: dict[str, Any]

    def run_config(self, number: int, stage: Stage, train: Path, validation: Path, first: Path | None) -> TrainConfig:
        """The run of a stage of a variant.

        Args:
            first: model of the first stage, for the second.

        Raises:
            BadConfig: naming what is not valid.
        """
        variant, values = self.variants[number], dict(getattr(self, stage))
        values |= {"name": f"{PRESET} {variant.name}", "stage": stage, "add_to_models": False}
        values["data"] = {**values.get("data", {}), "train": train, "validation": validation}
        if stage == "autoencoder":
            values["model"] = _varied(values.get("model"), variant)
        else:
            values["start_from"] = str(first)
        return TrainConfig.parse(values)


def _varied(model: Any, variant: Variant) -> dict[str, Any]:
    try:
        planes, net = model["autoencoder"], model["coordinate_net"]
        coarser = sorted(planes.get("basis_resolutions", ()))
        if variant.scales > len(coarser) + 1:
            raise BadConfig(
                f"The variant {variant.name!r} reads {variant.scales} scales; there are {len(coarser) + 1}."
            )
        planes = {**planes, "basis_resolutions": coarser[len(coarser) + 1 - variant.scales :]}
        net = {**net, "scales": variant.scales, "fusion": variant.fusion}
    except (TypeError, KeyError, AttributeError):
        raise BadConfig("The section autoencoder.model is not whole.", "Start from `--preset ablation`.") from None
    return {**model, "autoencoder": planes, "coordinate_net": net}


def ablation_config(overrides: Iterable[str] = ()) -> AblationConfig:
    """The shipped ablation with overrides, see `parse_values`.

    Raises:
        BadConfig: naming what is not valid, in what all runs share or in a run of the first variant.
    """
    text = (resources.files(__package__) / "ablation.yaml").read_text(encoding="utf-8")
    config = AblationConfig.parse(parse_values(text, overrides))
    for number in range(len(config.variants)):
        for stage in STAGES:
            config.run_config(number, stage, Path("train"), Path("validation"), Path("model"))
    return config
