"""The laws of docs/architecture.md over every domain of the table; a new domain has to obey them too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.diffusion.sampling import sample_latents
from ddmi_models.domains import DOMAINS
from ddmi_models.domains.base import Domain, Query
from ddmi_models.errors import BadInput
from ddmi_models.events import Cancelled, Progress, Result
from ddmi_models.model import ModelParts, load_model
from ddmi_models.planes import Latents
from ddmi_models.rendering.renderers import RENDERERS
from ddmi_models.requests import Export, Generate
from tests import models
from tests.engine.running import engine_with, final, run

ROUNDING = 1e-4
"""Largest difference between batch or chunk sizes, in standard deviations."""

SHARED = 1e-5
"""Largest difference at points that two grids share."""

pytestmark = pytest.mark.parametrize("name", DOMAINS)


@pytest.fixture(scope="module")
def parts() -> dict[str, ModelParts]:
    return {name: models.parts(name) for name in DOMAINS}


def latents(domain: Domain, count: int) -> torch.Tensor:
    return torch.randn(count, *domain.layout.shape, generator=torch.Generator().manual_seed(5))


def near(a: torch.Tensor, b: torch.Tensor, bound: float) -> bool:
    return float((a - b).abs().max()) <= bound * float(b.std())


def values(domain: Domain, latent: torch.Tensor, query: Query, chunk: int | None = None) -> torch.Tensor:
    with torch.inference_mode():
        fields = domain.decode(latent)
        if chunk is None:
            return domain.evaluate(fields, query)
        return torch.cat([v for _, v in domain.evaluate_in_chunks(fields, query, CancelToken(), chunk)], dim=1)


def test_every_table_knows_the_domain(name: str) -> None:
    assert name in RENDERERS
    assert DOMAINS[name].name == name and models.config(name).domain == name


def test_pack_then_unpack_is_identity(name: str, parts: dict[str, ModelParts]) -> None:
    layout = parts[name].domain.layout
    packed = latents(parts[name].domain, 2)
    planes = layout.unpack(packed)
    assert list(planes) == list(layout.names)
    assert torch.equal(layout.pack(planes), packed)
    with pytest.raises(BadInput):
        layout.unpack(packed[..., :-1])


def test_encoding_gives_latents_of_the_layout(name: str, parts: dict[str, ModelParts]) -> None:
    domain = parts[name].domain
    points = models.config(name).point_encoder
    data = {
        "image": torch.rand(2, 3, 16, 16),
        "frames": torch.rand(2, 3, 4, 16, 16),
        "cloud": torch.rand(2, 50, points.point_channels if points else 3) - 0.5,
    }
    with torch.inference_mode():
        posterior = domain.encode(data)
    assert tuple(posterior.mean.shape) == (2, *domain.layout.shape)
    assert bool((posterior.std > 0).all())


def test_sample_depends_on_its_seed_not_on_its_batch(name: str, parts: dict[str, ModelParts]) -> None:
    made = parts[name]

    def drawn(seeds: list[int]) -> torch.Tensor:
        with torch.no_grad():
            text = made.encode_text(["a chair"]) if made.text is not None else None
        steps = sample_latents(made.diffusion, made.domain.layout.shape, seeds, text, sampler="ddim", steps=3, eta=0.5)
        *_, last = steps
        return last.latent

    together, alone, other = drawn([4, 5, 6]), drawn([5]), drawn([7])
    assert near(together[1:2], alone, ROUNDING)
    assert float((alone - other).abs().mean()) > 0.1 * float(alone.std())


def test_decoding_in_a_batch_equals_decoding_alone(name: str, parts: dict[str, ModelParts]) -> None:
    domain = parts[name].domain
    packed, query = latents(domain, 3), domain.grid(6)
    assert near(values(domain, packed, query)[1:2], values(domain, packed[1:2], query), ROUNDING)


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_chunks_equal_the_whole(name: str, chunk: int, parts: dict[str, ModelParts]) -> None:
    domain = parts[name].domain
    packed, query = latents(domain, 1), domain.grid(5)
    assert near(values(domain, packed, query, chunk), values(domain, packed, query), ROUNDING)


def test_finer_grids_agree_where_they_share_points(name: str, parts: dict[str, ModelParts]) -> None:
    domain, packed = parts[name].domain, latents(parts[name].domain, 1)
    coarse, fine = domain.grid(5), domain.grid(15)
    distances = torch.cdist(coarse.points, fine.points, compute_mode="donot_use_mm_for_euclid_dist")
    nearest = distances.min(dim=1)
    assert float(nearest.values.max()) < 1e-6  # every point of the coarse grid is one of the fine grid
    at_equal_scale = Query(fine.points, coarse.scale)
    assert near(values(domain, packed, at_equal_scale)[:, nearest.indices], values(domain, packed, coarse), SHARED)


def test_gains_of_one_change_nothing_and_of_zero_do(name: str, parts: dict[str, ModelParts]) -> None:
    domain = parts[name].domain
    query = domain.grid(6)
    with torch.inference_mode():
        fields = domain.decode(latents(domain, 1))
        plain, same, less = (
            domain.evaluate(fields.with_gains(g), query) for g in (None, [1.0] * domain.scales, [0.0] * domain.scales)
        )
    assert torch.equal(plain, same)
    assert not torch.allclose(plain, less)


def test_saved_and_loaded_model_gives_the_same_output(name: str, parts: dict[str, ModelParts], tmp_path: Path) -> None:
    loaded = load_model(models.write(tmp_path, name))
    packed, query = latents(loaded.domain, 1), loaded.domain.grid(5)
    assert torch.equal(values(loaded.domain, packed, query), values(parts[name].domain, packed, query))


def test_same_recipe_gives_the_same_bytes_with_and_without_previews(name: str, tmp_path: Path) -> None:
    engine, model = engine_with(tmp_path, name)
    first, again, watched = (
        final(run(engine, Generate(model, seed=3, previews=p)))[0].latents.packed.tobytes()
        for p in (False, False, True)
    )
    assert first == again == watched


@pytest.mark.parametrize("step", [0, 2])
def test_cancelling_a_generation_leaves_the_model_usable(name: str, step: int, tmp_path: Path) -> None:
    engine, model = engine_with(tmp_path, name)
    token = CancelToken()
    events = []
    for event in engine.run(Generate(model, seed=3), token):
        events.append(event)
        if isinstance(event, Progress) and event.step == step:
            token.cancel()
    assert isinstance(events[-1], Cancelled)
    assert isinstance(run(engine, Generate(model, seed=3))[-1], Result)


def test_cancelled_export_leaves_no_file(name: str, tmp_path: Path) -> None:
    engine, model = engine_with(tmp_path, name)
    (sample,) = final(run(engine, Generate(model, seed=3)))
    token = CancelToken()
    out = tmp_path / "out"
    out.mkdir()
    path = out / f"a{RENDERERS[name].suffixes[0]}"
    seen = []
    for event in engine.run(Export(sample, path, (96, 96)), token):
        seen.append(event)
        token.cancel()
    assert isinstance(seen[-1], Cancelled)
    assert list(out.iterdir()) == []


def test_latent_of_another_layout_is_refused(name: str, parts: dict[str, ModelParts]) -> None:
    layout = parts[name].domain.layout
    channels, *space = layout.shape
    with pytest.raises(BadInput, match="does not fit"):
        Latents(np.zeros((channels + 1, *space), np.float32), layout)
    with pytest.raises(BadInput, match="not finite"):
        Latents(np.full(layout.shape, np.nan, np.float32), layout)


def test_cancelled_evaluation_stops_at_the_next_chunk(name: str, parts: dict[str, ModelParts]) -> None:
    domain = parts[name].domain
    token = CancelToken()
    with torch.inference_mode():
        fields = domain.decode(latents(domain, 1))
        chunks = domain.evaluate_in_chunks(fields, domain.grid(5), token, 4)
        next(chunks)
        token.cancel()
        with pytest.raises(WorkCancelled):
            next(chunks)
