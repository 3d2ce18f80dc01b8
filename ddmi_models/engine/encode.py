"""The user's own signal as a sample."""

from __future__ import annotations

import hashlib
import os
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
    source_hash = hash_of(path, reader.files(path), token)
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


def hash_of(path: Path, files: tuple[Path, ...], token: CancelToken) -> str:
    """SHA-256 of a file; of several: of their names, as seen from the path's folder, and hashes, in order.

    Raises:
        BadCheckpoint: if something cannot be read.
    """
    if files == (path,):
        return hash_file(path, token.check)
    home = path if path.is_dir() else path.parent
    digest = hashlib.sha256()
    for part in files:
        name = Path(os.path.relpath(part, home)).as_posix()
        digest.update(f"{name}\0{hash_file(part, token.check)}\n".encode())
    return digest.hexdigest()
