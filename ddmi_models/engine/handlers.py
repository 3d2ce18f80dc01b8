"""The table of handlers: request type -> generator of events that returns the result's value."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeAlias

from ddmi_models.cancel import CancelToken
from ddmi_models.engine import data, generate, manage, show
from ddmi_models.engine.workshop import Workshop
from ddmi_models.events import Event
from ddmi_models.requests import (
    CheckData,
    Doctor,
    EstimateExport,
    Export,
    Generate,
    ImportModel,
    ListModels,
    LoadModel,
    MakeData,
    OpenExport,
    PlanExport,
    ReadField,
    Regenerate,
    RemoveModel,
    Render,
    Request,
    Thumbnail,
    Train,
    VerifyModel,
)

Handler: TypeAlias = Callable[[Workshop, Any, CancelToken], Generator[Event, None, Any]]

HANDLERS: dict[type, Handler] = {
    ListModels: manage.list_all,
    LoadModel: manage.load,
    ImportModel: manage.import_model,
    VerifyModel: manage.verify_model,
    RemoveModel: manage.remove_model,
    Doctor: manage.look_at_machine,
    Generate: generate.generate,
    Regenerate: generate.regenerate,
    Render: show.render,
    ReadField: show.read_field,
    Thumbnail: show.thumbnail,
    EstimateExport: show.estimate,
    PlanExport: show.plan,
    Export: show.export,
    OpenExport: show.open_export,
    Train: data.train,
    MakeData: data.make,
    CheckData: data.check,
}


def handler_of(request: Request) -> Handler:
    """The handler of a request."""
    return HANDLERS[type(request)]
