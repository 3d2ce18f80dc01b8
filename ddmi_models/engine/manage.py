"""Models on this machine, and the machine itself."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

from ddmi_models.cancel import CancelToken
from ddmi_models.checkpoints import addons
from ddmi_models.checkpoints.importer import import_steps
from ddmi_models.checkpoints.importer import inspect_file as inspection_of
from ddmi_models.checkpoints.registry import (
    DOMAIN_LABELS,
    SUFFIX,
    list_models,
    model_problems,
    name_from,
    remove,
    verify,
)
from ddmi_models.checkpoints.store import PRECISIONS, Precision
from ddmi_models.config import ModelConfig
from ddmi_models.engine.doctor import examine
from ddmi_models.engine.workshop import Workshop, loading
from ddmi_models.errors import BadInput
from ddmi_models.events import Event, Notice, Progress
from ddmi_models.requests import (
    AddonInfo,
    Doctor,
    FileInspection,
    ImportModel,
    InspectFile,
    ListAddons,
    ListModels,
    LoadModel,
    ModelInfo,
    RemoveModel,
    VerifyModel,
)


def list_all(shop: Workshop, request: ListModels, token: CancelToken) -> Generator[Event, None, tuple[ModelInfo, ...]]:
    """Every model, and a notice for each that is broken."""
    yield from (Notice(line) for line in model_problems())
    return list_models(shop.samplers())


def list_addons(
    shop: Workshop, request: ListAddons, token: CancelToken
) -> Generator[Event, None, tuple[AddonInfo, ...]]:
    """Every add-on, and a notice for each that is broken."""
    yield from (Notice(line) for line in addons.addon_problems())
    return addons.list_addons()


def load(shop: Workshop, request: LoadModel, token: CancelToken) -> Generator[Event, None, ModelInfo]:
    """Bring a model into memory."""
    yield loading(request.model)
    shop.load(request.model, token)
    return shop.find(request.model)


def verify_model(
    shop: Workshop, request: VerifyModel, token: CancelToken
) -> Generator[Event, None, ModelInfo | AddonInfo]:
    """Check a model's or an add-on's file."""
    yield from ()
    if addons.has_addon(request.model):
        return addons.verify_addon(request.model, token.check)
    return verify(request.model, shapes_of, token.check, shop.samplers())


def shapes_of(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors of a configuration, without making them."""
    import torch

    from ddmi_models.model import ModelParts

    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in ModelParts(config).tensors().items()}


def remove_model(shop: Workshop, request: RemoveModel, token: CancelToken) -> Generator[Event, None, str]:
    """Delete an imported model or an add-on."""
    yield from ()
    return remove(request.model)


def look_at_machine(shop: Workshop, request: Doctor, token: CancelToken) -> Generator[Event, None, dict[str, Any]]:
    """Versions, devices, display, models."""
    yield from ()
    return examine()


def import_model(
    shop: Workshop, request: ImportModel, token: CancelToken
) -> Generator[Event, None, ModelInfo | AddonInfo]:
    """Take a file over into the user's folder."""
    message = f"Importing {request.path.name}"
    yield Progress(0, 1, message)
    precision = checked_precision(request.precision)
    if _is_addon(request.path):
        if precision != "fp32":
            raise BadInput("Add-ons are small and stay in fp32.", "Leave --precision out.")
        return addons.import_addon(request.path, request.name, token.check)
    steps = import_steps(
        request.path, request.name, request.config, precision, check=token.check, samplers=shop.samplers()
    )
    while True:
        try:
            done, total = next(steps)
        except StopIteration as end:
            info: ModelInfo = end.value
            return info
        yield Progress(done, total, message)


def _is_addon(path: Path) -> bool:
    return path.suffix.lower() == SUFFIX and path.is_file() and addons.is_addon(path)


def _addon_inspection(path: Path) -> FileInspection:
    info = addons.find_addon(str(path))
    label, size = DOMAIN_LABELS.get(info.domain, ""), path.stat().st_size
    return FileInspection(False, name_from(path), label, info.parameters, size, False, False, addon_of=info.base)


def inspect_file(shop: Workshop, request: InspectFile, token: CancelToken) -> Generator[Event, None, FileInspection]:
    """What an import would take."""
    yield Progress(0, 1, f"Looking into {request.path.name}")
    if _is_addon(request.path):
        return _addon_inspection(request.path)
    return inspection_of(request.path, request.config)


def checked_precision(name: str) -> Precision:
    """The storage type of a name.

    Raises:
        BadInput: naming those that exist.
    """
    for known in PRECISIONS:
        if known == name:
            return cast(Precision, known)
    raise BadInput(f"The precision {name!r} is not known.", f"Use one of {', '.join(PRECISIONS)}.")
