"""Procedural training data that anyone can make again: `ddmi data make NAME`."""

from __future__ import annotations

from ddmi_models.training.procedural.avatars import avatar_arrays
from ddmi_models.training.procedural.furniture_shards import furniture_arrays
from ddmi_models.training.procedural.shards import DataMaker, write_shards

DATA_MAKERS: dict[str, DataMaker] = {
    maker.name: maker
    for maker in (
        DataMaker("avatars", 1, 256, avatar_arrays, "Faces drawn as vector graphics, 128 px"),
        DataMaker("furniture", 1, 256, furniture_arrays, "Parametric furniture with captions and exact occupancy"),
    )
}

__all__ = ["DATA_MAKERS", "DataMaker", "write_shards"]
