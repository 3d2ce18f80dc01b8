"""Videos on the command line and in Python: clips and folders of frames of any rate, one clear line for mistakes."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import ddmi_models
from ddmi_models.rendering.metadata import read_recipe
from tests import models

NAME = "small-video"
FRAMES, RATE = 4, 8
"""Of the small model."""


@pytest.fixture(autouse=True)
def video(home: Path) -> None:
    models.write(home / "home" / "models", "video")


def shown(path: str) -> tuple[float, np.ndarray]:
    """Frames a second, and the frames, of a clip."""
    with av.open(path) as clip:
        rate = float(clip.streams.video[0].average_rate)
        return rate, np.stack([frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)])


def test_clips_are_written_and_rendered_again(ddmi) -> None:
    code, out, _ = ddmi("generate", NAME, "--seed", 3, "--fps", 16, "--resolution", 32, "--out", "a.mp4")
    assert code == 0 and out.split() == ["a.mp4"]
    rate, frames = shown("a.mp4")
    assert rate == 16 and frames.shape == (2 * FRAMES - 1, 32, 32, 3)
    code, _, _ = ddmi("render", "a.mp4", "--resolution", "48x24", "--start", 0.125, "--out", "b.webm")
    rate, frames = shown("b.webm")
    assert code == 0 and rate == RATE and frames.shape == (FRAMES - 1, 24, 48, 3)
    assert read_recipe(Path("b.webm")) == read_recipe(Path("a.mp4"))


def test_one_sample_becomes_a_folder_of_frames(ddmi) -> None:
    code, out, _ = ddmi("generate", NAME, "--seed", 5, "--resolution", 16, "--out", "frames/")
    assert code == 0 and out.split() == ["frames"]
    frames = [np.asarray(Image.open(path)) for path in sorted(Path("frames").glob("*.png"))]
    again = ddmi_models.open("frames").frames(size=16, fps=2 * RATE)
    assert again.shape == (2 * FRAMES - 1, 16, 16, 3)
    assert np.abs(again[::2].astype(int) - np.stack(frames)).max() <= 1
    code, _, err = ddmi("generate", NAME, "--out", "frames/")
    assert code == 1 and "frames is a folder" in err


def test_several_samples_are_clips_in_a_folder(ddmi) -> None:
    code, out, _ = ddmi("generate", NAME, "--count", 2, "--resolution", 16, "--out", "new/")
    assert code == 0 and out.split() == ["new/0.mp4", "new/1.mp4"]


def test_the_card_states_length_and_rate(ddmi) -> None:
    code, out, _ = ddmi("models", "show", NAME)
    assert code == 0 and f"{FRAMES} frames at {RATE} a second" in out
    info = ddmi_models.load(NAME).info
    assert (info.frames, info.rate) == (FRAMES, RATE)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("generate", NAME, "--fps", 0, "--out", "a.mp4"), "0 frames a second"),
        (("generate", NAME, "--stop", 9, "--out", "a.mp4"), "The clip runs from 0 to 0.375 s"),
        (("generate", NAME, "--resolution", 15, "--out", "a.mp4"), "even numbers"),
        (("generate", NAME, "--out", "a.png"), "not written as .png"),
        (("generate", "small-image", "--fps", 30, "--out", "a.png"), "no frames to time"),
    ],
)
def test_mistakes_are_one_clear_line(ddmi, arguments: tuple[object, ...], said: str) -> None:
    code, out, err = ddmi(*arguments)
    assert (code, out) == (1, "") and said in err and err.count("\n") == 1
    assert list(Path().iterdir()) == []
