"""The models on this machine: starters that ship with the program, imported models, files by path.

A model is a folder: `model.safetensors`, and where there are any `card.md`, `sheet.png`, `model.sha256` (hash at the
time it was added). Add-ons lie among them and share their names, with `addon.safetensors` (see `addons`). Nothing here
imports torch, so that lists are quick.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import platformdirs

from ddmi_models.cameras import Camera
from ddmi_models.checkpoints.hashes import file_sha256, hash_file, remember
from ddmi_models.checkpoints.store import (
    ModelHeader,
    check_keys,
    parameter_count,
    read_header,
    read_model,
    tensor_shapes,
)
from ddmi_models.config import ModelConfig, RadianceConfig
from ddmi_models.errors import BadCheckpoint, BadInput, CannotWrite, EngineError, UnknownModel
from ddmi_models.files import TEMPORARY_PREFIX, cannot_write
from ddmi_models.requests import ModelInfo
from ddmi_models.resources import assets_dir

HOME_VARIABLE = "DDMI_HOME"
MODEL_FILE, ADDON_FILE = "model.safetensors", "addon.safetensors"
CARD_FILE = "card.md"
SHEET_FILE = "sheet.png"
HASH_FILE = "model.sha256"
SUFFIX = ".safetensors"
FOREIGN_SUFFIXES = {".pt", ".pth", ".ckpt"}

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
"""Names that Windows keeps for itself, also with an ending."""

DOMAIN_LABELS = {"image": "Image", "shape": "Shape", "nerf": "Radiance field", "video": "Video"}
"""As in the table of domains, which is not read here because it brings torch with it."""

Samplers = Sequence[tuple[str, str]]
Shapes = Mapping[str, tuple[int, ...]]


def home_dir() -> Path:
    """The user's folder of this program: $DDMI_HOME, or the place that the system has for it."""
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("ddmi", appauthor=False))


def models_dir() -> Path:
    """Where imported models are; need not exist."""
    return home_dir() / "models"


def starters_dir() -> Path:
    """Where the models are that ship with the program; need not exist."""
    return assets_dir() / "starters"


def check_name(name: str) -> str:
    """The name, if models may be called so.

    Raises:
        BadInput: if not.
    """
    if not NAME.fullmatch(name) or name.split(".")[0].lower() in RESERVED or name.lower().endswith(SUFFIX):
        raise BadInput(
            f"A model cannot be called {name!r}.",
            "Use up to 64 letters, digits, dots, dashes and underscores, a letter or digit first and last.",
        )
    return name


def name_from(path: Path) -> str:
    """A name for a model that comes from a file, made of the file's own."""
    return check_name(re.sub(r"[^A-Za-z0-9]+", "-", path.stem).strip("-")[:64].strip("-") or "model")


def list_models(samplers: Samplers = ()) -> tuple[ModelInfo, ...]:
    """The models that can be used, starters first, each group by name. Broken ones are in `model_problems`.

    Args:
        samplers: (key, label) of every sampler on offer, to put into the results.
    """
    return tuple(found for found in _scan(samplers) if isinstance(found, ModelInfo))


def model_problems() -> tuple[str, ...]:
    """One line for each model that is there but cannot be used."""
    return tuple(str(found) for found in _scan(()) if isinstance(found, EngineError))


def _scan(samplers: Samplers) -> Iterator[ModelInfo | EngineError]:
    for source, folder in folders_with(MODEL_FILE):
        try:
            yield describe(folder / MODEL_FILE, folder.name, source, samplers)
        except EngineError as error:
            yield error


def folders_with(file: str) -> Iterator[tuple[str, Path]]:
    """(source, folder) of every model or add-on, as `file` says; a starter hides an imported one of its name."""
    seen = set()
    for source, parent in (("starter", starters_dir()), ("imported", models_dir())):
        with contextlib.suppress(OSError):
            for folder in sorted(parent.iterdir()):
                hidden = folder.name.startswith((".", TEMPORARY_PREFIX))
                if not hidden and folder.name not in seen and (folder / file).is_file():
                    seen.add(folder.name)
                    yield source, folder


