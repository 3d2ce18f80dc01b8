"""Trainings in child processes that are killed at random moments (kill -9), resumed, and compared."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import torch

from ddmi_models.checkpoints.store import read_model
from ddmi_models.events import Result
from ddmi_models.requests import RunInfo
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.folder import STATE_FILE, RunFolder, read_metrics, run_info
from ddmi_models.training.loop import run_training

LASTING = {
    "config.yaml", "data.json", "environment.json", "log.txt", "metrics.jsonl", "model.safetensors", "best.safetensors",
    "run.lock", "samples", "state.pt", "status.json", "tensorboard",
}  # fmt: skip


def train(config: TrainConfig, folder: Path, resume: bool = False) -> Path:
    """Train to the end; returns the model's path."""
    return [event for event in run_training(config, folder, resume) if isinstance(event, Result)][-1].value


def train_in_child(config: TrainConfig, folder: Path, resume: bool, seconds: float) -> bool:
    """Train in a child process that is killed after a while; whether it came to its end before."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            train(config, folder, resume)
            code = 0
        finally:
            os._exit(code)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert os.waitstatus_to_exitcode(status) == 0
            return True
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def survives(config: TrainConfig, folder: Path, kills: int, seed: int) -> RunInfo:
    """Kill the run again and again, resume it each time, and assert that nothing of that is seen in what it makes;
    returns where it stands then."""
    start = time.monotonic()
    whole = train(config, folder / "whole")
    usual, draw, killed = time.monotonic() - start, random.Random(seed), 0
    torn = folder / "torn"
    while killed < kills:
        resume = RunFolder(torn).config_path is not None
        if train_in_child(config, torn, resume, draw.uniform(0, usual)):
            assert_same(whole.parent, torn)
            shutil.rmtree(torn)
        else:
            killed += 1
    train(config, torn, resume=RunFolder(torn).config_path is not None)
    assert_same(whole.parent, torn)
    return run_info(torn)


def assert_same(whole: Path, torn: Path) -> None:
    """The two runs ended with the same weights and figures, and left the same files."""
    assert {path.name for path in torn.iterdir()} == LASTING
    assert {path.name for path in (torn / "samples").iterdir()} == {path.name for path in (whole / "samples").iterdir()}
    for name in ("model.safetensors", "best.safetensors"):
        one, other = read_model(whole / name)[1], read_model(torn / name)[1]
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    states = [torch.load(folder / STATE_FILE, weights_only=True) for folder in (whole, torn)]
    assert all(same(states[0][key], states[1][key]) for key in states[0].keys() - {"seconds"})
    assert figures(whole) == figures(torn)


def same(one: Any, other: Any) -> bool:
    """Whether two states hold the same numbers."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def figures(folder: Path) -> list[dict[str, float]]:
    """All that a run logged, without times."""
    return [{k: v for k, v in row.items() if k not in ("seconds", "time")} for row in read_metrics(folder)]
