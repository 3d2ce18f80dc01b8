"""A geometric checker: which attributes of furniture hold for a mesh.

The mesh stands in the frame of `ddmi_models.evaluation.vocabulary`. It is voxelised and measured by slices, projections
and connected pieces, so slightly blobby surfaces do no harm. Kinds that geometry alone cannot tell apart (a dining
table and a plain desk) are all accepted.
"""

from __future__ import annotations

from dataclasses import dataclass

import trimesh

from ddmi_models.errors import BadInput
from ddmi_models.evaluation import measure as m
from ddmi_models.evaluation.vocabulary import DOUBLE_BED, KINDS, PROPORTIONS, SHADE_BOUNDS, TABLES
from ddmi_models.evaluation.voxels import Voxels, shadow, voxelise

Value = str | int | bool
SOME = "some"
"""Value of a counted or named attribute that only has to be there (drawers: "with drawers")."""
SLACK = 1.05
"""Room at the bounds of low, tall, narrow and wide: voxels round the sides."""
ATTRIBUTES = (
    "kind",
    "top",
    "support",
    "legs",
    "arms",
    "back",
    "shelves",
    "drawers",
    "doors",
    "headboard",
    "bed",
    "shade",
    "height",
    "width",
)


@dataclass(frozen=True)
class Measured:
    """Attributes measured on a mesh; names and values as in `Attributes`, but `kinds` holds every kind that fits."""

    size: tuple[float, float, float]
    kinds: frozenset[str]
    top: str
    support: str
    legs: int
    arms: bool
    back: str
    shelves: int
    drawers: int
    doors: int
    headboard: bool
    shade: float
    """Diameter of a lamp's shade over the height of the lamp; 0 for other shapes."""


def measure(mesh: trimesh.Trimesh) -> Measured:
    """Measure every attribute of a mesh.

    Raises:
        BadInput: the mesh encloses no volume in the unit cube.
    """
    voxels = voxelise(mesh)
    lamp = _lamp(voxels)
    if lamp is not None:
        return lamp
    if _is_bed(voxels):
        stand = m.stand_below(voxels, _underside(voxels))
        return _measured(voxels, {"bed"}, stand=stand, headboard=m.has_headboard(voxels))
    storage = _storage(voxels)
    if storage is not None:
        return storage
    back = m.back_kind(voxels)
    return _seat(voxels, back) if back else _flat_top(voxels)


def judge(mesh: trimesh.Trimesh, attribute: str, value: Value, kind: str | None = None) -> bool:
    """Whether the attribute has the value; `kind` gives low, tall, narrow, wide their meaning (default: as measured).

    Raises:
        BadInput: unknown attribute or kind, or a mesh without volume.
    """
    return judge_measured(measure(mesh), attribute, value, kind)


def judge_measured(measured: Measured, attribute: str, value: Value, kind: str | None = None) -> bool:
    """As `judge`, for a mesh that was measured before."""
    if attribute not in ATTRIBUTES:
        raise BadInput(f"There is no attribute {attribute!r}.", f"Attributes are {', '.join(ATTRIBUTES)}.")
    if kind is not None and kind not in (*KINDS, "table", "lamp"):
        raise BadInput(f"There is no kind {kind!r}.", f"Kinds are {', '.join(KINDS)}.")
    if attribute == "kind":
        wanted = {"table": set(TABLES), "lamp": {"floor lamp", "table lamp"}}.get(str(value), {str(value)})
        return bool(measured.kinds & wanted)
    if attribute in ("height", "width"):
        return _proportion(measured, attribute, str(value), kind)
    if attribute == "bed":
        ratio = measured.size[0] / measured.size[2]
        return "bed" in measured.kinds and (ratio >= DOUBLE_BED) == (value == "double")
    if attribute == "shade":
        return _shade_word(measured) == value
    found = getattr(measured, attribute)
    if value == SOME:
        return bool(found)
    if attribute == "back" and value == "slatted":
        return found in ("slatted", "bars")
    return bool(found == value)


def _proportion(measured: Measured, attribute: str, value: str, kind: str | None) -> bool:
    """Whether low, tall, narrow or wide holds for any of the kinds in question."""
    for each in [kind] if kind in PROPORTIONS else sorted(measured.kinds):
        rule = PROPORTIONS[str(each)]
        ratio = rule.tallness(measured.size) if attribute == "height" else rule.wideness(measured.size)
        small, large = (rule.low, rule.tall) if attribute == "height" else (rule.narrow, rule.wide)
        below = small is not None and ratio <= small * SLACK
        above = large is not None and ratio >= large / SLACK
        if {"low": below, "narrow": below, "tall": above, "wide": above, "": not below and not above}[value]:
            return True
    return False


def _shade_word(measured: Measured) -> str:
    for kind, (narrow, wide) in SHADE_BOUNDS.items():
        if kind in measured.kinds:
            middle = (narrow + wide) / 2
            band = (wide - narrow) / 4
            return "narrow" if measured.shade < middle - band else "wide" if measured.shade > middle + band else ""
    return ""


def _measured(
    voxels: Voxels,
    kinds: set[str],
    *,
    top: str = "",
    stand: m.Stand | None = None,
    arms: bool = False,
    back: str = "",
    shelves: int = 0,
    drawers: int = 0,
    doors: int = 0,
    headboard: bool = False,
    shade: float = 0.0,
) -> Measured:
    found = stand or m.Stand("", 0)
    return Measured(
        voxels.size,
        frozenset(kinds),
        top,
        found.support,
        found.legs,
        arms,
        back,
        shelves,
        drawers,
        doors,
        headboard,
        shade,
    )


