"""Metrics of models whose answers are known, through the engine."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ddmi_models.cancel import CancelToken
from ddmi_models.checkpoints.store import ModelHeader
from ddmi_models.domains import DOMAINS
from ddmi_models.engine import Engine
from ddmi_models.engine.evaluate import data_set
from ddmi_models.evaluation import generation, reconstruction
from ddmi_models.evaluation.metrics import METRICS
from ddmi_models.evaluation.study import Settings, Study
from ddmi_models.evaluation.subjects import SUBJECTS
from ddmi_models.events import Cancelled, Progress
from ddmi_models.model import ModelParts, load_model, save_model
from ddmi_models.requests import Evaluate
from ddmi_models.training.procedural import DATA_MAKERS, write_shards
from tests import models
from tests.engine.running import error, final, run
from tests.training.small import ITEMS, image_data, shape_data, video_data

FIRST_SEED = 5
SMALL_CARS = DATA_MAKERS["cars"].configured({"size": 16, "views": 4})
SMALL_SKIES = DATA_MAKERS["skies"].configured({"size": 16})


def car_data(folder: Path) -> Path:
    list(write_shards(SMALL_CARS, folder, 6, FIRST_SEED))
    return folder


def clip_data(folder: Path) -> Path:
    """Clips as long as the small model's."""
    video_data(folder)
    shard = folder / "shard-00000.npz"
    np.savez(shard, frames=np.load(shard)["frames"][:, ::2])
    return folder


DATA = {"image": image_data, "shape": shape_data, "nerf": car_data, "video": clip_data}

LAST_LAYER = {
    "image": ("mlp.torgb.conv.weight", "mlp.torgb.bias"),
    "shape": ("mlp.net_out.weight", "mlp.net_out.bias"),
    "nerf": ("mlp.sigma.weight", "mlp.sigma.bias"),
    "video": ("mlp.net_out.weight", "mlp.net_out.bias"),
}


def constant_model(folder: Path, domain: str, value: float) -> str:
    """A model whose fields are the same everywhere; videos of as many frames as the skies have."""
    config = models.config(domain)
    if config.clip is not None:
        config = config.model_copy(update={"clip": config.clip.model_copy(update={"frames": 16})})
    parts = ModelParts(config).eval().requires_grad_(False)
    weight, bias = LAST_LAYER[domain]
    tensors = parts.tensors()
    tensors[weight].zero_()
    tensors[bias].fill_(value)
    path = folder / f"constant-{domain}" / "model.safetensors"
    path.parent.mkdir()
    save_model(path, ModelHeader(name="constant", config=config), parts)
    return str(path)


@dataclass(frozen=True)
class Given:
    """Small models and data by domain, made once, and an engine that keeps what it has loaded."""

    engine: Engine
    models: dict[str, str]
    data: dict[str, Path]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    folder = tmp_path_factory.mktemp("given")
    written = {domain: str(models.write(folder, domain)) for domain in ("image", "shape", "nerf")}
    return Given(Engine("cpu"), written, {name: DATA[name](folder / name) for name in ("image", "shape")})


def measured(model: str, metric: str, data: Path, **options: Any) -> dict[str, Any]:
    told = final(run(Engine("cpu"), Evaluate(model, (metric,), data, **options)))
    assert list(told["figures"]) == [metric]
    return told["figures"][metric]


def finished(work: Generator[Progress, None, Any]) -> Any:
    while True:
        try:
            assert isinstance(next(work), Progress)
        except StopIteration as end:
            return end.value


def study_of(folder: Path, domain: str, data: Path, count: int = 6) -> Study:
    model = load_model(models.write(folder, domain))
    held_out = data_set(data, model)
    return Study(model, Settings(count=count, cells=16), CancelToken(), held_out, held_out)


