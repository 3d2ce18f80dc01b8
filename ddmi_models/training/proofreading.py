"""What of a training's configuration is not right, setting by setting, in the words of a form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ddmi_models.checkpoints.registry import check_name
from ddmi_models.errors import BadConfig, EngineError
from ddmi_models.requests import SettingProblem
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.planning import plan_run
from ddmi_models.training.process import check_registration

MESSAGES = {
    "int_parsing": "Has to be a whole number.",
    "int_from_float": "Has to be a whole number.",
    "int_type": "Has to be a whole number.",
    "float_parsing": "Has to be a number.",
    "float_type": "Has to be a number.",
    "finite_number": "Has to be a finite number.",
    "greater_than": "Has to be above {gt:g}.",
    "greater_than_equal": "Has to be at least {ge:g}.",
    "less_than": "Has to be below {lt:g}.",
    "less_than_equal": "Has to be at most {le:g}.",
    "multiple_of": "Has to be a multiple of {multiple_of:g}.",
    "string_too_short": "Has to be given.",
    "too_short": "Needs at least {min_length} numbers.",
    "too_long": "Takes at most {max_length} numbers.",
    "missing": "Has to be given.",
    "literal_error": "Has to be {expected}.",
}
"""By the kinds of pydantic's errors, which speak to programmers."""


def proofread(values: dict[str, Any]) -> tuple[SettingProblem, ...]:
    """Everything that is wrong with a configuration; values may be texts as they were typed."""
    try:
        config = TrainConfig.model_validate(values)
    except ValidationError as error:
        return tuple(_problem(details) for details in error.errors())
    except BadConfig as error:  # settings that do not go together
        path, _, message = error.message.partition(": ")
        return (SettingProblem(path, f"{message[:1].upper()}{message[1:]} {error.hint}"),)
    return tuple(_beyond_values(config))


def _problem(details: ErrorDetails) -> SettingProblem:
    keys = [str(key) for key in details["loc"] if not isinstance(key, int)]
    message = MESSAGES.get(details["type"])
    words = details["msg"] if message is None else message.format_map(details.get("ctx", {}))
    return SettingProblem(".".join(keys), words)


def _beyond_values(config: TrainConfig) -> Iterator[SettingProblem]:
    """What can only be seen with the files and models of this machine."""
    try:
        check_name(config.name)
    except EngineError as error:
        yield SettingProblem("name", str(error))
    if config.start_from is None and (config.model is None or config.stage != "autoencoder"):
        yield SettingProblem("start_from", "Choose a model to start from.")
    try:
        plan = plan_run(config, None, config.name)
        check_registration(plan.config, plan.folder)
    except EngineError as error:
        path, _, message = error.message.partition(": ")
        known = path in ("data.train", "data.validation", "register_as")
        yield (
            SettingProblem(path, message[:1].upper() + message[1:])
            if known
            else SettingProblem("start_from", error.message)
        )
