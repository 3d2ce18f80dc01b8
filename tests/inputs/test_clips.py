"""Clips of any rate, size and length become samples; what is none is said in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ddmi_models.cancel import CancelToken
from ddmi_models.errors import BadInput
from ddmi_models.inputs.clips import ClipReader
from ddmi_models.recipes import SampledRecipe
from ddmi_models.rendering.writers import write_clip
from ddmi_models.requests import Encode, Export, OpenExport, Regenerate, Timing
from tests import models
from tests.engine.running import engine_with, error, final, run

FRAMES, RATE, SIDE = 4, 8, 16
"""Of the small model."""

RECIPE = SampledRecipe(
    domain="video", model="m", model_hash="0" * 64, seed=1, sampler="ddim", steps=1, guidance=1.0
)  # fmt: skip
TOKEN = CancelToken()


def greys(values: list[int], size: tuple[int, int] = (32, 48)) -> list[np.ndarray]:
    """Frames of one grey each, red outside their centred square."""
    height, width = size
    frames = []
    for value in values:
        frame = np.full((height, width, 3), (255, 0, 0), np.uint8)
        margin = (width - height) // 2
        frame[:, margin : width - margin] = value
        frames.append(frame)
    return frames


def film(path: Path, values: list[int], rate: float) -> Path:
    list(write_clip(path, iter(greys(values)), rate, RECIPE))
    return path


def read(path: Path) -> np.ndarray:
    """The greys [T] that the encoder sees, from the middle of each frame."""
    given = ClipReader().read(path, models.parts("video").domain, "y", TOKEN)
    frames = given.batch["frames"]
    assert frames.shape == (1, 3, FRAMES, SIDE, SIDE)
    return ((frames[0, :, :, 6:10, 6:10].mean((0, 2, 3)) + 1) * 127.5).numpy()


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif"])
def test_frames_are_taken_at_the_trained_rate_from_the_beginning(suffix: str, tmp_path: Path) -> None:
    path = film(tmp_path / f"a{suffix}", list(range(20, 240, 10)), 2 * RATE)
    assert read(path) == pytest.approx([20, 40, 60, 80], abs=6)


@pytest.mark.parametrize(("rate", "values"), [(RATE, [20, 90, 160, 230]), (7.5, [20, 90, 160, 230])])
def test_clips_of_the_trained_length_are_taken_whole(rate: float, values: list[int], tmp_path: Path) -> None:
    assert read(film(tmp_path / "a.mp4", values, rate)) == pytest.approx(values, abs=6)


def test_short_clips_are_slowed_down(tmp_path: Path) -> None:
    assert read(film(tmp_path / "a.mp4", [40, 200], 30)) == pytest.approx([40, 40, 200, 200], abs=6)


def test_folders_of_frames_have_the_trained_rate(tmp_path: Path) -> None:
    for index, frame in enumerate(greys([30, 80, 130, 180, 230])):
        Image.fromarray(frame).save(tmp_path / f"{index:03}.png")
    assert read(tmp_path) == pytest.approx([30, 80, 130, 180], abs=1)


def test_an_encoded_clip_is_a_sample_like_any_other(tmp_path: Path) -> None:
    engine, model = engine_with(tmp_path / "models", "video")
    source = film(tmp_path / "a.mp4", [20, 90, 160, 230], RATE)
    encoded = final(run(engine, Encode(model, source)))
    assert encoded.figures["psnr"] > 0 and "dB" in encoded.words
    path = final(run(engine, Export(encoded.sample, tmp_path / "b.webm", (16, 16), timing=Timing(16.0))))
    back = final(run(engine, Regenerate(final(run(engine, OpenExport(path))).recipe)))
    assert np.array_equal(back.latents.packed, encoded.sample.latents.packed)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.mp4", b"no clip at all", "not a readable clip"),
        ("a.mp4", b"", "is empty"),
        ("a.glb", b"glTF", "is not a clip"),
        ("none.mp4", None, "no file"),
    ],
)
def test_bad_input_is_one_clear_line(name: str, content: bytes | None, said: str, tmp_path: Path) -> None:
    engine, model = engine_with(tmp_path / "models", "video")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert said in error(run(engine, Encode(model, tmp_path / name)))


def test_a_single_frame_is_no_clip(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="fewer than 2 frames"):
        read(film(tmp_path / "a.mp4", [100], RATE))
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadInput, match="fewer than 2 frames"):
        read(tmp_path / "folder")
