"""Radiance fields along rays: where nothing is, nothing is evaluated, and a ray ends where no light passes.

Samples lie where the plain path (`NerfDomain.render`) has them. Those in empty cells of an occupancy grid are skipped;
what is skipped could change a colour by `EMPTY_THICKNESS` at most, as far as the grid has seen it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch.nn import functional as F

from ddmi_models.cancel import CancelToken
from ddmi_models.coords import cube_points
from ddmi_models.domains.base import CHUNK_POINTS
from ddmi_models.domains.nerf import NerfDomain
from ddmi_models.fields.compositing import opacity
from ddmi_models.planes import BasisFields

RAYS = 2048
"""Rays to march at a time: bounds the memory, whatever the size of the picture."""

SEGMENT = 8
"""Samples of a ray between two looks at how much light is left."""

LIGHT_LEFT = 1e-4
"""Share of the light at which a ray ends."""

FAINT = 1e-4
"""Share of a ray's light up to which a sample's colour is not looked at."""

GRID_CELLS = 64
EMPTY_THICKNESS = 0.01
"""Optical thickness, from one corner of the cube to the opposite one, up to which a cell counts as empty."""

REACH = 1.3
"""How far from the middle depths are told apart in pictures, in half sides of the cube."""

NORMAL_STEP = 1 / 128
"""Step of the density's differences, in half sides of the cube."""


@dataclass(frozen=True, eq=False)
class RayMaps:
    """What rays see: colour [R, 3] in [0, 1] with the background, mean depth [R] of what is seen (0 where nothing is),
    opacity [R] without the background."""

    colour: torch.Tensor
    depth: torch.Tensor
    opacity: torch.Tensor


@dataclass(frozen=True, eq=False)
class OccupancyGrid:
    """Cells [n, n, n] (axes x, y, z) of the cube [-half, half]^3 of the world in which there may be something."""

    cells: torch.Tensor
    half: float

    def occupied(self, points: torch.Tensor) -> torch.Tensor:
        """Whether there may be something at points [..., 3]; outside the cube: yes."""
        side = self.cells.shape[0]
        # clamped before it is cut to whole numbers: cell 0 and the last one are the border, beyond the cube
        place = (points * (0.5 * side / self.half) + (0.5 * side + 1)).clamp_(0, side + 1).int()
        x, y, z = place.unbind(-1)
        return self._bordered[(x * (side + 2) + y) * (side + 2) + z]

    @cached_property
    def _bordered(self) -> torch.Tensor:
        """The cells within a border that is occupied, flat."""
        return F.pad(self.cells, (1,) * 6, value=True).flatten()


def occupancy_grid(
    domain: NerfDomain, fields: BasisFields, token: CancelToken, cells: int = GRID_CELLS
) -> OccupancyGrid:
    """Look at the density at the corners and the middle of every cell; neighbours of what is found count as found."""
    half = domain.radiance.extent
    corners = torch.linspace(-half, half, cells + 1)
    middles = (corners[1:] + corners[:-1]) / 2
    largest = F.max_pool3d(_densities(domain, fields, corners, token), 2, stride=1)
    largest = torch.maximum(largest, _densities(domain, fields, middles, token))
    threshold = EMPTY_THICKNESS / (2 * half * 3**0.5)
    found = F.max_pool3d((largest > threshold).float(), 3, stride=1, padding=1)
    return OccupancyGrid(found[0, 0] > 0, half)


def _densities(domain: NerfDomain, fields: BasisFields, axis: torch.Tensor, token: CancelToken) -> torch.Tensor:
    """Densities [1, 1, n, n, n] of a cubic lattice."""
    device = next(iter(fields.levels[0].values())).device
    parts = []
    for points in cube_points(axis).split(CHUNK_POINTS):
        token.check()
        with torch.inference_mode():
            parts.append(domain.density(fields, points[None].to(device))[0])
    return torch.cat(parts).reshape(1, 1, *[len(axis)] * 3)


