"""From what a user gives to a run that can be started."""

from __future__ import annotations

from pathlib import Path

import pytest

from ddmi_models.errors import BadConfig, BadData, BadInput
from ddmi_models.training.loop import build_parts
from ddmi_models.training.planning import plan_new_run, plan_run
from ddmi_models.training.runs import runs_dir
from tests import models
from tests.training.small import image_config, image_data

PRESET = "avatars-autoencoder"


def test_a_preset_on_other_data_takes_the_validation_set_beside_them(tmp_path: Path) -> None:
    faces = image_data(tmp_path / "faces")
    on_faces = [f"data.train={faces}"]
    assert plan_new_run(None, PRESET, on_faces).config.data.validation is None
    beside = image_data(tmp_path / "faces-validation")
    assert plan_new_run(None, PRESET, on_faces).config.data.validation == beside
    other = image_data(tmp_path / "other")
    named = plan_new_run(None, PRESET, [*on_faces, f"data.validation={other}"]).config.data
    assert (named.train, named.validation) == (faces, other)
    with pytest.raises(BadData, match=r"data\.validation: there is no"):
        plan_new_run(None, PRESET, [*on_faces, f"data.validation={tmp_path / 'nowhere'}"])


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", "..", ".hidden", " x", "x ", "x\n", "x\x00", "x" * 300])
def test_a_name_cannot_lead_out_of_the_runs(tmp_path: Path, name: str) -> None:
    config = image_config(image_data(tmp_path / "data"), steps=1, name=name)
    with pytest.raises(BadInput, match="name: a run cannot be called"):
        plan_run(config, None, config.name)
    assert plan_run(config, tmp_path / "run", config.name).folder == tmp_path / "run", "a folder of one's own"


@pytest.mark.parametrize("name", ["+ HDBF + CFC", "my faces", "Größe", "v1.2"])
def test_names_that_are_folders_of_runs(tmp_path: Path, name: str) -> None:
    config = image_config(image_data(tmp_path / "data"), steps=1, name=name)
    assert plan_run(config, None, name).folder == runs_dir() / name


def test_no_precision_may_be_said_as_people_do(tmp_path: Path) -> None:
    settings = [f"data.train={image_data(tmp_path / 'data')}", "precision=no"]
    assert plan_new_run(None, "paper-afhq-cat-autoencoder", settings).config.precision == "no"


def test_a_model_of_another_domain_is_nothing_to_start_from(tmp_path: Path) -> None:
    furniture = models.write(tmp_path, "shape")
    config = image_config(image_data(tmp_path / "data"), steps=1, start_from=str(furniture))
    with pytest.raises(BadConfig, match="start_from: a model of the domain shape has nothing to start one of image"):
        build_parts(config)
