"""Two processes of one run: the same curve as one process, and an end, not a wait, when one of them dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
import yaml

from ddmi_models.errors import BadConfig
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.data import ShapeBatches
from ddmi_models.training.folder import read_metrics, run_info
from ddmi_models.training.launching import LAUNCHER
from tests.training.killing import LASTING, train
from tests.training.small import image_config, image_data, shape_config, shape_data

PATIENCE = 400.0


@contextmanager
def launched(
    config: Path, run: Path, program: tuple[str, ...] = ("-m", "ddmi_models.training")
) -> Iterator[subprocess.Popen[str]]:
    """Two processes that train, as `accelerate launch` starts them."""
    command = [sys.executable, *LAUNCHER, "--num_processes", "2", *program]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    process = subprocess.Popen(
        [*command, str(config), "--run", str(run)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            family = psutil.Process(process.pid)
            for member in (*family.children(recursive=True), family):
                member.kill()
        process.communicate()


def write_config(folder: Path, steps: int, **changes: Any) -> tuple[Path, TrainConfig]:
    """A configuration whose batch does not divide by two."""
    config = image_config(image_data(folder / "data"), steps=steps, batch=7, save_every=4, **changes)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    return path, config


# The discriminator's pull is balanced within each process' part of the batch, so curves part a little where it is on.
ALONG = {"adversary": {"weight": 0.5, "start": 4, "width": 16, "layers": 1}, "spectral": {"start": 0.5, "end": 0.1}}


@pytest.mark.parametrize(
    ("changes", "figures", "tolerance"),
    [
        ({}, ("loss", "reconstruction", "kl", "gradient_norm"), 2e-3),
        (ALONG, ("reconstruction", "kl", "discriminator"), 2e-2),
    ],
    ids=["plain", "with discriminator"],
)
def test_two_processes_give_the_curve_of_one(
    tmp_path: Path, changes: dict[str, Any], figures: tuple[str, ...], tolerance: float
) -> None:
    path, config = write_config(tmp_path, 8, **changes)
    with launched(path, tmp_path / "two") as process:
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    assert '"processes": 2' in (tmp_path / "two" / "environment.json").read_text()
    train(config, tmp_path / "one")
    one, two = (read_metrics(tmp_path / name) for name in ("one", "two"))
    assert [row["step"] for row in two] == list(range(1, 9))  # by one of them only
    for key in figures:
        curves = [[row[key] for row in rows if key in row] for rows in (one, two)]
        assert len(curves[0]) >= 4 and np.allclose(*curves, rtol=tolerance), (key, curves)
    assert {file.name for file in (tmp_path / "two").iterdir()} <= LASTING
    assert run_info(tmp_path / "two").state == "finished"


def test_a_process_that_dies_ends_the_run(tmp_path: Path) -> None:
    path, _ = write_config(tmp_path, steps=1_000_000)
    run = tmp_path / "run"
    with launched(path, run) as process:
        end = time.monotonic() + PATIENCE
        while run_info(run).step < 2:
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.2)
        workers = psutil.Process(process.pid).children()
        (second,) = (worker for worker in workers if worker.pid != run_info(run).pid)
        second.kill()
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert not any(worker.is_running() for worker in workers)
    assert run_info(run).state in ("failed", "crashed", "stopped"), output


SHORT_OF_MEMORY = """
import os, sys, torch
from ddmi_models.training.__main__ import main
from ddmi_models.training.objectives import AutoencoderObjective

plain = AutoencoderObjective.loss

def loss(self, module, given, step, part, device):
    if os.environ["RANK"] == "1" and part.stop - part.start > 1:
        raise torch.OutOfMemoryError("CUDA out of memory.")
    return plain(self, module, given, step, part, device)

AutoencoderObjective.loss = loss
sys.exit(main())
"""


def test_all_processes_split_their_part_when_memory_runs_out_in_one(tmp_path: Path) -> None:
    path, config = write_config(tmp_path, 4)
    program = tmp_path / "short_of_memory.py"
    program.write_text(SHORT_OF_MEMORY)
    with launched(path, tmp_path / "two", (str(program),)) as process:
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    assert "Memory ran out in another process in step 0: from now on a batch is computed in" in output
    assert torch.load(tmp_path / "two" / "state.pt", weights_only=True)["accumulate"] >= 3
    train(config, tmp_path / "one")
    losses = [[row["loss"] for row in read_metrics(tmp_path / name) if "loss" in row] for name in ("one", "two")]
    assert len(losses[0]) == 4 and np.allclose(*losses, rtol=2e-3)


def test_more_processes_than_items_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "9")
    with pytest.raises(BadConfig, match="cannot be shared by 9 processes"):
        train(image_config(image_data(tmp_path / "data"), steps=1), tmp_path / "run")


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_parts_of_a_batch_see_what_the_whole_sees(noise: float, tmp_path: Path) -> None:
    config = shape_config(shape_data(tmp_path / "data"), steps=1).data.model_copy(update={"cloud_noise": noise})
    data = ShapeBatches(config.train, config, seed=3)
    whole, part = data.batch(5, 8), data.batch(5, 8, slice(3, 7))
    assert all(torch.equal(whole[key][3:7], part[key]) for key in whole)
