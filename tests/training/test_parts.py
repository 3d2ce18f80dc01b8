"""Schedules, presets, words, avatars: the pieces that a run is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ddmi_models.config import TextConfig
from ddmi_models.errors import BadConfig, BadData, BadInput
from ddmi_models.text.tower import TextTower
from ddmi_models.training.config import DataConfig, KlConfig, TrainConfig
from ddmi_models.training.data import ImageBatches
from ddmi_models.training.perceptual import PerceptualDistance
from ddmi_models.training.presets import parse_config, preset_names, preset_text
from ddmi_models.training.procedural.avatars import draw_avatar, rasterise
from ddmi_models.training.schedules import kl_coefficient
from tests.training.small import image_data

KNOWN = ("a", "table", "round", "with", "one", "leg", "legs", "chair", "slatted", "back")


def test_kl_weight_starts_ramps_and_stays() -> None:
    config = KlConfig(start=1e-4, end=0.5, constant_portion=0.1, anneal_portion=0.5)
    assert kl_coefficient(0, 1000, config) == kl_coefficient(100, 1000, config) == 1e-4
    assert kl_coefficient(350, 1000, config) == pytest.approx((1e-4 + 0.5) / 2)
    assert kl_coefficient(600, 1000, config) == kl_coefficient(1000, 1000, config) == pytest.approx(0.5)


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid(name: str) -> None:
    assert isinstance(parse_config(preset_text(name)), TrainConfig)


def test_settings_override_a_preset() -> None:
    config = parse_config(preset_text("avatars-autoencoder"), ["steps=7", "data.train=elsewhere", "kl.end=0.5"])
    assert (config.steps, config.data.train, config.kl.end) == (7, Path("elsewhere"), 0.5)


@pytest.mark.parametrize("setting", ["stps=7", "steps=zero", "steps", "name.x=1"])
def test_wrong_settings_are_named(setting: str) -> None:
    with pytest.raises(BadConfig, match=setting.split("=")[0].split(".")[0]):
        parse_config(preset_text("avatars-autoencoder"), [setting])


def test_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(BadInput, match="avatars-autoencoder"):
        preset_text("avatar")


def test_tower_ignores_case_and_padding_but_not_order() -> None:
    torch.manual_seed(0)
    tower = TextTower(TextConfig(width=16, layers=1, heads=2, context_length=12, words=KNOWN)).eval()
    with torch.no_grad():
        alone = tower(["a round table"])
        batch = tower(["A Round TABLE", "table round a", ""])
    assert torch.allclose(alone.pooled[0], batch.pooled[0], atol=1e-5)
    assert not torch.allclose(batch.pooled[0], batch.pooled[1], atol=1e-3)
    assert batch.mask.sum(1).tolist() == [5, 5, 2]


def test_a_long_prompt_loses_its_last_words_only() -> None:
    tower = TextTower(TextConfig(width=16, layers=1, heads=2, context_length=6, words=KNOWN))
    rows = tower.rows(["a round table with one leg", "a round table with"])
    assert torch.equal(rows[0], rows[1])


def test_targets_are_parts_of_the_true_picture(tmp_path: Path) -> None:
    config = DataConfig(train=tmp_path, target_resolutions=(16, 32), crop=8)
    batches = ImageBatches(image_data(tmp_path / "data"), config, seed=0)
    items = np.arange(6)
    pictures = torch.from_numpy(batches.arrays["image"][items]).permute(0, 3, 1, 2) / 127.5 - 1
    for step in range(8):
        batch = batches.prepare(items, np.random.default_rng(step))
        size = round(16 / float(batch["scale"]))
        column, row = ((batch["points"][0] + 1) * size / 2 - 0.5).round().long().tolist()
        truth = torch.nn.functional.avg_pool2d(pictures, 32 // size)[:, :, row : row + 8, column : column + 8]
        assert torch.allclose(batch["target"], truth, atol=1e-5)


def test_every_item_is_seen_once_an_epoch(tmp_path: Path) -> None:
    batches = ImageBatches(image_data(tmp_path / "data"), DataConfig(train=tmp_path), seed=3)
    seen = np.concatenate([batches.indices(step, 8) for step in range(3)])
    assert sorted(seen) == list(range(24))
    assert not np.array_equal(seen, np.concatenate([batches.indices(step, 8) for step in range(3, 6)]))


def test_damaged_shard_is_named(tmp_path: Path) -> None:
    data = image_data(tmp_path / "data")
    (data / "shard-00001.npz").write_bytes(b"PK not a shard")
    with pytest.raises(BadData, match="shard-00001"):
        ImageBatches(data, DataConfig(train=data), seed=0)


def test_avatars_repeat_and_agree_across_sizes() -> None:
    small, again = rasterise(draw_avatar(11), 64), rasterise(draw_avatar(11), 64)
    assert np.array_equal(small, again)
    assert not np.array_equal(small, rasterise(draw_avatar(12), 64))
    large = rasterise(draw_avatar(11), 256).astype(float).reshape(64, 4, 64, 4, 3).mean((1, 3))
    assert np.abs(large - small).mean() < 3


def test_perceptual_distance_needs_the_right_file(tmp_path: Path) -> None:
    from torchvision.models import vgg16

    torch.manual_seed(0)
    path = tmp_path / "vgg.pth"
    with torch.device("meta"):
        features = vgg16(weights=None).features
    torch.save({f"features.{k}": torch.randn(v.shape) * 0.02 for k, v in features.state_dict().items()}, path)
    distance = PerceptualDistance(path)
    a, b = torch.rand(2, 3, 32, 32) * 2 - 1, torch.rand(2, 3, 32, 32) * 2 - 1
    assert float(distance(a, a)) == 0 and float(distance(a, b)) > 0
    path.write_bytes(b"nothing")
    with pytest.raises(BadData, match="VGG-16"):
        PerceptualDistance(path)
