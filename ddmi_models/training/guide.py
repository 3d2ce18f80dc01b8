"""What the form of a new run is made of: the settings of TrainConfig, presets ready for one's own data, models to start
from. Nothing here imports torch.

A description that begins with words and a colon ("Images, videos: ...") says for what its setting, or section, counts;
the words are in SCOPES. A path whose description speaks of a folder is one.
"""

from __future__ import annotations

import os
import re
import types
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import yaml
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from ddmi_models.checkpoints.registry import list_models
from ddmi_models.checkpoints.store import read_header
from ddmi_models.config import StrictConfig
from ddmi_models.errors import BadCheckpoint
from ddmi_models.requests import Setting, StartingPoint, TrainingGuide, TrainingPreset, TrainingSize
from ddmi_models.training.config import Stage, TrainConfig
from ddmi_models.training.folder import MODEL_FILE
from ddmi_models.training.presets import preset_names, preset_text
from ddmi_models.training.runs import list_runs

SCOPES = {
    "images": ("image",), "videos": ("video",), "films": ("video",), "shapes": ("shape",), "furniture": ("shape",),
    "fields": ("nerf",), "radiance fields": ("nerf",), "posed pictures": ("nerf",), "triplanes": ("shape", "nerf"),
    "first stage": ("autoencoder",), "alignment": ("alignment",), "second stage": ("diffusion",),
}  # fmt: skip
"""Words before the colon of a description, and the domains or stage that they stand for."""
STAGES = typing.get_args(Stage)

SCOPE = re.compile(r"([A-Z][a-z ,]+): ")
BOUNDS = {Gt: ("gt", "above {}"), Ge: ("ge", "at least {}"), Lt: ("lt", "below {}"), Le: ("le", "at most {}")}
KINDS = {int: "whole", float: "number", str: "text", bool: "switch"}
LABELS = {"kl": "KL", "ema": "EMA", "unet": "U-Net", "iso": "Iso level"}
PAPER = "paper-"
"""How the names of presets for GPUs begin; they come last."""
OWN = {"name": "model", "latents": None, "licence": "", "attribution": ""}
"""What a preset says of the program's own data and runs, and what stands in its place for other people's."""

SIZES = (
    TrainingSize(
        "usual",
        "As made",
        "The preset as it is: those of the starters for two processor cores and a few hours, the paper's for GPUs.",
    ),
    TrainingSize(
        "quick",
        "Quick look",
        "A tenth of the steps, with pictures and figures often: whether it works at all, within minutes.",
        {"steps": 0.1, "warmup": 0.1},
        {"log_every": 5, "save_every": 50},
    ),
    TrainingSize(
        "overnight",
        "Overnight on a CPU",
        "Four times the steps, ten hours at most, on every core of this machine.",
        {"steps": 4.0},
        {"minutes": 600.0, "threads": os.cpu_count() or 1},
        paper=False,
    ),
    TrainingSize(
        "gpu",
        "One GPU",
        "Eight times the steps on batches four times as large, in bf16 on the graphics card.",
        {"steps": 8.0, "batch": 4.0},
        {"device": "cuda", "precision": "bf16"},
        paper=False,
    ),
    TrainingSize(
        "gpus",
        "Several GPUs",
        "Eight times the steps on batches 16 times as large, in bf16; all graphics cards of this machine share each "
        "batch.",
        {"steps": 8.0, "batch": 16.0},
        {"device": "cuda", "precision": "bf16", "processes": 0},
        paper=False,
    ),
    TrainingSize(
        "paper-gpus",
        "As published, on several GPUs",
        "The published steps and batch; each batch is shared by all graphics cards of this machine.",
        values={"device": "cuda", "processes": 0},
        paper=True,
    ),
)


def training_guide() -> TrainingGuide:
    """Everything for the form."""
    return TrainingGuide(tuple(settings(TrainConfig)), _presets(), SIZES, tuple(_starting_points()))


# Settings


def settings(config: type[StrictConfig], prefix: str = "", scope: tuple[str, ...] = ()) -> Iterator[Setting]:
    """The settings of a configuration and of the sections in it; what only a file can say (tables) is left out.

    `prefix` and `scope` are those of the section.
    """
    for name, field in config.model_fields.items():
        path = f"{prefix}{name}"
        kinds = [kind for kind in _members(field.annotation) if kind is not type(None)]
        section = next((k for k in kinds if isinstance(k, type) and issubclass(k, StrictConfig)), None)
        if section is not None:
            yield from settings(section, f"{path}.", _scope(field) or scope)
        elif (kind := _kind(kinds[0], field)) is not None:
            yield _setting(path, field, kind, _scope(field) or scope)


def _members(annotation: Any) -> tuple[Any, ...]:
    union = typing.get_origin(annotation) in (Union, types.UnionType)
    return typing.get_args(annotation) if union else (annotation,)


