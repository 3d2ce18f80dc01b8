"""Marching cubes in slabs, and what a surface needs to be usable: orientation, closedness, normals, one body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from skimage.measure import marching_cubes

from ddmi_models.cancel import CancelToken
from ddmi_models.requests import MeshData

SLAB_CELLS = 24
"""Cells along x that are contoured at a time: the library's call cannot be interrupted, a slab is short."""

OUTSIDE = -1e3
"""Logit, relative to the level, of the layer around the lattice that closes the surface."""

SMALLEST_GAP = 1e-3
"""Logits no lattice value comes closer to the level than, so that no two vertices of the surface coincide."""


def closed_surface(values: np.ndarray, level: float, token: CancelToken) -> tuple[np.ndarray, np.ndarray]:
    """Surface of a lattice with one layer outside around it, so that it is closed.

    Args:
        values: logits float32 [n, n, n]; inside is above `level`.

    Returns:
        Vertices float64 [V, 3] in lattice steps (0 ... n - 1, up to 0.1 beyond at the border), faces int64 [F, 3] wound
        outward. Both empty if nothing is inside.
    """
    vertices, faces = contour(_closed_slabs(values, np.float32(level)), 0.0, token)
    return vertices - 1.0, faces


def _closed_slabs(values: np.ndarray, level: np.float32) -> Iterator[tuple[int, np.ndarray]]:
    """Slabs of the lattice with its layer outside, relative to the level; the whole is never in memory twice."""
    count = len(values)
    for start in range(0, count + 1, SLAB_CELLS):
        low, high = max(start - 1, 0), min(start + SLAB_CELLS, count)
        planes = min(start + SLAB_CELLS + 1, count + 2) - start
        slab = np.full((planes, *(n + 2 for n in values.shape[1:])), OUTSIDE, np.float32)
        inner = slab[low + 1 - start : high + 1 - start, 1:-1, 1:-1]
        np.subtract(values[low:high], level, out=inner)
        inner[(inner > 0) & (inner < SMALLEST_GAP)] = SMALLEST_GAP
        inner[(inner <= 0) & (inner > -SMALLEST_GAP)] = -SMALLEST_GAP
        yield start, slab


def contour(slabs: Iterable[tuple[int, np.ndarray]], level: float, token: CancelToken) -> tuple[np.ndarray, np.ndarray]:
    """Marching cubes: vertices float64 [V, 3] in lattice steps, faces int64 [F, 3], outward for inside = high.

    Slab by slab; vertices on the plane between two slabs are computed alike in both and joined.

    Args:
        slabs: first plane and values [n, ny, nz] of each, one after the other; the last plane of one is the next one's
            first.
    """
    vertices: list[np.ndarray] = [np.empty((0, 3))]
    faces: list[np.ndarray] = [np.empty((0, 3), np.int64)]
    count, border = 0, _Border()
    for start, slab in slabs:
        token.check()
        if not slab.min() <= level <= slab.max() or slab.min() == slab.max():
            border = _Border()
            continue
        own, triangles, _, _ = marching_cubes(slab, level, gradient_direction="ascent", allow_degenerate=True)
        own = own.astype(np.float64)
        own[:, 0] += start
        index, fresh = border.joined(own, start, count)
        vertices.append(own[fresh])
        faces.append(index[triangles.astype(np.int64)])
        border = _Border.of(own, index, start + len(slab) - 1)
        count += int(fresh.sum())
    return np.concatenate(vertices), np.concatenate(faces)


