"""The next batch is made while the step before it is computed; no step sees anything else for it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from ddmi_models.errors import BadData
from ddmi_models.training.ahead import Ahead
from ddmi_models.training.data import Batch, ImageBatches
from ddmi_models.training.folder import RunFolder
from tests.training.killing import train
from tests.training.small import image_config, image_data

WHOLE = slice(0, 4)


def test_what_follows_is_made_while_the_step_is_computed() -> None:
    def make(step: int, part: slice) -> tuple[int, slice]:
        time.sleep(0.1)
        return step, part

    ahead = Ahead(make)
    for step in range(4):
        assert ahead.take((step, WHOLE), (step + 1, WHOLE) if step < 3 else None) == (step, WHOLE)
        time.sleep(0.15)
    assert 0.1 <= ahead.waited < 0.2  # the first one only


def test_another_place_than_expected_is_made_then() -> None:
    busy, together = threading.Lock(), []

    def make(step: int, part: slice) -> tuple[int, slice]:
        together.append(not busy.acquire(blocking=False))
        time.sleep(0.02)
        busy.release()
        return step, part

    ahead = Ahead(make)
    ahead.take((0, WHOLE), (1, WHOLE))
    assert ahead.take((0, slice(0, 2)), (0, slice(2, 4))) == (0, slice(0, 2))
    assert ahead.take((0, slice(2, 4)), None) == (0, slice(2, 4))
    assert not any(together)


def test_what_goes_wrong_is_told_at_the_step_that_it_belongs_to() -> None:
    def make(step: int, part: slice) -> int:
        if step == 2:
            raise BadData("The data are gone.", "Plug them in.")
        return step

    ahead = Ahead(make)
    assert [ahead.take((step, WHOLE), (step + 1, WHOLE)) for step in range(2)] == [0, 1]
    with pytest.raises(BadData, match="gone"):
        ahead.take((2, WHOLE), None)


def test_a_run_waits_for_its_first_batch_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, usual = [], ImageBatches.batch

    def recorded(self: ImageBatches, step: int, size: int, part: slice = slice(None)) -> Batch:
        made.append((step, threading.current_thread() is threading.main_thread()))
        return usual(self, step, size, part)

    monkeypatch.setattr(ImageBatches, "batch", recorded)
    train(image_config(image_data(tmp_path / "data"), steps=6), tmp_path / "run")
    assert made == [(step, step == 0) for step in range(6)]
    assert "waiting for data" in (RunFolder(tmp_path / "run").path / "log.txt").read_text()
