"""Samples in a row as one file, or a folder of files."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from ddmi_models.cancel import CancelToken
from ddmi_models.engine.show import check_place, export
from ddmi_models.engine.workshop import Loaded, Workshop, loading
from ddmi_models.errors import BadInput, CannotWrite
from ddmi_models.events import Event, Progress
from ddmi_models.files import cannot_write
from ddmi_models.rendering.memory import require_memory
from ddmi_models.rendering.renderers import suffix_of
from ddmi_models.rendering.stills import contact_sheet
from ddmi_models.rendering.writers import CLIPS, PICTURES, check_clip, check_picture_size, write_clip, write_picture
from ddmi_models.requests import Export, ExportPath, Sample

DEFAULT_SIDE, SMALLEST_SIDE, LARGEST_SIDE = 256, 16, 2048
GAP = 4
"""Pixels between the pictures of a strip."""

FASTEST = 60

Writing = Generator[Event, None, tuple[Path, ...]]


def export_path(shop: Workshop, request: ExportPath, token: CancelToken) -> Writing:
    """Write a strip, a clip or a folder; strips and clips carry the recipe of their middle sample."""
    if not request.samples:
        raise BadInput("No samples were given.", "Give at least one.")
    suffix = suffix_of(request.path)
    yield loading(request.samples[0].recipe.model)
    loaded = shop.load_for(request.samples[0], token)
    if not suffix:
        return (yield from _folder(shop, loaded, request, token))
    if suffix not in PICTURES and suffix not in CLIPS:
        raise BadInput(
            f"{request.path.name}: a row of samples is not written as {suffix}.",
            f"Use one of {', '.join((*PICTURES, *CLIPS))}, or a name without an ending for a folder.",
        )
    check_place(request.path)
    side = _checked_side(request, suffix)
    if suffix in CLIPS:
        return (yield from _clip(shop, loaded, request, side, token))
    return (yield from _strip(shop, loaded, request, side, token))


def _checked_side(request: ExportPath, suffix: str) -> int:
    side = request.resolution or DEFAULT_SIDE
    if not SMALLEST_SIDE <= side <= LARGEST_SIDE:
        raise BadInput(f"Pictures of {side} pixels a side were asked for.", f"Use {SMALLEST_SIDE} to {LARGEST_SIDE}.")
    if not 1 <= request.rate <= FASTEST:
        raise BadInput(f"{request.rate} frames a second were asked for.", f"Use 1 to {FASTEST}.")
    check_clip(suffix, side, side, request.rate)
    columns = _columns(request)
    if columns < 1:
        raise BadInput(f"{columns} columns were asked for.", "Use at least 1.")
    if suffix in PICTURES:
        rows = -(-len(request.samples) // columns)
        width, height = (count * (side + GAP) + GAP for count in (columns, rows))
        check_picture_size(suffix, width, height)
        require_memory(lambda pixels: 9 * pixels, width * height, "pixels of a strip")
    return side


def _columns(request: ExportPath) -> int:
    return len(request.samples) if request.columns is None else request.columns


def _pictures(
    shop: Workshop, loaded: Loaded, request: ExportPath, side: int, token: CancelToken
) -> Iterator[np.ndarray]:
    for sample in request.samples:
        token.check()
        yield loaded.renderer.thumbnail(shop.decoded(sample, loaded), side, token)


def _strip(shop: Workshop, loaded: Loaded, request: ExportPath, side: int, token: CancelToken) -> Writing:
    pictures: list[np.ndarray] = []
    for picture in _pictures(shop, loaded, request, side, token):
        pictures.append(picture)
        yield Progress(len(pictures), len(request.samples), "Rendering")
    sheet = contact_sheet(pictures, min(_columns(request), len(pictures)), GAP)
    write_picture(request.path, sheet, _middle(request).recipe)
    return (request.path,)


def _clip(shop: Workshop, loaded: Loaded, request: ExportPath, side: int, token: CancelToken) -> Writing:
    frames = _pictures(shop, loaded, request, side, token)
    for done in write_clip(request.path, frames, request.rate, _middle(request).recipe):
        yield Progress(done, len(request.samples), "Rendering")
    return (request.path,)


def _middle(request: ExportPath) -> Sample:
    return request.samples[len(request.samples) // 2]


def _folder(shop: Workshop, loaded: Loaded, request: ExportPath, token: CancelToken) -> Writing:
    """One file a sample, in the domain's first format, named by its place in the row."""
    size = None if request.resolution is None else (request.resolution, request.resolution)
    digits = len(str(len(request.samples) - 1))
    with _new_folder(request.path) as folder:
        written: list[Path] = []
        for index, sample in enumerate(request.samples):
            path = folder / f"{index:0{digits}}{loaded.renderer.suffixes[0]}"
            for event in export(shop, Export(sample, path, size), token):
                if isinstance(event, Progress):
                    share = event.fraction
                    yield replace(event, step=int(100 * (index + share)), total=100 * len(request.samples))
            written.append(path)
    return tuple(written)


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """A folder for the files of the block; what the block wrote goes again if it does not end well."""
    if path.is_dir() and any(path.iterdir()):
        raise CannotWrite(f"The folder {path} is not empty.", "Choose a new name.")
    made = not path.exists()
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from None
    done = False
    try:
        yield path
        done = True
    finally:
        if not done:
            for file in path.iterdir():
                file.unlink()
            if made:
                path.rmdir()
