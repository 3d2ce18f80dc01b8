"""Solid voxels of a mesh, and whether it is one body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import scipy.sparse
import trimesh
from numpy.typing import NDArray

from ddmi_models.errors import BadInput

CELLS = 96
EXTENT = 0.55
"""Half the side of the cube that is voxelised."""
BODY_SHARE = 0.98

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Voxels:
    """The main body of a mesh, cropped to its bounding box.

    occupied: bool [nx, ny, nz], y up; cell: side of a voxel in the units of the mesh.
    """

    occupied: Mask
    cell: float

    @property
    def size(self) -> tuple[float, float, float]:
        """Width, height, depth of the body."""
        nx, ny, nz = self.occupied.shape
        return nx * self.cell, ny * self.cell, nz * self.cell

    def cells(self, length: float) -> int:
        """A length in whole voxels, at least one."""
        return max(1, round(length / self.cell))


def shadow(occupied: Mask, axis: int) -> Mask:
    """What is filled anywhere along an axis."""
    return np.asarray(occupied.any(axis=axis), dtype=bool)


def voxelise(mesh: trimesh.Trimesh, cells: int = CELLS) -> Voxels:
    """Voxels of the largest body of a mesh in the cube [-EXTENT, EXTENT]^3.

    Raises:
        BadInput: nothing solid is in the cube.
    """
    cell = 2 * EXTENT / cells
    solid = _fill(mesh, cells, cell)
    labels, count = scipy.ndimage.label(solid)
    if count == 0:
        raise BadInput("The mesh encloses no volume in the unit cube.", "Give a closed mesh centred at the origin.")
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    body = labels == sizes.argmax()
    window = scipy.ndimage.find_objects(body.astype(np.int8))[0]
    return Voxels(body[window], cell)


def one_body(mesh: trimesh.Trimesh) -> bool:
    """Whether the largest connected piece holds at least 98 % of the volume (walls of cavities count for nothing)."""
    if len(mesh.faces) == 0:
        return False
    edges = mesh.face_adjacency
    graph = scipy.sparse.coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(len(mesh.faces),) * 2)
    _, labels = scipy.sparse.csgraph.connected_components(graph, directed=False)
    corners = mesh.triangles
    signed = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    volumes = np.bincount(labels, weights=signed)
    if volumes.sum() < 0:
        volumes = -volumes
    solid = np.maximum(volumes, 0)
    return bool(solid.sum() > 0 and solid.max() >= BODY_SHARE * solid.sum())


def _fill(mesh: trimesh.Trimesh, cells: int, cell: float) -> Mask:
    """Cells whose centres have a positive winding number along +Z; columns with a missed hit take their neighbours'."""
    centres = (np.arange(cells) + 0.5) * cell - EXTENT
    # Off the exact centres, so that rays do not run along the edges and faces of axis-aligned meshes.
    x, y = np.meshgrid(centres + 0.0137 * cell, centres + 0.0071 * cell, indexing="ij")
    origins = np.stack([x.ravel(), y.ravel(), np.full(x.size, -1.0)], axis=1)
    directions = np.tile([0.0, 0.0, 1.0], (x.size, 1))
    places, rays, faces = mesh.ray.intersects_location(origins, directions, multiple_hits=True)
    steps = np.zeros((cells * cells, cells + 1))
    if len(places):
        depth = np.clip(np.ceil((places[:, 2] + EXTENT) / cell - 0.5), 0, cells).astype(int)
        np.add.at(steps, (rays, depth), -np.sign(mesh.face_normals[faces, 2]))
    if mesh.volume < 0:
        steps = -steps
    winding = np.cumsum(steps, axis=1)
    solid = (winding[:, :cells] > 0.5).reshape(cells, cells, cells)
    broken = (np.abs(winding[:, -1]) > 0.5).reshape(cells, cells)
    if broken.any():
        smooth = scipy.ndimage.uniform_filter((solid & ~broken[..., None]).astype(float), size=(3, 3, 1))
        solid[broken] = (smooth > 0.4)[broken]
    return np.asarray(solid)
