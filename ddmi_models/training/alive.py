"""Whether the process that works on a run still lives. A number alone does not tell: systems give it out again."""

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
