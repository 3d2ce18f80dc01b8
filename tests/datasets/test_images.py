"""Folders of pictures: any sizes and modes, damaged ones skipped and told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ddmi_models.errors import BadData
from ddmi_models.training.datasets import Preparation, prepared, recognise, summarise


def ramp(width: int, height: int) -> Image.Image:
    """Red grows to the right, green downwards."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, np.full_like(x, 90)], axis=-1).astype(np.uint8))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    ramp(37, 53).save(folder / "tall.png")
    ramp(91, 40).save(folder / "more" / "wide.jpg", quality=95)
    ramp(64, 64).convert("L").save(folder / "grey.webp", lossless=True)
    ramp(32, 32).convert("P").save(folder / "palette.png")
    see_through = ramp(20, 20).convert("RGBA")
    see_through.putalpha(0)
    see_through.save(folder / "transparent.png")
    ramp(90, 90).save(folder / "cut.png")
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:-300])
    (folder / "letter.png").write_text("not a picture")
    (folder / "notes.txt").write_text("a text file")
    ramp(4, 30).save(folder / "tiny.png")
    return folder


def test_the_summary_tells_what_is_there_and_what_is_wrong(pictures: Path) -> None:
    summary = summarise(pictures)
    assert (summary.layout, summary.domain, summary.count, summary.usable) == ("images", "image", 8, 5)
    assert summary.problems == (
        "cut.png: damaged or no picture.",
        "letter.png: damaged or no picture.",
        "tiny.png: 4x30 pixels are too few.",
    )
    assert "1 of 64x64" in dict(summary.facts)["holds"] and pictures / "grey.webp" in summary.examples


def test_thumbnails_show_what_is_whole(pictures: Path) -> None:
    looks = summarise(pictures).thumbnails
    assert len(looks) == 6 and {look.shape for look in looks} == {(96, 96, 3)}
    assert looks[1][:, -1, 0].mean() > 150 > 100 > looks[1][:, 0, 0].mean()  # red grows to the right


def test_pictures_are_cut_to_their_middle_and_resized(pictures: Path) -> None:
    arrays, problems = prepared(recognise(pictures), Preparation(size=16))
    assert arrays["image"].shape == (5, 16, 16, 3) and arrays["image"].dtype == np.uint8
    assert [name for name, _ in problems] == ["cut.png", "letter.png", "tiny.png"]
    tall = arrays["image"][3].astype(float)  # in natural order: grey, more/wide, palette, tall, transparent
    assert tall[:, 0, 0].max() < 20 and tall[:, -1, 0].min() > 235
    lost = (53 - 37) / 2 / 53 * 255
    assert tall[0, :, 1].mean() == pytest.approx(lost + 8, abs=8) and tall[-1, :, 1].mean() < 255 - lost + 4
    assert (arrays["image"][4] == 255).all()  # see-through becomes white


def test_a_photograph_is_set_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    ramp(32, 32).save(tmp_path / "turned.jpg", exif=exif)
    arrays, _ = prepared(recognise(tmp_path), Preparation(size=8))
    assert arrays["image"][0, 0, 0, 0] > 200 and arrays["image"][0, 0, -1, 0] < 60


def test_sixteen_bits_keep_their_tones(tmp_path: Path) -> None:
    deep = np.tile(np.linspace(0, 65535, 32).astype(np.uint16), (32, 1))
    Image.fromarray(deep).save(tmp_path / "deep.png")
    arrays, _ = prepared(recognise(tmp_path), Preparation(size=32))
    np.testing.assert_allclose(arrays["image"][0, 16, :, 0], np.linspace(0, 255, 32), atol=1)


@pytest.mark.parametrize(("kind", "white"), [(np.float32, 1), (np.int32, 65535), (np.uint16, 65535)])
def test_grey_levels_of_floats_and_integers_keep_their_tones(tmp_path: Path, kind: type, white: float) -> None:
    levels = np.tile(np.linspace(0, white, 32).astype(kind), (32, 1))
    Image.fromarray(levels).save(tmp_path / "deep.tiff")
    arrays, problems = prepared(recognise(tmp_path), Preparation(size=32))
    assert not problems
    np.testing.assert_allclose(arrays["image"][0, 16, :, 0], np.linspace(0, 255, 32), atol=1)


def test_grey_levels_without_a_known_white_are_refused(tmp_path: Path) -> None:
    for name, levels, kind in (
        ("a", [0, 200], np.float32),
        ("b", [-0.5, 1], np.float32),
        ("c", [0, np.nan], np.float32),
        ("d", [0, 70000], np.int32),
    ):
        Image.fromarray(np.tile(np.array(levels, kind), (9, 8))).save(tmp_path / f"{name}.tif")
    assert summarise(tmp_path).problems == (
        "a.tif: float grey levels from 0 to 200, not in [0, 1].",
        "b.tif: float grey levels from -0.5 to 1, not in [0, 1].",
        "c.tif: grey levels that are not finite.",
        "d.tif: integer grey levels from 0 to 70000, not in [0, 65535].",
    )


def test_the_training_part_stands_for_the_whole(tmp_path: Path) -> None:
    for part, count in (("train", 2), ("test", 1)):
        (tmp_path / part).mkdir()
        for index in range(count):
            ramp(16, 16 + index).save(tmp_path / part / f"{'ab'[index]}.png")
    assert summarise(tmp_path).count == 2
    assert summarise(tmp_path / "test").count == 1


def test_folders_without_data(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="no data in a known layout"):
        summarise(tmp_path)
    with pytest.raises(BadData, match="There is no folder"):
        summarise(tmp_path / "none")
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(BadData, match=r"Nothing in .* can be used; a\.png: damaged"):
        prepared(recognise(tmp_path), Preparation())
    with pytest.raises(BadData, match="no videos"):
        recognise(tmp_path, "video")
