"""What the form of a new run is made of, and what it says of values as they are typed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from ddmi_models.engine import Engine
from ddmi_models.errors import BadConfig
from ddmi_models.events import Result
from ddmi_models.model import ModelParts
from ddmi_models.requests import CheckTraining, DescribeTraining, Request, SettingProblem, TrainingGuide
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.guide import SIZES
from tests.training.small import image_config, image_data, shape_data


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
    assert (crop.kind, crop.default, crop.bounds, crop.domains) == (
        "whole",
        "64",
        "above 0, at most 4096",
        ("image", "video"),
    )
    assert (decay.label, decay.kind, decay.bounds) == ("EMA", "number", "at least 0, below 1")
    sizes = by_path["data.target_resolutions"]
    assert (sizes.kind, sizes.default, sizes.bounds) == ("list", "64", "above 0, at most 4096"), "of each"
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
        ({"register_as": "x y"}, "register_as", "A model cannot be called 'x y'. Use up to 64 letters"),
        ({"stage": "diffusion"}, "start_from", "Choose a model to start from."),
        ({"steps": "9" * 30}, "steps", "Has to be at most 1000000000."),
        ({"seed": "9" * 24}, "seed", "Has to be at most 9223372036854775807."),
        ({"threads": "100000"}, "threads", "Has to be at most 1024."),
        ({"learning_rate": "inf"}, "learning_rate", "Has to be a finite number."),
        ({"weight_decay": "nan"}, "weight_decay", "Has to be a finite number."),
        ({"device": "tpu"}, "device", "There is no kind of device 'tpu'. Use auto"),
        ({"device": "mps" if sys.platform != "darwin" else "cuda"}, "device", ""),
        ({"perceptual_weights": "/nope"}, "perceptual_weights", "There is no file /nope."),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, changes, path, message):
    (problem,) = ask(CheckTraining(typed(image_data(tmp_path / "data"), **changes)))
    assert problem.path == path and problem.message.startswith(message)


def changed(values: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Values with one of them changed, by its path."""
    name, _, rest = path.partition(".")
    return {**values, name: changed(values[name], rest, value) if rest else value}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("data.target_resolutions", [], "Needs 1 or more values."),
        ("data.target_resolutions", [16, 0], "Has to be above 0."),
        ("data.target_resolutions", [-64], "Has to be above 0."),
        ("data.target_resolutions", [100000], "Has to be at most 4096."),
        ("data.size", "100000", "Has to be at most 4096."),
        ("model.autoencoder.width", "7", "7 channels cannot be split into 4 groups; change it or groups."),
        ("model.autoencoder.groups", "3", "8 channels cannot be split into 3 groups; change it or groups."),
        ("model.autoencoder.multipliers", ["1", "0"], "Has to be above 0."),
        ("model.autoencoder.resolution", "2", "2 cells cannot be halved 2 times."),
        ("model.autoencoder.basis_resolutions", [4, 5], "Each has to be a level, once, and the levels are 16, 8, 4."),
        ("model.autoencoder.basis_resolutions", [4, 4], "Each has to be a level, once, and the levels are 16, 8, 4."),
        ("model.autoencoder.in_channels", "4", "Has to be 3 in this domain."),
        ("model.coordinate_net.scales", "2", "Has to be 3: the resolution of the autoencoder and its basis_res"),
        ("model.coordinate_net.plane_channels", "5", "Has to be 4, as in the autoencoder."),
        ("model.coordinate_net.out_channels", "1", "Has to be 3 in this domain."),
        ("model.coordinate_net.width", "20", "Has to be a multiple of 8."),
    ],
)
def test_what_does_not_go_together_is_said(tmp_path, path, value, message):
    values = changed(typed(image_data(tmp_path / "data")), path, value)
    (problem,) = ask(CheckTraining(values))
    named = "model.autoencoder.width" if path == "model.autoencoder.groups" else path
    assert problem.path == named and problem.message.startswith(message)
    with pytest.raises(BadConfig, match=re.escape(named)):
        TrainConfig.parse(values)