def _lamp(voxels: Voxels) -> Measured | None:
    width, height, depth = voxels.size
    profile = m.lamp_profile(voxels)
    if profile is None or max(width, depth) > 1.02 * height or profile.waist > 0.2:
        return None
    floor = profile.bottom > 0.69 * height and max(width, depth) < 0.68 * height
    feet = len(m.pieces(shadow(voxels.occupied[:, : max(2, voxels.cells(0.03)), :], 1)))
    stand = m.Stand("legs", 3) if feet == 3 else m.Stand("pedestal", 1)
    return _measured(voxels, {"floor lamp" if floor else "table lamp"}, stand=stand, shade=profile.shade / height)


def _is_bed(voxels: Voxels) -> bool:
    """Long towards the viewer, low, and filled at the level of the mattress."""
    width, height, depth = voxels.size
    areas = m.slice_areas(voxels)
    return depth > 1.03 * width and height < 0.68 * depth and float((areas > 0.6).sum()) * voxels.cell > 0.11


def _underside(voxels: Voxels) -> int:
    """Index of the lowest slice of the lowest board or body."""
    areas = m.slice_areas(voxels)
    filled = areas >= 0.5 * areas.max()
    return int(filled.argmax())


def _storage(voxels: Voxels) -> Measured | None:
    """A bookcase, cabinet or dresser: a case that fills its outline as seen from the front or the side."""
    side = voxels.occupied.any(axis=0).mean()
    areas = m.slice_areas(voxels)
    levels = m.shelf_levels(voxels)
    solid = float((areas > 0.6).mean())
    if solid < 0.72:
        open_case = levels >= 2 and side > 0.85 and _has_sides(voxels)
        return _measured(voxels, {"bookcase"}, stand=m.Stand("panel", 0), shelves=levels) if open_case else None
    fronts = m.raised_fronts(voxels)
    if not fronts or m.has_kneehole(voxels):
        return None
    doors = sum(front.height > 1.1 * front.width for front in fronts)
    drawers = len(fronts) - doors
    stand = m.stand_below(voxels, _underside(voxels))
    kinds = {"cabinet"} if doors else {"dresser"}
    return _measured(voxels, kinds, stand=stand, doors=doors, drawers=drawers)


def _has_sides(voxels: Voxels) -> bool:
    """Upright boards at both ends over most of the height and depth."""
    thick = voxels.cells(0.05)
    left, right = voxels.occupied[:thick].any(axis=0), voxels.occupied[-thick:].any(axis=0)
    return bool(min(left.mean(), right.mean()) > 0.8)


def _seat(voxels: Voxels, back: str) -> Measured:
    width, height, depth = voxels.size
    seat = m.seat_level(voxels)
    arms = m.has_arms(voxels)
    solid = m.slice_areas(voxels)[:seat]
    thick = float((solid > 0.5).sum()) * voxels.cell
    kinds: set[str] = set()
    if width / height > 1.12 and width / depth > 1.5:
        kinds |= {"sofa"} if thick > 0.1 else {"bench"}
        kinds |= {"bench", "sofa"} if 0.085 < thick < 0.13 else set()
    elif width / height > 1.12 and width / depth > 1.28 and not arms:
        kinds |= {"bench", "chair"}
    else:
        kinds |= {"chair", "armchair"} if arms else {"chair"}
        if width / height > 1.2 and width / depth > 1.3 and thick > 0.1:
            kinds |= {"sofa"}
    below = voxels.occupied[:, :seat, :].mean(axis=(0, 2))
    stand = m.stand_below(voxels, int((below >= 0.45 * below.max()).argmax()) if seat else 0)
    stand = m.stand_below(voxels, _seat_underside(voxels, seat)) if stand.support != "sled" else stand
    return _measured(voxels, kinds, stand=stand, arms=arms, back=back)


def _seat_underside(voxels: Voxels, seat: int) -> int:
    """Lowest slice of the seat or upholstered body that ends at `seat`."""
    areas = voxels.occupied[:, :seat, :].mean(axis=(0, 2))
    index = max(seat - voxels.cells(0.03), 0)
    while index > 0 and areas[index - 1] >= 0.45:
        index -= 1
    return index


def _flat_top(voxels: Voxels) -> Measured:
    """Tables, desks, stools and benches without a back."""
    top = m.outline_of_top(voxels)
    found = m.boards(voxels)
    underside = found[-1].start if found else voxels.occupied.shape[1]
    stand = m.stand_below(voxels, underside)
    fronts = m.raised_fronts(voxels) if stand.legs in (0, 4) and top in ("square", "rectangular") else []
    drawers = sum(front.height <= 1.1 * front.width for front in fronts)
    shelves = m.shelves_under_top(voxels)
    kinds = _flat_kinds(voxels.size, top, stand, drawers)
    return _measured(voxels, kinds, top=top, stand=stand, shelves=shelves, drawers=drawers)


def _flat_kinds(size: tuple[float, float, float], top: str, stand: m.Stand, drawers: int) -> set[str]:
    """Every kind with a flat top whose proportions allow it."""
    width, height, depth = size
    tall = height / max(width, depth)
    ratio = width / depth
    even = 1 / 1.2 < ratio < 1.2
    rules = {
        "dining table": 0.38 < tall < 0.85 and not drawers,
        "round table": top == "round" and 0.4 < tall < 1.3,
        "coffee table": tall < 0.62 and not drawers,
        "side table": max(ratio, 1 / ratio) < 1.6 and tall > 0.62,
        "stool": even and tall > 0.7 and not drawers and top in ("round", "square"),
        "bench": top == "rectangular" and ratio > 1.9 and 0.25 < tall < 0.64 and not drawers,
        "desk": top == "rectangular" and ratio > 1.18 and 0.42 < tall < 0.82 and stand.legs in (0, 4),
    }
    return {kind for kind, holds in rules.items() if holds}
