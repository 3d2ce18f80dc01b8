"""Contrastive training of text tower and ranking head, and what the second stage makes of the pair."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ddmi_models.checkpoints.store import read_header, read_model
from ddmi_models.config import RankingConfig
from ddmi_models.errors import BadConfig
from ddmi_models.events import Notice
from ddmi_models.model import load_model
from ddmi_models.nets.ranking import RankingHead
from ddmi_models.training import latent_store
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.latent_objectives import DiffusionObjective, also_true, retrieval_figures
from ddmi_models.training.loop import build_parts, run_training
from ddmi_models.training.stages import prepared
from tests.training.small import image_config, image_data, shape_config, shape_data
from tests.training.test_run import figures, finish

TEXT = {"width": 16, "layers": 1, "heads": 2, "context_length": 8}
RANKING = {"width": 8, "multipliers": [1, 2], "groups": 4}


def second_config(stage: str, start: Path, data: Path, steps: int, **changes: Any) -> TrainConfig:
    values = {
        "name": "small", "stage": stage, "start_from": str(start), "steps": steps,
        "data": {"train": str(data), "validation_share": 0}, "batch": 12, "learning_rate": 3e-3, "log_every": 1,
        "warmup": 1, "ema": 0.5,
    }  # fmt: skip
    return TrainConfig.parse({**values, **changes})


def diffusion_config(start: Path, data: Path, **changes: Any) -> TrainConfig:
    unet = {
        "in_channels": 6, "out_channels": 6, "model_channels": 16, "multipliers": [1], "blocks": 1,
        "attention_factors": [1], "head_channels": 8, "context_channels": 16, "pooled_channels": 16, "groups": 4,
    }  # fmt: skip
    diffusion = {"mixed_prediction": False, "target": "v", "normalised": True}
    return second_config("diffusion", start, data, **{"steps": 3, "unet": unet, "diffusion": diffusion, **changes})


@pytest.fixture(scope="module")
def aligned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Data of balls, the folder of an alignment run on it, its model."""
    folder = tmp_path_factory.mktemp("aligned")
    data = shape_data(folder / "data")
    first = finish(shape_config(data, steps=60, learning_rate=8e-3), folder / "first")
    config = second_config("alignment", first, data, steps=60, text=TEXT, ranking=RANKING)
    return data, folder / "run", finish(config, folder / "run")


def test_the_loss_is_the_mean_cross_entropy_of_both_directions() -> None:
    torch.manual_seed(0)
    head = RankingHead(RankingConfig(width=8, multipliers=(1,), groups=4), (6, 4, 4), 5)
    texts, latents = torch.randn(3, 5), torch.randn(3, 6, 4, 4)
    with torch.no_grad():
        cosines = np.array(
            [[torch.cosine_similarity(t, e, dim=0) for e in head.embed(latents)] for t in texts], np.float64
        )
        loss = float(head.loss(texts, latents, torch.eye(3, dtype=torch.bool)))
    scores = np.exp(cosines / 0.07)
    forward = -np.log(np.diag(scores) / scores.sum(1)).mean()
    backward = -np.log(np.diag(scores) / scores.sum(0)).mean()
    assert loss == pytest.approx((forward + backward) / 2, rel=1e-4)


def test_what_is_as_true_is_no_wrong_answer() -> None:
    torch.manual_seed(0)
    head = RankingHead(RankingConfig(width=8, multipliers=(1,), groups=4), (6, 4, 4), 5)
    texts, latents = torch.randn(1, 5).repeat(2, 1), torch.randn(2, 6, 4, 4)
    same = also_true(["ball", "ball"], [["ball", "a ball"], ["ball"]])
    assert same.all() and also_true(["a ball", "ball"], [["ball", "a ball"], ["ball"]]).tolist() == [
        [True, False],
        [True, True],
    ]
    with torch.no_grad():
        assert float(head.loss(texts, latents, same)) == pytest.approx(0, abs=1e-6)


def test_alignment_learns_which_caption_belongs_to_which_latent(aligned: tuple[Path, Path, Path]) -> None:
    data, folder, path = aligned
    losses = [row["loss"] for row in figures(folder) if "loss" in row]
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:8])
    model = load_model(path)
    assert model.ranking is not None and model.text is not None and model.denoiser is None
    with torch.no_grad(), np.load(data / "shard-00000.npz") as shard:
        cloud = torch.from_numpy(shard["cloud"]).float()
        small = np.array(["small" in text for text in shard["captions"]])
        latents = model.domain.encode({"cloud": cloud}).mean
        scores = model.ranking.scores(model.text(["a small ball", "a large ball"]).pooled, latents)
        found = retrieval_figures(model.text, model.ranking, latents, [["ball"]] * len(small))
    assert np.mean((scores[0] > scores[1]).numpy() == small) > 0.8
    assert found["first_true"] == 1.0  # "ball" is true of every latent


