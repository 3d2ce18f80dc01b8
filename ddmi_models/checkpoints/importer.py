"""Import into the registry: official `.pt` files and native ones."""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ddmi_models.checkpoints import registry
from ddmi_models.checkpoints.container import write_container
from ddmi_models.checkpoints.official.archive import Archive
from ddmi_models.checkpoints.official.configure import UnknownArchitecture, configure
from ddmi_models.checkpoints.official.layout import Plan, Weights, expected_shapes, make_plan
from ddmi_models.checkpoints.official.reference import read_args
from ddmi_models.checkpoints.official.shipped import SHIPPED
from ddmi_models.checkpoints.store import (
    FLOATS,
    SCHEDULE,
    ModelHeader,
    Precision,
    check_keys,
    encode_metadata,
    entry_for,
    parameter_count,
    read_header,
    read_model,
    tensor_bytes,
    write_model,
)
from ddmi_models.config import ModelConfig
from ddmi_models.errors import BadCheckpoint, BadConfig, BadInput, EngineError
from ddmi_models.events import value_of
from ddmi_models.files import atomic_file
from ddmi_models.requests import FileInspection, ModelInfo

Check = Callable[[], None]
Steps = tuple[int, int]
"""Tensors done, tensors in total."""

OFFICIAL_LICENCE = "as stated by the authors of the file"
OFFICIAL_ATTRIBUTION = "DDMI (Park et al., ICLR 2024), weights in the layout of github.com/mlvlab/DDMI"


def _nothing() -> None:
    """The check of an import that nobody can cancel."""


@dataclass(frozen=True)
class Inspection:
    """What an official file holds: its configuration, what is taken and what is left out, and why."""

    config: ModelConfig
    plan: Plan


def import_model(path: Path, name: str | None = None, **options: Any) -> ModelInfo:
    """`import_steps` without watching the steps; same arguments."""
    return value_of(import_steps(path, name, **options))


def import_steps(
    path: Path,
    name: str | None = None,
    config: Path | None = None,
    precision: Precision = "fp32",
    weights: Weights = "ema",
    check: Check = _nothing,
    samplers: Sequence[tuple[str, str]] = (),
) -> Generator[Steps, None, ModelInfo]:
    """Bring a model file into the registry, whole or not at all; yields after each tensor.

    Args:
        path: official `.pt`, or a native `.safetensors`, copied as it is unless half precision is asked for.
        name: the model's name; None: made of the file's.
        config: YAML with what an official file does not tell, in our layout or the authors'.
        weights: which of an official file's two sets of diffusion weights.
        check: called between tensors; may raise to stop.

    Raises:
        BadCheckpoint: truncated, corrupt, foreign, hostile or unsupported file, saying which.
        BadInput: if the name is taken. BadConfig: if `config` is not usable. CannotWrite: no space, no permission.
    """
    path = Path(path)
    _check_there(path)
    chosen = registry.check_name(name) if name is not None else registry.name_from(path)
    with registry.new_model(chosen, check=check) as folder:
        target = folder / registry.MODEL_FILE
        if path.suffix.lower() == registry.SUFFIX:
            yield 0, 1
            _import_native(path, target, precision, check)
            yield 1, 1
        else:
            yield from convert_official(path, target, config, precision, weights, check)
    return registry.find_model(chosen, samplers)


def _check_there(path: Path) -> None:
    if not path.is_file():
        raise BadInput(f"There is no file {path}.", "Check the path.")


def _import_native(path: Path, target: Path, precision: Precision, check: Check) -> None:
    header = read_header(path)
    if precision == "fp32":
        with path.open("rb") as source, atomic_file(target) as file:
            shutil.copyfileobj(source, file)
        read_model(target, check)
    else:
        _, tensors = read_model(path, check)
        changed = {"source_sha256": registry.file_sha256(path)}
        write_model(target, header.model_copy(update=changed), tensors, precision, check)
    for beside in (registry.CARD_FILE, registry.SHEET_FILE):
        if path.name == registry.MODEL_FILE and path.with_name(beside).is_file():
            shutil.copyfile(path.with_name(beside), target.with_name(beside))


@contextlib.contextmanager
def _in(path: Path) -> Iterator[None]:
    """Put the file's name before messages about it."""
    try:
        yield
    except (BadCheckpoint, BadConfig) as error:
        if str(path) in error.message:
            raise
        error.message = f"{path}: {error.message}"
        raise


