"""Running requests on small models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ddmi_models.engine import Engine
from ddmi_models.events import FINAL_EVENTS, Event, Failed, Result
from ddmi_models.requests import Request
from tests import models


def engine_with(folder: Path, domain: str) -> tuple[Engine, str]:
    """An engine, and the path of a small model of the domain."""
    return Engine("cpu"), str(models.write(folder, domain))


def run(engine: Engine, request: Request) -> list[Event]:
    """Every event of a run, which ends with exactly one final one."""
    events = list(engine.run(request))
    assert [isinstance(event, FINAL_EVENTS) for event in events] == [False] * (len(events) - 1) + [True]
    return events


def final(events: list[Event]) -> Any:
    """The result's value."""
    last = events[-1]
    assert isinstance(last, Result), last.error if isinstance(last, Failed) else last
    return last.value


def error(events: list[Event]) -> str:
    """The message of a failure, which is one line."""
    last = events[-1]
    assert isinstance(last, Failed), last
    assert "\n" not in str(last.error)
    return str(last.error)
