"""Shards of training data: layout, manifest, resuming."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.errors import BadInput, CannotWrite
from ddmi_models.training.procedural import DATA_MAKERS, write_shards
from ddmi_models.training.procedural.furniture import make_furniture

MAKER = replace(DATA_MAKERS["furniture"], shard_size=4)


def test_layout_and_manifest(tmp_path: Path) -> None:
    assert list(write_shards(MAKER, tmp_path, 6, 40)) == [(4, 6), (6, 6)]
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["name"], manifest["seed"], manifest["count"]) == ("furniture", 40, 6)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", "shard-00000.npz", "shard-00001.npz"]
    for name, digest in manifest["sha256"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    with np.load(tmp_path / "shard-00001.npz") as shard:
        assert shard["cloud"].shape == (2, 2048, 3)
        assert shard["points"].shape == (2, 4096, 3)
        assert shard["occupancy"].shape == (2, 512)
        assert shard["seeds"].tolist() == [44, 45]
        piece = make_furniture(45)
        assert tuple(json.loads(shard["captions"][1])) == piece.captions
        inside = np.unpackbits(shard["occupancy"][1]).astype(bool)
        np.testing.assert_array_equal(inside, piece.contains(shard["points"][1].astype(np.float64)))


def test_the_same_set_has_the_same_hashes(tmp_path: Path) -> None:
    sums = []
    for folder in ("a", "b"):
        list(write_shards(MAKER, tmp_path / folder, 4, 7))
        sums.append(json.loads((tmp_path / folder / "manifest.json").read_text())["sha256"])
    assert sums[0] == sums[1]


def test_resuming_keeps_what_is_complete_and_mends_the_rest(tmp_path: Path) -> None:
    list(write_shards(MAKER, tmp_path, 8, 0))
    whole, broken = tmp_path / "shard-00000.npz", tmp_path / "shard-00001.npz"
    expected = broken.read_bytes()
    broken.write_bytes(expected[: len(expected) // 2])
    before = whole.stat().st_mtime_ns
    list(write_shards(MAKER, tmp_path, 8, 0))
    assert whole.stat().st_mtime_ns == before
    assert broken.read_bytes() == expected


def test_several_workers_make_the_same_set(tmp_path: Path) -> None:
    list(write_shards(MAKER, tmp_path / "one", 6, 0))
    assert list(write_shards(MAKER, tmp_path / "two", 6, 0, workers=2)) == [(4, 6), (6, 6)]
    one, two = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("one", "two"))
    assert one == two


def test_cancelling_ends_the_workers_and_keeps_whole_shards(tmp_path: Path) -> None:
    token = CancelToken()
    work = write_shards(replace(MAKER, shard_size=1), tmp_path, 500, 0, 2, token.check)
    assert next(work) == (1, 500)
    children = multiprocessing.active_children()
    assert len(children) == 2
    token.cancel()
    with pytest.raises(WorkCancelled):
        list(work)
    assert not any(child.is_alive() for child in children)
    assert [path.name for path in tmp_path.iterdir()] == ["shard-00000.npz"]


def test_cancelling_never_waits_for_half_a_message(tmp_path: Path) -> None:
    """Workers that are ended while they hand over much data leave nobody waiting."""
    maker = replace(DATA_MAKERS["skies"], shard_size=8)
    for attempt in range(2):
        token = CancelToken()
        work = write_shards(maker, tmp_path / str(attempt), 400, 0, 2, token.check)
        next(work)
        token.cancel()
        with pytest.raises(WorkCancelled):
            list(work)
        assert len(list((tmp_path / str(attempt)).iterdir())) == 1


def test_bad_requests(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="at least 1"):
        list(write_shards(MAKER, tmp_path, 0, 0))
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(CannotWrite):
        list(write_shards(MAKER, blocked, 4, 0))
