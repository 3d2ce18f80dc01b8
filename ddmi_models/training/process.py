"""What the process of a run does: wait for the device, train, add the finished model to the list of models."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.checkpoints.registry import check_name, name_taken_by
from ddmi_models.errors import BadInput, EngineError
from ddmi_models.events import Event, Notice, Progress, Result
from ddmi_models.training import control
from ddmi_models.training.alive import first_process, launched_processes
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.folder import RunFolder, read_status
from ddmi_models.training.launching import run_devices, run_launched, waited_for
from ddmi_models.training.queue import Place, place_in_queue
from ddmi_models.training.runs import refuse_if_active, remember_run

POLL_SECONDS = 0.5
AUTOGROUP = Path("/proc/self/autogroup")
NICENESS = 5
"""How much a run steps back from the other programs of the machine, so that sampling stays quick beside it."""


def conduct(config: TrainConfig, folder: Path, resume: bool, token: CancelToken) -> Iterator[Event]:
    """A run from its place in the queue to the registered model; ends with Result(path of the model file).

    Raises:
        EngineError: as `run_training`, or if another process works on the run. WorkCancelled: if stopped or paused.
    """
    from ddmi_models.training.loop import run_training
    from ddmi_models.training.registering import register

    several = launched_processes() > 1
    book = RunFolder(folder, writes=not several)
    if waited_for():
        _step_back()  # a launched process is a session of its own
    if not several:
        refuse_if_active(folder)
        check_registration(config, folder)
        book.create(config)
        remember_run(folder)
        control.done(folder, *control.ACTIONS)
    with contextlib.nullcontext(_Turn()) if several else _queued(config, book, token) as turn:
        yield from turn.waiting
        if len(turn.devices) > 1:
            yield from run_launched(book, turn.devices, token)
            return
        for event in run_training(config, folder, resume, token):
            if isinstance(event, Result) and first_process():
                yield from register(config, folder)
            yield event


@dataclass(frozen=True, eq=False)
class _Turn:
    """A run's place: what to go through before its devices are free, and a device for each of its processes."""

    waiting: Iterable[Event] = ()
    devices: tuple[str, ...] = ()


def check_registration(config: TrainConfig, folder: Path) -> None:
    """Refuse a name for the finished model that another one has.

    Raises:
        BadInput: if it is taken or not allowed.
    """
    name = config.register_as
    if name is None or read_status(folder).model:
        return
    try:
        taken = name_taken_by(check_name(name)) is not None
    except BadInput as error:
        raise BadInput(f"register_as: {error.message[:1].lower()}{error.message[1:]}", error.hint) from None
    if taken:
        raise BadInput(f"register_as: there is a model called {name!r} already.", "Choose another name.")


@contextlib.contextmanager
def _queued(config: TrainConfig, book: RunFolder, token: CancelToken) -> Iterator[_Turn]:
    try:
        book.claim("waiting", stage=config.stage, steps=config.steps, device=config.device)
        _step_back()
        devices = run_devices(config)
        with contextlib.ExitStack() as places:
            yield _Turn(_in_turn(book, sorted(set(devices)), token, places), devices)
    except EngineError as error:
        if read_status(book.path).state == "waiting":
            book.end("failed", str(error))
        raise


def _in_turn(book: RunFolder, devices: list[str], token: CancelToken, places: contextlib.ExitStack) -> Iterator[Event]:
    """Wait for one device after another, in an order that is the same for all runs, so that none waits for ever."""
    for device in devices:
        place = places.enter_context(place_in_queue(device, book.path))
        yield from _wait(book, place, device, token)


def _step_back() -> None:
    process = psutil.Process()
    if sys.platform == "win32":
        process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        return
    if process.nice() < NICENESS:
        process.nice(NICENESS)
    # Linux shares a processor among sessions before it looks at single processes; a detached run is a session.
    if AUTOGROUP.exists() and os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # where it may not be changed, a run takes an equal share
            AUTOGROUP.write_text(str(NICENESS))


def _wait(book: RunFolder, place: Place, device: str, token: CancelToken) -> Iterator[Event]:
    """Until the device is free. Raises: WorkCancelled, if asked to pause or stop meanwhile."""
    said = ""
    while ahead := place.ahead():
        names = ["its own process of before" if run == book.path else run.name for run in ahead]
        line = f"Waits for {', '.join(names)} on {device}."
        if line != said:
            said = line
            book.tell(message=line)
            book.log(line)
            yield Notice(line)
        if state := control.ending_asked(book.path):
            book.end_as_asked(state)
            raise WorkCancelled
        if token.cancelled:
            book.end("stopped")
            token.check()
        time.sleep(POLL_SECONDS)
        yield Progress(0, 1, line)
