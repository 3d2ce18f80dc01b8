"""Recipes: everything that decides a sample, as plain data that goes into every export."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from pydantic import Field

from ddmi_models.config import StrictConfig
from ddmi_models.errors import BadConfig, BadInput

RECIPE_VERSION: Final = 1


class SampledRecipe(StrictConfig):
    """A sample drawn by diffusion. The same recipe, versions, device and thread count give the same bytes."""

    kind: Literal["sampled"] = "sampled"
    version: Literal[1] = RECIPE_VERSION
    domain: str
    model: str = Field(description="Name of the model.")
    model_hash: str = Field(description="SHA-256 of the model file, to tell whether it is the same model.")
    seed: int = Field(ge=0, lt=2**63)
    sampler: str
    steps: int = Field(gt=0)
    guidance: float = Field(ge=0)
    prompt: str = ""
    negative: str = ""

    def to_json(self) -> str:
        """One line of JSON, keys sorted."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)


Recipe = SampledRecipe


def recipe_from_json(text: str) -> Recipe:
    """Read a recipe back.

    Raises:
        BadInput: if the text is not a recipe, or one of a newer version.
    """
    try:
        values: Any = json.loads(text)
    except json.JSONDecodeError:
        raise BadInput(
            "The recipe in this file is not readable.", "The file may have been edited by another program."
        ) from None
    if not isinstance(values, dict):
        raise BadInput("The recipe in this file is not readable.", "The file may have been edited by another program.")
    if isinstance(values.get("version"), int) and values["version"] > RECIPE_VERSION:
        raise BadInput("The recipe was written by a newer version of DDMI Studio.", "Update the program to open it.")
    try:
        return SampledRecipe.parse(values)
    except BadConfig as error:
        raise BadInput(f"The recipe in this file is not valid: {error.message}") from None
