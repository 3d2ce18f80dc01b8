"""Train a starter's stages one after another in a given time, on whatever machine this is.

    python packaging/train_starter.py cars --minutes 90
    python packaging/train_starter.py cars --minutes 10 --device cuda --set autoencoder.batch=32
    python packaging/train_starter.py cars --minutes 90 --from cars   (goes on with the model that ships)

Steps are planned from the measured pace, so that the learning rate's cosine ends when the time does. Data are made
where they are missing: DATA/NAME and DATA/NAME-validation. The model is RUNS/NAME-diffusion/model.safetensors, which
packaging/make_starter.py ships; the steps that were done are in its header, for the preset.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from pathlib import Path

import torch

from ddmi_models.api import Session
from ddmi_models.checkpoints.registry import find_model
from ddmi_models.checkpoints.store import read_model, write_model
from ddmi_models.requests import MakeData
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.folder import RunFolder
from ddmi_models.training.loop import build_parts
from ddmi_models.training.presets import parse_config, preset_text
from ddmi_models.training.processes import start_accelerator
from ddmi_models.training.run import Run
from ddmi_models.training.stages import OBJECTIVES, prepared

STAGES = {
    "avatars": {"autoencoder": 0.58, "diffusion": 0.42},
    "furniture": {"autoencoder": 0.5, "alignment": 0.08, "diffusion": 0.42},
    "cars": {"autoencoder": 0.65, "diffusion": 0.35},
    "skies": {"autoencoder": 0.55, "diffusion": 0.45},
}
"""Share of the time that each stage gets."""

COUNTS = {"avatars": 20_480, "furniture": 32_768, "cars": 2048, "skies": 4096}
HELD_OUT, HELD_OUT_SEED = 128, 10_000_000
PACE_STEPS, UNPLANNED = 200, 20
"""Steps that the pace is measured over, and how many are done before the first plan."""
SAVE_SECONDS = 300.0


def make_data(name: str, folder: Path, count: int, workers: int) -> None:
    """Make what is missing of the training and the validation set."""
    session = Session("cpu")
    session.ask(MakeData(name, folder / f"{name}-validation", HELD_OUT, HELD_OUT_SEED, workers))
    session.ask(MakeData(name, folder / name, count, 0, workers))


def train(config: TrainConfig, folder: Path, until: float) -> None:
    """Train a stage until a moment (`time.monotonic`), the cosine ending there too."""
    torch.set_num_threads(config.threads)
    accelerator = start_accelerator(config)
    book = RunFolder(folder)
    book.create(config)
    parts = build_parts(config).to(accelerator.device)
    objective = prepared(OBJECTIVES[config.stage](config, parts))
    run = Run(config, book, accelerator, parts, objective)
    started = saved = time.monotonic()
    marks: deque[float] = deque([started], maxlen=PACE_STEPS)
    while run.step < UNPLANNED or run.step < run.config.steps:
        figures = run.train_step()
        marks.append(time.monotonic())
        run.seconds = marks[-1] - started
        if run.step >= UNPLANNED:
            left = (until - marks[-1]) * (len(marks) - 1) / (marks[-1] - marks[0])
            run.config = run.objective.config = run.config.model_copy(update={"steps": run.step + max(0, int(left))})
        if run.step % config.log_every == 0:
            book.add_metrics(run.step, run.seconds, figures)
            print(f"{config.name} {config.stage}: step {run.step} of {run.config.steps}, {figures}", flush=True)
        if marks[-1] - saved > SAVE_SECONDS:
            saved = marks[-1]
            save(run)
    save(run)


def save(run: Run) -> None:
    """Validate, print, and write the averaged model and the state."""
    print(f"{run.config.name} {run.config.stage}: {run.validate()}", flush=True)
    run.save()


def with_denoiser(first_stage: Path, known: Path) -> Path:
    """A file beside `first_stage` with its weights and, to start from, the other parts of the model `known`."""
    header, tensors = read_model(known)
    path = first_stage.with_name("with-denoiser.safetensors")
    write_model(path, header, {**tensors, **read_model(first_stage)[1]})
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("starter", choices=tuple(STAGES))
    parser.add_argument("--minutes", type=float, required=True, help="for all stages together; data are made before")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--count", type=int, help="items of the training set")
    parser.add_argument("--workers", type=int, default=1, help="processes that make data")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--from", dest="known", help="a model of this architecture to go on with")
    parser.add_argument("--set", action="append", default=[], metavar="STAGE.KEY=VALUE", help="settings of a stage")
    given = parser.parse_args()
    name = given.starter
    make_data(name, given.data, given.count or COUNTS[name], given.workers)
    began = until = time.monotonic()
    known = find_model(given.known).path if given.known else None
    before = known
    for stage, share in STAGES[name].items():
        until += 60 * given.minutes * share
        own = [text.removeprefix(f"{stage}.") for text in given.set if text.startswith(f"{stage}.")]
        places = [f"data.train={given.data / name}", f"data.validation={given.data / f'{name}-validation'}"]
        start = [f"start_from={before}"] if before else []
        folder = given.runs / f"{name}-{stage}"
        settings = [f"device={given.device}", *places, *start, *own]
        train(parse_config(preset_text(f"{name}-{stage}"), settings), folder, until)
        before = folder / "model.safetensors"
        if known is not None and stage == "autoencoder":
            before = with_denoiser(before, known)
    print(f"{before}: {(time.monotonic() - began) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
