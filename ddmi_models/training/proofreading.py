"""What of a training's configuration is not right, setting by setting, in the words of a form."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ddmi_models.checkpoints.registry import check_name, find_model
from ddmi_models.checkpoints.store import read_header
from ddmi_models.config import MISFIT, ModelConfig
from ddmi_models.devices import device_kind, missing_devices
from ddmi_models.errors import BadConfig, EngineError
from ddmi_models.requests import SettingProblem
from ddmi_models.training.architecture import architecture_values
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.data_parts import lists_of
from ddmi_models.training.datasets import recognise, shard_domain
from ddmi_models.training.guide import as_text
from ddmi_models.training.planning import plan_run
from ddmi_models.training.procedural.shards import shard_files
from ddmi_models.training.process import check_registration

MESSAGES = {
    "int_parsing": "Has to be a whole number.",
    "int_parsing_size": "Has to be a whole number of fewer digits.",
    "int_from_float": "Has to be a whole number.",
    "int_type": "Has to be a whole number.",
    "float_parsing": "Has to be a number.",
    "float_type": "Has to be a number.",
    "finite_number": "Has to be a finite number.",
    "greater_than": "Has to be above {gt}.",
    "greater_than_equal": "Has to be at least {ge}.",
    "less_than": "Has to be below {lt}.",
    "less_than_equal": "Has to be at most {le}.",
    "multiple_of": "Has to be a multiple of {multiple_of}.",
    "string_too_short": "Has to be given.",
    "too_short": "Needs {min_length} or more values.",
    "too_long": "Takes at most {max_length} values.",
    "missing": "Has to be given.",
    "literal_error": "Has to be {expected}.",
}
"""By the kinds of pydantic's errors, which speak to programmers."""
TOLD_BY_PATH = ("name", "data.train", "data.validation", "perceptual_weights", "register_as", "start_from")
"""Settings that errors of a plan begin with; all else is about the model that is started from."""


def proofread(values: dict[str, Any]) -> tuple[SettingProblem, ...]:
    """Everything that is wrong with a configuration; values may be texts as they were typed."""
    try:
        config = TrainConfig.model_validate(values)
    except ValidationError as error:
        found = [_problem(details) for details in error.errors()]
        return tuple({problem.path: problem for problem in reversed(found)}.values())[::-1]  # the first of each
    except BadConfig as error:  # settings that do not go together
        return (_of_setting(error),)
    return tuple(_beyond_values(config))


def _problem(details: ErrorDetails) -> SettingProblem:
    keys = [str(key) for key in details["loc"] if not isinstance(key, int)]
    message = MESSAGES.get(details["type"])
    if details["type"] == MISFIT:
        message = f"{_capitalised(details['msg'])}."
    elif message is not None:
        message = message.format_map({key: as_text(value) for key, value in details.get("ctx", {}).items()})
    return SettingProblem(".".join(keys), details["msg"] if message is None else message)


def _of_setting(error: EngineError) -> SettingProblem:
    """Of an error that begins with a setting's path and a colon."""
    path, _, message = error.message.partition(": ")
    return SettingProblem(path, f"{_capitalised(message)} {error.hint}".strip())


def _capitalised(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _beyond_values(config: TrainConfig) -> Iterator[SettingProblem]:
    """What can only be seen with the files and models of this machine."""
    name = config.name
    try:
        check_name(name)
    except EngineError as error:
        yield SettingProblem("name", str(error))
        name = "run"  # the rest is looked at all the same
    if config.start_from is None and (config.model is None or config.stage != "autoencoder"):
        yield SettingProblem("start_from", "Choose a model to start from.")
    yield from _device(config.device)
    try:
        plan = plan_run(config, None, name)
        yield from _parts(plan.config)
        check_registration(plan.config, plan.folder)
    except EngineError as error:
        known = error.message.startswith(tuple(f"{path}: " for path in TOLD_BY_PATH))
        yield _of_setting(error) if known else SettingProblem("start_from", str(error))


def _device(name: str) -> Iterator[SettingProblem]:
    """What is known of a device without loading torch; the rest shows when the run starts."""
    try:
        missing = missing_devices().get(device_kind(name))
    except EngineError as error:
        yield SettingProblem("device", str(error))
        return
    if missing is not None:
        yield SettingProblem("device", missing)


def _parts(config: TrainConfig) -> Iterator[SettingProblem]:
    """Whether the architecture fits what it is added to, and what it is validated on."""
    base = read_header(find_model(config.start_from).path).config if config.start_from is not None else None
    if config.model is None and base is None:
        return  # told already
    try:
        model = ModelConfig.model_validate(architecture_values(config, base))
    except ValidationError as error:
        yield from (_problem(details) for details in error.errors())
        return
    folder = config.data.validation
    if folder is None:
        return
    changed = max(path.stat().st_mtime_ns for path in lists_of(folder) or [folder])
    if reason := _unfit(folder, model.domain, changed):
        yield SettingProblem("data.validation", reason)


@lru_cache(maxsize=16)
def _unfit(folder: Path, domain: str, _changed: int) -> str:
    """Why a folder cannot be validated on; "" where it can. Looked up once, however much is typed beside it."""
    try:
        shards = shard_files(folder) if folder.is_dir() else []
        if not shards:
            recognise(folder, domain)
        elif shard_domain(shards[0]) not in ("", domain):
            return f"{folder} holds data of another kind. Give one like that of the training, or none."
    except EngineError as error:
        return str(error)
    return ""
