"""The engine: results of requests, notices, failures of every kind, runs inside runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ddmi_models.cancel import CancelToken
from ddmi_models.engine import Engine, generate, handlers
from ddmi_models.errors import EngineError, OutOfMemory
from ddmi_models.events import Cancelled, Failed, Notice, Partial, Preview, Progress, Result
from ddmi_models.requests import (
    Doctor,
    EstimateExport,
    Export,
    Generate,
    ImageView,
    ImportModel,
    ListModels,
    LoadModel,
    MeshView,
    OpenExport,
    Picture,
    PlanExport,
    ReadField,
    Regenerate,
    RemoveModel,
    Render,
    Thumbnail,
    VerifyModel,
)
from tests import models
from tests.engine.running import engine_with, error, final, run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with one small model of each domain."""
    monkeypatch.setenv("DDMI_HOME", str(tmp_path / "home"))
    for domain in ("image", "shape"):
        models.write(tmp_path / "home" / "models", domain)
    return tmp_path


def notices(events: list) -> list[str]:
    return [event.message for event in events if isinstance(event, Notice)]


def test_generating_gives_one_sample_a_seed(home: Path) -> None:
    events = run(Engine("cpu"), Generate("small-image", seed=8, count=6))
    samples = final(events)
    assert [sample.recipe.seed for sample in samples] == list(range(8, 14))
    assert len({sample.latents.packed.tobytes() for sample in samples}) == 6
    assert samples[0].recipe.steps == 3 and samples[0].recipe.sampler == "ddim"
    steps = [e.step for e in events if isinstance(e, Progress) and e.label == "Sampling"]
    assert steps == [1, 2, 3, 4, 5, 6]  # two batches of three steps


def test_previews_show_every_sample_and_stay_in_their_share(home: Path) -> None:
    engine = Engine("cpu")
    run(engine, LoadModel("small-shape"))
    events = run(engine, Generate("small-shape", count=2, steps=10, prompt="a chair", previews=True))
    previews = [event for event in events if isinstance(event, Preview)]
    assert {preview.index for preview in previews} == {0, 1}
    assert all(preview.image.shape == (80, 80, 4) and preview.image.dtype == np.uint8 for preview in previews)
    budget = generate._PreviewBudget(start=-1e9)
    assert budget.allows()
    budget.spent = 1e12
    assert not budget.allows()


def test_unknown_and_misspelt_words_are_named(home: Path) -> None:
    said = notices(run(Engine("cpu"), Generate("small-shape", prompt="a purple rond chair")))
    assert any("purple" in line and "chair" not in line for line in said)
    assert any("rond = round" in line for line in said)


def test_empty_prompt_is_unconditional_and_says_so(home: Path) -> None:
    engine = Engine("cpu")
    events = run(engine, Generate("small-shape", seed=1))
    assert any("unconditional" in line for line in notices(events))
    prompted = final(run(engine, Generate("small-shape", seed=1, prompt="a chair")))[0]
    assert not np.allclose(prompted.latents.packed, final(events)[0].latents.packed)


def test_guidance_and_negative_prompt_matter(home: Path) -> None:
    engine = Engine("cpu")

    def latent(**options) -> np.ndarray:
        return final(run(engine, Generate("small-shape", seed=1, prompt="a chair", **options)))[0].latents.packed

    plain, guided, other = latent(guidance=1.0), latent(guidance=5.0), latent(guidance=5.0, negative="round table")
    assert not np.allclose(plain, guided) and not np.allclose(guided, other)
    weightless = latent(guidance=0.0)
    empty = final(run(engine, Generate("small-shape", seed=1)))[0].latents.packed
    assert np.allclose(weightless, empty, atol=1e-4)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Generate("small-image", prompt="a cat"), "does not take a prompt"),
        (Generate("small-imige"), "Did you mean small-image"),
        (Generate("small-image", steps=0), "cannot run 0 steps"),
        (Generate("small-image", sampler="magic"), "no sampler 'magic'"),
        (Generate("small-image", seed=-1), "out of range"),
        (Generate("small-image", seed=2**63), "out of range"),
        (Generate("small-image", count=0), "0 samples"),
        (Generate("small-shape", prompt="a chair", guidance=-1.0), "guidance -1"),
        (VerifyModel("nothing"), "no model"),
        (RemoveModel("nothing"), "no model"),
        (ImportModel(Path("missing.pt")), "no file missing.pt"),
        (PlanExport("small-image", Path("a.glb")), "not written as .glb"),
        (PlanExport("small-image", Path("missing/a.png")), "does not exist"),
        (PlanExport("small-image", Path("a.png"), (10**7, 10**7)), "The largest that fits"),
        (PlanExport("small-image", Path("a.png"), (9, 9), gains=(1.0,)), "1 gains"),
        (PlanExport("small-image", Path("a.png"), (9, 9), grain=1.0), "no grain"),
        (OpenExport(Path("missing.png")), "no file missing.png"),
    ],
)
def test_impossible_requests_fail_in_one_line(request_, message: str, home: Path) -> None:
    engine = Engine("cpu")
    assert message in error(run(engine, request_))
    assert isinstance(run(engine, Generate("small-image"))[-1], Result)


