"""Shared by the studio's tests: a lane on a fake engine, closed in the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_engine import FakeEngine

from ddmi_models.events import FINAL_EVENTS, Event
from ddmi_models.requests import Request
from ddmi_studio.jobs import Job, Lane, Priority


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def lane(qapp, engine: FakeEngine) -> Iterator[Lane]:
    lane = Lane(lambda: engine)
    lane.start()
    yield lane
    assert lane.close()


class Heard(list):
    """The events that a job's handler heard."""

    @property
    def finals(self) -> list[Event]:
        return [e for e in self if isinstance(e, FINAL_EVENTS)]


@pytest.fixture
def submit(lane: Lane) -> Callable[..., tuple[Job, Heard]]:
    def submit(request: Request, priority: Priority = Priority.QUEUE, channel: str = "") -> tuple[Job, Heard]:
        heard = Heard()
        return lane.submit(request, heard.append, priority, channel), heard

    return submit
