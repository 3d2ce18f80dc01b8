"""What a model is measured against: the items of a data set and, where it is known, what each was made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray


class Items(Protocol):
    """A data set in memory."""

    arrays: dict[str, np.ndarray]

    def __len__(self) -> int: ...

    def inputs(self, items: np.ndarray) -> dict[str, torch.Tensor]:
        """What the encoder sees of the given items."""
        ...

    def captions(self, items: np.ndarray) -> list[list[str]] | None:
        """Captions of the given items; None where the data has none."""
        ...


class PictureTruth(Protocol):
    """A drawing that is true at every size."""

    def picture(self, resolution: int) -> NDArray[np.uint8]:
        """Pixels [resolution, resolution, 3]."""
        ...


class ViewTruth(Protocol):
    """A scene that can be seen from anywhere."""

    def picture(self, pose: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
        """Pixels [size, size, 3] of a camera at a pose [4, 4]."""
        ...


class ClipTruth(Protocol):
    """A clip that is true at every size."""

    def frames(self, size: int) -> NDArray[np.uint8]:
        """Its frames [T, size, size, 3]."""
        ...


class SolidTruth(Protocol):
    """A solid whose surface is known exactly."""

    def contains(self, points: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Occupancy [N] of points [N, 3]."""
        ...

    def surface(self, count: int, seed: int) -> NDArray[np.float64]:
        """Points [count, 3] on the surface, even by area."""
        ...


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set to measure against.

    Attributes:
        name: for messages. truth: the drawing, solid, scene or clip behind an item; None for sets that `ddmi data make`
            did not make, or made in another version.
    """

    name: str
    items: Items
    truth: Callable[[int], Any] | None = None

    def spread(self, count: int) -> np.ndarray:
        """`count` items, evenly spaced over the set: neighbours in a set may be variants of one thing."""
        return np.linspace(0, len(self.items) - 1, count).round().astype(np.int64)
