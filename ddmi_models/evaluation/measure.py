"""Measurements on voxels from which the attributes of furniture are judged. Lengths are in the units of the mesh."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from ddmi_models.evaluation.voxels import Mask, Voxels, shadow

Areas = NDArray[np.float64]
EIGHT = np.ones((3, 3), dtype=bool)
SLAB_AREA = 0.3
"""Share of the footprint from which a horizontal slice belongs to a board (a seat, a top, a shelf)."""


@dataclass(frozen=True)
class Run:
    """A run of neighbouring slices: start included, stop excluded."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start


def slice_areas(voxels: Voxels) -> Areas:
    """Filled share of the bounding rectangle of each horizontal slice, bottom first: [ny]."""
    return np.asarray(voxels.occupied.mean(axis=(0, 2)))


def runs(mask: NDArray[np.bool_], least: int = 1) -> list[Run]:
    """Runs of true values at least `least` long."""
    padded = np.concatenate([[False], mask, [False]]).astype(int)
    steps = np.diff(padded)
    found = [Run(int(a), int(b)) for a, b in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)]
    return [run for run in found if run.length >= least]


def boards(voxels: Voxels, share: float = SLAB_AREA) -> list[Run]:
    """Horizontal boards as runs of slices that fill at least `share` of the footprint."""
    return runs(slice_areas(voxels) >= share, 2)


def pieces(section: Mask, least: int = 4) -> list[Mask]:
    """Connected pieces (8 neighbours) of a 2-D section with at least `least` cells."""
    labels, count = scipy.ndimage.label(section, structure=EIGHT)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    return [labels == index for index in range(1, count + 1) if sizes[index] >= least]


def box_of(mask: Mask) -> tuple[int, int, int, int]:
    """(start, stop) of the first axis, then of the second, of the true cells."""
    first, second = scipy.ndimage.find_objects(mask.astype(np.int8))[0]
    return first.start, first.stop, second.start, second.stop


def outline_of_top(voxels: Voxels) -> str:
    """Outline of the uppermost board: round, oval, square or rectangular."""
    areas = slice_areas(voxels)
    depth = voxels.cells(0.045)
    top = shadow(voxels.occupied[:, -depth:, :], 1)
    if areas[-depth:].max() < SLAB_AREA:
        return ""
    x0, x1, z0, z1 = box_of(top)
    fill = top[x0:x1, z0:z1].mean()
    long, short = max(x1 - x0, z1 - z0), min(x1 - x0, z1 - z0)
    equal = long / short < 1.17
    if fill < 0.89:
        return "round" if equal else "oval"
    return "square" if equal else "rectangular"


@dataclass(frozen=True)
class Stand:
    """What carries a shape: support and legs as in Attributes."""

    support: str
    legs: int


def stand_below(voxels: Voxels, limit: int) -> Stand:
    """What stands on the floor, from the slices below index `limit` (the underside of a seat, top or body)."""
    if limit < voxels.cells(0.035):
        return Stand("plinth", 0)
    sections = voxels.occupied[:, :limit, :]
    areas = sections.mean(axis=(0, 2))
    trim = max(1, int(0.08 * limit))
    middle = [index for index in range(trim, limit - trim) if areas[index] < SLAB_AREA] or list(range(limit))
    counts = Counter(len(pieces(sections[:, index, :])) for index in middle)
    count = _most_common(counts)
    floor = shadow(sections[:, : max(2, voxels.cells(0.03)), :], 1)
    if count == 1:
        return _one_leg(voxels, sections, middle, floor)
    if count == 2:
        return _two_supports(voxels, sections, middle)
    feet = pieces(floor)
    if count == 3 and len(feet) == 4:  # a board between two of the legs joins them higher up
        return Stand("legs", 4)
    if count == 4 and len(feet) == 2 and all(_deep(foot, voxels) for foot in feet):
        return Stand("sled", 0)
    return Stand("legs", count)


def _most_common(counts: Counter[int]) -> int:
    """The commonest number of pieces above zero; of equals the larger (legs that touch a rail count apart)."""
    counts.pop(0, None)
    return max(counts, key=lambda number: (counts[number], number)) if counts else 0


def _deep(piece: Mask, voxels: Voxels) -> bool:
    _, _, z0, z1 = box_of(piece)
    return (z1 - z0) > 0.6 * voxels.occupied.shape[2]


