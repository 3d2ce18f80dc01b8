"""The user's own signals: one reader a domain, in the table INPUTS."""

from __future__ import annotations

from ddmi_models.errors import BadInput
from ddmi_models.inputs.base import Comparison, Given, InputReader
from ddmi_models.inputs.clips import ClipReader
from ddmi_models.inputs.pictures import PictureReader
from ddmi_models.inputs.radiance import RadianceReader
from ddmi_models.inputs.surfaces import SurfaceReader

INPUTS: dict[str, InputReader] = {
    "image": PictureReader(),
    "shape": SurfaceReader(),
    "nerf": RadianceReader(),
    "video": ClipReader(),
}


def reader_of(domain: str) -> InputReader:
    """The reader of a domain.

    Raises:
        BadInput: if its models take no files.
    """
    if domain not in INPUTS:
        raise BadInput(f"Models of the domain {domain!r} do not take files of your own.", "Generate samples instead.")
    return INPUTS[domain]


__all__ = ["INPUTS", "Comparison", "Given", "InputReader", "reader_of"]