@pytest.mark.parametrize(("device", "message"), [("gpu", "no kind of device"), ("cuda:77", "no device cuda:77")])
def test_missing_devices_are_named(device: str, message: str, home: Path) -> None:
    assert message in error(run(Engine(device), LoadModel("small-image")))


def test_wrong_settings_are_refused_at_once() -> None:
    for options in ({"threads": 0}, {"precision": "fp8"}):
        with pytest.raises(EngineError):
            Engine("cpu", **options)


@pytest.mark.parametrize(
    ("failure", "kind", "message"),
    [
        (MemoryError(), OutOfMemory, "not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), OutOfMemory, "not enough memory"),
        (ZeroDivisionError("division by zero"), EngineError, "ZeroDivisionError"),
    ],
)
def test_whatever_goes_wrong_becomes_an_event(
    failure: Exception, kind: type, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(shop, request, token):
        yield Progress(0, 1, "starting")
        raise failure

    monkeypatch.setitem(handlers.HANDLERS, ListModels, broken)
    last = run(Engine("cpu"), ListModels())[-1]
    assert isinstance(last, Failed) and isinstance(last.error, kind) and message in str(last.error)
    assert "Traceback" in last.details


def test_token_that_is_cancelled_before_the_start_does_no_work(home: Path) -> None:
    token = CancelToken()
    token.cancel()
    assert list(Engine("cpu").run(Generate("small-image"), token)) == [Cancelled()]


def test_renders_inside_a_generation(home: Path) -> None:
    engine = Engine("cpu")
    (sample,) = final(run(engine, Generate("small-image", seed=1)))
    alone = final(run(engine, Generate("small-image", seed=2)))[0].latents.packed
    shown = []
    for event in engine.run(Generate("small-image", seed=2)):
        if isinstance(event, Progress):
            shown.append(final(run(engine, Render(sample, ImageView(20, 20)))).pixels)
        last = event
    assert isinstance(last, Result) and np.array_equal(last.value[0].latents.packed, alone)
    assert all(np.array_equal(shown[0], other) for other in shown)


def test_renders_are_of_the_domains_kind(home: Path) -> None:
    engine = Engine("cpu")
    (image,) = final(run(engine, Generate("small-image")))
    (shape,) = final(run(engine, Generate("small-shape")))
    events = run(engine, Render(image, ImageView(200, 100)))
    assert [e.value.pixels.shape for e in events if isinstance(e, Partial)] == [(33, 66, 3)]
    assert final(events).pixels.shape == (100, 200, 3)
    assert "makes pictures" in error(run(engine, Render(image, MeshView(8))))
    assert "makes shapes" in error(run(engine, Render(shape, ImageView(8, 8))))
    for sample in (image, shape):
        picture = final(run(engine, Thumbnail(sample, 32)))
        assert isinstance(picture, Picture) and picture.pixels.shape == (32, 32, 3)
        assert final(run(engine, EstimateExport(sample, ".png", 64))).seconds > 0


def test_field_is_read_at_any_points(home: Path) -> None:
    engine = Engine("cpu")
    (sample,) = final(run(engine, Generate("small-image")))
    points = np.random.default_rng(0).uniform(-1, 1, (3, 5, 2))
    values = final(run(engine, ReadField(sample, points)))
    assert values.shape == (3, 5, 3) and values.dtype == np.float32
    one = final(run(engine, ReadField(sample, points[1, 2])))
    assert np.allclose(one, values[1, 2], atol=1e-5)
    assert "Their last axis holds 2 numbers" in error(run(engine, ReadField(sample, np.zeros((4, 3)))))


def test_export_opens_and_is_drawn_again(home: Path) -> None:
    engine = Engine("cpu")
    (sample,) = final(run(engine, Generate("small-image", seed=9)))
    for name in ("a.png", "a.latent.safetensors"):
        path = final(run(engine, Export(sample, home / name, (24, 24))))
        opened = final(run(engine, OpenExport(path)))
        assert opened.recipe == sample.recipe
        assert (opened.sample is None) == (name == "a.png")
        again = opened.sample or final(run(engine, Regenerate(opened.recipe)))
        assert np.array_equal(again.latents.packed, sample.latents.packed)


def test_model_is_found_by_its_hash_when_it_is_called_otherwise(home: Path) -> None:
    (sample,) = final(run(Engine("cpu"), Generate("small-image", seed=9)))
    folder = home / "home" / "models"
    (folder / "small-image").rename(folder / "renamed")
    events = run(Engine("cpu"), Regenerate(sample.recipe))
    assert notices(events) == [] and np.array_equal(final(events).latents.packed, sample.latents.packed)
    assert isinstance(run(Engine("cpu"), Render(sample, ImageView(8, 8)))[-1], Result)
    shutil.rmtree(folder / "renamed")
    assert "is not here" in error(run(Engine("cpu"), Render(sample, ImageView(8, 8))))


def test_other_version_of_a_model_is_not_taken_for_it(home: Path) -> None:
    (sample,) = final(run(Engine("cpu"), Generate("small-image", seed=9)))
    other = sample.recipe.model_copy(update={"model_hash": "f" * 64})
    assert any("has changed" in line for line in notices(run(Engine("cpu"), Regenerate(other))))
    changed = type(sample)(other, sample.latents)
    assert "another version" in error(run(Engine("cpu"), Render(changed, ImageView(8, 8))))


def test_models_are_listed_with_samplers_and_broken_ones_named(home: Path) -> None:
    broken = home / "home" / "models" / "broken"
    broken.mkdir()
    (broken / "model.safetensors").write_bytes(b"nothing")
    events = run(Engine("cpu"), ListModels())
    found = {info.name: info for info in final(events)}
    assert {"small-image", "small-shape"} <= set(found) and "broken" not in found
    assert ("ddim", "DDIM") in found["small-shape"].samplers and found["small-shape"].takes_text
    assert any("broken" in line for line in notices(events))


def test_models_are_imported_verified_and_removed(home: Path) -> None:
    engine = Engine("cpu")
    source = models.write(home, "image", "source")
    assert final(run(engine, ImportModel(source, name="mine", precision="fp16"))).name == "mine"
    assert final(run(engine, VerifyModel("mine"))).name == "mine"
    assert isinstance(run(engine, Generate("mine"))[-1], Result)
    stored = home / "home" / "models" / "mine" / "model.safetensors"
    content = bytearray(stored.read_bytes())
    content[-1] ^= 1
    stored.write_bytes(content)
    assert "hash" in error(run(engine, VerifyModel("mine")))
    assert final(run(engine, RemoveModel("mine"))) == "mine"
    assert "no model" in error(run(engine, Generate("mine")))


def test_half_precision_draws_nearly_the_same(home: Path) -> None:
    exact, half = (
        final(run(Engine("cpu", precision=p), Generate("small-image", seed=2)))[0].latents.packed
        for p in ("fp32", "bf16")
    )
    assert not np.array_equal(exact, half)
    assert np.abs(exact - half).mean() < 0.1 * exact.std()


def test_doctor_sees_the_machine(home: Path) -> None:
    found = final(run(Engine("cpu"), Doctor()))
    assert found["packages"]["torch"] and found["devices"][0]["name"] == "cpu"
    assert {"small-image", "small-shape"} <= {model["name"] for model in found["models"]}
    assert isinstance(found["opengl"]["works"], bool)
    assert all("\n" not in problem for problem in found["problems"])


def test_time_left_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ddmi_models.engine import core

    monkeypatch.setattr(core, "SOONEST", 0.0)
    events = run(Engine("cpu"), Generate("small-image", steps=4))
    left = [e.seconds_left for e in events if isinstance(e, Progress) and e.label == "Sampling"]
    assert left[0] is None and all(value is not None and value >= 0 for value in left[1:])
    assert left[-1] == 0


def test_model_of_a_file_is_usable_by_its_path(tmp_path: Path) -> None:
    engine, path = engine_with(tmp_path, "image")
    (sample,) = final(run(engine, Generate(path, seed=4)))
    assert sample.recipe.model == path
    assert np.array_equal(final(run(engine, Regenerate(sample.recipe))).latents.packed, sample.latents.packed)
