"""A run's process: `python -m ddmi_models.training CONFIG.yaml --run DIR`, also under `accelerate launch`.

Exit 0: done; 1: it could not be done, one line says why; 2: wrong usage; 130: interrupted, stopped or paused.
"""

from __future__ import annotations

import argparse
import faulthandler
import signal
import sys
import time
from pathlib import Path

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.devices import share_processor
from ddmi_models.errors import EngineError
from ddmi_models.events import Event, Notice, Progress, Result
from ddmi_models.training.alive import first_process, launched_processes
from ddmi_models.training.launching import cancel_when_left_alone
from ddmi_models.training.planning import RunPlan, plan_new_run, plan_resumed_run
from ddmi_models.training.process import conduct

LINE_SECONDS = 5.0
"""Shortest time between two lines of progress."""


def main() -> int:
    """Run a training as the command line says; returns the exit code."""
    faulthandler.enable()
    share_processor()
    arguments = _parser().parse_args()
    token = CancelToken()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: token.cancel())
    cancel_when_left_alone(token)
    try:
        plan = _plan(arguments)
        show = _Shown(arguments.quiet or not first_process())
        for event in conduct(plan.config, plan.folder, plan.resume, token):
            show(event)
    except WorkCancelled:
        return 130 if launched_processes() == 1 else 0  # the launcher takes anything else for a failure
    except EngineError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


def _plan(arguments: argparse.Namespace) -> RunPlan:
    given = (arguments.config, arguments.preset, arguments.resume)
    if sum(value is not None for value in given) != 1:
        _parser().error("give a CONFIG.yaml, --preset NAME or --resume RUN")
    if arguments.resume is not None:
        return plan_resumed_run(arguments.resume)
    if launched_processes() > 1 and arguments.run is None:
        _parser().error("several processes need --run DIR, so that they agree on the folder")
    changes = {"data.train": arguments.data, "start_from": arguments.start}
    settings = [*arguments.settings, *(f"{key}={value}" for key, value in changes.items() if value is not None)]
    return plan_new_run(arguments.config, arguments.preset, settings, arguments.run)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m ddmi_models.training", description="The process of a training run.")
    parser.add_argument("config", type=Path, nargs="?", metavar="CONFIG.yaml")
    parser.add_argument("--preset", metavar="NAME", help="a shipped configuration")
    parser.add_argument("--data", type=Path, metavar="DIR", help="training set")
    parser.add_argument("--from", dest="start", metavar="MODEL", help="model to start from")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--run", type=Path, metavar="DIR", help="folder of the new run")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run: its name or folder")
    parser.add_argument("--quiet", action="store_true", help="print errors only; the run's log has the rest")
    return parser


class _Shown:
    """Prints a line of progress now and then, and every notice."""

    def __init__(self, quiet: bool) -> None:
        self._quiet, self._last = quiet, 0.0

    def __call__(self, event: Event) -> None:
        if self._quiet:
            return
        if isinstance(event, Notice):
            print(event.message, file=sys.stderr, flush=True)
        elif isinstance(event, Progress) and time.monotonic() > self._last + LINE_SECONDS:
            self._last = time.monotonic()
            print(f"step {event.step} of {event.total}  {event.label}", file=sys.stderr, flush=True)
        elif isinstance(event, Result):
            print(event.value)


if __name__ == "__main__":
    sys.exit(main())
