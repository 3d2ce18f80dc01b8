"""The store of prepared sets: found again by content, whole or not there, the same from any number of workers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ddmi_models.cancel import WorkCancelled
from ddmi_models.training.datasets import Preparation, prepared, recognise
from ddmi_models.training.datasets import prepare as preparing
from ddmi_models.training.datasets.layout import Item, Rows
from ddmi_models.training.datasets.store import store_dir

HOW = Preparation(size=8)


@pytest.fixture
def noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DDMI_HOME", str(tmp_path / "home"))
    folder = tmp_path / "noise"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(20):
        Image.fromarray(rng.integers(0, 255, (9, 12, 3), dtype=np.uint8)).save(folder / f"{index}.png")
    return folder


def sets() -> list[Path]:
    return [path for path in store_dir().glob("*") if path.is_dir()]


def at_call(number: int, act: Callable[[], None]) -> Callable[[], None]:
    """Something that is called again and again, and acts at one of the calls."""
    calls = iter(range(1, number + 1))

    def called() -> None:
        if next(calls) == number:
            act()

    return called


def stop() -> None:
    raise WorkCancelled


def slow(item: Item, how: Preparation) -> tuple[Rows, list[str]]:
    time.sleep(600)
    return {}, []


def test_a_set_is_prepared_once_wherever_it_lies(noise: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = prepared(recognise(noise), HOW)
    assert isinstance(first["image"], np.memmap)
    copy = shutil.copytree(noise, tmp_path / "copy")
    os.utime(noise / "3.png")

    def no_reading(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(preparing, "_write", no_reading)
    for folder in (noise, copy):
        again, _ = prepared(recognise(folder), HOW)
        np.testing.assert_array_equal(again["image"], first["image"])


def test_other_content_or_another_size_is_another_set(noise: Path) -> None:
    first, _ = prepared(recognise(noise), HOW)
    assert prepared(recognise(noise), Preparation(size=4))[0]["image"].shape == (20, 4, 4, 3)
    Image.new("RGB", (9, 9), "red").save(noise / "7.png")
    second, _ = prepared(recognise(noise), HOW)
    changed = (second["image"] != first["image"]).any(axis=(1, 2, 3))
    assert np.flatnonzero(changed).tolist() == [7]


def test_several_workers_give_the_same(noise: Path) -> None:
    alone, _ = prepared(recognise(noise), HOW, workers=1)
    kept = np.array(alone["image"])
    shutil.rmtree(store_dir())
    together, _ = prepared(recognise(noise), HOW, workers=2)
    np.testing.assert_array_equal(together["image"], kept)


def test_a_damaged_store_is_made_again(noise: Path) -> None:
    kept = np.array(prepared(recognise(noise), HOW)[0]["image"])
    (place,) = sets()
    (place / "image.bin").write_bytes(b"short")
    np.testing.assert_array_equal(prepared(recognise(noise), HOW)[0]["image"], kept)


def test_progress_is_told_once(noise: Path) -> None:
    assert list(preparing.preparing(recognise(noise), HOW)) == [(16, 20), (20, 20)]
    assert list(preparing.preparing(recognise(noise), HOW)) == []


@pytest.mark.parametrize("call", [1, 20, 21, 22, 30])
def test_stopping_leaves_nothing(noise: Path, call: int) -> None:
    """While 20 files are hashed, while the lock is taken, and before each of 20 items."""
    with pytest.raises(WorkCancelled):
        prepared(recognise(noise), HOW, check=at_call(call, stop))
    assert not sets()
    prepared(recognise(noise), HOW)
    assert len(sets()) == 1


def test_stopping_does_not_wait_for_a_large_item(noise: Path) -> None:
    Image.effect_noise((3000, 6000), 50).save(noise / "large.bmp")
    found = recognise(noise)
    found = replace(found, layout=replace(found.layout, read=slow))
    start = time.monotonic()
    with pytest.raises(WorkCancelled):
        prepared(found, HOW, check=lambda: stop() if time.monotonic() - start > 3 else None)
    assert time.monotonic() - start < 60
    assert not sets()


KILLED = """
import os, pathlib, signal, sys
from ddmi_models.training.datasets import Preparation, prepare, recognise
for _ in prepare.preparing(recognise(pathlib.Path(sys.argv[1])), Preparation(size=8), workers=1):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(noise: Path) -> None:
    child = subprocess.run([sys.executable, "-c", KILLED, noise], check=False)
    assert child.returncode == -signal.SIGKILL
    (left,) = sets()
    assert left.name.startswith(".ddmi-") and (left / "image.bin").is_file()
    living = preparing.preparing(recognise(noise), Preparation(size=4), workers=1)
    next(living)
    assert len(sets()) == 1 and not left.exists()
    subprocess.run(
        [sys.executable, "-c", KILLED.replace("os.kill(os.getpid(), signal.SIGKILL)", "pass"), noise], check=True
    )
    assert len(sets()) == 2  # that of the other process, and the living one's
    assert list(living) == [(20, 20)]
    arrays, _ = prepared(recognise(noise), Preparation(size=4))
    assert arrays["image"].shape == (20, 4, 4, 3) and (arrays["image"][-1] > 0).any()
