"""Latents that are kept in files are those in memory, and no more of them is in memory than is used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ddmi_models.domains import Domain
from ddmi_models.errors import CannotWrite, OutOfMemory
from ddmi_models.events import value_of
from ddmi_models.model import ModelParts
from ddmi_models.training import latent_store
from ddmi_models.training.data import ImageBatches
from ddmi_models.training.latent_store import EncodedSet, encoding
from tests.training.small import ITEMS, image_config, image_data


def encoded_set(domain: Domain, data: ImageBatches, folder: Path | None) -> EncodedSet:
    return value_of(encoding(domain, data, folder, lambda: None))


@pytest.fixture
def encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ModelParts, ImageBatches]:
    monkeypatch.setattr(latent_store, "ENCODING_BATCH", 7)  # so that the last batch is smaller
    config = image_config(image_data(tmp_path / "data"), steps=1)
    assert config.model is not None
    torch.manual_seed(0)
    return ModelParts(config.model), ImageBatches(config.data.train, config.data, seed=0)


def test_kept_latents_are_mapped_and_the_same(encoder: tuple[ModelParts, ImageBatches], tmp_path: Path) -> None:
    parts, data = encoder
    memory, kept = encoded_set(parts.domain, data, None), encoded_set(parts.domain, data, tmp_path / "latents")
    assert torch.equal(memory.mean, kept.mean) and torch.equal(memory.std, kept.std)
    assert len(kept) == ITEMS and kept.mean.dtype == torch.float16
    places = sorted((tmp_path / "latents").glob("*.npy"))
    assert [path.name.split("-")[-1] for path in places] == ["mean.npy", "std.npy"]
    assert np.load(places[0]).shape == tuple(kept.mean.shape)
    maps = Path("/proc/self/maps").read_text()
    assert all(str(path) in maps for path in places)  # pages of the files, not copies
    items = np.array([20, 3])
    noise = torch.randn(2, *kept.mean.shape[1:])
    assert torch.equal(memory.sample(items, noise), kept.sample(items, noise))


def test_statistics_are_those_of_the_drawn_latents(encoder: tuple[ModelParts, ImageBatches]) -> None:
    encoded = encoded_set(*(encoder[0].domain, encoder[1]), None)
    centre, spread = encoded.statistics()
    flat = encoded.mean.double().transpose(0, 1).flatten(1)
    noise = encoded.std.double().square().transpose(0, 1).flatten(1).mean(1)
    assert torch.allclose(centre.double(), flat.mean(1), atol=1e-6)
    assert torch.allclose(spread.double(), (flat.var(1) + noise).sqrt(), rtol=1e-5)


def test_a_broken_off_encoding_leaves_nothing(
    encoder: tuple[ModelParts, ImageBatches], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, data = encoder
    whole = latent_store._encode

    def full_disk(domain, data):
        yield next(whole(domain, data))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(latent_store, "_encode", full_disk)
    with pytest.raises(CannotWrite, match="space"):
        encoded_set(parts.domain, data, tmp_path / "latents")
    assert not [path for path in (tmp_path / "latents").iterdir() if path.suffix != ".lock"]


def test_a_changed_item_is_encoded_anew(encoder: tuple[ModelParts, ImageBatches], tmp_path: Path) -> None:
    parts, data = encoder
    before = encoded_set(parts.domain, data, tmp_path / "latents").mean.clone()
    pictures = data.arrays["image"].copy()
    pictures[5] = 255 - pictures[5]
    data.arrays = {**data.arrays, "image": pictures}
    after = encoded_set(parts.domain, data, tmp_path / "latents").mean
    assert [not torch.equal(one, other) for one, other in zip(before, after, strict=True)] == [
        item == 5 for item in range(ITEMS)
    ]


def test_little_memory_encodes_fewer_items_at_a_time(
    encoder: tuple[ModelParts, ImageBatches], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, data = encoder
    whole, encode = encoded_set(parts.domain, data, None), parts.domain.encode

    def limited(batch, most=2):
        if len(batch["image"]) > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return encode(batch)

    monkeypatch.setattr(parts.domain, "encode", limited)
    assert torch.allclose(encoded_set(parts.domain, data, None).mean.float(), whole.mean.float(), atol=2e-3)
    monkeypatch.setattr(parts.domain, "encode", lambda batch: limited(batch, most=0))
    with pytest.raises(OutOfMemory, match="encode a single item"):
        encoded_set(parts.domain, data, None)
