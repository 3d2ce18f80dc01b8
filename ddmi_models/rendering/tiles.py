"""Pictures of a window of an image's field, at any size, chunk by chunk."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

import numpy as np
import torch

from ddmi_models.cancel import CancelToken
from ddmi_models.coords import pixel_centres
from ddmi_models.domains.base import CHUNK_POINTS, Domain, Query
from ddmi_models.domains.image import ImageDomain
from ddmi_models.errors import BadInput
from ddmi_models.events import Partial, Progress
from ddmi_models.fields.sampling import sample_plane
from ddmi_models.planes import BasisFields
from ddmi_models.requests import ClipView, ImageView, Picture

COARSER = (8, 3)
"""Divisors of the coarser pictures that are shown first."""

SMALLEST_PARTIAL = 48
"""Pixels on the longer side of the coarsest picture worth showing."""

BLOCK_POINTS = 8 * CHUNK_POINTS
"""Points whose coordinates are made at a time."""

GRAIN_SEED = 0x6772_6169_6E


def centred_window(width: int, height: int) -> tuple[float, float, float, float]:
    """The largest centred window of the square with the proportions of width x height."""
    longer = max(width, height)
    x, y = width / longer, height / longer
    return -x, -y, x, y


def effective_resolution(view: ImageView) -> float:
    """Pixels a side that the whole square would have at the density of the view."""
    left, _, right, _ = view.window
    return view.width * 2.0 / (right - left)


def render_picture(
    domain: Domain, fields: BasisFields, view: ImageView, token: CancelToken, seed: int = 0, partials: bool = False
) -> Generator[Progress | Partial, None, Picture]:
    """Evaluate the window; with `partials` coarser pictures come first. Memory: the picture and one chunk.

    Args:
        seed: of the grain, for models with learned noise.

    Raises:
        BadInput: for an empty picture or window, or grain on a model that has none.
    """
    assert isinstance(domain, ImageDomain)
    _check(domain, view)
    gained = fields.with_gains(view.gains)
    grain = _grain(domain, view.grain, seed) if view.grain else None
    for divisor in COARSER if partials else ():
        if max(view.width, view.height) >= SMALLEST_PARTIAL * divisor:
            small = replace(view, width=max(1, view.width // divisor), height=max(1, view.height // divisor))
            coarse = _canvas(small)
            for _ in _fill(domain, gained, small, grain, coarse, token):
                pass
            yield Partial(Picture(coarse))
    pixels = _canvas(view)
    for done in _fill(domain, gained, view, grain, pixels, token):
        yield Progress(done, view.width * view.height, f"Picture of {view.width}x{view.height}")
    return Picture(pixels)


def _check(domain: Domain, view: ImageView) -> None:
    left, top, right, bottom = view.window
    if view.width < 1 or view.height < 1:
        raise BadInput(f"A picture of {view.width}x{view.height} pixels was asked for.", "Ask for at least 1x1.")
    if not (left < right and top < bottom):
        raise BadInput(f"The window {view.window} is empty.", "Give left < right and top < bottom.")
    if view.grain and not domain.config.coordinate_net.noise:
        raise BadInput("This model has no grain.", "Set it to 0.")


def _canvas(view: ImageView) -> np.ndarray:
    return np.empty((view.height, view.width, 3), np.uint8)


def _fill(
    domain: ImageDomain,
    fields: BasisFields,
    view: ImageView,
    grain: tuple[torch.Tensor, ...] | None,
    pixels: np.ndarray,
    token: CancelToken,
) -> Iterator[int]:
    """Evaluate row blocks into `pixels`; yields how many pixels are done."""
    device = next(iter(fields.levels[0].values())).device
    scale = domain.scale_input(effective_resolution(view))
    flat = pixels.reshape(-1, 3)
    for first, points in row_blocks(view):
        noise = None if grain is None else tuple(_read(layer, points).to(device) for layer in grain)
        query = Query(points.to(device), scale, noise)
        for start in range(0, len(query), CHUNK_POINTS):
            token.check()
            part = query.part(start, min(start + CHUNK_POINTS, len(query)))
            with torch.inference_mode():
                colours = to_bytes(domain.evaluate(fields, part)[0])
            flat[first + start : first + start + len(part)] = colours
        yield first + len(points)


def row_blocks(view: ImageView | ClipView) -> Iterator[tuple[int, torch.Tensor]]:
    """Pixel centres of some rows at a time: (first pixel, points [N, 2])."""
    left, top, right, bottom = view.window
    x_axis, y_axis = pixel_centres(view.width, left, right), pixel_centres(view.height, top, bottom)
    rows = max(1, BLOCK_POINTS // view.width)
    for start in range(0, view.height, rows):
        y, x = torch.meshgrid(y_axis[start : start + rows], x_axis, indexing="ij")
        yield start * view.width, torch.stack([x, y], dim=-1).reshape(-1, 2)


def to_bytes(values: torch.Tensor) -> np.ndarray:
    """Colours [-1, 1], clamped, to uint8 of the same shape."""
    return values.float().clamp(-1, 1).add(1).mul(127.5).round_().to(torch.uint8).cpu().numpy()


def _grain(domain: ImageDomain, strength: float, seed: int) -> tuple[torch.Tensor, ...]:
    """Noise on a lattice of the anchor resolution, one map [1, 1, A, A] a layer: it stays in place when one zooms."""
    side = domain.config.anchor_resolution
    generator = torch.Generator().manual_seed((seed ^ GRAIN_SEED) % 2**63)
    return tuple(strength * torch.randn(1, 1, side, side, generator=generator) for _ in range(domain.mlp.noise_layers))


def _read(lattice: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    return sample_plane(lattice, points[None], align_corners=False)
