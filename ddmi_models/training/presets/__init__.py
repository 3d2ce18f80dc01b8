"""Ready configurations: recipes of the starters, as YAML files beside this module, and the paper's own settings."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from ddmi_models.errors import BadConfig, BadInput
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.presets.paper import paper_presets


def preset_names() -> tuple[str, ...]:
    """Names of the shipped presets."""
    files = (entry.name for entry in resources.files(__name__).iterdir())
    names = [name.removesuffix(".yaml") for name in files if name.endswith(".yaml")]
    return tuple(sorted([*names, *paper_presets()]))


def preset_text(name: str) -> str:
    """The YAML of a preset.

    Raises:
        BadInput: if there is no such preset.
    """
    if name not in preset_names():
        raise BadInput(f"There is no preset {name!r}.", f"There are {', '.join(preset_names())}.")
    made = paper_presets().get(name)
    return (resources.files(__name__) / f"{name}.yaml").read_text(encoding="utf-8") if made is None else made()


def parse_config(text: str, overrides: Iterable[str] = ()) -> TrainConfig:
    """A configuration from YAML with overrides, see `parse_values`.

    Raises:
        BadConfig: naming what is not valid.
    """
    return TrainConfig.parse(parse_values(text, overrides))


def parse_values(text: str, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Plain values from YAML with `key.sub=value` overrides, whose values are YAML too.

    Raises:
        BadConfig: naming what is not valid.
    """
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadConfig(f"The configuration is not YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(values, dict):
        raise BadConfig("The configuration holds no keys.", "Start from a preset: `ddmi train --preset NAME`.")
    for override in overrides:
        _apply(values, override)
    return values


def read_config(path: Path, overrides: Iterable[str] = ()) -> TrainConfig:
    """A configuration from a YAML file.

    Raises:
        BadConfig: if the file cannot be read or is not valid.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"The configuration {path} cannot be read: {error}.") from None
    return parse_config(text, overrides)


def _apply(values: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator:
        raise BadConfig(f"The setting {override!r} has no value.", "Write --set key=value.")
    *parents, last = key.split(".")
    for parent in parents:
        child = values.setdefault(parent, {})
        if not isinstance(child, dict):
            raise BadConfig(f"The setting {key!r} goes into {parent!r}, which holds no keys.")
        values = child
    try:
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise BadConfig(f"The value of {key} is not YAML: {text!r}.", "Put a text in quotes.") from None
