"""A job: one request on its way through the lane."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Protocol

from ddmi_models.cancel import CancelToken
from ddmi_models.events import Event
from ddmi_models.requests import Request

Handler = Callable[[Event], None]
_numbers = itertools.count(1)


class EngineLike(Protocol):
    """What the lane needs of an engine."""

    def run(self, request: Request, token: CancelToken) -> Iterator[Event]: ...


class Priority(IntEnum):
    """A job of a higher priority is served between two events of a running job of a lower one."""

    QUEUE = 0
    """Sampling: waits its turn in the queue, can be reordered and paused."""
    EXPORT = 1
    """What the user has asked for and waits for: exports, opening files, managing models."""
    BACKGROUND = 2
    """Thumbnails and estimates."""
    VIEW = 3
    """What is on the screen."""


class JobState(Enum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


@dataclass(eq=False)
class Job:
    """A request, who hears of its events, and how far it is. `state` changes on the GUI thread.

    Attributes:
        channel: of jobs on the same channel only the newest matters; "" for none.
        superseded: a newer job on the channel waits; this one is cancelled once it has shown something.
    """

    request: Request
    handler: Handler
    priority: Priority
    channel: str = ""
    token: CancelToken = field(default_factory=CancelToken)
    number: int = field(default_factory=lambda: next(_numbers))
    state: JobState = JobState.WAITING
    superseded: bool = False
    shown: bool = False
