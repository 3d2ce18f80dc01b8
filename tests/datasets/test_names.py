"""Names of files that are no text, or look like numbers: they are like any other, and every output can show them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from ddmi_models.checkpoints.registry import find_model
from ddmi_models.cli import app as command_line
from ddmi_models.training.datasets import Preparation, prepared, recognise, summarise
from ddmi_models.training.folder import read_log, run_info
from tests.training.small import image_config
from tests.waiting import PATIENCE

NO_TEXT = "\udcff"
"""A name that is the byte 255, which is no UTF-8, as Python keeps it."""
SHOWN = "\\udcff"


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten pictures, one of them named by a byte that is no text; another one like that is damaged."""
    monkeypatch.setenv("DDMI_HOME", str(tmp_path / "home"))
    folder = tmp_path / f"set: {NO_TEXT} #1"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in (*range(9), NO_TEXT):
        Image.fromarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(folder / f"{name}.png")
    (folder / f"bad {NO_TEXT}.png").write_text("no picture")
    (folder / "nowhere.png").symlink_to(tmp_path / "nowhere")
    return folder


def test_they_are_prepared_and_found_again(odd: Path) -> None:
    for _ in range(2):
        arrays, problems = prepared(recognise(odd), Preparation(size=8))
        assert len(arrays["image"]) == 10 and f"{NO_TEXT}.png" in arrays["sources"]
        assert [name for name, _ in problems] == [f"bad {SHOWN}.png", "nowhere.png"]


def test_the_summary_can_be_shown(odd: Path) -> None:
    summary = summarise(odd)
    assert summary.usable == 10 and summary.problems[0] == f"bad {SHOWN}.png: damaged or no picture."


@pytest.mark.parametrize("as_json", [True, False])
def test_the_terminal_shows_them(odd: Path, as_json: bool) -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "ddmi", "data", "check", odd, *(["--json"] if as_json else [])],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
    )
    output = done.stdout.decode()
    assert done.returncode == 1 and not done.stderr
    if as_json:
        assert json.loads(output)["usable"] == 10 and str(odd / "0.png") in json.loads(output)["examples"]
    else:
        assert "10 of 12 items usable" in output and f"Problem: bad {SHOWN}.png" in output


def test_a_training_on_them_is_logged_and_carded(odd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, values = (
        tmp_path / "run",
        image_config(tmp_path / "other", steps=2).model_dump(mode="json", exclude_unset=True),
    )
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(values))
    arguments = [str(tmp_path / "small.yaml"), "--data", str(odd), "--register", "odd", "--run", str(run)]
    monkeypatch.setattr(sys, "argv", ["ddmi", "train", *arguments])
    assert command_line.run() == 0
    assert f"bad {SHOWN}.png" in "".join(read_log(run, 50)) and run_info(run).state == "finished"
    assert f"Training set: set: {SHOWN} #1" in find_model("odd").card


def test_digits_of_every_kind_sort(tmp_path: Path) -> None:
    names = ["1²2.png", "2.png", "10.png", "٣.png", "①.png", "⑴½.png"]
    for name in names:
        Image.new("RGB", (9, 9)).save(tmp_path / name)
    found = [item.name for item in recognise(tmp_path, "image").items]
    assert sorted(found) == sorted(names)
    assert [name for name in found if name in ("2.png", "٣.png", "10.png")] == ["2.png", "٣.png", "10.png"]
