"""Pictures of any size and proportions as the image encoder's input."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from ddmi_models.cancel import CancelToken
from ddmi_models.domains.base import Domain
from ddmi_models.errors import BadInput
from ddmi_models.inputs.base import Comparison, Given, InputReader
from ddmi_models.planes import BasisFields
from ddmi_models.rendering.memory import require_memory

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
BYTES_PER_PIXEL = 16
"""Taken while a picture is turned, flattened and cut."""

WIDE_MODES = ("I", "I;16", "I;16B", "I;16L")
"""Grey values of 16 bits, which Pillow would cut off at 255."""


class PictureReader(InputReader[torch.Tensor]):
    """The centred square of a picture, at the anchor resolution."""

    takes = "a picture"
    suffixes: ClassVar[tuple[str, ...]] = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif")

    def read(self, path: Path, domain: Domain, up: str | None, token: CancelToken) -> Given[torch.Tensor]:
        pixels = np.asarray(squared(load_picture(path), domain.config.anchor_resolution), np.float32)
        image = torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1)[None]
        return Given({"image": image}, image)

    def compare(
        self, given: Given[torch.Tensor], domain: Domain, fields: BasisFields, token: CancelToken
    ) -> Comparison:
        side = given.reference.shape[-1]
        target = given.reference[0].flatten(1).T
        query = domain.grid(side)
        device = next(iter(fields.levels[0].values())).device
        query = type(query)(query.points.to(device), query.scale)
        total = 0.0
        with torch.inference_mode():
            for start, values in domain.evaluate_in_chunks(fields, query, token):
                part = values[0].clamp(-1, 1).cpu() - target[start : start + values.shape[1]]
                total += float(part.double().square().sum())
        psnr = 10 * math.log10(4 / max(total / target.numel(), 1e-10))
        return Comparison({"psnr": psnr}, f"PSNR {psnr:.1f} dB at {side} x {side} pixels")


def load_picture(path: Path) -> Image.Image:
    """A picture upright in RGB, the first of an animation, transparency on white.

    Raises:
        BadInput: if it is no readable picture. OutOfMemory: if it is too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the memory is asked below
            with Image.open(path, formats=FORMATS) as picture:
                count = picture.width * picture.height
                require_memory(lambda pixels: pixels * BYTES_PER_PIXEL, count, "pixels of a picture")
                return _flat(ImageOps.exif_transpose(picture))
    except Image.DecompressionBombError:
        raise BadInput(f"{path.name} is larger than 178 megapixels.", "Make it smaller first.") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise BadInput(f"{path.name} is not a readable picture ({_first_line(error)}).", "It may be damaged.") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _flat(picture: Image.Image) -> Image.Image:
    if picture.mode in WIDE_MODES:
        picture = Image.fromarray((np.asarray(picture).astype(np.int64).clip(0, 65_535) // 257).astype(np.uint8))
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture.convert("RGB")
    solid = picture.convert("RGBA")
    white = Image.new("RGBA", solid.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, solid).convert("RGB")


def squared(picture: Image.Image, side: int, window: tuple[float, float, float, float] | None = None) -> Image.Image:
    """A part of a picture at side x side pixels, averaged as the training data was.

    Args:
        window: left, top, right and bottom in pixels; None: the largest centred square.
    """
    if window is None:
        edge = min(picture.size)
        left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
        picture, window = picture.crop((left, top, left + edge, top + edge)), (0, 0, edge, edge)
    method = Image.Resampling.BOX if window[2] - window[0] >= side else Image.Resampling.BICUBIC
    return picture.resize((side, side), method, window)
