"""Surfaces with fewer faces: quadric decimation (Garland and Heckbert 1997)."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from ddmi_models.errors import BadInput
from ddmi_models.events import Notice, Progress
from ddmi_models.rendering.surface import is_watertight, mesh_data, repaired, signed_volume
from ddmi_models.requests import MeshData

FEWEST_FACES = 4
"""Of a closed surface."""

KEPT_VOLUME = 0.9
"""Share of the volume below which simplifying has changed the form."""

LARGEST_EXCESS = 1.1
"""Faces that may be left, divided by those asked for, without a word."""


def check_faces(faces: int | None) -> None:
    """Refuse a number of faces that no closed surface has. Raises: BadInput."""
    if faces is not None and faces < FEWEST_FACES:
        raise BadInput(f"A mesh of at most {faces} faces was asked for.", f"Ask for at least {FEWEST_FACES}.")


def simplified(mesh: MeshData, faces: int) -> Generator[Progress | Notice, None, MeshData]:
    """A surface of about `faces` faces, or the given one where it has no more.

    A closed surface is closed again where simplifying opened it. A Notice says where that failed, where the form is
    lost, or where more faces had to stay.
    """
    if len(mesh.faces) <= faces:
        return mesh
    import fast_simplification

    yield Progress(0, 1, f"Simplifying to {faces} faces")
    points = np.ascontiguousarray(mesh.vertices, np.float64)
    triangles = np.ascontiguousarray(mesh.faces, np.int64)
    vertices, reduced = fast_simplification.simplify(points, triangles, target_count=faces)
    if mesh.watertight and not is_watertight(reduced):
        vertices, reduced = repaired(vertices, reduced)
    made = mesh_data(vertices, reduced, mesh.cells)
    if len(reduced) > LARGEST_EXCESS * faces:
        yield Notice(f"The surface has {len(reduced)} faces: fewer would damage it.")
    if mesh.watertight and not made.watertight:
        yield Notice(f"With {len(made.faces)} faces the surface is not closed any more: ask for more of them.")
    elif mesh.watertight and signed_volume(vertices, reduced) < KEPT_VOLUME * signed_volume(points, triangles):
        yield Notice(f"With {len(made.faces)} faces the shape has lost a part of its volume: ask for more of them.")
    return made