def test_second_stage_takes_the_pair_over_and_keeps_it_together(
    aligned: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    data, _, path = aligned
    before = read_model(path)[1]
    header, frozen = read_model(finish(diffusion_config(path, data, finetune="diffusion"), tmp_path / "frozen"))
    assert header.stage == "full" and header.config.ranking is not None
    pair = [key for key in before if key.startswith(("text.", "ranking."))]
    assert pair and all(torch.equal(before[key], frozen[key]) for key in pair)
    trained = read_model(finish(diffusion_config(path, data), tmp_path / "trained"))[1]
    assert not torch.equal(before["ranking.project.weight"], trained["ranking.project.weight"])
    assert "alignment" in figures(tmp_path / "trained")[0]


def test_captions_that_are_all_dropped_leave_figures_and_gradients_in_place(aligned: tuple[Path, Path, Path]) -> None:
    data, _, path = aligned
    config = diffusion_config(path, data, batch=4)
    objective = prepared(DiffusionObjective(config, build_parts(config)))
    given, stage, device = objective.given(0, slice(0, 2)), objective.trained(), torch.device("cpu")
    shown, reached = [], []
    for texts in (given.texts, ["", ""]):  # processes that draw differently must still add up
        stage.zero_grad(set_to_none=True)
        loss, figures = objective.loss(stage, replace(given, texts=texts), 0, slice(0, 2), device)
        loss.backward()
        shown.append(figures)
        reached.append({name for name, p in stage.named_parameters() if p.grad is not None})
    assert reached[0] == reached[1] and shown[0].keys() == shown[1].keys() == {"error", "alignment"}
    assert shown[1]["alignment"] == 0 and not stage.ranking.project.weight.grad.any()


def test_new_words_leave_the_known_ones_as_they_were(aligned: tuple[Path, Path, Path], tmp_path: Path) -> None:
    data, _, path = aligned
    config = diffusion_config(path, data, steps=1, finetune="diffusion", text=TEXT)
    rephrased = config.model_copy(update={"data": config.data.model_copy(update={"rephrase": True})})
    told = [event.message for event in run_training(rephrased, tmp_path / "more") if isinstance(event, Notice)]
    assert not [line for line in told if "token_embedding" in line]  # it is brought over, not made afresh
    more, known = load_model(tmp_path / "more" / "model.safetensors"), load_model(path)
    assert more.text is not None and known.text is not None
    assert set(known.text.config.words) < set(more.text.config.words)
    with torch.no_grad():
        assert torch.allclose(more.text(["a small ball"]).pooled, known.text(["a small ball"]).pooled, atol=1e-5)


def test_latents_are_encoded_once(aligned: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: Any) -> None:
    data, _, path = aligned
    config = diffusion_config(path, data, steps=2, latents=str(tmp_path / "latents"))
    finish(config, tmp_path / "first")
    monkeypatch.setattr(latent_store, "_encode", lambda domain, data: pytest.fail("encoded again"))
    finish(config, tmp_path / "again")
    losses = [figures(tmp_path / run)[0]["loss"] for run in ("first", "again")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    monkeypatch.undo()
    assert len(list((tmp_path / "latents").glob("*.npy"))) == 2  # means and standard deviations
    other = shape_data(tmp_path / "other")
    with np.load(other / "shard-00000.npz") as shard:
        arrays = {**shard, "cloud": shard["cloud"] * 0.5}
    np.savez(other / "shard-00000.npz", **arrays)
    finish(diffusion_config(path, other, steps=1, latents=str(tmp_path / "latents")), tmp_path / "other-run")
    assert len(list((tmp_path / "latents").glob("*.npy"))) == 4


def test_alignment_without_its_parts_is_refused(tmp_path: Path) -> None:
    data = image_data(tmp_path / "data")
    first = finish(image_config(data, steps=1), tmp_path / "first")
    with pytest.raises(BadConfig, match="`text` and `ranking`"):
        finish(second_config("alignment", first, data, steps=1), tmp_path / "run")
    words = {**TEXT, "words": ["ball"]}
    with pytest.raises(BadConfig, match="no captions"):
        finish(second_config("alignment", first, data, steps=1, text=words, ranking=RANKING), tmp_path / "run")
    assert read_header(first).config.ranking is None
