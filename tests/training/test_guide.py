"""What the form of a new run is made of, and what it says of values as they are typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ddmi_models.engine import Engine
from ddmi_models.events import Result
from ddmi_models.requests import CheckTraining, DescribeTraining, Request, SettingProblem, TrainingGuide
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.guide import SIZES
from tests.training.small import image_config, image_data


def ask(request: Request) -> Any:
    *_, last = Engine().run(request)
    assert isinstance(last, Result), last
    return last.value


@pytest.fixture(scope="module")
def guide() -> TrainingGuide:
    return ask(DescribeTraining())


def test_every_setting_is_described(guide):
    silent = [setting.path for setting in guide.settings if not setting.description]
    assert len(guide.settings) > 100 and not silent
    by_path = {setting.path: setting for setting in guide.settings}
    crop, decay, weighting = by_path["data.crop"], by_path["ema"], by_path["weighting"]
    assert (crop.kind, crop.default, crop.bounds, crop.domains) == ("whole", "64", "above 0", ("image", "video"))
    assert (decay.label, decay.kind, decay.bounds) == ("EMA", "number", "at least 0, below 1")
    assert (weighting.choices, weighting.stages) == (("plain", "min-snr"), ("diffusion",))
    assert by_path["kl.end"].stages == ("autoencoder",), "of its section"
    assert by_path["steps"].required and not by_path["minutes"].required
    assert (by_path["data.validation"].kind, by_path["perceptual_weights"].kind) == ("folder", "file")


def test_presets_are_ready_for_ones_own_data(guide, tmp_path):
    stages = {(preset.domain, preset.stage) for preset in guide.presets}
    assert {("image", "autoencoder"), ("image", "diffusion"), ("shape", "alignment"), ("video", "diffusion")} <= stages
    paths = {setting.path for setting in guide.settings}
    assert all(path in paths for size in SIZES for path in (*size.factors, *size.values))
    for preset in guide.presets:
        assert preset.hint and preset.values["start_from"] in (None, "avatars") and preset.values["latents"] is None
        data = {**preset.values["data"], "train": str(tmp_path)}
        TrainConfig.parse({**preset.values, "data": data, "start_from": "avatars"})
    names = [preset.name for preset in guide.presets if preset.domain == "video"]
    assert names[0].startswith("skies"), "the paper's, which are for GPUs, come last"
    assert {preset.domain for preset in guide.presets} == {"image", "shape", "nerf", "video"}


def test_models_to_start_from(guide):
    points = {point.key: point for point in guide.starts}
    avatars, furniture = points["avatars"], points["furniture"]
    assert (avatars.domain, avatars.complete, avatars.takes_text, avatars.latent_channels) == ("image", True, False, 16)
    assert furniture.takes_text and furniture.latent_channels == 24


def typed(folder: Path, **changes: Any) -> dict[str, Any]:
    values = image_config(folder, 5).model_dump(mode="json")
    return {**values, **changes}


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"steps": "many"}, "steps", "Has to be a whole number."),
        ({"steps": "1.5"}, "steps", "Has to be a whole number."),
        ({"batch": "0"}, "batch", "Has to be above 0."),
        ({"ema": "1"}, "ema", "Has to be below 1."),
        ({"learning_rate": ""}, "learning_rate", "Has to be a number."),
        ({"name": "a/b"}, "name", "A model cannot be called 'a/b'."),
        ({"start_from": "nothing"}, "start_from", "nothing: no model of this name."),
        ({"register_as": "avatars"}, "register_as", "There is a model called 'avatars' already."),
        ({"stage": "diffusion"}, "start_from", "Choose a model to start from."),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, changes, path, message):
    (problem,) = ask(CheckTraining(typed(image_data(tmp_path / "data"), **changes)))
    assert problem.path == path and problem.message.startswith(message)


def test_texts_as_typed_are_values(tmp_path):
    folder = image_data(tmp_path / "data")
    assert ask(CheckTraining(typed(folder, steps="12", learning_rate="1e-4", minutes=None))) == ()
    lost = typed(tmp_path / "none")
    assert ask(CheckTraining(lost)) == (SettingProblem("data.train", f"There is no {tmp_path / 'none'}."),)
