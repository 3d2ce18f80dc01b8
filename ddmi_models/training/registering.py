"""A finished run's model, or add-on, becomes one of those on this machine, with a card."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ddmi_models.checkpoints import addons
from ddmi_models.checkpoints.addons import read_addon_header
from ddmi_models.checkpoints.registry import (
    ADDON_FILE,
    CARD_FILE,
    SHEET_FILE,
    card_text,
    name_from,
    name_taken_by,
    new_model,
)
from ddmi_models.checkpoints.registry import MODEL_FILE as REGISTERED_FILE
from ddmi_models.checkpoints.store import read_header
from ddmi_models.errors import EngineError, printable
from ddmi_models.events import Event, Notice
from ddmi_models.files import cannot_write
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.folder import BEST_FILE, MODEL_FILE, SAMPLES, RunFolder, read_metrics, read_status

VALIDATION = "validation_"


def register(config: TrainConfig, folder: Path) -> Iterator[Event]:
    """Copy the model to the models, once. First stages only on request: they make nothing alone, or leave a diffusion
    model behind that knows the latents of before; of these the one that is best in validation. Of the second stage the
    last one: its error says little of the samples, and on few items mostly chance.

    No model is ever replaced: where the name is taken, a number follows it. What fails is told, not raised: the run's
    own files are there.
    """
    book = RunFolder(folder)
    best = folder / BEST_FILE
    source = best if config.stage != "diffusion" and best.is_file() else folder / MODEL_FILE
    made = _addon(source) if config.finetune == "lora" else _model(source)
    usable = made.whole and (config.stage == "diffusion" or config.finetune == "decoder")
    wanted = config.register_as is not None or (config.add_to_models and usable)
    if not wanted or read_status(folder).model:
        return
    name = _free(config.register_as or name_from(Path(f"{config.name}.model")))
    try:
        with new_model(name, file=made.file) as draft:
            _fill(draft, name, source, made, config)
        line = f"Added to the {made.kind} as {name!r}."
        book.tell(model=name)
    except OSError as error:
        line = f"It could not be added to the {made.kind}: {cannot_write(folder, error)}"
    except EngineError as error:
        line = f"It could not be added to the {made.kind}: {error}"
    book.log(line)
    yield Notice(line)


@dataclass(frozen=True)
class Made:
    """What a run made: what it is called in the registry, the file that holds it there, whether it is of use alone,
    and its card by name."""

    kind: str
    file: str
    whole: bool
    card: Callable[[str], str]


def _model(source: Path) -> Made:
    header = read_header(source)
    return Made("models", REGISTERED_FILE, header.stage == "full", lambda name: card_text(name, header))


def _addon(source: Path) -> Made:
    header = read_addon_header(source)
    return Made("add-ons", ADDON_FILE, True, lambda name: addons.card_text(name, header))


def _fill(draft: Path, name: str, source: Path, made: Made, config: TrainConfig) -> None:
    shutil.copyfile(source, draft / made.file)
    (draft / CARD_FILE).write_text(_card(made.card(name), source, config), encoding="utf-8")
    pictures = sorted((source.parent / SAMPLES).glob("*.png"))
    if pictures:
        shutil.copyfile(pictures[-1], draft / SHEET_FILE)


def _free(name: str) -> str:
    number, free = 1, name
    while name_taken_by(free) is not None:
        number += 1
        free = f"{name}-{number}"
    return free


def _card(text: str, source: Path, config: TrainConfig) -> str:
    """The header's card with the training set, the starting point and the last validation figures."""
    facts = {"Training set": printable(config.data.train.name), "Started from": config.start_from or "fresh weights"}
    for row in read_metrics(source.parent):
        figures = {key: value for key, value in row.items() if key.startswith(VALIDATION) and value is not None}
        facts.update({key.replace("_", " ").capitalize(): f"{value:.4g}" for key, value in figures.items()})
    which = "best in validation" if source.name == BEST_FILE else "last"
    lines = [f"- {key}: {value}" for key, value in {**facts, "Checkpoint": which}.items()]
    return text.rstrip("\n") + "\n" + "\n".join(lines) + "\n"
