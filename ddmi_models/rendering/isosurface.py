"""The surface of a shape at any number of cells: a closed, outward, indexed mesh."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import replace

import torch

from ddmi_models.cancel import CancelToken
from ddmi_models.coords import CUBE_MARGIN
from ddmi_models.domains.base import Domain
from ddmi_models.domains.triplane import TriplaneDomain
from ddmi_models.errors import BadInput
from ddmi_models.events import Notice, Partial, Progress
from ddmi_models.planes import BasisFields
from ddmi_models.rendering.lattice import Field, Lattice, sparse_lattice
from ddmi_models.rendering.simplify import check_faces, simplified
from ddmi_models.rendering.surface import (
    closed_surface,
    is_watertight,
    mesh_data,
    repaired,
    without_specks,
)
from ddmi_models.requests import MeshData, MeshView

SPECK = 0.01
"""Pieces below this share of the largest body are specks."""

FIRST_CELLS = 32
"""Cells of the coarse mesh that is shown at once."""

STEPS = 100


class EmptySurface(BadInput):
    """No point of the lattice is inside."""


def logit(probability: float) -> float:
    """Log-odds of a probability strictly between 0 and 1."""
    if not 0 < probability < 1:
        raise BadInput(f"The iso level {probability:g} is not a probability.", "Give a value between 0 and 1.")
    return math.log(probability / (1 - probability))


def field_of(domain: TriplaneDomain, fields: BasisFields) -> Field:
    """The occupancy logits of one sample as a function of points [N, 3] of the cube."""
    device = next(iter(fields.levels[0].values())).device

    def field(points: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return domain.solidity(fields, points[None].to(device))[0]

    return field


def render_mesh(
    domain: Domain, fields: BasisFields, view: MeshView, token: CancelToken, partials: bool = False
) -> Generator[Progress | Partial | Notice, None, MeshData]:
    """Extract the surface, and simplify it where the view says so; with `partials` coarser meshes come first.

    Raises:
        BadInput: for fewer than 2 cells, an iso level that is no probability, or a sample with nothing inside.
    """
    if view.cells < 2:
        raise BadInput(f"A mesh of {view.cells} cells a side was asked for.", "Ask for at least 2.")
    check_faces(view.faces)
    assert isinstance(domain, TriplaneDomain)
    iso = domain.config.iso if view.iso is None else view.iso
    level, field = logit(iso), field_of(domain, fields.with_gains(view.gains))
    if partials and view.cells >= 2 * FIRST_CELLS:
        yield from _coarse(field, level, view, token)
    for lattice in sparse_lattice(field, view.cells, level, token):
        yield Progress(int(STEPS * lattice.fraction), STEPS + 1, f"Surface of {view.cells} cells")
        if partials and lattice.values is not None and lattice.stride > 1:
            yield from _partial(lattice, view, level, token)
    mesh = _mesh(lattice, view, level, token)
    if mesh is None:
        raise EmptySurface(f"Nothing is inside at the iso level {iso:g}.", "Lower the level or take another seed.")
    yield Progress(STEPS + 1, STEPS + 1, f"Surface of {view.cells} cells")
    return mesh if view.faces is None else (yield from simplified(mesh, view.faces))


def _coarse(field: Field, level: float, view: MeshView, token: CancelToken) -> Iterator[Partial]:
    *_, lattice = sparse_lattice(field, FIRST_CELLS, level, token)
    yield from _partial(lattice, replace(view, cells=FIRST_CELLS), level, token)


def _partial(lattice: Lattice, view: MeshView, level: float, token: CancelToken) -> Iterator[Partial]:
    mesh = _mesh(lattice, view, level, token)
    if mesh is not None:
        yield Partial(mesh)


def _mesh(lattice: Lattice, view: MeshView, level: float, token: CancelToken) -> MeshData | None:
    assert lattice.values is not None
    vertices, faces = closed_surface(lattice.values, level, token)
    token.check()
    if not len(faces):
        return None
    if view.clean:
        vertices, faces = without_specks(vertices, faces, SPECK)
    if not is_watertight(faces):
        vertices, faces = repaired(vertices, faces)
    places = (1 + CUBE_MARGIN) * (vertices * lattice.stride / view.cells - 0.5)
    return mesh_data(places, faces, -(-view.cells // lattice.stride))
