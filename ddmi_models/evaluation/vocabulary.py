"""The attributes of furniture: what a caption may name, a generator builds and a checker measures.

Frame of every shape: Y up, front towards +Z, the longest side of the bounding box 0.9 to 1.0, centred in the cube
[-0.5, 0.5]^3. Scale is therefore lost, and "low", "tall", "narrow" and "wide" are ratios of the bounding box.
"""

from __future__ import annotations

from dataclasses import dataclass

KINDS = (
    "chair",
    "armchair",
    "stool",
    "bench",
    "sofa",
    "dining table",
    "round table",
    "coffee table",
    "side table",
    "desk",
    "bookcase",
    "cabinet",
    "dresser",
    "bed",
    "floor lamp",
    "table lamp",
)
TABLES = ("dining table", "round table", "coffee table", "side table", "desk")


@dataclass(frozen=True)
class Attributes:
    """What is true of a shape; an empty string or zero means "has none"."""

    kind: str
    top: str = ""
    """Outline of the table top or stool seat: round, oval, square, rectangular."""
    support: str = ""
    """legs, pedestal (one central column), trestle, sled, panel, plinth (stands on its body)."""
    legs: int = 0
    """Legs that reach the floor: 3 or 4; 1 for a pedestal; 0 otherwise."""
    foot: str = ""
    """Base of a pedestal: disc, cone, cross, star."""
    arms: bool = False
    back: str = ""
    """solid, slatted (upright slats), bars (horizontal bars)."""
    shelves: int = 0
    """Levels on which things can stand: in a bookcase the bottom board counts, the top board does not."""
    drawers: int = 0
    doors: int = 0
    headboard: bool = False
    bed: str = ""
    """single or double."""
    shade: str = ""
    """wide, narrow or empty (in between)."""
    height: str = ""
    """low, tall or empty."""
    width: str = ""
    """narrow, wide or empty."""


@dataclass(frozen=True)
class Proportion:
    """Where the words start, for one kind. Tallness is H / max(W, D); wideness is W / D, or W / H where `by_height`.

    A bound of None means that the word is not used for the kind.
    """

    low: float | None = None
    tall: float | None = None
    narrow: float | None = None
    wide: float | None = None
    by_height: bool = False

    def tallness(self, size: tuple[float, float, float]) -> float:
        """Ratio behind low and tall for a box (W, H, D)."""
        return size[1] / max(size[0], size[2])

    def wideness(self, size: tuple[float, float, float]) -> float:
        """Ratio behind narrow and wide for a box (W, H, D)."""
        return size[0] / (size[1] if self.by_height else size[2])


PROPORTIONS: dict[str, Proportion] = {
    "chair": Proportion(1.5, 2.1, 0.8, 1.25),
    "armchair": Proportion(0.9, 1.25, 0.8, 1.25),
    "stool": Proportion(0.95, 1.6),
    "bench": Proportion(None, None, 1.5, 2.4, by_height=True),
    "sofa": Proportion(None, None, 1.65, 2.35, by_height=True),
    "dining table": Proportion(None, None, None, 1.9),
    "round table": Proportion(0.6, 0.95),
    "coffee table": Proportion(0.38, None, None, 1.9),
    "side table": Proportion(0.9, 1.5),
    "desk": Proportion(None, None, 1.5, 2.2),
    "bookcase": Proportion(0.9, 1.8, 0.52, 1.15, by_height=True),
    "cabinet": Proportion(0.9, 1.8, 0.52, 1.15, by_height=True),
    "dresser": Proportion(0.7, 1.2, 0.75, 1.4, by_height=True),
    "bed": Proportion(),
    "floor lamp": Proportion(),
    "table lamp": Proportion(),
}

SHADE_BOUNDS: dict[str, tuple[float, float]] = {"floor lamp": (0.25, 0.34), "table lamp": (0.5, 0.62)}
"""Diameter of the shade over the height of the lamp: narrow up to the first, wide from the second."""

DOUBLE_BED = 0.64
"""Width over length from which a bed is a double one (single beds are clearly narrower)."""
