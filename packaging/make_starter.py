"""Put a trained model into assets/starters: fp16 weights, one-line summary, a sheet of 64 consecutive seeds.

    python packaging/make_starter.py runs/avatars-diffusion/model.safetensors avatars "Faces, 64 px, any seed"

The card (card.md beside it) is written by hand, with the figures of packaging/measure_starters.py.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

import ddmi_models as ddmi
from ddmi_models.checkpoints.store import read_model, write_model
from ddmi_models.rendering.stills import contact_sheet
from ddmi_models.requests import Picture, Thumbnail

STARTERS = Path(__file__).resolve().parent.parent / "assets" / "starters"
SHEET_PROMPTS = (
    "a round table with one central leg", "a chair with a slatted back", "a wide couch", "a bookcase with five shelves",
    "a tall bar stool with three legs", "a desk with drawers", "a double bed with a headboard", "a floor lamp",
)  # fmt: skip
SHEET_SIDE, TILE = 8, 96


def write_starter(source: Path, name: str, summary: str) -> Path:
    """Write the model in half precision under the starter's name; returns its path."""
    header, tensors = read_model(source)
    path = STARTERS / name / "model.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    header = header.model_copy(update={"name": name, "summary": summary, "provenance": "DDMI Studio's own training"})
    write_model(path, header, tensors, precision="fp16")
    return path


def write_sheet(path: Path) -> None:
    """Seeds 0 to 63 (of models with text: eight prompts, seeds 0 to 7 each, a row a prompt), none left out."""
    model = ddmi.load(path, threads=1)
    prompts = SHEET_PROMPTS if model.info.takes_text else ("",) * SHEET_SIDE
    pictures = []
    for row, prompt in enumerate(prompts):
        first = 0 if model.info.takes_text else row * SHEET_SIDE
        for sample in model.sample(prompt, seed=first, count=SHEET_SIDE):
            picture: Picture = sample._session.ask(Thumbnail(sample._drawn, TILE))
            pictures.append(picture.pixels)
    Image.fromarray(contact_sheet(pictures, SHEET_SIDE)).save(path.with_name("sheet.png"), optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("name")
    parser.add_argument("summary")
    given = parser.parse_args()
    path = write_starter(given.source, given.name, given.summary)
    write_sheet(path)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
