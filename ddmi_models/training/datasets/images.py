"""Folders of pictures of any sizes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadItem
from ddmi_models.training.datasets.layout import Item, Layout, Preparation, Rows, Tree
from ddmi_models.training.datasets.looks import LOOK

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
LEAST_SIDE = 8
"""Pixels below which a picture is no use."""


def open_picture(path: Path) -> Image:
    """A picture, upright, as RGB; what is transparent becomes white.

    Raises:
        BadItem: it is no picture, cut short, or so large that it may be an attack.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # twice as many are an error
            with Image.open(path) as file:
                picture = ImageOps.exif_transpose(file)
                if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
                    picture = picture.convert("RGBA")
                    ground = Image.new("RGBA", picture.size, "white")
                    picture = Image.alpha_composite(ground, picture)
                if picture.mode.startswith("I") or picture.mode == "F":
                    picture = Image.fromarray(_grey_bytes(np.asarray(picture, dtype=np.float64), picture.mode == "F"))
                return picture.convert("RGB")
    except Image.DecompressionBombError:
        raise BadItem("more pixels than are safe to open") from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:  # what PIL raises for damaged files
        reasons = ((FileNotFoundError, "missing"), (PermissionError, "not readable"))
        raise BadItem(
            next((why for kind, why in reasons if isinstance(error, kind)), "damaged or no picture")
        ) from None


def _grey_bytes(levels: NDArray[np.float64], floats: bool) -> NDArray[np.uint8]:
    """Grey levels, floats in [0, 1] or integers of 16 bits, as bytes; others have no known white. Raises: BadItem."""
    white = 1 if floats else 65535
    low, high = float(levels.min()), float(levels.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise BadItem("grey levels that are not finite")
    if low < 0 or high > white:
        raise BadItem(f"{'float' if floats else 'integer'} grey levels from {low:g} to {high:g}, not in [0, {white}]")
    return np.round(levels * (255 / white)).astype(np.uint8)


def squared(picture: Image, size: int, window: tuple[float, float, float, float] | None = None) -> NDArray[np.uint8]:
    """A part of a picture at a size, uint8 [size, size, 3], well filtered.

    Args:
        window: left, top, right and bottom in pixels; None: the middle square.
    """
    from PIL.Image import Resampling

    if window is None:
        width, height = picture.size
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        window = (left, top, left + side, top + side)
    return np.asarray(picture.resize((size, size), Resampling.LANCZOS, box=window, reducing_gap=3.0))


def _find(tree: Tree) -> list[Item]:
    return [Item(tree.label(path), (path,)) for path in tree.ending(ENDINGS)]


def _inspect(item: Item, how: Preparation) -> tuple[str, list[str]]:
    width, height = open_picture(item.files[0]).size
    if min(width, height) < LEAST_SIDE:
        raise BadItem(f"{width}x{height} pixels are too few")
    return f"{width}x{height}", []


def _read(item: Item, how: Preparation) -> tuple[Rows, list[str]]:
    picture = open_picture(item.files[0])
    if min(picture.size) < LEAST_SIDE:
        raise BadItem(f"{picture.width}x{picture.height} pixels are too few")
    return {"image": squared(picture, how.size)[None]}, []


def picture_look(item: Item) -> NDArray[np.uint8]:
    """The first picture of an item, small."""
    path = next((path for path in item.files if path.suffix.lower() in ENDINGS and path.is_file()), None)
    if path is None:
        raise BadItem("no picture in it")
    return squared(open_picture(path), LOOK)


IMAGES = Layout("images", "Folder of pictures", "image", _find, _inspect, _read, picture_look)
