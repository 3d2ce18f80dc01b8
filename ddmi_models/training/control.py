"""Requests to a run: an empty file in the folder `control` of the run asks, and vanishes when it is done.

The process looks between steps. Files work on every system, over network disks, and for scripts that only know `touch`.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from ddmi_models.files import cannot_write

CONTROL = "control"
ACTIONS = ("save", "sample", "pause", "stop")
"""In the order in which they are done when several are asked for."""
ENDINGS = {"pause": "paused", "stop": "stopped"}
"""The actions that end a run, and the state in which each leaves it."""


def ask(run: Path, action: str) -> None:
    """Ask a run's process for an action. Raises: CannotWrite."""
    path = run / CONTROL / action
    try:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    except OSError as error:
        raise cannot_write(path, error) from None


def asked(run: Path) -> tuple[str, ...]:
    """What is asked for and not yet done."""
    try:
        names = {path.name for path in (run / CONTROL).iterdir()}
    except OSError:
        return ()
    return tuple(action for action in ACTIONS if action in names)


def ending_asked(run: Path) -> str:
    """The state in which a run is asked to end, pausing first: paused, stopped, or "" if it may go on."""
    wanted = asked(run)
    return next((state for action, state in ENDINGS.items() if action in wanted), "")


def done(run: Path, *actions: str) -> None:
    """Say that actions are done."""
    for action in actions:
        with contextlib.suppress(OSError):  # the disk may be gone; the request stays then
            (run / CONTROL / action).unlink()