def _one_leg(voxels: Voxels, sections: Mask, middle: list[int], floor: Mask) -> Stand:
    """A central column, or a body that stands on the floor; legs that meet high up count on the floor."""
    waist = min(middle, key=lambda index: sections[:, index, :].sum() or sections.size)
    nx, _, nz = voxels.occupied.shape
    column = sections[:, waist, :]
    if not column.any():
        return Stand("plinth", 0)
    x0, x1, z0, z1 = box_of(column)
    feet = pieces(floor)
    if len(feet) in (3, 4):
        return Stand("legs", len(feet))
    slim = (x1 - x0) < 0.6 * nx and (z1 - z0) < 0.6 * nz
    central = abs((x0 + x1) / nx / 2 - 0.5) < 0.15 and abs((z0 + z1) / nz / 2 - 0.5) < 0.2
    return Stand("pedestal", 1) if slim and central else Stand("plinth", 0)


def _two_supports(voxels: Voxels, sections: Mask, middle: list[int]) -> Stand:
    usual = [index for index in middle if len(pieces(sections[:, index, :])) == 2]
    depths = [np.mean([_span_z(piece) for piece in pieces(sections[:, index, :])]) for index in usual]
    return Stand("panel" if np.percentile(depths, 25) > 0.6 * voxels.occupied.shape[2] else "trestle", 0)


def _span_z(piece: Mask) -> int:
    _, _, z0, z1 = box_of(piece)
    return z1 - z0


def shelf_levels(voxels: Voxels) -> int:
    """Levels between the boards of an open case, counted at the front; the board on top is not a level."""
    nx, _, nz = voxels.occupied.shape
    front = voxels.occupied[int(0.15 * nx) : int(0.85 * nx), :, int(0.5 * nz) : int(0.9 * nz)]
    filled = front.mean(axis=(0, 2)) > 0.5
    return max(0, len(runs(filled, 2)) - 1)


