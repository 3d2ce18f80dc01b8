"""Shards of procedural furniture.

A shard holds cloud float16 [n, 2048, 3], points float16 [n, 4096, 3], occupancy uint8 [n, 512] (numpy.packbits order),
captions (one JSON list of strings a shape), kinds, seeds int64, attributes (one JSON object a shape).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.training.procedural.furniture import make_furniture
from ddmi_models.training.procedural.sampling import sample_training


def furniture_arrays(seeds: range) -> dict[str, NDArray[Any]]:
    """The arrays of one shard for the shapes of `seeds`."""
    pieces = [make_furniture(seed) for seed in seeds]
    samples = [sample_training(piece, np.random.default_rng(seed)) for piece, seed in zip(pieces, seeds, strict=True)]
    return {
        "cloud": np.stack([sample.cloud for sample in samples]),
        "points": np.stack([sample.points for sample in samples]),
        "occupancy": np.stack([sample.occupancy for sample in samples]),
        "captions": np.array([json.dumps(piece.captions) for piece in pieces]),
        "kinds": np.array([piece.kind for piece in pieces]),
        "attributes": np.array([json.dumps(asdict(piece.attributes)) for piece in pieces]),
        "seeds": np.array(list(seeds), dtype=np.int64),
    }
