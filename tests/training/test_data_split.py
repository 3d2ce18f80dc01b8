"""What a run validates on: a part of its data that it holds out, a part of the folder, or a folder that is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from ddmi_models.cancel import WorkCancelled
from ddmi_models.engine import Engine
from ddmi_models.errors import BadData
from ddmi_models.events import Notice, Progress, Result
from ddmi_models.model import ModelParts
from ddmi_models.requests import CheckData, CheckTraining, held_out_count
from ddmi_models.training import control
from ddmi_models.training.config import DataConfig, TrainConfig
from ddmi_models.training.data import ImageBatches, training_and_validation
from ddmi_models.training.data_parts import held_out_rows, parts_of
from ddmi_models.training.environment import data_description
from ddmi_models.training.folder import BEST_FILE, RunFolder, read_metrics
from ddmi_models.training.loop import build_parts, run_training
from ddmi_models.training.objectives import AutoencoderObjective
from ddmi_models.training.planning import anchored
from ddmi_models.training.stages import OBJECTIVES, prepared
from tests.training.killing import figures, train
from tests.training.small import ITEMS, image_config, image_data

SHARE = 0.25


def with_data(config: TrainConfig, **changes: object) -> TrainConfig:
    return config.model_copy(update={"data": config.data.model_copy(update=changes)})


def divided_run(folder: Path, steps: int) -> TrainConfig:
    config = image_config(folder, steps=steps, save_every=3)
    return with_data(config, validation_share=SHARE)


def pictures(folder: Path, count: int, level: int = 0) -> Path:
    folder.mkdir(parents=True)
    for index in range(count):
        Image.new("RGB", (16, 16), (level, index, 0)).save(folder / f"{index}.png")
    return folder


def planned(train: Path, **changes: object) -> DataConfig:
    return anchored(with_data(image_config(train, steps=1), **changes)).data


# Held out


def test_how_many_are_held_out() -> None:
    assert [held_out_count(count, 0.05) for count in (1, 19, 20, 100, 1280, 10**6)] == [0, 0, 2, 5, 64, 256]
    assert held_out_count(1000, 0) == 0 and held_out_count(20, 0.5) == 10
    assert held_out_count(100, float("nan")) == 0 and held_out_count(100, float("inf")) == 50, "as typed"
    assert DataConfig(train=Path()).validation_share == 0.05


def test_items_are_trained_on_or_held_out_never_both(tmp_path: Path) -> None:
    config = DataConfig(train=image_data(tmp_path / "data"), validation_share=SHARE)
    kept, held = training_and_validation(ImageBatches, config, seed=1)
    assert held is not None and (len(kept), len(held)) == (18, 6)
    assert held.notices == ("6 of 24 items are held out to validate.",) and not kept.notices
    assert sorted([*kept.rows, *held.rows]) == list(range(ITEMS))
    stored = kept.arrays["image"]
    seen = np.concatenate([kept.indices(step, 6) for step in range(3)])
    assert sorted(seen) == list(range(18)), "an epoch goes over all the others"
    for part in (kept, held):
        items = np.arange(len(part))
        truth = torch.from_numpy(stored[part.rows]).permute(0, 3, 1, 2) / 127.5 - 1
        config = part.config.model_copy(update={"target_resolutions": (32,)})
        part.config = config
        assert torch.allclose(part.inputs(items)["image"], truth, atol=1e-5)
    _, again = training_and_validation(ImageBatches, config, seed=2)
    assert again is not None and np.array_equal(again.rows, held.rows), "whatever the seed of the run"
    _, none = training_and_validation(ImageBatches, config.model_copy(update={"validation_share": 0.0}), seed=1)
    assert none is None


def test_films_are_held_out_whole() -> None:
    clips = np.repeat([f"{film}.mp4" for film in range(40)], 3)
    held = held_out_rows(len(clips), 0.1, clips)
    assert len(held) == 12 and not set(clips[held]) & set(np.delete(clips, held))
    assert len(held_out_rows(60, 0.1, np.repeat(["a", "b"], 30))) == 6, "too few films: their clips"


def test_a_run_on_one_folder_validates_and_resumes_exactly(tmp_path: Path) -> None:
    config = divided_run(image_data(tmp_path / "data"), steps=6)
    events = list(run_training(config, tmp_path / "whole"))
    assert "6 of 24 items are held out to validate." in [e.message for e in events if isinstance(e, Notice)]
    rows = [row for row in read_metrics(tmp_path / "whole") if "validation_reconstruction" in row]
    assert [row["step"] for row in rows] == [3, 6] and (tmp_path / "whole" / BEST_FILE).is_file()
    with pytest.raises(WorkCancelled):
        for event in run_training(config, tmp_path / "torn"):
            if isinstance(event, Progress) and event.step == 4:
                control.ask(tmp_path / "torn", "pause")
    train(config, tmp_path / "torn", resume=True)
    assert figures(tmp_path / "whole") == figures(tmp_path / "torn")


def test_runs_of_older_versions_go_on_with_all_their_data(tmp_path: Path) -> None:
    config = divided_run(image_data(tmp_path / "data"), steps=3)
    train(config, tmp_path / "run")
    path = tmp_path / "run" / "config.yaml"
    values = yaml.safe_load(path.read_text())
    assert RunFolder(tmp_path / "run").config().data.validation_share == SHARE
    del values["data"]["validation_share"]
    path.write_text(yaml.safe_dump(values))
    assert RunFolder(tmp_path / "run").config().data.validation_share == 0


# Parts of the folder


def test_a_part_beside_the_training_validates(tmp_path: Path) -> None:
    for part, count in (("train", 3), ("Val", 2), ("test", 1), ("annotations", 1)):
        pictures(tmp_path / part, count)
    data = planned(tmp_path)
    assert (data.train, data.validation) == (tmp_path / "train", tmp_path / "Val")
    kept, held = training_and_validation(ImageBatches, data, seed=0)
    assert held is not None and (len(kept), len(held)) == (3, 2)
    assert held.notices == ("The 2 items of the part Val validate.",)
    *_, last = Engine().run(CheckData(tmp_path, "image"))
    assert isinstance(last, Result) and (last.value.usable, last.value.validation) == (3, "Val")


def test_a_part_among_the_pictures_is_not_trained_on(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "pics", 3)
    assert planned(folder).validation is None
    pictures(folder / "cats", 2), pictures(folder / "val", 4)
    data = planned(folder)
    assert (data.train, data.validation) == (folder, folder / "val")
    kept, held = training_and_validation(ImageBatches, data, seed=0)
    assert held is not None and (len(kept), len(held)) == (5, 4)


def test_parts_of_shards(tmp_path: Path) -> None:
    image_data(tmp_path / "a"), image_data(tmp_path / "val")
    kept, held = training_and_validation(ImageBatches, planned(tmp_path), seed=0)
    assert held is not None and (len(kept), len(held)) == (ITEMS, ITEMS)
    (tmp_path / "a").rename(tmp_path / "train")
    kept, held = training_and_validation(ImageBatches, planned(tmp_path), seed=0)
    assert held is not None and (len(kept), len(held)) == (ITEMS, ITEMS)
    assert len(ImageBatches(tmp_path, DataConfig(train=tmp_path), seed=0)) == ITEMS


def test_a_test_part_alone_is_a_folder_like_any_other(tmp_path: Path) -> None:
    for name in ("test", "cats"):
        (tmp_path / name).mkdir()
    assert parts_of(tmp_path).training == tmp_path and parts_of(tmp_path).validation is None


# Folders that are named


@pytest.mark.parametrize(
    ("trained", "held"),
    [("all", "all"), ("all", "all/dogs"), ("all/dogs", "all"), ("parted", "parted"), ("parted/train", "parted")],
)
def test_validating_on_what_is_trained_on_is_refused(tmp_path: Path, trained: str, held: str) -> None:
    for name in ("all", "all/dogs", "parted/train", "parted/val"):
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(BadData, match=r"data\.validation: what is in .* would be trained on too") as caught:
        planned(tmp_path / trained, validation=tmp_path / held)
    assert "\n" not in str(caught.value)


def test_a_named_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    for name in ("all/cats", "all/val", "other", "parted/train", "parted/val"):
        (tmp_path / name).mkdir(parents=True)
    for trained, held in (("all", "other"), ("all", "all/val"), ("parted", "parted/val"), ("parted", "other")):
        data = planned(tmp_path / trained, validation=tmp_path / held)
        assert (data.train, data.validation) == (tmp_path / trained, tmp_path / held)


def test_lists_of_one_folder_do_not_overlap(tmp_path: Path) -> None:
    for name in ("train.lst", "val.lst"):
        (tmp_path / name).write_text("a\n")
    assert planned(tmp_path, validation=tmp_path / "val.lst").validation == tmp_path / "val.lst"
    assert planned(tmp_path / "train.lst", validation=tmp_path / "val.lst").validation == tmp_path / "val.lst"
    for trained, held in ((tmp_path, "train.lst"), (tmp_path / "val.lst", "val.lst"), (tmp_path / "train.lst", "")):
        with pytest.raises(BadData, match="would be trained on too"):
            planned(trained, validation=tmp_path / held)


def test_the_form_says_so_at_the_field(tmp_path: Path) -> None:
    folder = image_data(tmp_path / "data")
    values = with_data(image_config(folder, 5), validation=folder).model_dump(mode="json")
    *_, last = Engine().run(CheckTraining(values))
    assert isinstance(last, Result)
    (problem,) = last.value
    assert problem.path == "data.validation" and problem.message.startswith("What is in")


# Figures


def test_every_size_is_validated_as_often_as_it_is_trained(tmp_path: Path) -> None:
    sizes = (16, 32, 16, 8)
    config = DataConfig(train=image_data(tmp_path / "data"), target_resolutions=sizes, crop=8)
    data = ImageBatches(config.train, config, seed=0)
    shown = [(share, round(16 / float(batch["scale"]))) for share, batch in data.validated(np.arange(3), 0)]
    assert shown == [(0.5, 16), (0.25, 32), (0.25, 8)]
    data.config = config.model_copy(update={"target_resolutions": (16,), "flip": True})
    ((share, batch),) = data.validated(np.arange(3), 7)
    expected = data.prepare(np.arange(3), np.random.default_rng(7))
    assert share == 1 and all(torch.equal(batch[key], expected[key]) for key in expected)


def test_every_item_counts_alike_in_validation(tmp_path: Path) -> None:
    folder = image_data(tmp_path / "data")
    config = with_data(image_config(folder, 1), validation=folder, target_resolutions=(16, 32), crop=32)
    assert config.model is not None
    objective = AutoencoderObjective(config, ModelParts(config.model))
    found = []
    for objective.at_once in (24, 20, 5):  # batches of 24; 20, 4; 5, 5, 5, 5, 4
        found.append(objective.validate(objective.trained(), torch.device("cpu")))
    for other in found[1:]:
        assert other["reconstruction"] == pytest.approx(found[0]["reconstruction"], rel=1e-5)


def test_few_items_are_validated_at_many_noise_levels(tmp_path: Path) -> None:
    picture = np.full((1, 32, 32, 3), 90, np.uint8)
    unet = {
        "in_channels": 3, "out_channels": 3, "model_channels": 8, "multipliers": [1], "blocks": 1, "head_channels": 8,
        "groups": 4,
    }  # fmt: skip
    found = []
    for count in (2, 24):  # of the same picture
        folder = tmp_path / str(count)
        folder.mkdir()
        np.savez(folder / "shard-00000.npz", image=np.repeat(picture, count, axis=0))
        config = with_data(image_config(folder, 1, stage="diffusion", unet=unet), validation=folder)
        objective = prepared(OBJECTIVES["diffusion"](config, build_parts(config)))
        found.append(objective.validate(objective.trained(), torch.device("cpu"))["error"])
    assert found[0] == pytest.approx(found[1], rel=1e-4)


def test_manifests_of_subfolders_are_part_of_what_the_data_are(tmp_path: Path) -> None:
    data = image_data(tmp_path / "data")
    (data / "more").mkdir()
    config, hashes = DataConfig(train=data), []
    for name in ("one", "two"):
        (data / "more" / "manifest.json").write_text(json.dumps({"name": name}))
        described = data_description(config)["train"]
        hashes.append(described["sha256"])
        assert "manifest" not in described
    assert hashes[0] != hashes[1]