def test_psnr_of_a_grey_model_on_pictures_of_one_grey(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    np.savez(tmp_path / "data" / "shard-00000.npz", image=np.full((5, 32, 32, 3), 255, np.uint8))
    figures = measured(constant_model(tmp_path, "image", 0.8), "psnr", tmp_path / "data")
    assert figures == pytest.approx({"16 px, dB": 20, "32 px, dB": 20}, rel=1e-5)


def test_psnr_against_drawings_at_four_times_the_size(tmp_path: Path) -> None:
    list(write_shards(DATA_MAKERS["avatars"], tmp_path / "data", 2, 3))
    figures = measured(constant_model(tmp_path, "image", 0.0), "psnr", tmp_path / "data")
    assert list(figures) == ["16 px, dB", "128 px, dB", "64 px, dB"]
    truth = DATA_MAKERS["avatars"].arrays(range(3, 5))["image"] / 127.5 - 1
    expected = [10 * np.log10(4 / np.mean(picture**2)) for picture in truth]
    assert figures["128 px, dB"] == pytest.approx(np.mean(expected), rel=1e-5)


def test_psnr_of_a_clear_field_on_views_of_cars(tmp_path: Path) -> None:
    """Everything is white: the error is what the cars differ from white, at the stored size and at four times that."""
    data = car_data(tmp_path / "data")
    figures = measured(constant_model(tmp_path, "nerf", -40.0), "psnr", data, count=2)
    shown = np.load(data / "shard-00000.npz")["images"][[0, 5]] / 127.5 - 1
    expected = [10 * np.log10(4 / np.mean((1 - view) ** 2)) for car in shown for view in car]
    assert list(figures) == ["16 px, dB", "64 px, dB"]
    assert figures["16 px, dB"] == pytest.approx(np.mean(expected), rel=1e-3)


def test_psnr_of_a_grey_field_on_skies(tmp_path: Path) -> None:
    list(write_shards(SMALL_SKIES, tmp_path / "data", 2, FIRST_SEED))
    figures = measured(constant_model(tmp_path, "video", 0.0), "psnr", tmp_path / "data")
    shown = SMALL_SKIES.arrays(range(FIRST_SEED, FIRST_SEED + 2), size=16)["frames"] / 127.5 - 1
    assert list(figures) == ["16 px, dB", "64 px, dB"]
    assert figures["16 px, dB"] == pytest.approx(np.mean([10 * np.log10(4 / np.mean(clip**2)) for clip in shown]))
    assert figures["64 px, dB"] == pytest.approx(figures["16 px, dB"], abs=1.0)  # the same skies


def test_iou_and_f_score_of_a_model_that_fills_the_cube(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconstruction, "DENSE", 4000)
    list(write_shards(DATA_MAKERS["furniture"], tmp_path / "data", 2, 3))
    model = constant_model(tmp_path, "shape", 1.0)
    figures = measured(model, "iou", tmp_path / "data")
    share = np.unpackbits(DATA_MAKERS["furniture"].arrays(range(3, 5))["occupancy"], axis=1).mean()
    assert figures["IoU, stored points"] == pytest.approx(share)
    assert figures["accuracy, stored points"] == pytest.approx(share)
    assert 0 < figures["IoU, whole cube"] < figures["IoU, stored points"]
    figures = measured(model, "f-score", tmp_path / "data", cells=8)
    assert figures["precision"] == 0  # the walls of the cube are 0.05 from any shape


def test_f_score_of_the_very_surface_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    list(write_shards(DATA_MAKERS["furniture"], tmp_path / "data", 1, 3))
    study = study_of(tmp_path, "shape", tmp_path / "data", count=1)
    solid = study.held_out.truth(0).mesh()
    monkeypatch.setattr(reconstruction, "mesh_of", lambda *_: solid)
    assert finished(reconstruction.measure_f_score(study))["F-score"] == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("domain", list(SUBJECTS))
def test_samples_that_are_reconstructions_measure_like_them(
    domain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_of(tmp_path, domain, DATA[domain](tmp_path / "data"))
    monkeypatch.setattr(study, "draw", lambda seeds, prompts: study.means[seeds])
    figures = finished(generation.measure_frechet(study))
    assert figures["samples"] == figures["reconstructions"] > 0 and figures["empty samples"] == 0
    assert finished(generation.measure_neighbours(study))["ratio of the medians"] == 1
    if domain == "shape":
        figures = finished(generation.measure_mmd_cov(study))
        assert figures["samples"] == figures["reconstructions"]


@pytest.mark.parametrize("domain", list(SUBJECTS))
def test_samples_that_are_seen_like_data_are_as_good_as_data(
    domain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_of(tmp_path, domain, DATA[domain](tmp_path / "data"))
    looks = [study.held_out.items.inputs(study.chosen[[n]]) for n in range(6)]

    class Copies:
        def look(self, *_: Any) -> dict[str, torch.Tensor]:
            return looks.pop(0)

    monkeypatch.setitem(SUBJECTS, domain, Copies())
    figures = finished(generation.measure_precision_recall(study))
    assert (figures["precision"], figures["recall"]) == (1, 1)
    assert study.features(finished(study.samples()).means) == pytest.approx(study.features(study.means), abs=1e-4)


def test_attributes_are_counted_over_every_prompt_and_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = study_of(tmp_path, "shape", shape_data(tmp_path / "data"))
    study.settings = Settings(seeds=1, cells=16)
    figures = finished(generation.measure_attributes(study))
    assert figures["meshes"] == 20 and 0 <= figures["attributes that hold"] <= 1
    assert set(figures["by attribute"]) >= {"kind", "legs", "back"}


def test_everything_that_fits_is_measured_and_the_same_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "LARGEST", 64)
    data = image_data(tmp_path / "data")
    request = Evaluate(str(models.write(tmp_path, "image")), data=data, train=data, count=4)
    told = final(run(Engine("cpu"), request))
    assert set(told["figures"]) == {"psnr", "frechet", "precision-recall", "neighbours", "sizes"}
    assert told["count"] == 4 and json.loads(json.dumps(told)) == told
    assert final(run(Engine("cpu"), request)) == told


def test_it_stops_when_it_is_cancelled(tmp_path: Path) -> None:
    token = CancelToken()
    request = Evaluate(str(models.write(tmp_path, "image")), ("frechet",), image_data(tmp_path / "data"))
    for event in Engine("cpu").run(request, token):
        if isinstance(event, Progress) and event.label == "Sampling":
            assert not token.cancelled, "went on after it was cancelled"
            token.cancel()
    assert isinstance(event, Cancelled)


@pytest.mark.parametrize(
    ("domain", "options", "message"),
    [
        ("image", {"metrics": ("beauty",)}, "There is no metric 'beauty'. For image models there are psnr,"),
        ("image", {"metrics": ("iou",)}, "not for image models"),
        ("shape", {"metrics": ("psnr",)}, "For shape models there are iou,"),
        ("image", {"metrics": ("neighbours",)}, "--train DIR"),
        ("image", {"metrics": ("attributes",)}, "not for image models"),
        ("shape", {"metrics": ("f-score",)}, "surface are known: too few"),
        ("image", {"metrics": ("psnr",), "data": None}, "--data DIR"),
        ("image", {"metrics": ("psnr",), "count": ITEMS + 1}, f"the data has {ITEMS}"),
        ("image", {"metrics": ("psnr",), "count": 0}, "at least 1"),
        ("image", {"metrics": ("frechet",), "count": 2}, "--count of 4 or more"),
        ("image", {"metrics": ("psnr",), "data": Path("nowhere")}, "No training data in nowhere"),
        ("nerf", {"metrics": ("iou",)}, "not for nerf models"),
    ],
)
def test_what_cannot_be_measured_is_one_line(
    domain: str, options: dict[str, Any], message: str, given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = given.data["shape" if domain == "shape" else "image"]
    request = Evaluate(given.models[domain], **{"data": data, **options})
    assert message in error(run(given.engine, request))


def test_data_of_another_domain_is_one_line(given: Given) -> None:
    request = Evaluate(given.models["shape"], ("iou",), given.data["image"])
    assert "damaged" in error(run(given.engine, request))


def test_a_surface_model_that_makes_nothing_says_so(given: Given, tmp_path: Path) -> None:
    model = constant_model(tmp_path, "shape", -1.0)
    request = Evaluate(model, ("precision-recall",), given.data["shape"], count=4, cells=8)
    assert "Only 0 samples have anything to be seen" in error(run(Engine("cpu"), request))


def test_the_table_names_domains_and_needs_that_exist() -> None:
    assert all(set(metric.domains) <= set(DOMAINS) & set(SUBJECTS) for metric in METRICS.values())
    assert all(metric.name == name and metric.label for name, metric in METRICS.items())
