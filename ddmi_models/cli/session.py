"""What the commands share: Ctrl-C, output, running a request to its end with progress on stderr."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from ddmi_models.cancel import CancelToken, WorkCancelled

if TYPE_CHECKING:
    from ddmi_models.events import Event, Failed
    from ddmi_models.requests import Request

# Events and requests bring numpy and pydantic with them, which help does without.

Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda[:n] or mps.")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="Threads of the processor to use.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

_debug = False


def set_debug(on: bool) -> None:
    """Show tracebacks from now on."""
    global _debug
    _debug = _debug or on


def wants_traceback() -> bool:
    """Whether --debug was given."""
    return _debug


class Interrupt:
    """Ctrl-C and SIGTERM cancel the running work; it cleans up and stops at its next step, block or chunk."""

    def __init__(self) -> None:
        self.token = CancelToken()
        self._signal = signal.SIGINT

    @property
    def exit_code(self) -> int:
        """128 + the signal's number, as shells expect."""
        return 128 + self._signal

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Catch the signals while this lasts."""
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signal = signal.Signals(number)
        if self.token.cancelled:  # asked twice: do not wait
            raise KeyboardInterrupt
        self.token.cancel()


interrupt = Interrupt()


def say(line: str) -> None:
    """One line on stderr."""
    print(line, file=sys.stderr, flush=True)


def put_json(value: Any) -> None:
    """One JSON object on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def usage_error(message: str) -> NoReturn:
    """Wrong usage: exit 2."""
    raise typer.BadParameter(message)


class Session:
    """One engine for the requests of a command."""

    def __init__(self, device: str = "auto", threads: int | None = None, precision: str = "fp32") -> None:
        from ddmi_models.engine import Engine

        self._engine = Engine(device, threads, precision)

    def ask(self, request: Request) -> Any:
        """Run a request with its progress on stderr; returns the result's value.

        Raises:
            EngineError: if it failed. WorkCancelled: if it was interrupted.
        """
        from ddmi_models.events import Cancelled, Failed, Result

        with progress() as show:
            for event in self._engine.run(request, interrupt.token):
                if isinstance(event, Result):
                    return event.value
                if isinstance(event, Failed):
                    _fail(event)
                if isinstance(event, Cancelled):
                    raise WorkCancelled
                show(event)
        raise AssertionError("a run ends with a final event")


def _fail(event: Failed) -> NoReturn:
    if wants_traceback() and event.details:
        say(event.details)
    raise event.error


@contextmanager
def progress() -> Iterator[Any]:
    """A function that shows progress and notices; the bar only where stderr is a terminal."""
    if not sys.stderr.isatty():
        yield _plain
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    from ddmi_models.events import Notice, Progress

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%  {task.fields[left]}"),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task("Starting", total=None, left="")

        def show(event: Event) -> None:
            if isinstance(event, Progress):
                left = "" if event.seconds_left is None else readable_time(event.seconds_left) + " left"
                bars.update(task, description=event.label, completed=event.step, total=event.total, left=left)
            elif isinstance(event, Notice):
                console.print(event.message, highlight=False, markup=False)

        yield show


def _plain(event: Event) -> None:
    from ddmi_models.events import Notice

    if isinstance(event, Notice):
        say(event.message)


def readable_time(seconds: float) -> str:
    """12 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


__all__ = [
    "Debug",
    "Device",
    "Json",
    "Session",
    "Threads",
    "interrupt",
    "progress",
    "put_json",
    "readable_time",
    "say",
    "set_debug",
    "usage_error",
    "wants_traceback",
]