def _inspect(archive: Archive, config: Path | None, weights: Weights) -> Inspection:
    plan = make_plan(archive.contents, weights)
    args = read_args(plan.args, str(archive.path)) if plan.args is not None else None
    made = configure(plan.shapes, args, config, plan.stage)
    try:
        expected = expected_shapes(made, plan.stage)
    except EngineError as error:
        raise BadCheckpoint(f"The file's configuration cannot be used: {error.message}") from None
    check_keys(expected, plan.shapes, str(archive.path))
    strange = [key for key, ref in plan.tensors.items() if ref.dtype not in FLOATS]
    if strange:
        raise BadCheckpoint(f"The tensors {', '.join(strange)} are not numbers with a fraction.")
    return Inspection(made, plan)


def inspect_official(path: Path, config: Path | None = None, weights: Weights = "ema") -> Inspection:
    """What an import of an official file would take, without reading its tensors.

    Raises:
        BadCheckpoint, BadConfig: as `import_model`.
    """
    with Archive.open(path) as archive, _in(path):
        return _inspect(archive, config, weights)


def inspect_file(path: Path, config: Path | None = None) -> FileInspection:
    """What `import_model` would take from a file; what it would have to be told is no error here.

    Raises:
        BadCheckpoint, BadConfig, BadInput: as `import_model`.
    """
    _check_there(path)
    size = path.stat().st_size
    if path.suffix.lower() == registry.SUFFIX:
        header = read_header(path)
        label, full = registry.DOMAIN_LABELS.get(header.config.domain, ""), header.stage == "full"
        averaged = header.weights == "ema"
        return FileInspection(
            False, registry.name_from(path), label, parameter_count(path), size, full, full and averaged
        )
    with Archive.open(path) as archive, _in(path):
        plan = make_plan(archive.contents)
        missing: tuple[str, ...] = ()
        try:
            domain: str | None = _inspect(archive, config, "ema").config.domain
        except UnknownArchitecture as open_question:
            missing, domain = open_question.missing, open_question.domain
    constants = {f"diffusion.{name}" for name in SCHEDULE}
    return FileInspection(
        official=True,
        name=registry.name_from(path),
        domain_label=registry.DOMAIN_LABELS.get(domain or "", ""),
        parameters=sum(math.prod(shape) for name, shape in plan.shapes.items() if name not in constants),
        file_bytes=size,
        can_sample=plan.stage == "full",
        averaged=plan.stage == "full",
        left_out=tuple(dict.fromkeys(plan.unused.values())),
        missing=missing,
        configurations=tuple(SHIPPED),
    )


def convert_official(
    path: Path,
    target: Path,
    config: Path | None = None,
    precision: Precision = "fp32",
    weights: Weights = "ema",
    check: Check = _nothing,
) -> Generator[Steps, None, Inspection]:
    """Write an official file's model as a native file, one tensor in memory at a time; yields after each.

    Raises:
        BadCheckpoint, BadConfig, BadInput, CannotWrite: as `import_model`.
    """
    with Archive.open(path) as archive, _in(path):
        found = _inspect(archive, config, weights)
        tensors = found.plan.tensors
        entries = {key: entry_for(ref.shape, ref.dtype, precision) for key, ref in tensors.items()}

        def contents() -> Iterator[memoryview]:
            for key, ref in tensors.items():
                check()
                tensor = archive.read(key, ref)
                if not bool(tensor.isfinite().all()):
                    raise BadCheckpoint(f"The tensor {key} holds values that are not finite numbers.")
                yield tensor_bytes(key, tensor, entries[key].dtype)

        with atomic_file(target) as file:
            for done in write_container(file, encode_metadata(_header(path, found, weights)), entries, contents()):
                yield done, len(tensors)
    return found


def _header(path: Path, found: Inspection, weights: Weights) -> ModelHeader:
    # Neither the time nor the chosen name goes in, so that the same file and options give the same hash everywhere.
    plan = found.plan
    stage = "second stage" if plan.stage == "full" else "first stage, the autoencoder alone"
    return ModelHeader(
        name=registry.name_from(path),
        config=found.config,
        weights=weights,
        stage=plan.stage,
        licence=OFFICIAL_LICENCE,
        attribution=OFFICIAL_ATTRIBUTION,
        provenance=f"imported from the official file {path.name} ({stage})",
        summary=f"Official {found.config.domain} model, imported from {path.name}.",
        created="",
        training={} if plan.step is None else {"steps": plan.step},
    )
