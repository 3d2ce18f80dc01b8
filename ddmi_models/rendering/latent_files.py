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
from ddmi_models.requests import Part, Sample

LATENT_SUFFIX = ".latent.safetensors"
FORMAT = "ddmi-latent"


def write_latent(path: Path, sample: Sample) -> None:
    """Write a sample.

    Raises:
        CannotWrite: as `atomic_file`.
    """
    layout = json.dumps([asdict(plane) for plane in sample.latents.layout.planes])
    metadata = {"format": FORMAT, "recipe": sample.recipe.to_json(), "layout": layout}
    arrays = {"latent": sample.latents.packed}
    if sample.parts:
        arrays["parts"] = np.stack([part.latents.packed for part in sample.parts])
        metadata["weights"] = json.dumps([part.weights for part in sample.parts])
    with atomic_file(path) as file:
        file.write(save({name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}, metadata))


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
            packed = file.get_tensor("latent").astype(np.float32)
            mixed = file.get_tensor("parts").astype(np.float32) if "weights" in metadata else ()
        layout = PlaneLayout(tuple(PlaneSpec(**plane) for plane in json.loads(metadata["layout"])))
        weights = [tuple(map(float, row)) for row in json.loads(metadata.get("weights", "[]"))]
        parts = tuple(Part(Latents(part, layout), row) for part, row in zip(mixed, weights, strict=True))
        recipe = metadata["recipe"]
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is not a readable latent ({error}).", "It may be damaged.") from None
    return Sample(recipe_from_json(recipe), Latents(packed, layout), parts)