@pytest.mark.parametrize(
    "kind", [{"attention": "vanilla-multihead", "width": 24}, {"attention": "vanilla", "width": 8}]
)
def test_what_is_accepted_can_be_built(tmp_path, kind):
    """The checks say no more and no less than the networks do."""
    values = typed(image_data(tmp_path / "data"))
    values["model"]["autoencoder"] |= {**kind, "multipliers": [1, 1, 2]}
    assert ask(CheckTraining(values)) == ()
    model = ModelParts(TrainConfig.parse(values).model).domain
    assert model.encode({"image": torch.zeros(1, 3, 16, 16)}).mean.shape[1] == 3
    values["model"]["autoencoder"] |= {"attention": "vanilla-multihead", "multipliers": [1, 1, 1], "width": 24}
    (problem,) = ask(CheckTraining(values))
    assert problem.message == "16 heads cannot share 24 channels evenly."


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"in_channels": 5}, "unet.in_channels", "Has to be 16, the channels of the latent."),
        ({"model_channels": 20}, "unet.model_channels", "20 channels cannot be split into 8 groups"),
        ({"head_channels": 7}, "unet.head_channels", "Heads of 7 channels do not fill 32 channels."),
        ({"multipliers": [1, 1, 1, 1, 1, 2]}, "unet.multipliers", "A latent of 8 cells cannot be halved 5 times."),
        ({"pooled_channels": 64}, "unet.pooled_channels", "Has to be 32, as text.width says."),
    ],
)
def test_a_denoiser_has_to_fit_the_model_it_is_added_to(tmp_path, changes, path, message):
    unet = {"in_channels": 16, "out_channels": 16, "model_channels": 16, "multipliers": [1, 2], "groups": 8}
    text = {"width": 32, "heads": 4}
    values = typed(image_data(tmp_path / "data"), stage="diffusion", start_from="avatars", model=None, text=text)
    values["unet"] = {**unet, "context_channels": 32, "pooled_channels": 32, "head_channels": 8}
    assert ask(CheckTraining(values)) == ()
    values["unet"] |= changes
    (problem,) = ask(CheckTraining(values))
    assert problem.path == path and problem.message.startswith(message)


def test_a_folder_to_validate_on_has_to_hold_the_same_kind(tmp_path):
    values = typed(image_data(tmp_path / "data"))
    empty, pictures = tmp_path / "empty", tmp_path / "pictures"
    for folder in (empty, pictures):
        folder.mkdir()
    Image.new("RGB", (16, 16)).save(pictures / "one.png")
    for folder, message in (
        (empty, f"{empty} is empty"),
        (shape_data(tmp_path / "shapes"), "holds data of another kind"),
        (pictures, ""),
        (image_data(tmp_path / "more"), ""),
    ):
        problems = ask(CheckTraining(changed(values, "data.validation", str(folder))))
        told = [(problem.path, problem.message) for problem in problems]
        assert bool(told) == bool(message) and all(p == "data.validation" and message in m for p, m in told)
    (pictures / "one.png").unlink()
    (problem,) = ask(CheckTraining(changed(values, "data.validation", str(pictures))))
    assert "is empty" in problem.message, "looked at again once it has changed"


def test_proofreading_does_without_torch(tmp_path):
    values = changed(typed(image_data(tmp_path / "data")), "data.validation", str(image_data(tmp_path / "more")))
    program = (
        "import json, sys; from ddmi_models.training.proofreading import proofread; "
        "print(proofread(json.loads(sys.argv[1])), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, json.dumps(values)], capture_output=True, text=True)
    assert done.stdout.strip() == "() False", done.stderr


def test_texts_as_typed_are_values(tmp_path):
    folder = image_data(tmp_path / "data")
    assert ask(CheckTraining(typed(folder, steps="12", learning_rate="1e-4", minutes=None))) == ()
    lost = typed(tmp_path / "none")
    assert ask(CheckTraining(lost)) == (
        SettingProblem("data.train", f"There is no {tmp_path / 'none'}. Name the folder of a data set, or make one."),
    )
