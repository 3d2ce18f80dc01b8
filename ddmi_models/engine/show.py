"""Looking at samples and writing them to files."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import numpy as np
import torch

from ddmi_models.cancel import CancelToken
from ddmi_models.domains.base import Query
from ddmi_models.engine.workshop import Loaded, Workshop, loading
from ddmi_models.errors import BadInput, CannotWrite
from ddmi_models.events import Event, Progress
from ddmi_models.fields.spectrum import radial_power
from ddmi_models.rendering.frames import FOLDER
from ddmi_models.rendering.latent_files import LATENT_SUFFIX, read_latent
from ddmi_models.rendering.mesh_cost import with_faces
from ddmi_models.rendering.metadata import read_recipe
from ddmi_models.rendering.renderers import suffix_of
from ddmi_models.requests import (
    EstimateExport,
    Export,
    ExportEstimate,
    LevelSpectrum,
    MeasureLevels,
    OpenedExport,
    OpenExport,
    Picture,
    PlanExport,
    ReadField,
    Render,
    Rendered,
    Thumbnail,
)


def render(shop: Workshop, request: Render, token: CancelToken) -> Generator[Event, None, Rendered]:
    """Evaluate a view of a sample, coarse first."""
    loaded = shop.load_for(request.sample, token)
    view = loaded.renderer.check_view(request.view)
    return (yield from loaded.renderer.render(shop.decoded(request.sample, loaded), view, token, partials=True))


def read_field(shop: Workshop, request: ReadField, token: CancelToken) -> Generator[Event, None, np.ndarray]:
    """The field at any points."""
    loaded = shop.load_for(request.sample, token)
    domain, places = loaded.model.domain, np.asarray(request.points, np.float32)
    if places.ndim == 0 or places.shape[-1] != domain.point_dimensions:
        raise BadInput(
            f"Points of shape {list(places.shape)} were given.",
            f"Their last axis holds {domain.point_dimensions} numbers.",
        )
    decoded = shop.decoded(request.sample, loaded)
    flat = torch.from_numpy(places.reshape(-1, domain.point_dimensions).copy()).to(loaded.model.device)
    values = [np.empty((0, domain.config.coordinate_net.out_channels), np.float32)]
    chunks = domain.evaluate_in_chunks(decoded.fields, Query(flat), token)
    for start, part in chunks:
        values.append(part[0].detach().float().cpu().numpy())
        yield Progress(start + part.shape[1], len(flat), "Evaluating the field")
    return np.concatenate(values).reshape(*places.shape[:-1], -1)


def thumbnail(shop: Workshop, request: Thumbnail, token: CancelToken) -> Generator[Event, None, Picture]:
    """A small picture of a sample."""
    yield from ()
    loaded = shop.load_for(request.sample, token)
    return Picture(loaded.renderer.thumbnail(shop.decoded(request.sample, loaded), request.size, token))


def measure_levels(
    shop: Workshop, request: MeasureLevels, token: CancelToken
) -> Generator[Event, None, tuple[LevelSpectrum, ...]]:
    """The power spectrum of each basis scale."""
    yield from ()
    loaded = shop.load_for(request.sample, token)
    spectra = []
    for level in shop.decoded(request.sample, loaded).fields.levels:
        token.check()
        planes = [plane[0] for plane in level.values()]
        frequencies, power = radial_power(planes)
        spectra.append(LevelSpectrum(max(max(p.shape[-2:]) for p in planes), frequencies.numpy(), power.numpy()))
    return tuple(spectra)


def estimate(shop: Workshop, request: EstimateExport, token: CancelToken) -> Generator[Event, None, ExportEstimate]:
    """What an export would cost here."""
    yield from ()
    loaded = shop.load_for(request.sample, token)
    size = (request.resolution, request.resolution)
    frames = loaded.renderer.frames_of(loaded.model.domain, request)
    suffix = request.suffix.lower()
    whole = loaded.renderer.estimate(suffix, size, shop.point_seconds(loaded), frames)
    return with_faces(whole, suffix, request.faces)


def plan(shop: Workshop, request: PlanExport, token: CancelToken) -> Generator[Event, None, ExportEstimate]:
    """Check that an export could be written, and estimate it."""
    yield loading(request.model)
    check_place(request.path)
    loaded = shop.load(request.model, token)
    size = _size(loaded, request)
    loaded.renderer.check(loaded.model.domain, request, size)
    frames = loaded.renderer.frames_of(loaded.model.domain, request)
    suffix = suffix_of(request.path)
    whole = loaded.renderer.estimate(suffix, size, shop.point_seconds(loaded), frames)
    return with_faces(whole, suffix, request.faces)


def _size(loaded: Loaded, request: Export | PlanExport) -> tuple[int, int]:
    """The resolution asked for, or the usual one."""
    if request.resolution is not None:
        return request.resolution
    usual = loaded.renderer.default_size(loaded.model.domain, suffix_of(request.path))
    return usual, usual


def check_place(path: Path) -> None:
    """Refuse a path that cannot be written; one without an ending becomes a folder of frames.

    Raises:
        CannotWrite: for a missing or read-only folder, or a folder in place of the file.
    """
    folder = path.parent
    if not folder.is_dir():
        raise CannotWrite(f"The folder {folder} does not exist.", "Create it or choose another.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CannotWrite(f"The folder {folder} is not writable.", "Choose another.")
    if path.is_dir() and (suffix_of(path) != FOLDER or any(path.iterdir())):
        raise CannotWrite(f"{path} is a folder.", "Give the name of a file in it, or of a new folder.")


def export(shop: Workshop, request: Export, token: CancelToken) -> Generator[Event, None, Path]:
    """Render a sample and write it."""
    check_place(request.path)
    loaded = shop.load_for(request.sample, token)
    size = _size(loaded, request)
    loaded.renderer.check(loaded.model.domain, request, size)
    return (yield from loaded.renderer.write(shop.decoded(request.sample, loaded), request, size, token))


def open_export(shop: Workshop, request: OpenExport, token: CancelToken) -> Generator[Event, None, OpenedExport]:
    """Find the recipe in a file, and the sample where it is there."""
    yield from ()
    if request.path.name.lower().endswith(LATENT_SUFFIX):
        sample = read_latent(request.path)
        return OpenedExport(sample.recipe, sample)
    return OpenedExport(read_recipe(request.path), None)
