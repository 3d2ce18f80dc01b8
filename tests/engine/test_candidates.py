"""Drawing several candidates for a sample and keeping the one that fits the prompt best."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ddmi_models as ddmi
from ddmi_models.checkpoints.store import ModelHeader
from ddmi_models.config import RankingConfig
from ddmi_models.diffusion.noise import LARGEST_SEED, candidate_seeds
from ddmi_models.engine import Engine
from ddmi_models.events import Notice, Preview
from ddmi_models.model import ModelParts, load_model, save_model
from ddmi_models.requests import Generate, LoadModel
from tests import models
from tests.engine.running import error, final, run

PROMPT = "a round table with one leg"


@pytest.fixture(scope="module")
def ranking(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of a small shape model with a ranking head."""
    config = models.config("shape")
    config = config.model_copy(update={"ranking": RankingConfig(width=8, multipliers=(1, 2), groups=4)})
    with torch.random.fork_rng():
        torch.manual_seed(4)
        parts = ModelParts(config)
    parts.load_tensors({**parts.tensors(), **models.parts("shape").tensors()})
    path = tmp_path_factory.mktemp("ranking") / "model.safetensors"
    save_model(path, ModelHeader(name="ranking", config=config), parts)
    return str(path)


@given(st.integers(0, LARGEST_SEED), st.integers(1, 20))
def test_candidates_begin_with_the_sample_itself(seed: int, count: int) -> None:
    seeds = candidate_seeds(seed, count)
    assert seeds[0] == seed and len(set(seeds)) == count
    assert all(0 <= each <= LARGEST_SEED for each in seeds)
    assert candidate_seeds(seed, count + 3)[:count] == seeds


def test_neighbouring_seeds_have_other_candidates() -> None:
    assert not set(candidate_seeds(7, 8)) & set(candidate_seeds(8, 8))


def test_the_best_scored_candidate_is_kept(ranking: str) -> None:
    engine, model = Engine("cpu"), load_model(Path(ranking))
    events = run(engine, Generate(ranking, seed=3, count=2, prompt=PROMPT, candidates=3))
    kept = final(events)
    assert model.ranking is not None and model.text is not None
    for own, sample in zip((3, 4), kept, strict=True):
        seeds = candidate_seeds(own, 3)
        drawn = [final(run(engine, Generate(ranking, seed=seed, prompt=PROMPT)))[0] for seed in seeds]
        latents = torch.stack([torch.from_numpy(each.latents.packed) for each in drawn])
        with torch.no_grad():
            scores = model.ranking.scores(model.text([PROMPT]).pooled, latents)[0]
        best = int(scores.argmax())
        assert sample.recipe.seed == seeds[best]
        spread = drawn[best].latents.packed.std()
        assert np.abs(sample.latents.packed - drawn[best].latents.packed).max() < 1e-3 * spread
    assert sum("fits the prompt best" in event.message for event in events if isinstance(event, Notice)) == 2


def test_previews_show_the_first_candidate_of_each_sample(ranking: str) -> None:
    engine = Engine("cpu")
    run(engine, LoadModel(ranking))
    asked = Generate(ranking, count=2, steps=10, prompt=PROMPT, previews=True, candidates=3)
    assert {event.index for event in run(engine, asked) if isinstance(event, Preview)} == {0, 1}


def test_what_cannot_be_ranked_is_refused(ranking: str, tmp_path: Path) -> None:
    engine = Engine("cpu")
    plain = [str(models.write(tmp_path, domain)) for domain in ("image", "shape")]
    assert "cannot rank" in error(run(engine, Generate(plain[0], candidates=2)))
    assert "cannot rank" in error(run(engine, Generate(plain[1], prompt=PROMPT, candidates=2)))
    assert "there is none" in error(run(engine, Generate(ranking, candidates=2)))
    assert "0 candidates" in error(run(engine, Generate(ranking, prompt=PROMPT, candidates=0)))
    assert "65 candidates" in error(run(engine, Generate(ranking, prompt=PROMPT, candidates=65)))


def test_models_say_whether_they_rank(ranking: str, tmp_path: Path) -> None:
    assert ddmi.load(ranking).info.can_rank
    assert not ddmi.load(models.write(tmp_path, "shape")).info.can_rank
    (sample,) = ddmi.load(ranking).sample(PROMPT, seed=5, candidates=2)
    assert sample.recipe.seed in candidate_seeds(5, 2)
