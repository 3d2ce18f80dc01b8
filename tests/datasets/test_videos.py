"""Films and folders of frames, of odd sizes and rates."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from ddmi_models.engine import Engine
from ddmi_models.errors import BadData
from ddmi_models.requests import CheckData
from ddmi_models.training.config import DataConfig
from ddmi_models.training.data import VideoBatches
from ddmi_models.training.datasets import Preparation, prepared, recognise, summarise
from tests.engine.running import final, run

HOW = Preparation(size=16, frames=4)


def frame(index: int, width: int, height: int) -> np.ndarray:
    """Grey that grows with time, a white square that moves right."""
    picture = np.full((height, width, 3), min(5 * index, 255), np.uint8)
    picture[height // 3 : height // 2, (2 * index) % width : (2 * index) % width + 5] = 255
    return picture


def write_film(path: Path, frames: int, width: int, height: int, rate: Fraction, codec: str = "mpeg4") -> None:
    path.parent.mkdir(exist_ok=True)
    with av.open(str(path), "w") as film:
        stream = film.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(frame(2 * index, width, height), format="rgb24")))
        film.mux(stream.encode())


def test_films_become_clips(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", 10, 50, 34, Fraction(30000, 1001))
    write_film(tmp_path / "b.mkv", 3, 64, 64, Fraction(7))
    write_film(tmp_path / "c.mp4", 9, 48, 48, Fraction(25))
    (tmp_path / "c.mp4").write_bytes((tmp_path / "c.mp4").read_bytes()[:400])
    (tmp_path / "d.avi").write_text("no film")
    summary = summarise(tmp_path, how=HOW)
    assert (summary.layout, summary.domain, summary.count, summary.usable) == ("video-files", "video", 4, 1)
    assert [line.split(":")[0] for line in summary.problems] == ["b.mkv", "c.mp4", "d.avi"]
    assert len(summary.thumbnails) == 2
    arrays, problems = prepared(recognise(tmp_path), HOW)
    assert arrays["frames"].shape == (2, 4, 16, 16, 3)
    assert [f"{name}: {reason}." for name, reason in problems] == list(summary.problems)
    assert dict(problems)["b.mkv"] == "too short: 3 frames, 4 wanted"
    levels = np.median(arrays["frames"].astype(float), axis=(2, 3, 4)).ravel()
    np.testing.assert_allclose(levels, 10 * np.arange(8), atol=5)


def test_stride_takes_every_second_frame(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", 10, 32, 32, Fraction(25))
    arrays, _ = prepared(recognise(tmp_path), Preparation(size=16, frames=4, stride=2))
    levels = np.median(arrays["frames"].astype(float), axis=(2, 3, 4))
    np.testing.assert_allclose(levels, [[0, 20, 40, 60]], atol=5)


def test_the_check_refuses_what_a_training_would(tmp_path: Path) -> None:
    write_film(tmp_path / "films" / "a.mp4", 5, 32, 32, Fraction(25))
    write_film(tmp_path / "films" / "b.mp4", 31, 32, 32, Fraction(25))
    write_film(tmp_path / "films" / "c.mp4", 30, 32, 32, Fraction(25))
    for number in range(7):
        (tmp_path / "frames" / "one").mkdir(parents=True, exist_ok=True)
        Image.fromarray(frame(number, 16, 16)).save(tmp_path / "frames" / "one" / f"frame{number}.png")
    config = DataConfig(train=tmp_path / "films", size=16, stride=2)
    checked = final(run(Engine(), CheckData(config.train, stride=2)))
    assert (checked.count, checked.usable) == (3, 1)
    assert checked.problems == (
        "a.mp4: too short: 5 frames, 31 wanted (16 at stride 2).",
        "c.mp4: too short: 30 frames, 31 wanted (16 at stride 2).",
    )
    trained = VideoBatches(config.train, config, seed=0)
    assert len(trained) == 1 and checked.problems[0] in trained.notices[0]
    assert summarise(tmp_path / "films").problems == ("a.mp4: too short: 5 frames, 16 wanted.",)
    assert summarise(tmp_path / "frames").problems == ("one: too short: 7 frames, 16 wanted.",)
    with pytest.raises(BadData, match=r"Nothing .* can be used; one: too short: 7 frames, 16 wanted"):
        VideoBatches(tmp_path / "frames", config.model_copy(update={"stride": 1}), seed=0)


def test_a_long_film_gives_its_first_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ddmi_models.training.datasets.videos.MOST_CLIPS", 2)
    for name, frames in (("exact", 8), ("long", 13)):
        (tmp_path / name).mkdir()
        for number in range(frames):
            Image.fromarray(frame(number, 16, 16)).save(tmp_path / name / f"frame{number}.png")
    (tmp_path / "long" / "frame12.png").write_text("damaged, and not looked at")
    assert summarise(tmp_path, how=HOW).usable == 2
    arrays, problems = prepared(recognise(tmp_path), HOW)
    assert len(arrays["frames"]) == 4 and problems == [("long", "only its first 2 clips are used")]


def test_folders_of_frames(tmp_path: Path) -> None:
    for name, numbers in (("train/one", (1, 2, 10, 9)), ("train/two", (0, 1, 2, 3))):
        (tmp_path / name).mkdir(parents=True)
        for number in numbers:
            Image.fromarray(frame(number, 33, 21)).save(tmp_path / name / f"frame{number}.png")
    Image.fromarray(frame(0, 10, 10)).save(tmp_path / "train" / "two" / "frame3.png")
    summary = summarise(tmp_path, how=HOW)
    assert (summary.layout, summary.count, summary.usable) == ("frames", 2, 1)
    assert summary.problems == ("two: frames of different sizes.",)
    arrays, problems = prepared(recognise(tmp_path), HOW)
    assert problems == [("two", "frames of different sizes")]
    levels = np.median(arrays["frames"].astype(float), axis=(2, 3, 4))
    np.testing.assert_allclose(levels[0], [5, 10, 45, 50])  # 9 before 10


def test_numbered_pictures_that_are_no_film_are_pictures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for group in ("cats", "dogs"):
        (tmp_path / group).mkdir()
        for index in range(6):
            look = rng.integers(0, 255, (2, 2, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
            Image.fromarray(look).save(tmp_path / group / f"pet_{index:04d}.png")
    assert recognise(tmp_path).layout.key == "images"
    assert recognise(tmp_path, "video").layout.key == "frames"
    for group in ("cats", "dogs"):
        for index in range(6):
            Image.fromarray(frame(index + (0 if group == "cats" else 40), 16, 16)).save(
                tmp_path / group / f"pet_{index:04d}.png"
            )
    assert recognise(tmp_path).layout.key == "frames"


@pytest.mark.parametrize("size", [(17, 40), (90, 31)])
def test_odd_sizes_keep_their_middle(tmp_path: Path, size: tuple[int, int]) -> None:
    for number in range(4):
        picture = np.zeros((size[1], size[0], 3), np.uint8)
        picture[size[1] // 2 - 2 : size[1] // 2 + 3, size[0] // 2 - 2 : size[0] // 2 + 3] = 255
        (tmp_path / "clip").mkdir(exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "clip" / f"frame{number}.png")
    arrays, _ = prepared(recognise(tmp_path), HOW)
    bright = arrays["frames"][0, 0, :, :, 0].astype(float)
    rows, columns = np.mgrid[:16, :16]
    assert (bright * rows).sum() / bright.sum() == pytest.approx(7.5, abs=0.6)
    assert (bright * columns).sum() / bright.sum() == pytest.approx(7.5, abs=0.6)
