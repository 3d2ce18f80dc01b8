"""What goes wrong in a night: bad numbers, no memory, no space, no data. Each is told in one line and costs no work."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ddmi_models.checkpoints.store import read_model
from ddmi_models.errors import BadConfig, BadData, CannotWrite, OutOfMemory
from ddmi_models.events import Event, Notice, Result
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.data import Batches
from ddmi_models.training.folder import BEST_FILE, STATE_FILE, read_log, read_metrics, run_info
from ddmi_models.training.guard import LOWER_AFTER, STOP_AFTER, Diverged
from ddmi_models.training.loop import run_training
from ddmi_models.training.objectives import AutoencoderObjective
from ddmi_models.training.run import Run
from tests.training.killing import figures, train
from tests.training.small import image_config, image_data


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return image_data(tmp_path / "data")


def notices(events: list[Event]) -> str:
    return "\n".join(event.message for event in events if isinstance(event, Notice))


def spoil_losses(monkeypatch: pytest.MonkeyPatch, steps: range) -> None:
    """Losses that are no numbers in some steps."""
    loss = AutoencoderObjective.loss

    def spoilt(self, module, given, step, part, device):
        value, shown = loss(self, module, given, step, part, device)
        return (value * float("nan"), shown) if step in steps else (value, shown)

    monkeypatch.setattr(AutoencoderObjective, "loss", spoilt)


def test_bad_steps_are_skipped_and_the_learning_rate_is_lowered(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = image_config(data, steps=8)
    train(config, tmp_path / "good")
    spoil_losses(monkeypatch, range(2, 2 + LOWER_AFTER))
    events = list(run_training(config, tmp_path / "run"))
    assert isinstance(events[-1], Result)
    assert "Step 2 is skipped" in notices(events) and "learning rate is halved" in notices(events)
    rates, usual = ([row["learning_rate"] for row in figures(tmp_path / name)] for name in ("run", "good"))
    assert rates[:5] == usual[:5] and np.allclose(rates[5:8], np.array(usual[5:8]) / 2)
    assert [row["loss"] for row in figures(tmp_path / "run")][2:5] == [None] * 3
    assert read_model(events[-1].value)[1]  # finite, or reading refuses it


def test_endless_bad_steps_stop_with_the_reason_and_keep_the_last_good_state(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_losses(monkeypatch, range(4, 1000))
    with pytest.raises(Diverged, match=f"{STOP_AFTER} steps in a row"):
        train(image_config(data, steps=100, save_every=4), tmp_path / "run")
    info = run_info(tmp_path / "run")
    assert info.state == "failed" and "not a finite number" in info.message and info.saved_step >= 4
    state = torch.load(tmp_path / "run" / STATE_FILE, weights_only=True)
    assert all(bool(value.isfinite().all()) for value in state["module"].values())


def test_lack_of_memory_makes_smaller_parts_with_the_same_result(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = image_config(data, steps=3, kl={"start": 0, "end": 0})
    whole = read_model(train(config, tmp_path / "whole"))[1]
    loss = AutoencoderObjective.loss

    def small_memory(self, module, given, step, part, device):
        if step >= 1 and part.stop - part.start > 2:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate much")
        return loss(self, module, given, step, part, device)

    monkeypatch.setattr(AutoencoderObjective, "loss", small_memory)
    events = list(run_training(config, tmp_path / "parts"))
    assert "in 2 parts" in notices(events) and "in 4 parts" in notices(events)
    parts = read_model(events[-1].value)[1]
    assert all(torch.allclose(whole[key], parts[key], atol=5e-3) for key in whole)
    assert torch.load(tmp_path / "parts" / STATE_FILE, weights_only=True)["accumulate"] == 4


def test_one_item_that_does_not_fit_is_one_clear_error_and_loses_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = AutoencoderObjective.loss

    def no_memory(self, module, given, step, part, device):
        if step == 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return loss(self, module, given, step, part, device)

    monkeypatch.setattr(AutoencoderObjective, "loss", no_memory)
    with pytest.raises(OutOfMemory, match="single item"):
        train(image_config(data, steps=5), tmp_path / "run")
    assert run_info(tmp_path / "run").state == "failed"
    assert torch.load(tmp_path / "run" / STATE_FILE, weights_only=True)["step"] == 2


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """No file can grow beyond this size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk_keeps_the_last_good_state(data: Path, tmp_path: Path) -> None:
    config = image_config(data, steps=9, save_every=3)
    whole = train(config, tmp_path / "whole")
    run = run_training(config, tmp_path / "run")
    state = tmp_path / "run" / STATE_FILE
    while not state.exists():
        next(run)
    before = state.read_bytes()
    with small_disk(len(before) // 2), pytest.raises(CannotWrite) as caught:
        list(run)
    assert "\n" not in str(caught.value)
    assert state.read_bytes() == before and not list((tmp_path / "run").rglob(".ddmi-*"))
    assert run_info(tmp_path / "run").state == "failed"
    resumed = train(config, tmp_path / "run", resume=True)
    one, other = read_model(whole)[1], read_model(resumed)[1]
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_data_that_vanish_are_told_and_no_step_is_lost(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = Batches.batch

    def unplugged(self, step, *rest):
        if step == 3:
            raise BadData("The folder of the data is gone.", "Plug it in again and resume.")
        return batch(self, step, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Batches, "batch", unplugged)
        with pytest.raises(BadData, match="gone"):
            train(image_config(data, steps=5), tmp_path / "run")
    assert "is gone" in run_info(tmp_path / "run").message
    train(image_config(data, steps=5), tmp_path / "run", resume=True)
    assert [row["step"] for row in read_metrics(tmp_path / "run")] == [1, 2, 3, 4, 5]


def test_empty_data_set_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    np.savez(tmp_path / "data" / "shard-00000.npz", image=np.empty((0, 32, 32, 3), np.uint8))
    with pytest.raises(BadData, match="empty"):
        train(image_config(tmp_path / "data", steps=1), tmp_path / "run")
    assert run_info(tmp_path / "run").state == "failed"


def test_single_image_trains_both_stages(data: Path, tmp_path: Path) -> None:
    with np.load(data / "shard-00000.npz") as shard:
        one = shard["image"][:1]
    np.savez(data / "shard-00000.npz", image=one)
    first = train(image_config(data, steps=2), tmp_path / "first")
    values = {
        "name": "one", "stage": "diffusion", "start_from": str(first), "data": {"train": str(data)}, "steps": 2,
        "unet": {
            "in_channels": 3, "out_channels": 3, "model_channels": 8, "multipliers": [1], "head_channels": 8,
            "groups": 4,
        },
        "diffusion": {"normalised": True, "mixed_prediction": False, "steps": 2}, "batch": 4, "save_every": 2,
    }  # fmt: skip
    assert read_model(train(TrainConfig.parse(values), tmp_path / "second"))[0].stage == "full"
    assert list((tmp_path / "second" / "samples").glob("*.png"))


@pytest.mark.parametrize(
    ("change", "field"),
    [({"batch": 0}, "batch"), ({"learning_rate": -1}, "learning_rate"), ({"lerning_rate": 1e-3}, "lerning_rate"),
     ({"device": "gpu"}, "gpu"), ({"data": {"train": "x", "crop": "wide"}}, "data.crop")],
)  # fmt: skip
def test_bad_settings_are_one_line_that_names_the_field(change: dict, field: str, data: Path, tmp_path: Path) -> None:
    values = {**image_config(data, steps=1).model_dump(mode="json"), **change}
    with pytest.raises(Exception, match=field) as caught:
        train(TrainConfig.parse(values), tmp_path / "run")
    assert "\n" not in str(caught.value) and isinstance(caught.value, BadConfig.__mro__[1])


EVEN = {"start": 0.01, "end": 0.01}


@pytest.mark.parametrize(
    ("changes", "best"),
    [
        ({"kl": EVEN}, 2),
        ({"kl": {"start": 0.0, "end": 0.01, "anneal_portion": 0.5}}, 3),  # from where the term has its full weight
        ({"kl": EVEN, "adversary": {"weight": 0.5, "start": 1, "width": 16, "layers": 1}}, 4),  # it trades for looks
    ],
    ids=["even", "growing KL", "discriminator"],
)
def test_best_checkpoint_is_the_one_with_the_lowest_figure_that_compares(
    changes: dict[str, Any], best: int, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = [3.0, 1.0, 2.0, 4.0]
    coming = iter(scores)
    monkeypatch.setattr(AutoencoderObjective, "validate", lambda *_: {"reconstruction": next(coming)})
    train(image_config(data, steps=4, save_every=1, **changes), tmp_path / "run")
    header, _ = read_model(tmp_path / "run" / BEST_FILE)
    assert header.training["steps"] == best and header.training["validation"] == scores[best - 1]
    assert run_info(tmp_path / "run").best == (None if "adversary" in changes else scores[best - 1])
    rows = [row["validation_reconstruction"] for row in read_metrics(tmp_path / "run") if len(row) == 4]
    assert rows == scores


@pytest.mark.parametrize("most", [3, 0])
def test_lack_of_memory_in_validation_loses_nothing(
    most: int, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = image_config(data, steps=2, save_every=1)
    config = config.model_copy(update={"data": config.data.model_copy(update={"validation": data})})
    train(config, tmp_path / "whole")
    validate = AutoencoderObjective.validate

    def small_memory(self, module, device):
        if self.at_once > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return validate(self, module, device)

    monkeypatch.setattr(AutoencoderObjective, "validate", small_memory)
    if most:
        train(config, tmp_path / "run")
        scores = [figures(tmp_path / run)[-1]["validation_psnr"] for run in ("whole", "run")]
        assert scores[0] == pytest.approx(scores[1], rel=0.2)
        return
    with pytest.raises(OutOfMemory, match="validate a single item"):
        train(config, tmp_path / "run")
    info = run_info(tmp_path / "run")
    assert info.state == "failed" and info.message.startswith("There is not enough memory to validate")
    assert torch.load(tmp_path / "run" / STATE_FILE, weights_only=True)["step"] == 1


def test_a_picture_that_fails_is_no_reason_to_stop(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(run: Run) -> None:
        raise RuntimeError("no colours left")

    monkeypatch.setattr("ddmi_models.training.loop.picture_of", broken)
    events = list(run_training(image_config(data, steps=2, sample_every=2), tmp_path / "run"))
    assert isinstance(events[-1], Result) and "no colours left" in notices(events)
    assert any("Traceback" in line for line in read_log(tmp_path / "run", 100))


def test_data_kept_for_evaluation_are_never_trained_on(data: Path, tmp_path: Path) -> None:
    (data / "manifest.json").write_text('{"maker": "real-furniture-reserved", "for_training": false}')
    with pytest.raises(BadData, match="kept for evaluation"):
        list(run_training(image_config(data, steps=2), tmp_path / "run"))
