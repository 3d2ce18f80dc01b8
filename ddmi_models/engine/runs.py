"""Trainings: run here, or started, followed and asked for something as processes of their own."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from ddmi_models.cancel import CancelToken
from ddmi_models.engine.workshop import Workshop
from ddmi_models.errors import EngineError
from ddmi_models.events import Event, Progress, Result
from ddmi_models.requests import ControlRun, ListRuns, RunDetails, RunInfo, ShowRun, StartRun, Train
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.folder import SAMPLES, RunFolder, read_log, read_metrics, run_info
from ddmi_models.training.planning import plan_run
from ddmi_models.training.runs import ask_run, find_run, list_runs, remember_run, start_process

RESUMABLE = ("new", "paused", "stopped", "failed", "crashed")


def train(shop: Workshop, request: Train, token: CancelToken) -> Generator[Event, None, Path]:
    """Run a training to its end."""
    from ddmi_models.training.process import conduct

    config = TrainConfig.parse(request.config)
    for event in conduct(config, request.run_dir, request.resume, token):
        if isinstance(event, Result):
            return event.value
        yield event
    raise AssertionError("a training ends with its result")


def start(shop: Workshop, request: StartRun, token: CancelToken) -> Generator[Event, None, RunInfo]:
    """Start a training in a process of its own."""
    from ddmi_models.training.process import check_registration

    config = TrainConfig.parse(request.config)
    plan = plan_run(config, request.run_dir, config.name)
    check_registration(plan.config, plan.folder)
    yield Progress(0, 1, f"Starting {plan.folder.name}")
    RunFolder(plan.folder).create(plan.config)
    remember_run(plan.folder)
    return start_process(plan.folder, token.check)


def list_all(shop: Workshop, request: ListRuns, token: CancelToken) -> Generator[Event, None, tuple[RunInfo, ...]]:
    """Every run."""
    yield from ()
    return list_runs()


def show(shop: Workshop, request: ShowRun, token: CancelToken) -> Generator[Event, None, RunDetails]:
    """A run's files."""
    yield from ()
    folder = find_run(request.run)
    return RunDetails(
        run_info(folder),
        RunFolder(folder).config_values(),
        tuple(read_metrics(folder, request.metrics_from)),
        read_log(folder, request.log_lines),
        tuple(sorted((folder / SAMPLES).glob("*.png"))),
    )


def control(shop: Workshop, request: ControlRun, token: CancelToken) -> Generator[Event, None, RunInfo]:
    """Ask a run for something, or go on with it."""
    folder = find_run(request.run)
    yield Progress(0, 1, f"Asking {folder.name} to {request.action}")
    if request.action != "resume":
        return ask_run(folder, request.action, token.check)
    info = run_info(folder)
    if info.state not in RESUMABLE:
        raise EngineError(f"The run {folder.name} is {info.state}.", "Only a run that rests before its end is resumed.")
    return start_process(folder, token.check)
