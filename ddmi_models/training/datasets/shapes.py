"""Shapes: ShapeNet as Occupancy Networks prepared it, and folders of meshes; with captions where there are any."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadItem
from ddmi_models.training.datasets.captions import Captions, captions_above, captions_beside, captions_of
from ddmi_models.training.datasets.layout import (
    Item,
    Layout,
    Preparation,
    Rows,
    Tree,
    read_npz,
    seeded,
)
from ddmi_models.training.datasets.looks import points_look

if TYPE_CHECKING:
    import trimesh

ENDINGS = (".obj", ".off", ".ply", ".stl", ".glb", ".gltf")
HALF_NOISE = 1e-4
"""Deviation of the noise that queries of ShapeNet get in every step: they are stored in half precision, and none shall
lie on its lattice (reference facts). Those around meshes get none, as their occupancy is that of the stored places."""
LONGEST = 0.97
LOOK_POINTS = 8000
MOST_FACES = 2_000_000


def _find_occupancy(tree: Tree) -> list[Item]:
    """Folders with points.npz and pointcloud.npz."""
    clouds = set(tree.named("pointcloud.npz"))
    items, texts_in = [], cache(partial(captions_above, tree))
    for points in tree.named("points.npz"):
        home = points.parent
        cloud = home / "pointcloud.npz"
        if cloud not in clouds:
            continue
        own = texts_in(home if home == tree.folder else home.parent).get(home.name, Captions())
        items.append(Item(tree.label(home), (points, cloud), own.texts, own.remarks))
    return items


def _occupancy(item: Item) -> tuple[NDArray[np.generic], NDArray[np.bool_], NDArray[np.generic]]:
    """Query points [M, 3], their occupancy [M], surface points [N, 3] as stored."""
    points, packed = read_npz(item.files[0], ("points", "occupancies")).values()
    (cloud,) = read_npz(item.files[1], ("points",)).values()
    inside = packed.astype(bool)
    if packed.dtype == np.uint8 and len(packed) == -(-len(points) // 8):
        inside = np.unpackbits(packed)[: len(points)].astype(bool)
    if points.ndim != 2 or points.shape[1:] != (3,) or cloud.shape[1:] != (3,) or len(inside) != len(points):
        raise BadItem("points, occupancies and surface points do not fit each other")
    if not len(points) or not len(cloud) or not (np.isfinite(points).all() and np.isfinite(cloud).all()):
        raise BadItem("no points, or values that are not finite")
    if not inside.any():
        raise BadItem("no point is inside")
    return points, inside, cloud


def _inspect_occupancy(item: Item, how: Preparation) -> tuple[str, list[str]]:
    points, _, cloud = _occupancy(item)
    return f"{len(points)} queries, {len(cloud)} surface points", []


def _read_occupancy(item: Item, how: Preparation) -> tuple[Rows, list[str]]:
    points, inside, cloud = _occupancy(item)
    rng = seeded(item)
    chosen = _some(rng, len(points), how.queries)
    surface = cloud[_some(rng, len(cloud), how.cloud)]
    rows = _shape_rows(surface, points[chosen], inside[chosen])
    return {**rows, "points_noise": np.full(1, HALF_NOISE, np.float32)}, []


def _some(rng: np.random.Generator, available: int, wanted: int) -> NDArray[np.int64]:
    """Indices of so many rows, none twice unless there are too few."""
    return rng.choice(available, wanted, replace=wanted > available)


def _shape_rows(cloud: NDArray[Any], points: NDArray[Any], inside: NDArray[np.bool_]) -> Rows:
    return {
        "cloud": cloud.astype(np.float16)[None],
        "points": points.astype(np.float16)[None],
        "occupancy": np.packbits(inside)[None],
    }


def _find_meshes(tree: Tree) -> list[Item]:
    meshes = tree.ending(ENDINGS)
    texts = captions_of(tree) if meshes else {}
    items = []
    for path in meshes:
        listed = (texts[name] for name in (path.stem, path.name, path.parent.name) if name in texts)
        own = next(listed, None) or captions_beside(path, tree)
        items.append(Item(tree.label(path), (path,), own.texts, own.remarks))
    return items


def load_mesh(path: Path) -> trimesh.Trimesh:
    """A mesh file as one mesh, its box centred and its longest side LONGEST.

    Raises:
        BadItem: no mesh, damaged, without faces, flat, or too large.
    """
    import trimesh

    try:
        mesh = trimesh.load(path, force="mesh", process=True, skip_materials=True)
    except Exception as error:  # noqa: BLE001 - trimesh's readers raise whatever their parsers do
        raise BadItem(f"damaged or no mesh ({type(error).__name__})") from None
    if not isinstance(mesh, trimesh.Trimesh) or len(mesh.faces) == 0 or not np.isfinite(mesh.vertices).all():
        raise BadItem("no faces in it")
    if len(mesh.faces) > MOST_FACES:
        raise BadItem(f"more than {MOST_FACES:,} faces")
    used = mesh.vertices[np.unique(mesh.faces)]
    low, high = used.min(axis=0), used.max(axis=0)
    if (high - low).max() <= 0 or np.sort(high - low)[1] <= 0:
        raise BadItem("all its points lie on a line")
    vertices = (mesh.vertices - (low + high) / 2) * (LONGEST / (high - low).max())
    return trimesh.Trimesh(vertices, mesh.faces, process=False)


def _inspect_mesh(item: Item, how: Preparation) -> tuple[str, list[str]]:
    return "closed" if load_mesh(item.files[0]).is_watertight else "open", []


def _read_mesh(item: Item, how: Preparation) -> tuple[Rows, list[str]]:
    from ddmi_models.training.datasets.occupancy import mesh_samples

    cloud, points, inside = mesh_samples(load_mesh(item.files[0]), seeded(item), how.cloud, how.queries)
    return _shape_rows(cloud, points, inside), []


def _look_at_cloud(item: Item) -> NDArray[np.uint8]:
    return points_look(_occupancy(item)[2])


def _look_at_mesh(item: Item) -> NDArray[np.uint8]:
    import trimesh

    points, _ = trimesh.sample.sample_surface(load_mesh(item.files[0]), LOOK_POINTS, seed=0)
    return points_look(points)


OCCUPANCY = Layout(
    "occupancy", "ShapeNet as Occupancy Networks prepared it", "shape", _find_occupancy, _inspect_occupancy,
    _read_occupancy, _look_at_cloud,
)  # fmt: skip
MESHES = Layout("meshes", "Folder of meshes", "shape", _find_meshes, _inspect_mesh, _read_mesh, _look_at_mesh)
