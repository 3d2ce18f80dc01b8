"""Which process this is, and whether the one that works on a run still lives.

A process' number alone does not tell: systems give it out again.
"""

from __future__ import annotations

import functools
import os
import socket
import time

import psutil

from ddmi_models.requests import RunInfo

SAME_START = 5.0
"""Seconds by which two readings of a process' start may differ when the clock is set."""

SILENCE = 600.0
"""Seconds without a word after which a process on another machine counts as dead."""


@functools.cache
def own_process() -> tuple[int, float, str]:
    """This process: number, start in seconds since the epoch, machine."""
    return os.getpid(), psutil.Process().create_time(), socket.gethostname()


def launched_processes() -> int:
    """How many processes `accelerate launch` or torchrun started for this run; 1 without them."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def first_process() -> bool:
    """Whether this is the only process of the run, or the first."""
    return int(os.environ.get("RANK", "0")) == 0


def is_alive(run: RunInfo) -> bool:
    """Whether the process that a status names is the one that wrote it."""
    if run.host != socket.gethostname():
        return time.time() - run.updated < SILENCE
    return process_lives(run.pid, run.process_started)


def process_lives(pid: int, started: float) -> bool:
    """Whether a process of this number runs that started then."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < SAME_START
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