class RayMarcher:
    """Marches rays through one sample's field.

    Args:
        samples: places on a ray.
    """

    def __init__(
        self, domain: NerfDomain, fields: BasisFields, grid: OccupancyGrid, samples: int, token: CancelToken
    ) -> None:
        self.domain, self.fields, self.grid, self.samples, self.token = domain, fields, grid, samples, token
        self.endless = domain.radiance.background == "last_sample"

    def march(self, origins: torch.Tensor, directions: torch.Tensor) -> RayMaps:
        """What rays [R, 3] see; memory grows with R, so that a picture is marched in parts of `RAYS`."""
        samples = self.domain.samples_along(origins, directions, self.samples)
        places = origins[:, None] + directions[:, None] * samples.depths[..., None]
        wanted = self.grid.occupied(places) & (samples.lengths > 0)
        if self.endless:
            wanted[:, -1] = True
        views = F.normalize(directions, dim=-1)
        colour, depth, seen = origins.new_zeros(len(origins), 3), *origins.new_zeros(2, len(origins))
        light = origins.new_ones(len(origins))
        for start in range(0, self.samples, SEGMENT):
            part = slice(start, start + SEGMENT)
            alive = torch.nonzero((light > LIGHT_LEFT) & wanted[:, part].any(1))[:, 0]
            if not len(alive):
                continue
            there = wanted[alive, part]
            hidden, density = self._evaluate(places[alive, part], there)
            alpha = opacity(density, samples.lengths[alive, part])
            passed = torch.cumprod(1 - alpha, -1)
            before = torch.cat([torch.ones_like(passed[:, :1]), passed[:, :-1]], -1)
            weights = light[alive, None] * alpha * before
            colour.index_add_(0, *self._lit(hidden, weights, there, alive, views))
            if self.endless and start + SEGMENT >= self.samples:
                weights[:, -1] = 0  # the background
            depth[alive] += (weights * samples.depths[alive, part]).sum(1)
            seen[alive] += weights.sum(1)
            light[alive] *= passed[:, -1]
        if not self.endless:
            colour += light[:, None]
        return RayMaps(colour, torch.where(seen > 0, depth / seen.clamp(min=1e-10), 0.0), seen)

    def _evaluate(self, places: torch.Tensor, wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Hidden values [wanted places, width] and densities [R, n], zero where a place is not wanted."""
        density, found = places.new_zeros(wanted.shape), []
        for points in places[wanted].split(CHUNK_POINTS):
            self.token.check()
            found.append(self.domain.hidden_and_density(self.fields, points[None]))
        density[wanted] = torch.cat([d[0] for _, d in found])
        return torch.cat([h[0] for h, _ in found]), density

    def _lit(
        self, hidden: torch.Tensor, weights: torch.Tensor, wanted: torch.Tensor, rays: torch.Tensor, views: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Rays [n] and the light [n, 3] that each of their samples with more than a faint weight adds to them."""
        shares, numbers = weights[wanted], rays[torch.nonzero(wanted)[:, 0]]
        seen = shares > FAINT
        numbers = numbers[seen]
        colours = self.domain.colours(hidden[seen], views[numbers])
        return numbers, shares[seen, None] * colours

    def depth_range(self, origins: torch.Tensor) -> tuple[float, float]:
        """Nearest and farthest depth of anything that a camera at origins [R, 3] (all the same) can see."""
        config = self.domain.radiance
        if self.endless:
            return config.near, config.far
        distance, reach = float(origins[0].norm()), REACH * config.extent
        return max(0.0, distance - reach), distance + reach

    def normals(self, origins: torch.Tensor, directions: torch.Tensor, maps: RayMaps) -> torch.Tensor:
        """Unit normals [R, 3] in the world, by differences of the density where a ray ends; zero where nothing is."""
        places = origins + directions * maps.depth[:, None]
        step = NORMAL_STEP * self.domain.radiance.extent
        slopes = []
        for axis in step * torch.eye(3, device=places.device):
            ends = [self.domain.density(self.fields, (places + sign * axis)[None])[0] for sign in (1, -1)]
            slopes.append(ends[1] - ends[0])
        return F.normalize(torch.stack(slopes, dim=-1), dim=-1) * (maps.opacity > 0.5)[:, None]


def dense_maps(
    domain: NerfDomain, fields: BasisFields, origins: torch.Tensor, directions: torch.Tensor, samples: int
) -> RayMaps:
    """What rays [R, 3] see when every sample of every ray is evaluated: the oracle of `RayMarcher`."""
    parts = []
    for ways in zip(*(rays.split(max(1, CHUNK_POINTS // samples)) for rays in (origins, directions)), strict=True):
        with torch.inference_mode():
            seen = domain.render(fields, ways[0][None], ways[1][None], samples)
        depths, weights = domain.samples_along(ways[0], ways[1], samples).depths, seen.weights[0]
        if domain.radiance.background == "last_sample":
            weights = weights[:, :-1]
        total = weights.sum(-1)
        depth = (weights * depths[:, : weights.shape[1]]).sum(-1) / total.clamp(min=1e-10)
        parts.append((seen.colour[0], torch.where(total > 0, depth, 0.0), total))
    return RayMaps(*(torch.cat(maps) for maps in zip(*parts, strict=True)))
