"""Samples made of other samples: the ends of a way, the levels of a mixture, the strength of a variation."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ddmi_models.cancel import CancelToken
from ddmi_models.domains import DOMAINS
from ddmi_models.engine import Engine
from ddmi_models.events import Cancelled, Notice, Progress
from ddmi_models.recipes import MixedRecipe, VariedRecipe, recipe_from_json
from ddmi_models.rendering.metadata import read_recipe
from ddmi_models.requests import (
    Export,
    ExportPath,
    Generate,
    ImageView,
    Interpolate,
    Mix,
    OpenExport,
    ReadField,
    Regenerate,
    Render,
    Sample,
    Vary,
)
from tests.engine.running import engine_with, error, final, run

LEVELS = ((1, 0, 0), (1, 1, 0), (0.25, 0.5, 1))


@dataclass(frozen=True)
class Drawn:
    """An engine and two samples of a small model of a domain."""

    engine: Engine
    model: str
    first: Sample
    second: Sample

    def ask(self, request):
        return final(run(self.engine, request))

    def values(self, sample: Sample) -> np.ndarray:
        places = np.random.default_rng(0).uniform(-0.5, 0.5, (60, DOMAINS[sample.recipe.domain].point_dimensions))
        return self.ask(ReadField(sample, places))


@pytest.fixture(scope="module", params=DOMAINS)
def drawn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    return draw(tmp_path_factory.mktemp("models"), request.param)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    return draw(tmp_path_factory.mktemp("models"), "image")


def draw(folder: Path, domain: str) -> Drawn:
    engine, model = engine_with(folder, domain)
    first, second = final(run(engine, Generate(model, seed=3, count=2)))
    return Drawn(engine, model, first, second)


def test_a_way_begins_and_ends_with_its_samples(drawn: Drawn) -> None:
    way = drawn.ask(Interpolate(drawn.first, drawn.second, 5))
    assert len(way) == 5 and way[0] is drawn.first and way[-1] is drawn.second
    steps = [np.linalg.norm(b.latents.packed - a.latents.packed) for a, b in pairwise(way)]
    assert max(steps) < 1.1 * min(steps)  # even steps, none of them nothing
    assert [s.recipe.position for s in way[1:-1]] == [0.25, 0.5, 0.75]


def test_a_way_back_is_the_way_there(drawn: Drawn) -> None:
    there = drawn.ask(Interpolate(drawn.first, drawn.second, 3))[1]
    back = drawn.ask(Interpolate(drawn.second, drawn.first, 3))[1]
    assert np.allclose(there.latents.packed, back.latents.packed, atol=1e-6)


def test_mixing_all_of_one_is_that_one(drawn: Drawn) -> None:
    for levels, same in (((1, 1, 1), drawn.first), ((0, 0, 0), drawn.second)):
        mixed = drawn.ask(Mix(drawn.first, drawn.second, levels))
        assert np.array_equal(drawn.values(mixed), drawn.values(same))
        assert mixed.recipe == same.recipe


@pytest.mark.parametrize("levels", LEVELS)
def test_each_level_of_a_mixture_is_of_its_sample(pictures: Drawn, levels: tuple[float, ...]) -> None:
    """Where only some levels have a gain, only they speak: those wholly of one sample look as they do in it."""
    mixed = pictures.ask(Mix(pictures.first, pictures.second, levels))

    def seen(sample: Sample, gains: tuple[float, ...]) -> np.ndarray:
        return pictures.ask(Render(sample, ImageView(8, 8, gains=gains))).pixels

    for share, of in ((1, pictures.first), (0, pictures.second)):
        gains = tuple(float(level == share) for level in levels)
        if any(gains):
            assert np.array_equal(seen(mixed, gains), seen(of, gains))
    assert not np.array_equal(pictures.values(mixed), pictures.values(pictures.first))
    assert not np.array_equal(pictures.values(mixed), pictures.values(pictures.second))


def test_coarse_planes_are_mixed_with_fine_ones_unless_told(drawn: Drawn) -> None:
    plain = drawn.ask(Mix(drawn.first, drawn.second))
    assert plain.recipe.levels == (1, 0, 0)
    assert np.array_equal(drawn.values(plain), drawn.values(drawn.ask(Mix(drawn.second, drawn.first, (0, 1, 1)))))


def test_mixtures_are_mixed_again(pictures: Drawn) -> None:
    inner = pictures.ask(Mix(pictures.first, pictures.second, (1, 0.5, 0)))
    outer = pictures.ask(Mix(inner, pictures.second, (1, 1, 0)))
    assert np.allclose(pictures.values(outer), pictures.values(inner), atol=1e-5)


def test_a_variation_of_no_strength_is_the_sample(drawn: Drawn) -> None:
    same = drawn.ask(Vary(drawn.first, seed=5, strength=0))
    assert np.array_equal(same.latents.packed, drawn.first.latents.packed) and same.recipe == drawn.first.recipe


def test_a_variation_depends_on_its_seed_and_strength(drawn: Drawn) -> None:
    first, again, other, weaker = (
        drawn.ask(Vary(drawn.first, seed=seed, strength=strength))
        for seed, strength in ((5, 0.6), (5, 0.6), (6, 0.6), (5, 0.3))
    )
    assert np.array_equal(first.latents.packed, again.latents.packed)
    for different in (other, weaker, drawn.first):
        assert not np.allclose(first.latents.packed, different.latents.packed, atol=1e-3)
    assert (first.recipe.seed, first.recipe.strength, first.recipe.source) == (5, 0.6, drawn.first.recipe)


def test_a_variation_keeps_the_prompt_or_takes_another(tmp_path: Path) -> None:
    engine, model = engine_with(tmp_path, "shape")
    (sample,) = final(run(engine, Generate(model, seed=1, prompt="a round table", guidance=2.0)))
    kept = final(run(engine, Vary(sample, strength=0.5)))
    assert (kept.recipe.prompt, kept.recipe.guidance) == ("a round table", 2.0)
    events = run(engine, Vary(sample, strength=0.5, prompt="a purple chair"))
    assert final(events).recipe.prompt == "a purple chair"
    assert any("purple" in event.message for event in events if isinstance(event, Notice))
    assert not np.allclose(final(events).latents.packed, kept.latents.packed, atol=1e-3)


def test_a_mixture_varies_in_every_part(pictures: Drawn) -> None:
    mixed = pictures.ask(Mix(pictures.first, pictures.second))
    varied = pictures.ask(Vary(mixed, seed=2, strength=0.5))
    alone = pictures.ask(Vary(pictures.second, seed=2, strength=0.5))
    assert [part.weights for part in varied.parts] == [part.weights for part in mixed.parts]
    assert np.allclose(varied.parts[1].latents.packed, alone.latents.packed, atol=1e-4)


def test_whole_trees_come_back_from_files(drawn: Drawn, tmp_path: Path) -> None:
    between = drawn.ask(Interpolate(drawn.first, drawn.second, 3))[1]
    varied = drawn.ask(Vary(between, seed=4, strength=0.5))
    made = drawn.ask(Mix(varied, drawn.first, (1, 0, 0.5)))
    assert isinstance(made.recipe, MixedRecipe) and isinstance(made.recipe.coarse, VariedRecipe)
    path = drawn.ask(Export(made, tmp_path / "a.latent.safetensors"))
    kept = drawn.ask(OpenExport(path)).sample
    assert kept.recipe == made.recipe and np.array_equal(drawn.values(kept), drawn.values(made))
    again = drawn.ask(Regenerate(recipe_from_json(made.recipe.to_json())))
    assert again.recipe == made.recipe
    assert np.abs(drawn.values(again) - drawn.values(made)).max() < 1e-3 * drawn.values(made).std()


def test_ways_are_written_as_strip_grid_clip_and_folder(pictures: Drawn, tmp_path: Path) -> None:
    way = pictures.ask(Interpolate(pictures.first, pictures.second, 4))
    assert pictures.ask(ExportPath(way, tmp_path / "a.png", 16)) == (tmp_path / "a.png",)
    with Image.open(tmp_path / "a.png") as picture:
        strip = np.asarray(picture)
    single = pictures.ask(Render(pictures.second, ImageView(16, 16))).pixels
    assert strip.shape == (24, 84, 3) and np.array_equal(strip[4:20, 64:80], single)
    pictures.ask(ExportPath(way, tmp_path / "b.webp", 16, columns=2))
    with Image.open(tmp_path / "b.webp") as grid:
        assert grid.size == (44, 44)
    for name in ("c.mp4", "d.gif"):
        pictures.ask(ExportPath(way, tmp_path / name, 16))
    with Image.open(tmp_path / "d.gif") as clip:
        assert clip.n_frames == 4
    for written in ("a.png", "b.webp", "c.mp4", "d.gif"):
        assert read_recipe(tmp_path / written) == way[2].recipe
    files = pictures.ask(ExportPath(way, tmp_path / "e", 16))
    assert [path.name for path in files] == ["0.png", "1.png", "2.png", "3.png"]
    assert [read_recipe(path) for path in files] == [sample.recipe for sample in way]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: Interpolate(d.first, d.second, 1), "1 steps"),
        (lambda d: Interpolate(d.first, d.ask(Mix(d.first, d.second)), 3), "no single latent"),
        (lambda d: Mix(d.first, d.second, (1, 0)), "2 levels were given; the model has 3"),
        (lambda d: Mix(d.first, d.second, (1, 0, 1.5)), "out of range"),
        (lambda d: Vary(d.first, strength=1.01), "strength 1.01"),
        (lambda d: Vary(d.first, strength=float("nan")), "strength nan"),
        (lambda d: Vary(d.first, steps=0), "0 steps"),
        (lambda d: Vary(d.first, seed=-1), "seed -1"),
        (lambda d: Vary(d.first, prompt="a cat"), "does not take a prompt"),
        (lambda d: ExportPath((), Path("a.png")), "No samples"),
        (lambda d: ExportPath((d.first,), Path("a.glb")), "not written as .glb"),
        (lambda d: ExportPath((d.first,), Path("missing/a.png")), "does not exist"),
        (lambda d: ExportPath((d.first,), Path("a.mp4"), 17), "even numbers"),
        (lambda d: ExportPath((d.first,), Path("a.png"), 100_000), "100000 pixels a side"),
    ],
)
def test_what_cannot_be_done_is_said(
    pictures: Drawn, make, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in error(run(pictures.engine, make(pictures)))
    assert list(tmp_path.iterdir()) == []


def test_samples_of_two_models_are_not_put_together(pictures: Drawn, tmp_path: Path) -> None:
    other = draw(tmp_path, "shape")
    assert "two models" in error(run(pictures.engine, Mix(pictures.first, other.first)))
    assert "two models" in error(run(pictures.engine, Interpolate(pictures.first, other.first, 3)))


def test_a_sample_has_an_end_of_operations(pictures: Drawn) -> None:
    sample = pictures.first
    with pytest.raises(AssertionError, match="more than 100 operations"):
        for _ in range(12):
            sample = pictures.ask(Interpolate(sample, sample, 3))[1]


@pytest.mark.parametrize("name", ["a.png", "a.mp4", "a"])
def test_cancelling_leaves_nothing(pictures: Drawn, name: str, tmp_path: Path) -> None:
    way = pictures.ask(Interpolate(pictures.first, pictures.second, 4))
    token = CancelToken()
    seen = []
    for event in pictures.engine.run(ExportPath(way, tmp_path / name, 16), token):
        seen.append(event)
        if isinstance(event, Progress) and event.step:
            token.cancel()
    assert isinstance(seen[-1], Cancelled) and list(tmp_path.iterdir()) == []
