"""Latents and basis planes: the only place that packs and unpacks planes.

A plane is named by its two axes, for instance `xz`: the first axis runs along the width (columns), the second along
the height (rows). Planes of one size are stacked along the channels. Planes of space and time (`xy`, `xt`, `yt`) have
sizes of their own and are laid end to end along their cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ddmi_models.errors import BadInput

if TYPE_CHECKING:
    import torch

Array = TypeVar("Array", bound=Any)

TIME_AXIS = "t"


@dataclass(frozen=True)
class PlaneSpec:
    """One latent plane: its name, which is the pair (axis along the width, axis along the height), and its size in
    cells."""

    name: str
    channels: int
    height: int
    width: int

    @property
    def cells(self) -> int:
        return self.height * self.width


@dataclass(frozen=True)
class PlaneLayout:
    """Planes of one sample in the order in which a checkpoint packs them: along the channels, with time along the
    cells."""

    planes: tuple[PlaneSpec, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.planes)

    @property
    def along_cells(self) -> bool:
        """Whether planes follow one another along their cells, as they do where one of them has a time axis."""
        return any(p.name.endswith(TIME_AXIS) for p in self.planes)

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """(height, width) of the planes in a latent packed along the cells; () of one packed along the channels."""
        return tuple((p.height, p.width) for p in self.planes) if self.along_cells else ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one packed latent: [channels, height, width], or [channels, cells] where it is packed along them."""
        first = self.planes[0]
        if self.along_cells:
            return first.channels, sum(p.cells for p in self.planes)
        return sum(p.channels for p in self.planes), first.height, first.width

    @property
    def mixing_shape(self) -> tuple[int, ...]:
        """Shape of the mixing logits of the mixed prediction: one a channel."""
        return 1, self.shape[0], *(1 for _ in self.shape[1:])

    def pack(self, planes: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Put named planes [B, C, H, W] together to one latent [B, *shape]."""
        import torch

        if set(planes) != set(self.names):
            raise BadInput(f"Planes {sorted(planes)} were given where {sorted(self.names)} are needed.")
        if self.along_cells:
            return torch.cat([planes[name].flatten(2) for name in self.names], dim=2)
        return torch.cat([planes[name] for name in self.names], dim=1)

    def unpack(self, packed: Array) -> dict[str, Array]:
        """Split a latent [..., *shape] (tensor or array) into views of its planes [..., C, H, W], by name."""
        own = self.shape
        if tuple(packed.shape[-len(own) :]) != own:
            raise BadInput(f"A latent of shape {tuple(packed.shape[-len(own) :])} was given where {own} is needed.")
        parts, start = {}, 0
        for plane in self.planes:
            if self.along_cells:
                flat = packed[..., start : start + plane.cells]
                parts[plane.name] = flat.reshape(*flat.shape[:-1], plane.height, plane.width)
                start += plane.cells
            else:
                parts[plane.name] = packed[..., start : start + plane.channels, :, :]
                start += plane.channels
        return parts


@dataclass(frozen=True, eq=False)
class Latents:
    """The sampled planes of one sample, packed: float32 of the layout's shape. Small (at most about 1 MB), so it is
    kept for every sample."""

    packed: np.ndarray
    layout: PlaneLayout

    def __post_init__(self) -> None:
        if tuple(self.packed.shape) != self.layout.shape:
            raise BadInput(f"A latent of shape {tuple(self.packed.shape)} does not fit the layout {self.layout.shape}.")
        if not np.isfinite(self.packed).all():
            raise BadInput("A latent holds values that are not finite.")


def check_gains(gains: Sequence[float] | None, scales: int) -> None:
    """Refuse gains that are not one finite number a basis scale; None is fine. Raises: BadInput."""
    if gains is not None and len(gains) != scales:
        raise BadInput(
            f"{len(gains)} gains were given; the model has {scales} basis scales.", "Give one a scale, coarse to fine."
        )
    if not np.isfinite(gains or 0.0).all():
        raise BadInput("The gains of the basis scales have to be finite numbers.", "1 is as trained, 0 leaves one out.")


@dataclass(frozen=True, eq=False)
class BasisFields:
    """Decoded basis planes (HDBF, paper section 3.2).

    `levels[s][plane]` is [B, C, H_s, W_s]; levels run from coarse to fine. `gains` weights each level (1 = as trained).
    """

    levels: tuple[Mapping[str, torch.Tensor], ...]
    gains: tuple[float, ...] = field(default=())

    def weighted(self) -> tuple[Mapping[str, torch.Tensor], ...]:
        """The levels with their gains applied."""
        if not self.gains:
            return self.levels
        return tuple(
            level if gain == 1 else {name: plane * gain for name, plane in level.items()}
            for level, gain in zip(self.levels, self.gains, strict=True)
        )

    def with_gains(self, gains: Sequence[float] | None) -> BasisFields:
        """The same planes with other gains, one a level, coarse to fine; None: as trained."""
        check_gains(gains, len(self.levels))
        return BasisFields(self.levels, tuple(float(g) for g in gains or ()))

    def __getitem__(self, index: int) -> BasisFields:
        """The fields of one sample of the batch, batch axis kept."""
        return BasisFields(
            tuple({n: p[index : index + 1] for n, p in level.items()} for level in self.levels), self.gains
        )
