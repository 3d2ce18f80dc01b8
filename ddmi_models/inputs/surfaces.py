"""Meshes and point clouds as the shape encoder's input: points of the surface, normalised into the cube."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import trimesh
from scipy.spatial import cKDTree

from ddmi_models.cancel import CancelToken
from ddmi_models.domains.base import Domain, Query
from ddmi_models.errors import BadInput
from ddmi_models.events import value_of
from ddmi_models.inputs.base import Comparison, Given, InputReader
from ddmi_models.planes import BasisFields
from ddmi_models.rendering.isosurface import EmptySurface, logit, render_mesh
from ddmi_models.rendering.memory import require_memory
from ddmi_models.requests import MeshView

MESHES = (".glb", ".gltf", ".obj", ".ply", ".stl", ".off")
ARRAYS = (".npy", ".npz")
CLOUD_POINTS = 2048
"""Surface points that the encoder sees, as in training."""

COMPARED_POINTS, COMPARED_CELLS, PROBES = 8192, 64, 16_384
LONGEST_SIDE = 0.98
"""Of the bounding box in the cube, the middle of what was trained."""

FEWEST_POINTS = 16
MOST_BODIES = 64
MEMORY_PER_BYTE = 20
"""Memory taken while a file is read, divided by its size: text formats are the worst."""

SEED = 0


@dataclass(frozen=True, eq=False)
class Surface:
    """A surface in the cube: points [N, 3], and its closed bodies; () where it is a cloud or not closed."""

    points: np.ndarray
    bodies: tuple[trimesh.Trimesh, ...]


class SurfaceReader(InputReader[Surface]):
    """A mesh or a point cloud, its longest side scaled to that of the cube."""

    takes = "a mesh or a point cloud"
    suffixes: ClassVar[tuple[str, ...]] = (*MESHES, ".xyz", *ARRAYS)

    def read(self, path: Path, domain: Domain, up: str | None, token: CancelToken) -> Given[Surface]:
        up = up or "y"
        check_file(path, up)
        loaded = _points_of_array(path) if path.suffix.lower() in ARRAYS else load_geometry(path)
        token.check()
        surface = _surface(loaded, up, path.name)
        rng = np.random.default_rng(SEED)
        chosen = rng.permutation(len(surface.points))[:CLOUD_POINTS]
        cloud = surface.points[np.resize(chosen, CLOUD_POINTS)].astype(np.float32)
        return Given({"cloud": torch.from_numpy(cloud)[None]}, surface)

    def compare(self, given: Given[Surface], domain: Domain, fields: BasisFields, token: CancelToken) -> Comparison:
        surface = given.reference
        figures: dict[str, float] = {}
        try:
            made = _decoded_points(domain, fields, token)
        except EmptySurface:
            return Comparison({"iou": 0.0} if surface.bodies else {}, "the decoded shape is empty")
        figures["chamfer"] = chamfer_distance(surface.points[:COMPARED_POINTS], made)
        words = f"chamfer distance {figures['chamfer']:.4f} of the cube's side"
        if surface.bodies:
            figures["iou"] = _overlap(surface, domain, fields, token)
            words += f", IoU {figures['iou']:.3f}"
        return Comparison(figures, words)


def check_file(path: Path, up: str) -> None:
    """Refuse an unknown axis, and a file that does not fit into memory. Raises: BadInput, OutOfMemory."""
    check_up(up)
    require_memory(lambda size: size * MEMORY_PER_BYTE, path.stat().st_size, "bytes of a file")


def check_up(up: str) -> None:
    """Refuse an unknown axis. Raises: BadInput."""
    if up not in ("y", "z"):
        raise BadInput(f"The axis {up!r} cannot point up.", "Use y or z.")


def chamfer_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Mean distance to the nearest point of the other cloud [N, 3], averaged over both directions."""
    there, _ = cKDTree(second).query(first)
    back, _ = cKDTree(first).query(second)
    return float((there.mean() + back.mean()) / 2)


def load_geometry(path: Path) -> Any:
    """What a file of a format of `MESHES` or an .xyz holds: a scene, a mesh or a cloud.

    Raises:
        BadInput: if it is not readable.
    """
    options: dict[str, Any] = {"skip_materials": True} if path.suffix.lower() == ".obj" else {}
    try:
        return trimesh.load(path, process=False, **options)
    except Exception as error:  # noqa: BLE001 - the loaders of a dozen formats raise anything on a broken file
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise BadInput(f"{path.name} is not a readable {path.suffix} file ({reason}).", "It may be damaged.") from None


