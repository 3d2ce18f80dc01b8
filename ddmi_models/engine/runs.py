"""Trainings: run here, or started, followed and asked for something as processes of their own."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from ddmi_models.cancel import CancelToken
from ddmi_models.engine.workshop import Workshop
from ddmi_models.errors import EngineError
from ddmi_models.events import Event, Result
from ddmi_models.requests import (
    Ablate,
    CheckTraining,
    ControlRun,
    DescribeTraining,
    ListRuns,
    RemoveRun,
    RunDetails,
    RunInfo,
    SettingProblem,
    ShowRun,
    StartRun,
    Train,
    TrainingGuide,
)
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.folder import SAMPLES, RunFolder, read_log, read_metrics, run_info
from ddmi_models.training.planning import plan_run
from ddmi_models.training.runs import ask_run, find_run, list_runs, remember_run, remove_run, start_process

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


def describe(shop: Workshop, request: DescribeTraining, token: CancelToken) -> Generator[Event, None, TrainingGuide]:
    """What a training can be told."""
    from ddmi_models.training.guide import training_guide

    yield from ()
    return training_guide()


def proofread(
    shop: Workshop, request: CheckTraining, token: CancelToken
) -> Generator[Event, None, tuple[SettingProblem, ...]]:
    """What of a configuration is not right."""
    from ddmi_models.training import proofreading

    yield from ()
    return proofreading.proofread(request.config)


def ablate(shop: Workshop, request: Ablate, token: CancelToken) -> Generator[Event, None, dict[str, Any]]:
    """Train and measure the variants of an ablation."""
    from ddmi_models.training.ablation.config import AblationConfig
    from ddmi_models.training.ablation.study import run_ablation

    for event in run_ablation(AblationConfig.parse(request.config), request.run_dir, token):
        if isinstance(event, Result):
            return event.value
        yield event
    raise AssertionError("an ablation ends with its table")


def start(shop: Workshop, request: StartRun, token: CancelToken) -> Generator[Event, None, RunInfo]:
    """Start a training in a process of its own."""
    from ddmi_models.training.process import check_registration

    config = TrainConfig.parse(request.config)
    plan = plan_run(config, request.run_dir, config.name)
    check_registration(plan.config, plan.folder)
    RunFolder(plan.folder).create(plan.config)
    remember_run(plan.folder)
    return (yield from checked(start_process(plan.folder), token))


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
    if request.action != "resume":
        return (yield from checked(ask_run(folder, request.action), token))
    info = run_info(folder)
    if info.state not in RESUMABLE:
        raise EngineError(f"The run {folder.name} is {info.state}.", "Only a run that rests before its end is resumed.")
    return (yield from checked(start_process(folder), token))


def remove(shop: Workshop, request: RemoveRun, token: CancelToken) -> Generator[Event, None, str]:
    """Delete a run."""
    yield from ()
    return remove_run(find_run(request.run))


def checked(waiting: Generator[Event, None, RunInfo], token: CancelToken) -> Generator[Event, None, RunInfo]:
    """Wait for a run's process, unless nobody wants to know any more."""
    while True:
        token.check()
        try:
            yield next(waiting)
        except StopIteration as end:
            return end.value
