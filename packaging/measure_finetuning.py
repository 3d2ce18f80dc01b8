"""Train an add-on for the starter `avatars` on faces with dark glasses, as `ddmi train --preset avatars-lora` does, and
print as JSON how many samples wear such glasses at each strength.

python packaging/measure_finetuning.py --work DIR [--set steps=300] [--samples 64]

DIR keeps the pictures and the run. Dark glasses are told by the share of dark pixels in a band over the eyes; how far
that can be trusted is measured on true drawings.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ddmi_models.api import Model, Session
from ddmi_models.requests import Train
from ddmi_models.training.planning import plan_new_run
from ddmi_models.training.procedural.avatars import AvatarDrawing, draw_avatar

PICTURES = 200
DARK_GLASSES = ("SUNGLASSES", "WAYFARERS")
SIDE, BAND = 64, (slice(22, 36), slice(18, 46))
"""Pixels of a picture, and where eyes are in it."""
DARK, SHARE = 70, 0.15
"""Brightest channel of a dark pixel; share of dark pixels in the band from which a face counts."""
UNSEEN = 20_000_000
STRENGTHS = (0.0, 0.5, 1.0)


def wears(picture: np.ndarray) -> bool:
    """Whether a face, uint8 [64, 64, 3], seems to have dark glasses on."""
    return bool((picture[BAND].max(-1) < DARK).mean() > SHARE)


def has_them(drawing: AvatarDrawing) -> bool:
    return drawing.attributes["accessory"] in DARK_GLASSES


def faces(first: int) -> Iterator[tuple[int, AvatarDrawing]]:
    """Seeds and drawings of faces with dark glasses."""
    return ((seed, drawn) for seed in itertools.count(first) if has_them(drawn := draw_avatar(seed)))


def make_pictures(folder: Path) -> Path:
    """A folder of pictures such as a user has."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, drawing in itertools.islice(faces(0), PICTURES):
        Image.fromarray(drawing.picture(128)).save(folder / f"{seed:06}.png")
    return folder


def trust(count: int) -> dict[str, float]:
    """Shares of true drawings, with and without dark glasses, in which some are seen."""
    drawings = [draw_avatar(UNSEEN + seed) for seed in range(count)]
    seen = [(has_them(drawing), wears(drawing.picture(SIDE))) for drawing in drawings]
    return {
        name: float(np.mean([s for own, s in seen if own is has])) for name, has in (("with", True), ("without", False))
    }


def train(work: Path, settings: list[str]) -> dict[str, Any]:
    """Train the add-on, or take the one that a run in the folder made."""
    session, model = Session("cpu"), work / "run" / "model.safetensors"
    pictures = make_pictures(work / "pictures")
    plan = plan_new_run(
        None, "avatars-lora", [f"data.train={pictures}", "add_to_models=false", *settings], work / "run"
    )
    before = time.process_time(), time.monotonic()
    session.ask(Train(plan.config.model_dump(mode="json"), plan.folder))
    after = time.process_time(), time.monotonic()
    spent = {"processor seconds": after[0] - before[0], "seconds": after[1] - before[1]}
    return {
        "steps": plan.config.steps,
        **{key: round(value) for key, value in spent.items()},
        "bytes": model.stat().st_size,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, metavar="DIR")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    told: dict[str, Any] = {"training": train(given.work, given.settings)} if not (given.work / "run").exists() else {}
    model = Model(Session("cpu", given.threads), "avatars")
    addon = str(given.work / "run" / "model.safetensors")
    told |= {"model": model.info.sha256, "drawings in which some are seen": trust(1000), "samples": {}}
    for strength in STRENGTHS:
        drawn = model.sample(seed=0, count=given.samples, lora={addon: strength})
        told["samples"][f"{strength:g}"] = float(np.mean([wears(np.asarray(s.image(SIDE))) for s in drawn]))
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
