"""`Engine.run`: finds the handler of a request and turns whatever happens inside into events."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from dataclasses import replace

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.engine.handlers import handler_of
from ddmi_models.engine.workshop import Workshop
from ddmi_models.errors import EngineError, OutOfMemory, is_out_of_memory
from ddmi_models.events import FINAL_EVENTS, Cancelled, Event, Failed, Progress, Result
from ddmi_models.requests import Request

SOONEST = 0.2
"""Seconds of work from which the rest can be extrapolated."""


class Engine:
    """Runs requests; keeps a few models and decoded samples in memory between them.

    Several runs may be under way on one thread, the later one inside the earlier one's pauses. Not to be used from
    several threads at once.

    Args:
        device: auto, cpu, cuda[:n] or mps. threads: of the processor; None: as torch chooses.
        precision: of the denoising network: fp32, bf16 or fp16.
    """

    def __init__(self, device: str = "auto", threads: int | None = None, precision: str = "fp32") -> None:
        self._workshop = Workshop(device, threads, precision)

    def run(self, request: Request, token: CancelToken | None = None) -> Iterator[Event]:
        """Do what a request asks. The token is looked at in every step, block and chunk."""
        token = token or CancelToken()
        clock = _Clock()
        try:
            token.check()
            work = handler_of(request)(self._workshop, request, token)
            while True:
                try:
                    event = next(work)
                except StopIteration as end:
                    yield Result(end.value)
                    return
                yield clock.timed(event)
                if isinstance(event, FINAL_EVENTS):
                    return
        except WorkCancelled:
            yield Cancelled()
        except EngineError as error:
            yield Failed(error, traceback.format_exc())
        except Exception as error:  # noqa: BLE001 - the one place where the unforeseen becomes an event
            yield Failed(_as_engine_error(error), traceback.format_exc())


def _as_engine_error(error: Exception) -> EngineError:
    text = str(error)
    if is_out_of_memory(error):
        return OutOfMemory("There is not enough memory for this.", "Ask for a smaller size or fewer samples.")
    first = text.splitlines()[0] if text else ""
    return EngineError(
        f"Something unexpected went wrong ({type(error).__name__}: {first}).", "Please report it with the details."
    )


class _Clock:
    """Adds the time left to progress that does not know it."""

    def __init__(self) -> None:
        self._label: str | None = None
        self._start = 0.0
        self._first = 0

    def timed(self, event: Event) -> Event:
        if not isinstance(event, Progress) or event.seconds_left is not None:
            return event
        now = time.monotonic()
        if event.label != self._label or event.step < self._first:
            self._label, self._start, self._first = event.label, now, event.step
        done, elapsed = event.step - self._first, now - self._start
        if done <= 0 or elapsed < SOONEST:
            return event
        return replace(event, seconds_left=elapsed / done * (event.total - event.step))
