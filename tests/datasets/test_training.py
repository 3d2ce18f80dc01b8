"""Trainings on folders of files: the same batches, and runs, as on shards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from ddmi_models.cancel import CancelToken
from ddmi_models.errors import BadData
from ddmi_models.events import Notice, Progress, Result
from ddmi_models.training.config import DataConfig
from ddmi_models.training.data import ImageBatches, NerfBatches, ShapeBatches, VideoBatches
from ddmi_models.training.loop import run_training
from ddmi_models.training.procedural import data_maker, write_layout
from ddmi_models.training.procedural.skies import sky_arrays
from tests.training.small import image_config, image_data, shape_config


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path]:
    """The same pictures as shards and as files; among the files also a damaged one."""
    shards, files = image_data(tmp_path / "shards"), tmp_path / "files"
    files.mkdir()
    with np.load(shards / "shard-00000.npz") as shard:
        for index, picture in enumerate(shard["image"]):
            Image.fromarray(picture).save(files / f"{index:03d}.png")
    (files / "zzz.png").write_bytes(b"damaged")
    return shards, files


def test_batches_of_files_are_those_of_shards(pictures: tuple[Path, Path], tmp_path: Path) -> None:
    config = DataConfig(train=tmp_path, target_resolutions=(16, 32), crop=16, flip=True)
    shards, files = (ImageBatches(folder, config, seed=3) for folder in pictures)
    assert len(files) == len(shards) and not shards.notices
    assert len(files.notices) == 1 and "zzz.png" in files.notices[0]
    for step in range(3):
        expected, batch = shards.batch(step, 5), files.batch(step, 5)
        assert all(torch.equal(batch[key], expected[key]) for key in expected)


def test_a_training_on_files_gives_the_weights_of_one_on_shards(pictures: tuple[Path, Path], tmp_path: Path) -> None:
    models, notices = [], []
    for name, folder in zip(("a", "b"), pictures, strict=True):
        events = list(run_training(image_config(folder, 2), tmp_path / name, False, CancelToken()))
        assert isinstance(events[-1], Result)
        models.append((tmp_path / name / "model.safetensors").read_bytes()[-4000:])
        notices += [event.message for event in events if isinstance(event, Notice) and "zzz.png" in event.message]
        told = [event for event in events if isinstance(event, Progress) and event.label == "Preparing files"]
        assert bool(told) == (name == "b")
    assert models[0] == models[1]
    assert len(notices) == 1


def test_captioned_meshes_train_a_shape_model(tmp_path: Path) -> None:
    folder = tmp_path / "meshes"
    folder.mkdir()
    for index in range(3):
        trimesh.creation.box((1, 1 + index, 2)).export(folder / f"{index}.stl")
        (folder / f"{index}.txt").write_text(f"box {index}")
    batches = ShapeBatches(folder, shape_config(folder, 1).data, seed=0)
    assert batches.captions(np.array([2, 0])) == [["box 2"], ["box 0"]]
    batch = batches.batch(0, 2)
    assert batch["cloud"].shape == (2, 128, 3) and batch["occupancy"].shape == (2, 256)
    events = list(run_training(shape_config(folder, 1, batch=2), tmp_path / "run", False, CancelToken()))
    assert isinstance(events[-1], Result)
    losses = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert losses


def test_films_and_posed_pictures_give_batches(tmp_path: Path) -> None:
    for name, layout, options in (
        ("skies", "skytimelapse", {"size": 16}),
        ("cars", "srn", {"size": 16, "views": 3}),
    ):
        list(write_layout(data_maker(name).configured(options), layout, tmp_path / name, 2, 0))
    films = VideoBatches(tmp_path / "skies", DataConfig(train=tmp_path, size=16, crop=16), seed=0)
    np.testing.assert_array_equal(films.arrays["frames"], sky_arrays(range(2), size=16)["frames"])
    batch = films.batch(0, 2)
    assert batch["frames"].shape == (2, 3, 16, 16, 16)
    cars = NerfBatches(tmp_path / "cars", DataConfig(train=tmp_path, size=16, rays=32, ray_samples=4), seed=0)
    assert len(cars) == 2 and cars.batch(0, 2)["colours"].shape == (2, 32, 3)


def test_a_folder_of_another_kind_is_refused(pictures: tuple[Path, Path]) -> None:
    with pytest.raises(BadData, match="no shapes in a known layout"):
        ShapeBatches(pictures[1], DataConfig(train=pictures[1]), seed=0)