def find_model(name: str | Path, samplers: Samplers = ()) -> ModelInfo:
    """The model of a name, or in a file.

    Raises:
        UnknownModel: if there is none, with the nearest names.
        BadCheckpoint: if its file is broken.
        BadInput: if it is an official file, which has to be imported first.
    """
    for source, folder in folders_with(MODEL_FILE):
        if folder.name == str(name):
            return describe(folder / MODEL_FILE, folder.name, source, samplers)
    path = Path(name)
    if path.is_file() and path.suffix.lower() in FOREIGN_SUFFIXES:
        raise BadInput(f"{path} has to be imported before it is used.", f"Run: ddmi models import {path}")
    if path.is_file():
        return describe(path, path.stem, "file", samplers)
    raise unknown_model(str(name))


def unknown_model(name: str) -> UnknownModel:
    """The error for a name that no model has."""
    if any(folder.name == name for _, folder in folders_with(ADDON_FILE)):
        return UnknownModel(f"{name} is an add-on, not a model.", f"Use it with its model: --lora {name}")
    known = [folder.name for _, folder in folders_with(MODEL_FILE)]
    lowered = {n.lower(): n for n in known}
    near = [lowered[n] for n in difflib.get_close_matches(name.lower(), lowered, cutoff=0.5)]
    if near:
        hint = f"Did you mean {' or '.join(near)}?"
    elif known:
        hint = f"There are: {', '.join(known)}."
    else:
        hint = "No model is installed: import one with `ddmi models import FILE`."
    kind = "no such file" if name.endswith(SUFFIX) or "/" in name or "\\" in name else "no model of this name"
    return UnknownModel(f"{name}: {kind}.", hint)


def describe(path: Path, name: str, source: str, samplers: Samplers = ()) -> ModelInfo:
    """What a model file says of itself, with the files beside it.

    Raises:
        BadCheckpoint: if the file is broken.
    """
    header = read_header(path)
    config = header.config
    if config.domain not in DOMAIN_LABELS:
        raise BadCheckpoint(
            f"{path} holds a model of {config.domain!r}, which this version does not know.", "Update it."
        )
    own_folder = source != "file"
    card = path.with_name(CARD_FILE)
    sheet = path.with_name(SHEET_FILE)
    single = len(config.plane_order) == 1
    return ModelInfo(
        name=name,
        source=source,
        domain=config.domain,
        domain_label=DOMAIN_LABELS[config.domain],
        path=path,
        sha256=file_sha256(path),
        parameters=parameter_count(path),
        scales=config.autoencoder.scales,
        takes_text=config.text is not None,
        known_words=config.text.words if config.text is not None else (),
        readings=(config.text.synonyms or ()) if config.text is not None else (),
        can_rank=config.ranking is not None,
        sampler=config.diffusion.sampler,
        steps=config.diffusion.steps,
        guidance=config.diffusion.guidance,
        samplers=tuple(samplers),
        trained_resolution=config.anchor_resolution if single else config.autoencoder.resolution,
        iso=config.iso,
        licence=header.licence,
        summary=header.summary,
        card=card.read_text(encoding="utf-8", errors="replace")
        if own_folder and card.is_file()
        else card_text(name, header),
        sheet=sheet if own_folder and sheet.is_file() else None,
        can_sample=header.stage == "full",
        frames=config.clip.frames if config.clip is not None else 1,
        rate=config.clip.rate if config.clip is not None else 0.0,
        camera=_usual_camera(config.radiance) if config.radiance is not None else None,
    )


def _usual_camera(radiance: RadianceConfig) -> Camera:
    return Camera(distance=radiance.camera_distance, angle=radiance.camera_angle)


def card_text(name: str, header: ModelHeader) -> str:
    """A card in Markdown made of the header alone."""
    clip = header.config.clip
    facts = {
        "From": header.provenance,
        "Licence": header.licence,
        "Attribution": header.attribution,
        "Weights": header.weights.upper() if header.stage == "full" else "autoencoder only",
        "Clips": f"{clip.frames} frames at {clip.rate:g} a second" if clip is not None else "",
        "Saved": header.created,
        **training_facts(header.training),
    }
    return card_lines(name, header.summary, facts)


