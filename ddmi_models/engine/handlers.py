"""The table of handlers: request type -> generator of events that returns the result's value.

A handler's module is imported when it is first needed, so that listing models does not wait for torch.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from importlib import import_module
from typing import Any, TypeAlias

from ddmi_models.cancel import CancelToken
from ddmi_models.engine.workshop import Workshop
from ddmi_models.events import Event
from ddmi_models.requests import (
    Ablate,
    CheckData,
    CheckTraining,
    ControlRun,
    DescribeTraining,
    Doctor,
    Encode,
    EstimateExport,
    Evaluate,
    Export,
    ExportPath,
    Generate,
    ImportModel,
    InspectFile,
    Interpolate,
    ListAddons,
    ListModels,
    ListRuns,
    LoadModel,
    MakeData,
    MeasureLevels,
    Mix,
    OpenExport,
    PlanExport,
    ReadField,
    Regenerate,
    RemoveModel,
    RemoveRun,
    Render,
    Request,
    ShowRun,
    StartRun,
    Thumbnail,
    Train,
    Vary,
    VerifyModel,
)

Handler: TypeAlias = Callable[[Workshop, Any, CancelToken], Generator[Event, None, Any]]


def late(module: str, name: str) -> Handler:
    """A handler of `ddmi_models.engine`, whose module is imported when it is called."""

    def handler(shop: Workshop, request: Any, token: CancelToken) -> Generator[Event, None, Any]:
        found: Handler = getattr(import_module(f"ddmi_models.engine.{module}"), name)
        return found(shop, request, token)

    return handler


HANDLERS: dict[type, Handler] = {
    ListModels: late("manage", "list_all"),
    ListAddons: late("manage", "list_addons"),
    LoadModel: late("manage", "load"),
    ImportModel: late("manage", "import_model"),
    InspectFile: late("manage", "inspect_file"),
    VerifyModel: late("manage", "verify_model"),
    RemoveModel: late("manage", "remove_model"),
    Doctor: late("manage", "look_at_machine"),
    Generate: late("generate", "generate"),
    Regenerate: late("derive", "regenerate"),
    Encode: late("encode", "encode"),
    Interpolate: late("derive", "interpolate"),
    Mix: late("derive", "mix"),
    Vary: late("derive", "vary"),
    ExportPath: late("paths", "export_path"),
    Render: late("show", "render"),
    ReadField: late("show", "read_field"),
    Thumbnail: late("show", "thumbnail"),
    MeasureLevels: late("show", "measure_levels"),
    EstimateExport: late("show", "estimate"),
    PlanExport: late("show", "plan"),
    Export: late("show", "export"),
    OpenExport: late("show", "open_export"),
    Train: late("runs", "train"),
    Ablate: late("runs", "ablate"),
    DescribeTraining: late("runs", "describe"),
    CheckTraining: late("runs", "proofread"),
    StartRun: late("runs", "start"),
    ListRuns: late("runs", "list_all"),
    ShowRun: late("runs", "show"),
    ControlRun: late("runs", "control"),
    RemoveRun: late("runs", "remove"),
    MakeData: late("data", "make"),
    CheckData: late("data", "check"),
    Evaluate: late("evaluate", "evaluate"),
}


def handler_of(request: Request) -> Handler:
    """The handler of a request."""
    return HANDLERS[type(request)]