def _scope(field: FieldInfo) -> tuple[str, ...]:
    """Domains and stages for which a field counts; () for all."""
    match = SCOPE.match(field.description or "")
    words = match[1].lower().split(", ") if match else []
    return tuple(dict.fromkeys(place for word in words for place in SCOPES.get(word, ())))


def _kind(annotation: Any, field: FieldInfo) -> str | None:
    origin = typing.get_origin(annotation)
    if origin is Literal:
        return "choice"
    if origin is tuple:
        parts = typing.get_args(annotation)
        return "list" if all(_plain(p) in (int, float, str, ..., Literal) for p in parts) else None
    if annotation is Path:
        return "folder" if "folder" in (field.description or "").lower() else "file"
    return KINDS.get(annotation)


def _plain(part: Any) -> Any:
    """A kind of value without its bounds; Literal for one of several words."""
    origin = typing.get_origin(part)
    return _plain(typing.get_args(part)[0]) if origin is Annotated else origin or part


def _setting(path: str, field: FieldInfo, kind: str, scope: tuple[str, ...]) -> Setting:
    required, members = field.is_required(), _members(field.annotation)
    return Setting(
        path=path,
        label=label_of(path),
        description=field.description or "",
        kind=kind,
        default="" if required else as_text(field.default),
        required=required,
        optional=type(None) in members,
        choices=tuple(map(str, typing.get_args(members[0]))) if kind == "choice" else (),
        bounds=_bounds(field),
        domains=tuple(place for place in scope if place not in STAGES),
        stages=tuple(place for place in scope if place in STAGES),
    )


def label_of(path: str) -> str:
    """A setting's name for people: learning_rate -> Learning rate, kl.start -> KL start."""
    *sections, name = path.split(".")
    words = [*(["kl"] if sections == ["kl"] else []), *name.split("_")]
    first, *others = [LABELS.get(word, word) for word in words]
    return " ".join([first[0].upper() + first[1:], *others])


def as_text(value: Any) -> str:
    """A setting's value as it is typed: lists with commas, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, tuple | list):
        return ", ".join(map(as_text, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _bounds(field: FieldInfo) -> str:
    of_each = [bound for part in typing.get_args(field.annotation) for bound in getattr(part, "__metadata__", ())]
    limits = [*field.metadata, *(limit for bound in of_each for limit in getattr(bound, "metadata", ()))]
    found = {type(limit): limit for limit in limits if type(limit) in BOUNDS}
    return ", ".join(
        BOUNDS[kind][1].format(as_text(getattr(found[kind], BOUNDS[kind][0]))) for kind in BOUNDS if kind in found
    )


# Presets


@cache
def _presets() -> tuple[TrainingPreset, ...]:
    names = sorted(preset_names(), key=lambda name: (name.startswith(PAPER), name))
    texts = {name: preset_text(name) for name in names}
    raw = {name: yaml.safe_load(text) for name, text in texts.items()}
    return tuple(_preset(name, text, raw) for name, text in texts.items())


def _preset(name: str, text: str, raw: dict[str, dict[str, Any]]) -> TrainingPreset:
    values = TrainConfig.parse(raw[name]).model_dump(mode="json") | OWN
    values["data"] |= {"train": None, "validation": None, "rephrase": False}
    values["start_from"] = None if raw[name].get("start_from") in raw else raw[name].get("start_from")
    return TrainingPreset(
        name, _first_words(text), _domain(name, raw), values["stage"], values, paper=name.startswith(PAPER)
    )


def _first_words(text: str) -> str:
    """The comment at the head of a preset."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return " ".join(lines).replace("`", "")


def _domain(name: str, raw: dict[str, dict[str, Any]]) -> str:
    """What a preset makes, which one of the second stage has from the preset or model that it starts from."""
    while name in raw:
        values = raw[name]
        if values.get("model"):
            return values["model"]["domain"]
        name = values.get("start_from", "")
    return next((info.domain for info in list_models() if info.name == name), "")


# Models to start from


def _starting_points() -> Iterator[StartingPoint]:
    for info in list_models():
        yield _point(info.name, info.name, info.source, info.path)
    for run in list_runs():
        path = run.path / MODEL_FILE
        if run.model or not path.is_file():
            continue  # a registered one is among the models
        try:
            yield _point(str(path), f"{run.name} (run, step {run.saved_step})", "run", path)
        except BadCheckpoint:
            continue  # of another version of the program; the list of runs still shows it


def _point(key: str, label: str, source: str, path: Path) -> StartingPoint:
    header = read_header(path)
    config = header.config
    return StartingPoint(
        key=key,
        label=label,
        source=source,
        domain=config.domain,
        complete=header.stage == "full",
        takes_text=config.text is not None,
        can_rank=config.ranking is not None,
        latent_channels=config.latent_channels,
    )
