"""The door: a frozen request goes in, a stream of events comes out, ending with one of Result, Cancelled, Failed."""

from __future__ import annotations

from ddmi_models.engine.core import Engine

HEAVY_MODULES = (
    "torch",
    "scipy.sparse.csgraph",
    "skimage.measure",
    "torch._dynamo",
    "torchvision",
    "open_clip.transformer",
    "diffusers.schedulers.scheduling_dpmsolver_multistep",
    "ddmi_models.model",
    "ddmi_models.engine.generate",
    "ddmi_models.engine.show",
)
"""What requests import when they first run, for callers that want it done before, a piece at a time."""

__all__ = ["HEAVY_MODULES", "Engine"]
