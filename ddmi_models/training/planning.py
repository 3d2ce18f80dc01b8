"""From what a user gives (a configuration or a preset, settings, a folder) to a run that can be started anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ddmi_models.checkpoints.registry import find_model
from ddmi_models.errors import BadData, BadInput, UnknownModel
from ddmi_models.training.alive import first_process
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.data_parts import divided, lists_of
from ddmi_models.training.folder import MODEL_FILE, RunFolder
from ddmi_models.training.presets import parse_config, preset_text, read_config
from ddmi_models.training.runs import find_run, runs_dir

FOLDER_NAME = re.compile(r"(?![. ])[^/\\\x00-\x1f\x7f]+(?<! )")
"""Names of runs that stay among the runs, on every system."""
LONGEST_NAME = 200


@dataclass(frozen=True)
class RunPlan:
    """A run: its configuration, its folder, and whether it goes on from the folder's state."""

    config: TrainConfig
    folder: Path
    resume: bool = False


def plan_new_run(
    config: Path | None, preset: str | None, settings: Iterable[str] = (), folder: Path | None = None
) -> RunPlan:
    """A new run from a file or a preset; its folder is named after the preset or the model unless one is given.

    Raises:
        BadConfig, BadInput, BadData, UnknownModel: naming what is not right.
    """
    if preset is None:
        values = _read(config, settings)
        return plan_run(values, folder, values.name)
    settings = tuple(settings)
    values = parse_config(preset_text(preset), settings)
    given = {setting.partition("=")[0].strip() for setting in settings}
    if "data.train" in given and "data.validation" not in given:
        values = _without_own_validation(values)
    return plan_run(values, folder, preset)


def _without_own_validation(config: TrainConfig) -> TrainConfig:
    """A preset on other data: its validation set belongs to its own; one beside these, NAME-validation, is theirs."""
    train = config.data.train
    beside = train.with_name(f"{train.name}-validation")
    changed = config.data.model_copy(update={"validation": beside if beside.is_dir() else None})
    return config.model_copy(update={"data": changed})


def _read(config: Path | None, settings: Iterable[str]) -> TrainConfig:
    assert config is not None
    return read_config(config, settings)


def plan_run(config: TrainConfig, folder: Path | None, name: str) -> RunPlan:
    """A new run with its paths made absolute; `name`: of its folder, unless one is given. Raises: as `plan_new_run`."""
    if folder is None:
        folder = _fresh(runs_dir() / _folder_name(name))
    elif first_process() and RunFolder(folder).config_path is not None:
        raise BadInput(f"{folder} holds a run already.", f"Go on with it (--resume {folder}) or choose another folder.")
    return RunPlan(anchored(config), folder.absolute())


def _folder_name(name: str) -> str:
    """The name, if it makes a folder right among the runs. Raises: BadInput, if not."""
    if FOLDER_NAME.fullmatch(name) is None or len(name.encode(errors="replace")) > LONGEST_NAME:
        raise BadInput(
            f"name: a run cannot be called {name!r}.",
            f"Use up to {LONGEST_NAME} characters, none of them / or \\, and no dot or space first and no space last.",
        )
    return name


def plan_resumed_run(name: str | Path) -> RunPlan:
    """A stopped run, by name or folder. Raises: BadInput, BadConfig."""
    folder = find_run(name)
    return RunPlan(RunFolder(folder).config(), folder.absolute(), resume=True)


def anchored(config: TrainConfig) -> TrainConfig:
    """The configuration with absolute paths, a divided data set's parts, and a run that it starts from replaced by that
    run's model.

    Raises:
        BadData: if the training or validation set or the perceptual weights are not there, or they overlap.
        UnknownModel: if there is no such model or run.
    """
    changes: dict[str, object] = {}
    for part in ("train", "validation"):
        path = getattr(config.data, part)
        if path is not None and not path.exists() and not lists_of(path):
            raise BadData(f"data.{part}: there is no {path}.", "Name the folder of a data set, or make one.")
        changes[part] = None if path is None else path.absolute()
    updates: dict[str, object] = {"data": divided(config.data.model_copy(update=changes))}
    if config.perceptual_weights is not None:
        updates["perceptual_weights"] = config.perceptual_weights.absolute()
        if not config.perceptual_weights.is_file():
            raise BadData(
                f"perceptual_weights: there is no file {config.perceptual_weights}.",
                "Name a file of torchvision's vgg16, or none.",
            )
    if config.start_from is not None:
        updates["start_from"] = _start(config.start_from)
    return config.model_copy(update=updates)


def _start(name: str) -> str:
    try:
        info = find_model(name)
    except UnknownModel:
        try:
            model = find_run(name) / MODEL_FILE
        except BadInput:
            model = None
        if model is None or not model.is_file():
            raise
        return str(model.absolute())
    return str(info.path.absolute()) if info.source == "file" else name


def _fresh(folder: Path) -> Path:
    """The folder, or the first of folder-2, folder-3, ... that is not there."""
    number, free = 1, folder
    while free.exists():
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free
