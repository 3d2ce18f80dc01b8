"""A run that shares its batches among several processes of this machine: Accelerate starts them, this one waits."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import psutil

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.devices import find_device
from ddmi_models.errors import BadConfig, EngineError
from ddmi_models.events import Event, Progress, Result
from ddmi_models.training import control
from ddmi_models.training.alive import launched_processes, process_lives
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.folder import LOG_FILE, RunFolder, run_info

POLL_SECONDS = 0.5
LAUNCHER = (
    "-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1", "--mixed_precision", "no",
    "--dynamo_backend", "no", "--main_process_port", "0",
)  # fmt: skip
"""Every answer that the launcher would otherwise look for in a file of the user's; a free port."""

WAITING_PROCESS = "DDMI_WAITING_PROCESS"
"""Environment variable with the number of the process that waits for the launched ones."""

ENDING_SECONDS = 60.0
"""How long launched processes may take to save when nobody waits for them any more."""


def run_devices(config: TrainConfig) -> tuple[str, ...]:
    """The device of each process that a run is to have here; on the processor all have the same.

    Raises:
        BadConfig: for more processes than devices. BadInput, Unavailable: for a device that is not there.
    """
    import torch

    device = find_device(config.device)
    if device.type == "cpu":
        return ("cpu",) * max(1, config.processes)
    there = torch.cuda.device_count() if device.type == "cuda" else 1
    wanted = config.processes or there
    if wanted == 1:
        return (str(device),)
    if wanted > there:
        raise BadConfig(
            f"processes: {wanted} need as many GPUs, and this machine has {there}.", "Lower it, or give 0 for all."
        )
    return tuple(f"cuda:{index}" for index in range(wanted))


def run_launched(folder: RunFolder, devices: tuple[str, ...], token: CancelToken) -> Iterator[Event]:
    """Train in a process for each device; yields Progress, and ends with Result(path of the model file).

    Raises:
        EngineError: if they cannot go on. WorkCancelled: when the run was stopped or paused; its state is saved.
    """
    path = folder.path
    command = [*LAUNCHER, "--num_processes", str(len(devices)), "-m", "ddmi_models.training"]
    variables = {WAITING_PROCESS: str(os.getpid())} | ({"CUDA_VISIBLE_DEVICES": ""} if devices[0] == "cpu" else {})
    with (path / LOG_FILE).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *command, "--resume", str(path), "--quiet"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **variables},
        )  # fmt: skip
    try:
        while process.poll() is None:
            if token.cancelled:
                control.ask(path, "stop")
            info = run_info(path)
            yield Progress(info.step, max(1, info.steps), f"{len(devices)} processes")
            time.sleep(POLL_SECONDS)
    finally:
        _end(process)
    info = run_info(path)
    if info.state in ("paused", "stopped"):
        control.done(path, *control.ACTIONS)
        raise WorkCancelled
    if info.state != "finished":
        reason = info.message if info.state == "failed" else "A process of the run has been ended from outside."
        raise EngineError(reason, f"{path / LOG_FILE} says more. Resume the run to go on.")
    yield Result(folder.model)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a launcher that nobody waits for any more; it asks its processes to save and end."""
    if process.poll() is not None:
        return
    family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    process.terminate()
    _, left = psutil.wait_procs(family, ENDING_SECONDS)
    for member in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()


def waited_for() -> bool:
    """Whether this is one of several processes that `run_launched` started."""
    return WAITING_PROCESS in os.environ


def cancel_when_left_alone(token: CancelToken) -> None:
    """Cancel the work of one of several processes when what launched it, or waits for them all, has been killed."""
    if launched_processes() == 1:
        return
    numbers = [os.getppid(), *([int(os.environ[WAITING_PROCESS])] if waited_for() else [])]
    try:
        above = [(number, psutil.Process(number).create_time()) for number in numbers]
    except psutil.NoSuchProcess:
        token.cancel()
        return
    threading.Thread(target=_watch, args=(above, token), daemon=True, name="launchers").start()


def _watch(above: list[tuple[int, float]], token: CancelToken) -> None:
    while all(process_lives(number, started) for number, started in above):
        time.sleep(POLL_SECONDS)
    print("What launched this process has ended, so it saves and ends.", file=sys.stderr, flush=True)
    token.cancel()
