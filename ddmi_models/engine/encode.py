"""The user's own signal as a sample."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from pathlib import Path

import torch

from ddmi_models.cancel import CancelToken
from ddmi_models.checkpoints.hashes import hash_file
from ddmi_models.engine.workshop import Workshop, loading, name_in_recipes
from ddmi_models.events import Event, Progress
from ddmi_models.inputs import reader_of
from ddmi_models.planes import Latents
from ddmi_models.recipes import encoded_recipe
from ddmi_models.requests import Encode, Encoded, Sample

STAGES = 3


def encode(shop: Workshop, request: Encode, token: CancelToken) -> Generator[Event, None, Encoded]:
    """Read, encode (the posterior's mean), decode again and compare."""
    path = request.path
    reader = reader_of(shop.find(request.model).domain)
    reader.check(path)
    yield loading(request.model)
    loaded = shop.load(request.model, token)
    domain, info = loaded.model.domain, loaded.info
    yield Progress(0, STAGES, f"Reading {path.name}")
    source_hash = hash_of(path, token)
    given = reader.read(path, domain, request.up, token)
    token.check()
    yield Progress(1, STAGES, f"Encoding {path.name}")
    with torch.inference_mode():
        batch = {name: value.to(loaded.model.device) for name, value in given.batch.items()}
        packed = domain.encode(batch).mean[0].float().cpu().numpy().copy()
    latents = Latents(packed, domain.layout)
    recipe = encoded_recipe(info.domain, name_in_recipes(info), info.sha256, path.name, source_hash, latents)
    sample = Sample(recipe, latents)
    token.check()
    yield Progress(2, STAGES, "Comparing with the input")
    found = reader.compare(given, domain, shop.decoded(sample, loaded).fields, token)
    return Encoded(sample, found.figures, found.words)


def hash_of(path: Path, token: CancelToken) -> str:
    """SHA-256 of a file; of a folder: of its files' names and hashes, in order.

    Raises:
        BadCheckpoint: if something cannot be read.
    """
    if not path.is_dir():
        return hash_file(path, token.check)
    digest = hashlib.sha256()
    for part in sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(f"{part.relative_to(path).as_posix()}\0{hash_file(part, token.check)}\n".encode())
    return digest.hexdigest()
