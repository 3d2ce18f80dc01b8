"""Procedural data as files in the layout of a published data set, one item after another."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadInput
from ddmi_models.files import TEMPORARY_PREFIX, atomic_file, cannot_write
from ddmi_models.training.procedural.shards import DataMaker, item_digest, make_folder, write_manifest
from ddmi_models.training.workers import side_by_side


def write_layout(
    maker: DataMaker,
    layout: str,
    out: Path,
    count: int,
    seed: int,
    workers: int = 1,
    check: Callable[[], None] = lambda: None,
) -> Iterator[tuple[int, int]]:
    """Write `count` items into `out` as files of one of the maker's layouts; yields (items ready, count) after each.

    Items that are there are kept. The manifest, with a hash an item, is written last.

    Args:
        workers, check: as in `write_shards`.

    Raises:
        BadInput: no such layout, or count or workers below 1. CannotWrite: the folder cannot be written.
    """
    if count < 1 or workers < 1:
        raise BadInput("The count of items and of workers must be at least 1.")
    if layout not in maker.layouts:
        known = ", ".join(("shards", *maker.layouts))
        raise BadInput(f"The data set {maker.name} has no layout {layout!r}.", f"Choose one of {known}.")
    make_folder(out)
    chosen = maker.layouts[layout]
    seeds = range(seed, seed + count)
    missing = [each for each in seeds if not (out / chosen.place(each)).exists()]
    if len(missing) < count:
        yield count - len(missing), count
    made = side_by_side(partial(chosen.files, **maker.settings), missing, min(workers, len(missing)), check)
    for done, (each, files) in enumerate(zip(missing, made, strict=True), start=count - len(missing) + 1):
        _write_item(out / chosen.place(each), files)
        yield done, count
    sums = {chosen.place(each): item_digest(out / chosen.place(each)) for each in seeds}
    write_manifest(maker, out, sums, count, seed, layout)


def _write_item(place: Path, files: dict[str, bytes]) -> None:
    """A file, or a folder of files, that appears whole or not at all."""
    make_folder(place.parent)
    if "" in files:
        with atomic_file(place) as file:
            file.write(files[""])
        return
    with tempfile.TemporaryDirectory(prefix=TEMPORARY_PREFIX, dir=place.parent) as temporary:
        whole = Path(temporary) / place.name
        try:
            for path, data in files.items():
                (whole / path).parent.mkdir(parents=True, exist_ok=True)
                (whole / path).write_bytes(data)
            whole.replace(place)
        except OSError as error:
            raise cannot_write(place, error) from None


def png_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """A picture [H, W, 3] as a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()
