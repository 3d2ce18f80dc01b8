"""Procedural skies: what a clip shows, and its two layouts on disk."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ddmi_models.errors import BadInput
from ddmi_models.training.procedural import data_maker, write_layout, write_shards
from ddmi_models.training.procedural.horizons import KINDS, Horizon
from ddmi_models.training.procedural.skies import random_sky, render_sky, sky_arrays


def test_a_seed_gives_the_same_clip_and_another_one_another() -> None:
    first, second = sky_arrays(range(2), size=16)["frames"]
    assert first.shape == (16, 16, 16, 3)
    np.testing.assert_array_equal(first, render_sky(random_sky(0), 16))
    assert np.abs(first.astype(int) - second).mean() > 5


def test_skies_move_smoothly() -> None:
    clips = np.stack([render_sky(random_sky(seed), 32) for seed in range(6)]).astype(float)
    step = np.abs(np.diff(clips, axis=1)).mean(axis=(1, 2, 3, 4))
    across = np.abs(clips[:, -1] - clips[:, 0]).mean(axis=(1, 2, 3))
    assert (step > 0.2).all()
    assert (step < 0.5 * across).all()


def test_another_size_shows_the_same_sky() -> None:
    sky = random_sky(3)
    small, large = render_sky(sky, 32, 4).astype(float), render_sky(sky, 96, 4).astype(float)
    reduced = large.reshape(4, 32, 3, 32, 3, 3).mean(axis=(2, 4))
    assert np.abs(reduced - small).mean() < 6


def test_the_sun_makes_the_day() -> None:
    means = [render_sky(replace(random_sky(1), sun=(0.0, height, 5.0, 1.0)), 16, 2).mean() for height in (-14, 0, 35)]
    assert means[0] < 40 < means[1] < means[2]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "sea"])
def test_land_stands_still_before_the_sky(kind: str) -> None:
    sky = replace(random_sky(2), horizon=Horizon(kind, 1, 0.3, 0.8), level=0.75, sun=(0.0, 30.0, 0.0, 0.0))
    clip = render_sky(sky, 32).astype(float)
    above, below = (np.abs(np.diff(rows, axis=0)).mean() for rows in (clip[:, :20], clip[:, -5:]))
    assert clip[:, -5:].mean() < clip[:, :20].mean()
    assert below < above


def test_the_sea_mirrors_the_sky_and_moves() -> None:
    sky = replace(random_sky(2), horizon=Horizon("sea", 1, 0.3, 0.8), level=0.6, sun=(0.0, 3.0, 0.0, 0.0))
    clip = render_sky(sky, 32).astype(float)
    above, below = clip[:, 12:18].mean(axis=(0, 1, 2)), clip[:, 20:23].mean(axis=(0, 1, 2))
    assert np.argsort(above).tolist() == np.argsort(below).tolist()
    assert np.abs(np.diff(clip[:, -8:], axis=0)).mean() > 0.5


def test_the_layout_of_skytimelapse(tmp_path: Path) -> None:
    maker = data_maker("skies").configured({"size": 16})
    assert list(write_layout(maker, "skytimelapse", tmp_path, 2, 5)) == [(1, 2), (2, 2)]
    frames = sorted((tmp_path / "train" / "sky00000005").iterdir())
    assert [frame.name for frame in frames][:2] == ["frame00000.png", "frame00001.png"]
    stored = np.stack([np.asarray(Image.open(frame)) for frame in frames])
    np.testing.assert_array_equal(stored, render_sky(random_sky(5), 16))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["layout"], manifest["size"]) == ("skytimelapse", 16)

    frames[0].write_bytes(b"changed")
    assert list(write_layout(maker, "skytimelapse", tmp_path, 2, 5)) == [(2, 2)]
    assert json.loads((tmp_path / "manifest.json").read_text())["sha256"] != manifest["sha256"]


def test_shards_of_another_size_are_made_again(tmp_path: Path) -> None:
    for size in (16, 8):
        list(write_shards(data_maker("skies").configured({"size": size}), tmp_path, 2, 0))
        with np.load(tmp_path / "shard-00000.npz") as shard:
            assert shard["frames"].shape == (2, 16, size, size, 3)


def test_bad_requests(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no option 'views'"):
        data_maker("skies").configured({"views": 3})
    with pytest.raises(BadInput, match="shards, skytimelapse"):
        list(write_layout(data_maker("skies"), "tar", tmp_path, 1, 0))