def shelves_under_top(voxels: Voxels) -> int:
    """Boards with open space above them, below the top of a table; the foot of a pedestal on the floor is none."""
    nx, _, nz = voxels.occupied.shape
    middle = voxels.occupied[nx // 3 : 2 * nx // 3, :, nz // 3 : 2 * nz // 3].mean(axis=(0, 2)) > 0.6
    found = [board for board in boards(voxels, 0.25) if board.start > 1 and middle[board.start : board.stop].any()]
    return max(0, len(found) - 1)


@dataclass(frozen=True)
class Front:
    """A raised front on the face of a body: width and height."""

    width: float
    height: float


def raised_fronts(voxels: Voxels) -> list[Front]:
    """Fronts that stand out from a body seen from +Z: rectangles with a step down to the body all around."""
    nz = voxels.occupied.shape[2]
    depth = np.where(shadow(voxels.occupied, 2), nz - 1 - voxels.occupied[:, :, ::-1].argmax(axis=2), -1)
    best: list[Front] = []
    for level in range(nz - 1, max(0, nz - voxels.cells(0.16)), -1):
        fronts = [front for piece in pieces(depth >= level, 40) if (front := _as_front(voxels, depth, piece, level))]
        if len(fronts) > len(best):
            best = fronts
    return best


def _as_front(voxels: Voxels, depth: NDArray[np.int_], piece: Mask, level: int) -> Front | None:
    x0, x1, y0, y1 = box_of(piece)
    width, height = (x1 - x0) * voxels.cell, (y1 - y0) * voxels.cell
    if min(width, height) < 0.068 or max(width, height) > 10 * min(width, height):
        return None
    if piece[x0:x1, y0:y1].mean() < 0.78:
        return None
    near = scipy.ndimage.binary_dilation(piece, EIGHT, iterations=3)
    ring = near & ~scipy.ndimage.binary_dilation(piece, EIGHT, iterations=1)
    drop = level - depth[ring]
    body = (drop >= voxels.cells(0.034)) & (drop <= voxels.cells(0.11)) & (depth[ring] >= 0)
    return Front(width, height) if len(drop) and body.mean() > 0.55 else None


def has_kneehole(voxels: Voxels) -> bool:
    """Whether the lower middle is open from the front to half the depth, as under a desk."""
    nx, ny, nz = voxels.occupied.shape
    room = voxels.occupied[int(0.42 * nx) : int(0.58 * nx), int(0.1 * ny) : int(0.6 * ny), int(0.5 * nz) :]
    return bool(room.mean() < 0.1)


def seat_level(voxels: Voxels) -> int:
    """Index just above the seat: the top of what fills the front half of the shape."""
    nx, _, nz = voxels.occupied.shape
    front = voxels.occupied[int(0.3 * nx) : int(0.7 * nx), :, int(0.45 * nz) : int(0.85 * nz)]
    filled = np.flatnonzero(front.mean(axis=(0, 2)) > 0.5)
    return int(filled[-1]) + 1 if len(filled) else 0


def back_kind(voxels: Voxels) -> str:
    """Backrest above the seat: solid, slatted (upright openings), bars (level openings); empty if there is none."""
    nx, ny, nz = voxels.occupied.shape
    seat = seat_level(voxels)
    if ny - seat < max(voxels.cells(0.07), 0.12 * ny):
        return ""
    above = voxels.occupied[:, seat + 1 :, :]
    upper = above[:, -max(2, int(0.25 * above.shape[1])) :, :]
    middle = float(np.nonzero(upper)[2].mean()) if upper.any() else nz
    if middle > 0.45 * nz or upper.any(axis=(1, 2)).mean() < 0.5:
        return ""
    rear = above[:, :, : int(0.45 * nz)]
    wall = shadow(rear, 2)
    x0, x1, _, y1 = box_of(wall)
    wall = wall[x0 + 1 : x1 - 1, : y1 - 1]
    holes = [box_of(hole) for hole in pieces(~wall, 6)]
    holes = [(a, b, c, d) for a, b, c, d in holes if min(b - a, d - c) >= 2]
    open_share = sum((b - a) * (d - c) for a, b, c, d in holes) / wall.size
    if not holes or open_share < 0.1:
        return "solid"
    upright = sum((b - a) * (d - c) for a, b, c, d in holes if (d - c) > (b - a) or (b - a) < 0.34 * nx)
    return "slatted" if upright > 0.5 * open_share * wall.size else "bars"


def has_arms(voxels: Voxels) -> bool:
    """Something on both sides above the seat, in the middle of the depth, and nothing between."""
    nx, ny, nz = voxels.occupied.shape
    seat = seat_level(voxels) + voxels.cells(0.035)
    band = voxels.occupied[:, seat:, int(0.45 * nz) : int(0.7 * nz)].mean(axis=2) > 0.5
    edge = max(4, int(0.14 * nx))
    left, right = shadow(band[:edge], 0).sum(), shadow(band[-edge:], 0).sum()
    between = shadow(band[int(0.35 * nx) : int(0.65 * nx)], 0).sum()
    return bool(min(left, right) >= 2 and between <= 0.3 * (ny - seat))


def has_headboard(voxels: Voxels) -> bool:
    """Whether the rear end of a bed rises clearly above pillows and mattress over most of the width."""
    nx, ny, nz = voxels.occupied.shape
    heights = np.where(shadow(voxels.occupied, 1), ny - voxels.occupied[:, ::-1, :].argmax(axis=1), 0)
    mattress = np.median(heights[int(0.25 * nx) : int(0.75 * nx), int(0.4 * nz) : int(0.8 * nz)])
    rear = heights[:, : voxels.cells(0.06)].max(axis=1)
    return bool((rear - mattress > voxels.cells(0.09)).mean() > 0.6)


@dataclass(frozen=True)
class Lamp:
    """Shade and stem of a lamp: diameter of the shade, height of its lower edge, thinnest width between."""

    shade: float
    bottom: float
    waist: float


def lamp_profile(voxels: Voxels) -> Lamp | None:
    """The profile of a shape that has a shade on a stem, else None."""
    _, ny, _ = voxels.occupied.shape
    widths = np.array([_span(shadow(voxels.occupied[:, y, :], 1)) for y in range(ny)], dtype=float)
    depths = np.array([_span(shadow(voxels.occupied[:, y, :], 0)) for y in range(ny)], dtype=float)
    upper = slice(int(0.55 * ny), ny)
    shade = float(widths[upper].max())
    if not 0.85 < shade / depths[upper].max() < 1.18:
        return None
    crown = np.nonzero(voxels.occupied[:, int(0.85 * ny) :, :])[2].mean() / voxels.occupied.shape[2]
    if abs(crown - 0.5) > 0.22:  # a backrest above a seat on one leg stands at the rear
        return None
    wide = runs(widths >= 0.5 * shade, 2)
    if not wide or wide[-1].stop < 0.9 * ny:
        return None
    bottom = wide[-1].start
    below = widths[int(0.3 * bottom) : bottom]
    if bottom < 0.3 * ny or len(below) == 0 or ny - bottom < 0.13 * ny:
        return None
    return Lamp(shade * voxels.cell, bottom * voxels.cell, float(below.min()) * voxels.cell)


def _span(line: NDArray[np.bool_]) -> int:
    """Distance between the first and the last true cell, both included."""
    places = np.flatnonzero(line)
    return int(places[-1] - places[0]) + 1 if len(places) else 0
