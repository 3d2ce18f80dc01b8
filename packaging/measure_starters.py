"""Measure a starter on data that it never saw and print the figures of its card as JSON, all by `ddmi evaluate`.

python packaging/measure_starters.py avatars --train data/avatars
python packaging/measure_starters.py furniture --train data/furniture --real data/real-furniture-reserved --seeds 5

Without --data the measuring set is made first, from seeds far from those of training and validation.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from ddmi_models.api import Session
from ddmi_models.requests import Evaluate, MakeData

UNSEEN = 20_000_000
"""First seed of the measuring data."""

RECONSTRUCTION = {"avatars": ("psnr",), "furniture": ("iou", "f-score"), "cars": ("psnr",), "skies": ("psnr",)}


def measure(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Everything that fits the starter on data of its own kind, and reconstruction on real models where there are
    some."""
    session = Session("auto", given.threads)
    data = given.data
    if data is None:
        data = folder / given.starter
        session.ask(MakeData(given.starter, data, given.count, UNSEEN, given.threads))
    model = given.model or given.starter
    options = {"count": given.count, "seeds": given.seeds, "cells": given.cells}
    told: dict[str, Any] = session.ask(Evaluate(model, data=data, train=given.train, **options))
    if given.real is not None:
        real = Evaluate(model, RECONSTRUCTION[given.starter], given.real, cells=given.cells)
        told["figures of real models"] = session.ask(real)["figures"]
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("starter", choices=tuple(RECONSTRUCTION))
    parser.add_argument("--model", help="measure this model or file in the starter's place")
    parser.add_argument("--data", type=Path, help="data that it never saw; made anew if left out")
    parser.add_argument("--train", type=Path, help="its training data, for the nearest neighbours")
    parser.add_argument("--real", type=Path, help="real models, for reconstruction alone")
    parser.add_argument("--count", type=int, default=256, help="items, and samples")
    parser.add_argument("--seeds", type=int, default=5, help="seeds a prompt")
    parser.add_argument("--cells", type=int, default=96, help="cells of the meshes")
    parser.add_argument("--threads", type=int, default=1, help="threads of the processor, and processes that make data")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(given, Path(folder)), indent=1))


if __name__ == "__main__":
    main()
