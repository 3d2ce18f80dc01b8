"""A folder of frames: numbered PNG pictures with the recipe in each and beside them, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ddmi_models.files import atomic_folder
from ddmi_models.recipes import Recipe
from ddmi_models.rendering.metadata import FOLDER_RECIPE, RECIPE_KEY
from ddmi_models.rendering.writers import write_picture

FOLDER = ""
"""The ending of a path that is a folder of frames."""


def write_frames(
    path: Path, frames: Iterator[np.ndarray], recipe: Recipe, facts: Mapping[str, dict[str, Any]] | None = None
) -> Iterator[int]:
    """Write frames uint8 [height, width, 3] into a new folder; yields how many are written.

    The folder appears when the frames have ended; it does not if the iterator is closed before.

    Args:
        facts: further JSON files by name.

    Raises:
        CannotWrite: as `atomic_folder`.
    """
    with atomic_folder(path) as folder:
        for index, frame in enumerate(frames):
            write_picture(folder / f"{index:04d}.png", frame, recipe)
            yield index + 1
        values = {FOLDER_RECIPE: {RECIPE_KEY: recipe.model_dump(mode="json")}, **(facts or {})}
        for name, content in values.items():
            (folder / name).write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