def _points_of_array(path: Path) -> trimesh.PointCloud:
    """The first array [N, 3 or more] of a numpy file."""
    try:
        with path.open("rb") as file:
            read = np.load(file, allow_pickle=False)
            arrays = [read] if isinstance(read, np.ndarray) else [read[name] for name in read.files]
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise BadInput(f"{path.name} is not a readable {path.suffix} file ({error}).", "It may be damaged.") from None
    for array in arrays:
        if array.ndim == 2 and array.shape[1] >= 3 and np.issubdtype(array.dtype, np.number):
            return trimesh.PointCloud(array[:, :3].astype(np.float64))
    raise BadInput(f"{path.name} holds no points.", "Save them as one array of shape [N, 3].")


def _surface(loaded: Any, up: str, name: str) -> Surface:
    """Points of everything in a file, by area where it has faces; normalised."""
    parts: list[Any] = list(loaded.dump()) if isinstance(loaded, trimesh.Scene) else [loaded]
    meshes = [p for p in parts if isinstance(p, trimesh.Trimesh) and len(p.faces)]
    if meshes:
        vertices, faces = trimesh.util.append_faces([m.vertices for m in meshes], [m.faces for m in meshes])
        corners = vertices[faces.reshape(-1)]
    else:
        clouds = [np.asarray(p.vertices, np.float64) for p in parts if hasattr(p, "vertices") and len(p.vertices)]
        corners = np.concatenate(clouds) if clouds else np.empty((0, 3))
        if len(corners) < FEWEST_POINTS:
            raise BadInput(f"There is no surface in {name}.", f"Give faces, or at least {FEWEST_POINTS} points.")
    placed = cube_placement(corners, up, name)
    if not meshes:
        return Surface(placed(np.random.default_rng(SEED).permutation(corners)), ())
    mesh = trimesh.Trimesh(placed(vertices), faces, process=True)
    if not mesh.area > 0:
        raise BadInput(f"The faces of {name} have no area.")
    points, _ = trimesh.sample.sample_surface(mesh, COMPARED_POINTS, seed=SEED)
    return Surface(np.asarray(points), _closed_bodies(mesh))


def cube_placement(corners: np.ndarray, up: str, name: str) -> Callable[[np.ndarray], np.ndarray]:
    """Takes points [N, 3] to where they stand when the bounding box of `corners` is centred in the cube, y up.

    Raises:
        BadInput: if the corners are not finite, or all at one place.
    """
    if not np.isfinite(corners).all():
        raise BadInput(f"{name} holds coordinates that are not finite.", "Repair it in a modelling program.")
    low, high = corners.min(0), corners.max(0)
    if not (high - low).max() > 0:
        raise BadInput(f"All points of {name} are at one place.")
    turn = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]) if up == "z" else np.eye(3)
    return lambda points: ((points - (low + high) / 2) * (LONGEST_SIDE / (high - low).max())) @ turn.T


def _closed_bodies(mesh: trimesh.Trimesh) -> tuple[trimesh.Trimesh, ...]:
    """The bodies of a mesh if every one is closed, so that inside is where any of them is."""
    if not mesh.is_watertight:
        return ()
    bodies = mesh.split(only_watertight=False)
    return tuple(bodies) if len(bodies) <= MOST_BODIES else ()


def _decoded_points(domain: Domain, fields: BasisFields, token: CancelToken) -> np.ndarray:
    surface = value_of(render_mesh(domain, fields, MeshView(COMPARED_CELLS, clean=False), token))
    mesh = trimesh.Trimesh(surface.vertices, surface.faces, process=False)
    points, _ = trimesh.sample.sample_surface(mesh, COMPARED_POINTS, seed=SEED)
    return np.asarray(points)


def _overlap(surface: Surface, domain: Domain, fields: BasisFields, token: CancelToken) -> float:
    """Intersection over union of the solids, at points spread evenly over the cube."""
    probes = np.random.default_rng(SEED).uniform(-0.5, 0.5, (PROBES, 3))
    inside = np.zeros(PROBES, bool)
    for body in surface.bodies:
        token.check()
        inside |= body.contains(probes)
    device = next(iter(fields.levels[0].values())).device
    query = Query(torch.from_numpy(probes.astype(np.float32)).to(device))
    with torch.inference_mode():
        parts = [values[0, :, 0].cpu() for _, values in domain.evaluate_in_chunks(fields, query, token)]
    made = torch.cat(parts).numpy() > logit(domain.config.iso)
    return float((inside & made).sum() / max((inside | made).sum(), 1))
