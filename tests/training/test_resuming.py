"""A run that is killed or paused, and resumed, is the same as one that was not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.errors import BadData, EngineError
from ddmi_models.events import Notice, Progress
from ddmi_models.training import control
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.folder import METRICS_FILE, STATE_FILE, RunFolder, read_metrics, run_info
from ddmi_models.training.loop import run_training
from tests.training.killing import figures, survives, train
from tests.training.small import image_config, image_data

KILLS, MANY_KILLS = 3, 20


def small_run(folder: Path, steps: int = 15) -> TrainConfig:
    config = image_config(image_data(folder / "data"), steps=steps, save_every=4, sample_every=4)
    return config.model_copy(update={"data": config.data.model_copy(update={"validation": folder / "data"})})


def test_killed_runs_end_with_the_same_weights(tmp_path: Path) -> None:
    info = survives(small_run(tmp_path), tmp_path, KILLS, seed=1)
    assert (info.state, info.step) == ("finished", 15)


@pytest.mark.soak
def test_runs_killed_many_times_end_with_the_same_weights(tmp_path: Path) -> None:
    info = survives(small_run(tmp_path, steps=40), tmp_path, MANY_KILLS, seed=2)
    assert (info.state, info.step) == ("finished", 40)


def test_dropout_is_the_same_after_a_pause(tmp_path: Path) -> None:
    config = small_run(tmp_path)
    values = config.model_dump(mode="json")
    values["model"]["autoencoder"]["dropout"] = 0.3
    config = config.parse(values)
    train(config, tmp_path / "whole")
    with pytest.raises(WorkCancelled):
        for event in run_training(config, tmp_path / "torn"):
            if isinstance(event, Progress) and event.step == 6:
                control.ask(tmp_path / "torn", "pause")
    info = run_info(tmp_path / "torn")
    assert (info.state, info.step, info.saved_step) == ("paused", 6, 6)
    train(config, tmp_path / "torn", resume=True)
    assert figures(tmp_path / "whole") == figures(tmp_path / "torn")
    assert run_info(tmp_path / "torn").state == "finished"


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    config = small_run(tmp_path, steps=5)
    folder = tmp_path / "run"
    train(config, folder)
    (folder / ".ddmi-0123.pt").write_bytes(b"half")
    (folder / "samples" / ".ddmi-4567.png").write_bytes(b"half")
    with (folder / METRICS_FILE).open("a") as file:
        file.write('{"step": 6, "loss": 1}\n{"step": 7, "lo')
    train(config, folder, resume=True)
    assert not list(folder.rglob(".ddmi-*"))
    assert [json.loads(line)["step"] for line in (folder / METRICS_FILE).read_text().splitlines()] == [
        1,
        2,
        3,
        4,
        4,
        5,
        5,
    ]


def test_states_of_the_first_version_are_resumed(tmp_path: Path) -> None:
    config = small_run(tmp_path, steps=8)
    whole = train(config, tmp_path / "whole")
    token = CancelToken()
    with pytest.raises(WorkCancelled):
        for event in run_training(config, tmp_path / "old", token=token):
            if isinstance(event, Progress) and event.step == 4:
                token.cancel()
    state = torch.load(tmp_path / "old" / STATE_FILE, weights_only=True)
    for key in ("scaler", "guard", "accumulate"):
        del state[key]
    state["scheduler"] = {"last_epoch": 4, "_step_count": 5}
    torch.save(state, tmp_path / "old" / STATE_FILE)
    (tmp_path / "old" / "config.yaml").unlink()
    (tmp_path / "old" / "config.json").write_text(config.model_dump_json())
    assert train(config, tmp_path / "old", resume=True).read_bytes()[-4096:] == whole.read_bytes()[-4096:]
    assert figures(tmp_path / "whole") == figures(tmp_path / "old")


def test_a_run_begun_anew_in_an_old_folder_starts_from_nothing(tmp_path: Path) -> None:
    config = small_run(tmp_path, steps=5)
    train(config, tmp_path / "run")
    first = figures(tmp_path / "run")
    train(config, tmp_path / "run")
    assert figures(tmp_path / "run") == first


def test_damaged_state_is_one_clear_error(tmp_path: Path) -> None:
    config = small_run(tmp_path, steps=4)
    train(config, tmp_path / "run")
    state = tmp_path / "run" / STATE_FILE
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(BadData, match="cannot be resumed") as caught:
        train(config, tmp_path / "run", resume=True)
    assert "\n" not in str(caught.value)
    assert run_info(tmp_path / "run").state == "failed"


def test_changed_data_are_told(tmp_path: Path) -> None:
    config = small_run(tmp_path, steps=4)
    train(config, tmp_path / "run")
    (tmp_path / "data" / "manifest.json").write_text('{"name": "others"}')
    notices = [event.message for event in run_training(config, tmp_path / "run", True) if isinstance(event, Notice)]
    assert any("data have changed" in line and "train" in line for line in notices)


def test_two_processes_do_not_train_in_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ddmi_models.training.folder.LOCK_SECONDS", 0.05)
    config = small_run(tmp_path, steps=4)
    train(config, tmp_path / "run")
    with RunFolder(tmp_path / "run").locked(), pytest.raises(EngineError, match="already"):
        train(config, tmp_path / "run", resume=True)
    assert read_metrics(tmp_path / "run")[-1]["step"] == 4


def test_only_the_process_that_wrote_it_counts_as_alive(tmp_path: Path) -> None:
    book = RunFolder(tmp_path)
    (tmp_path / "log.txt").write_text("first\nlast words\n")
    book.claim("running")
    assert run_info(tmp_path).state == "running" and run_info(tmp_path).pid == os.getpid()
    book.tell(process_started=run_info(tmp_path).process_started - 1000)  # the number was given out again
    assert (run_info(tmp_path).state, run_info(tmp_path).message) == ("crashed", "last words")
