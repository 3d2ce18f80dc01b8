"""Runs whose own process starts several others that share each batch."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.checkpoints.registry import list_models
from ddmi_models.errors import BadConfig, EngineError
from ddmi_models.events import value_of
from ddmi_models.training.alive import process_lives
from ddmi_models.training.folder import RunFolder, read_metrics, run_info
from ddmi_models.training.launching import run_devices
from ddmi_models.training.process import conduct
from ddmi_models.training.runs import ask_run, list_runs, start_process
from tests.training.small import image_config, image_data
from tests.waiting import wait_for


def test_a_run_of_two_processes_pauses_and_goes_on(tmp_path: Path) -> None:
    data = image_data(tmp_path / "data")
    config = image_config(data, steps=40, batch=7, save_every=5, processes=2, register_as="by-two")
    folder = tmp_path / "run"
    RunFolder(folder).create(config)
    started = value_of(start_process(folder))
    assert started.state in ("waiting", "running")
    wait_for(lambda: run_info(folder).step >= 2)
    paused = value_of(ask_run(folder, "pause"))
    assert paused.state == "paused" and 2 <= paused.saved_step == paused.step < 40
    assert '"processes": 2' in (folder / "environment.json").read_text()

    wait_for(
        lambda: not list((folder / "control").glob("*")) and not process_lives(started.pid, started.process_started)
    )
    assert [run.state for run in list_runs()] == ["paused"]  # and takes notice of the process that has ended
    token = CancelToken()
    for event in conduct(config, folder, True, token):  # now as a child of this process, to its end
        assert event is not None
    assert run_info(folder).state == "finished", (folder / "log.txt").read_text()
    assert [row["step"] for row in read_metrics(folder)] == list(range(1, 41))
    assert [model.name for model in list_models() if "by-two" in model.name] == ["by-two"]


def test_several_processes_are_stopped_as_one(tmp_path: Path) -> None:
    config = image_config(image_data(tmp_path / "data"), steps=1_000_000, batch=7, processes=2)
    folder, token = tmp_path / "run", CancelToken()
    with pytest.raises(WorkCancelled):
        for _ in conduct(config, folder, False, token):
            if run_info(folder).step >= 2:
                token.cancel()
    info = run_info(folder)
    assert info.state == "stopped" and info.saved_step >= 2
    log = (folder / "log.txt").read_text()
    assert "Error" not in log and log.count("Stopped") == 1


def test_a_worker_that_is_killed_ends_the_run_with_one_clear_line(tmp_path: Path) -> None:
    config = image_config(image_data(tmp_path / "data"), steps=1_000_000, batch=7, processes=2)
    folder = tmp_path / "run"
    with pytest.raises(EngineError, match=r"^A process of the run has been ended from outside\.|^Another process of"):
        for _ in conduct(config, folder, False, CancelToken()):
            info = run_info(folder)
            if info.step >= 2 and psutil.pid_exists(info.pid):
                psutil.Process(info.pid).kill()
    assert run_info(folder).state in ("crashed", "failed")


def test_processes_end_when_nobody_waits_for_them(tmp_path: Path) -> None:
    config = image_config(image_data(tmp_path / "data"), steps=1_000_000, batch=7, processes=2)
    folder = tmp_path / "run"
    RunFolder(folder).create(config)
    started = value_of(start_process(folder))
    wait_for(lambda: run_info(folder).step >= 2)
    family = psutil.Process(started.pid).children(recursive=True)
    assert len(family) >= 3  # the launcher and what it launched
    psutil.Process(started.pid).kill()
    wait_for(lambda: not any(process.is_running() for process in family))
    info = run_info(folder)
    assert info.state == "stopped" and info.saved_step == info.step >= 2
    assert "What launched this process has ended" in (folder / "log.txt").read_text()
    assert [run.state for run in list_runs()] == ["stopped"]  # and takes notice of the process that was killed


def test_nothing_runs_on_when_a_launched_run_is_dropped(tmp_path: Path) -> None:
    config = image_config(image_data(tmp_path / "data"), steps=1_000_000, batch=7, processes=2)
    folder = tmp_path / "run"
    work = conduct(config, folder, False, CancelToken())
    for _ in work:
        if run_info(folder).step >= 2:
            break
    below = psutil.Process().children(recursive=True)
    family = [child for child in below if child.status() != psutil.STATUS_ZOMBIE and str(folder) in child.cmdline()]
    assert len(family) >= 3
    work.close()
    assert not any(process.is_running() for process in family)
    assert run_info(folder).state == "stopped"


def test_how_many_processes_a_machine_can_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = image_config(tmp_path, steps=1, processes=2)
    assert run_devices(config) == ("cpu", "cpu")
    with pytest.raises(BadConfig, match="1 items cannot be shared by 2"):
        image_config(tmp_path, steps=1, batch=1, processes=2)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    on_gpus = config.model_copy(update={"device": "cuda", "processes": 0})
    assert run_devices(on_gpus) == ("cuda:0", "cuda:1", "cuda:2", "cuda:3")
    assert run_devices(on_gpus.model_copy(update={"processes": 1})) == ("cuda",)
    with pytest.raises(BadConfig, match="5 need as many GPUs, and this machine has 4"):
        run_devices(on_gpus.model_copy(update={"processes": 5}))