def training_facts(training: Mapping[str, Any]) -> dict[str, str]:
    """A header's training summary as facts for a card."""
    return {key.replace("_", " ").capitalize(): str(value) for key, value in training.items()}


def card_lines(name: str, summary: str, facts: Mapping[str, str]) -> str:
    """A card in Markdown: title, summary, a line for each fact that is not empty."""
    lines = [f"# {name}", "", summary, ""] if summary else [f"# {name}", ""]
    return "\n".join([*lines, *(f"- {key}: {value}" for key, value in facts.items() if value), ""])


def name_taken_by(name: str) -> str | None:
    """The source of the model or add-on that has this name, in any case of its letters; None if none has."""
    both = (*folders_with(ADDON_FILE), *folders_with(MODEL_FILE))
    return {folder.name.lower(): source for source, folder in both}.get(name.lower())


@contextlib.contextmanager
def new_model(
    name: str, replace: bool = False, check: Callable[[], None] | None = None, file: str = MODEL_FILE
) -> Iterator[Path]:
    """A folder to write a new imported model, or add-on, into; it appears in the registry when the block ends well.

    The block writes `file` (and a card) there. `check` is called while the file is hashed, and may raise.

    Raises:
        BadInput: if the name is taken or not allowed.
        CannotWrite: if the user's folder cannot be written.
    """
    check_name(name)
    taken = name_taken_by(name)
    if taken == "starter" or (taken and not replace):
        raise BadInput(f"There is a model called {name!r} already.", "Choose another name with --name.")
    parent = models_dir()
    draft = parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
    try:
        draft.mkdir(parents=True)
    except OSError as error:
        raise cannot_write(parent, error) from None
    try:
        yield draft
        sha256 = hash_file(draft / file, check)
        (draft / HASH_FILE).write_text(sha256 + "\n")
        if replace and (parent / name).is_dir():
            shutil.rmtree(parent / name)
        draft.rename(parent / name)
        remember(parent / name / file, sha256)
    except OSError as error:
        raise cannot_write(parent / name, error) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def remove(name: str) -> str:
    """Delete an imported model or an add-on; returns its name.

    Raises:
        UnknownModel: if there is none of this name.
        BadInput: if it is a starter.
        CannotWrite: if its files cannot be deleted.
    """
    for source, folder in (*folders_with(MODEL_FILE), *folders_with(ADDON_FILE)):
        if folder.name != name:
            continue
        if source == "starter":
            raise BadInput(f"{name!r} is a starter: it ships with the program and cannot be removed.")
        grave = folder.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
        try:
            folder.rename(grave)
            shutil.rmtree(grave)
        except OSError as error:
            raise CannotWrite(f"{folder} cannot be removed: {error.strerror or error}.") from None
        return name
    raise unknown_model(name)


def verify(
    name: str | Path,
    shapes_of: Callable[[ModelConfig], Shapes],
    check: Callable[[], None] | None = None,
    samplers: Samplers = (),
) -> ModelInfo:
    """Check that a model's file is whole, as it was when it was added, and fits its configuration.

    Args:
        shapes_of: names and shapes of all tensors of a configuration.
        check: called between pieces; may raise to stop.

    Raises:
        BadCheckpoint: saying what is wrong.
        UnknownModel: if there is no such model.
    """
    info = find_model(name, samplers)
    check_stored_hash(info.path, info.source, check)
    header, _ = read_model(info.path, check)
    check_keys(shapes_of(header.config), tensor_shapes(info.path), str(info.path))
    return info


def check_stored_hash(path: Path, source: str, check: Callable[[], None] | None = None) -> None:
    """Raises: BadCheckpoint if a registered file is not the one that was added."""
    stored = path.with_name(HASH_FILE)
    if source == "file" or not stored.is_file():
        return
    if stored.read_text(errors="replace").split()[:1] != [hash_file(path, check)]:
        raise BadCheckpoint(f"{path} is not the file that was added: its hash is another.", "Import it again.")
