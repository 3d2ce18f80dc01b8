"""Coloured meshes and point clouds as the radiance field encoder's input."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import trimesh

from ddmi_models.cancel import CancelToken
from ddmi_models.domains.base import Domain
from ddmi_models.errors import BadInput
from ddmi_models.inputs.base import Given
from ddmi_models.inputs.surfaces import (
    ARRAYS,
    CLOUD_POINTS,
    COMPARED_POINTS,
    FEWEST_POINTS,
    SEED,
    Surface,
    SurfaceReader,
    check_file,
    cube_placement,
    load_geometry,
)

Coloured = tuple[np.ndarray, np.ndarray]
"""Points [N, 3] and their colours [N, 3] in [0, 1]."""


class ColouredReader(SurfaceReader):
    """A mesh or cloud with colours; its geometry is compared. Radiance fields have z up."""

    takes = "a coloured mesh or point cloud"
    suffixes: ClassVar[tuple[str, ...]] = (".glb", ".gltf", ".obj", ".ply", *ARRAYS)

    def read(self, path: Path, domain: Domain, up: str | None, token: CancelToken) -> Given[Surface]:
        up = up or "y"
        check_file(path, up)
        points, colours = points_of_array(path) if path.suffix.lower() in ARRAYS else _of_geometry(path)
        token.check()
        if len(points) < FEWEST_POINTS:
            raise BadInput(f"There are no coloured points in {path.name}.", f"Give at least {FEWEST_POINTS}.")
        order = np.random.default_rng(SEED).permutation(len(points))
        placed = cube_placement(points, up, path.name)(points[order])
        chosen = np.resize(np.arange(len(points)), CLOUD_POINTS)
        standing = placed[chosen][:, [0, 2, 1]] * np.array([1, -1, 1])
        cloud = np.concatenate([standing, colours[order][chosen]], axis=1).astype(np.float32)
        return Given({"cloud": torch.from_numpy(cloud)[None]}, Surface(placed, ()))


def _of_geometry(path: Path) -> Coloured:
    loaded = load_geometry(path)
    parts: list[Any] = list(loaded.dump()) if isinstance(loaded, trimesh.Scene) else [loaded]
    meshes = [part for part in parts if isinstance(part, trimesh.Trimesh) and len(part.faces)]
    if not meshes:
        clouds = [part for part in parts if isinstance(part, trimesh.PointCloud) and len(part.vertices)]
        if any(part.colors is None or len(part.colors) != len(part.vertices) for part in clouds):
            raise BadInput(f"The points of {path.name} have no colours.", "Give each its own.")
        pairs = [(np.asarray(part.vertices, float), np.asarray(part.colors)[:, :3] / 255) for part in clouds]
    else:
        areas = np.array([mesh.area for mesh in meshes])
        if not areas.sum() > 0:
            raise BadInput(f"The faces of {path.name} have no area.")
        counts = np.ceil(COMPARED_POINTS * areas / areas.sum()).astype(int)
        pairs = [_sampled(mesh, int(count)) for mesh, count in zip(meshes, counts, strict=True) if count]
    if not pairs:
        return np.empty((0, 3)), np.empty((0, 3))
    points, colours = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return points, colours


def _sampled(mesh: Any, count: int) -> Coloured:
    """Points of a surface by area, in the colours of its texture, vertices or material."""
    points, _, colours = trimesh.sample.sample_surface(mesh, count, sample_color=True, seed=SEED)
    return np.asarray(points), np.asarray(colours)[:, :3] / 255


def points_of_array(path: Path) -> Coloured:
    """Of a numpy file: one array [N, 6], or `points` and `colors` [N, 3]; colours in [0, 1] or [0, 255].

    Raises:
        BadInput: if it is not readable, or holds none.
    """
    try:
        with path.open("rb") as file:
            read = np.load(file, allow_pickle=False)
            arrays = {"": read} if isinstance(read, np.ndarray) else {name: read[name] for name in read.files}
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise BadInput(f"{path.name} is not a readable {path.suffix} file ({error}).", "It may be damaged.") from None
    if {"points", "colors"} <= set(arrays) and len(arrays["points"]) == len(arrays["colors"]):
        arrays = {"": np.concatenate([arrays["points"], arrays["colors"]], axis=1)}
    for array in arrays.values():
        if array.ndim == 2 and array.shape[1] == 6 and np.issubdtype(array.dtype, np.number):
            values = array.astype(np.float64)
            return values[:, :3], values[:, 3:] / (255 if values[:, 3:].max(initial=0) > 1 else 1)
    raise BadInput(
        f"{path.name} holds no coloured points.", "Save them as one array [N, 6]: x, y, z, red, green, blue."
    )
