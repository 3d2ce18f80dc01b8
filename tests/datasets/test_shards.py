"""Summaries of shards that `ddmi data make` wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from ddmi_models.errors import BadData
from ddmi_models.training.config import DataConfig
from ddmi_models.training.data import load_data
from ddmi_models.training.datasets import summarise
from ddmi_models.training.procedural import data_maker, write_shards


@pytest.mark.parametrize(
    ("name", "domain", "options"),
    [
        ("avatars", "image", {}),
        ("furniture", "shape", {}),
        ("cars", "nerf", {"size": 16, "views": 2}),
        ("skies", "video", {"size": 16}),
    ],
)
def test_every_procedural_set_is_understood(tmp_path: Path, name: str, domain: str, options: dict[str, int]) -> None:
    list(write_shards(data_maker(name).configured(options), tmp_path, 2, 7))
    summary = summarise(tmp_path)
    assert (summary.layout, summary.domain, summary.count, summary.usable) == ("shards", domain, 2, 2)
    facts = dict(summary.facts)
    assert (facts["name"], facts["seed"], summary.problems) == (name, 7, ())
    assert len(summary.thumbnails) == 2 and summary.thumbnails[0].std() > 5


def test_damaged_shards_are_told(tmp_path: Path) -> None:
    list(write_shards(data_maker("skies").configured({"size": 8}), tmp_path, 2, 0))
    (shard,) = tmp_path.glob("*.npz")
    shard.write_bytes(shard.read_bytes()[:-40])
    summary = summarise(tmp_path)
    assert summary.usable == 0 and shard.name in summary.problems[0] and summary.thumbnails == ()
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(BadData, match="manifest"):
        summarise(tmp_path)


def test_sets_in_folders_of_one_folder_count_together(tmp_path: Path) -> None:
    for name, seed in (("drawn", 0), ("more", 50)):
        list(write_shards(data_maker("skies").configured({"size": 8}), tmp_path / name, 2, seed))
    (tmp_path / "notes").mkdir()
    summary = summarise(tmp_path)
    assert (summary.layout, summary.domain, summary.count, summary.usable) == ("shards", "video", 4, 4)
    assert summary.problems == () and dict(summary.facts)["seed"] == "0, 50"
    arrays, notices = load_data(tmp_path, ("frames", "seeds"), DataConfig(train=tmp_path))
    assert arrays["seeds"].tolist() == [0, 1, 50, 51] and len(arrays["frames"]) == 4 and notices == ()
    (tmp_path / "more" / "shard-00000.npz").unlink()
    assert summarise(tmp_path).usable == 2
