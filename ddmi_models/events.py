"""What the engine says while it works: a stream that ends with exactly one of Result, Cancelled, Failed."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np

from ddmi_models.errors import EngineError


@dataclass(frozen=True)
class Progress:
    """Step `step` of `total` is done. `seconds_left` is None until there is something to extrapolate from."""

    step: int
    total: int
    label: str
    seconds_left: float | None = None

    @property
    def fraction(self) -> float:
        return self.step / self.total if self.total else 1.0


@dataclass(frozen=True)
class Preview:
    """A rough look at sample `index` while it is computed.

    `image` is uint8 [height, width, 3], or [height, width, 4], premultiplied, where nothing is behind the object.
    """

    index: int
    image: np.ndarray


@dataclass(frozen=True, eq=False)
class Partial:
    """A coarser version of the result, of the same type, to be shown until the result comes."""

    value: Any


@dataclass(frozen=True)
class Notice:
    """Something the user should know that does not stop the work, in one line."""

    message: str


@dataclass(frozen=True)
class Result:
    """The work is done; `value` is what the request's docstring promises."""

    value: Any


@dataclass(frozen=True)
class Cancelled:
    """The work stopped because it was asked to; nothing half-made is left."""


@dataclass(frozen=True)
class Failed:
    """The work could not be done. `details` holds the traceback for a bug report."""

    error: EngineError
    details: str = ""


Event: TypeAlias = Progress | Preview | Partial | Notice | Result | Cancelled | Failed
FINAL_EVENTS = (Result, Cancelled, Failed)


Value = TypeVar("Value")


def value_of(work: Generator[object, None, Value]) -> Value:
    """What a piece of work returns, for those who do not look at what it yields."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            value: Value = end.value
            return value