class _Border:
    """Vertices on the last plane of a slab: their (y, z) and numbers."""

    def __init__(self, places: np.ndarray | None = None, numbers: np.ndarray | None = None) -> None:
        self.places = _keys(places if places is not None else np.empty((0, 2)))
        self.numbers = numbers if numbers is not None else np.empty(0, np.int64)

    @classmethod
    def of(cls, vertices: np.ndarray, index: np.ndarray, plane: float) -> _Border:
        last = vertices[:, 0] == plane
        return cls(vertices[last, 1:], index[last])

    def joined(self, vertices: np.ndarray, plane: float, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Number of every vertex of the next slab, and which of them are new; new ones are numbered from `count`."""
        index = np.full(len(vertices), -1, np.int64)
        first = np.nonzero(vertices[:, 0] == plane)[0]
        order = np.argsort(self.places)
        keys = _keys(vertices[first, 1:])
        at = np.searchsorted(self.places, keys, sorter=order).clip(max=max(0, len(order) - 1))
        if len(order):
            same = self.places[order[at]] == keys
            index[first[same]] = self.numbers[order[at[same]]]
        fresh = index < 0
        index[fresh] = count + np.arange(int(fresh.sum()))
        return index, fresh


def _keys(places: np.ndarray) -> np.ndarray:
    """(y, z) float64 [N, 2] as one comparable value each."""
    return np.ascontiguousarray(places).view(np.complex128)[:, 0] if len(places) else np.empty(0, np.complex128)


def signed_volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Volume enclosed by a closed surface; positive if its faces are wound outward."""
    return float(_wedges(vertices, faces).sum())


def _wedges(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    return np.einsum("ij,ij->i", a, np.cross(b, c)) / 6


def is_watertight(faces: np.ndarray) -> bool:
    """Whether every edge lies between exactly two faces that run along it in opposite directions."""
    if not len(faces):
        return False
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    size = int(directed.max()) + 1
    forth, back = directed[:, 0] * size + directed[:, 1], directed[:, 1] * size + directed[:, 0]
    forth.sort()
    back.sort()
    return bool((np.diff(forth) > 0).all() and (forth == back).all())


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals float32 [V, 3], the mean of the adjacent faces weighted by area."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    face_normals = np.cross(b - a, c - a)
    flat = faces.ravel()
    sums = [np.bincount(flat, np.repeat(face_normals[:, k], 3), len(vertices)) for k in range(3)]
    normals = np.stack(sums, axis=1)
    return (normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)).astype(np.float32)


def bodies(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Connected pieces: the piece of every face int [F], the signed volume of each piece [P] (negative for hollows)."""
    rows, columns = faces[:, [0, 1]].ravel(), faces[:, [1, 2]].ravel()
    graph = coo_matrix((np.ones(len(rows), bool), (rows, columns)), shape=(len(vertices), len(vertices)))
    count, labels = connected_components(graph, directed=False)
    pieces = labels[faces[:, 0]]
    return pieces, np.bincount(pieces, _wedges(vertices, faces), count)


def without_specks(vertices: np.ndarray, faces: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """The surface less the pieces and hollows smaller than `share` of the largest piece."""
    if not len(faces):
        return vertices, faces
    pieces, volumes = bodies(vertices, faces)
    large = np.abs(volumes) >= share * np.abs(volumes).max()
    return compacted(vertices, faces[large[pieces]])


def compacted(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The surface without vertices that no face uses."""
    used = np.zeros(len(vertices), bool)
    used[faces] = True
    numbers = np.cumsum(used) - 1
    return vertices[used], numbers[faces]


def mesh_data(vertices: np.ndarray, faces: np.ndarray, cells: int) -> MeshData:
    """A surface [V, 3], [F, 3] with its normals and whether it is closed."""
    normals = vertex_normals(vertices, faces)
    return MeshData(vertices.astype(np.float32), faces.astype(np.int32), normals, is_watertight(faces), cells)


def repaired(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A closed surface of the same solid (four faces may meet at an edge); if none is found, what was given."""
    import manifold3d

    mesh = manifold3d.Mesh(vert_properties=vertices.astype(np.float32), tri_verts=faces.astype(np.uint32))
    mesh.merge()
    solid = manifold3d.Manifold(mesh)
    if solid.status() != manifold3d.Error.NoError or solid.is_empty():
        return vertices, faces
    result = solid.to_mesh()
    fixed, triangles = result.vert_properties[:, :3].astype(np.float64), result.tri_verts.astype(np.int64)
    if signed_volume(fixed, triangles) < 0:
        triangles = triangles[:, ::-1]
    return compacted(fixed, triangles)
