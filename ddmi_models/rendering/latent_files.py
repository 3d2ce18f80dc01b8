"""Samples as files: `.latent.safetensors` keeps the latent and its recipe."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ddmi_models.errors import BadInput
from ddmi_models.files import atomic_file
from ddmi_models.planes import Latents, PlaneLayout, PlaneSpec
from ddmi_models.recipes import recipe_from_json
from ddmi_models.requests import Sample

LATENT_SUFFIX = ".latent.safetensors"
FORMAT = "ddmi-latent"


def write_latent(path: Path, sample: Sample) -> None:
    """Write a sample.

    Raises:
        CannotWrite: as `atomic_file`.
    """
    layout = json.dumps([asdict(plane) for plane in sample.latents.layout.planes])
    metadata = {"format": FORMAT, "recipe": sample.recipe.to_json(), "layout": layout}
    with atomic_file(path) as file:
        file.write(save({"latent": np.ascontiguousarray(sample.latents.packed, np.float32)}, metadata))


def read_latent(path: Path) -> Sample:
    """Read a sample.

    Raises:
        BadInput: if the file is missing, broken, or something else.
    """
    if not path.is_file():
        raise BadInput(f"There is no file {path}.")
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise BadInput(f"{path} is a safetensors file, but not a latent of this program.")
            packed = file.get_tensor("latent")
        layout = PlaneLayout(tuple(PlaneSpec(**plane) for plane in json.loads(metadata["layout"])))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is not a readable latent ({error}).", "It may be damaged.") from None
    return Sample(recipe_from_json(metadata["recipe"]), Latents(packed.astype(np.float32), layout))
