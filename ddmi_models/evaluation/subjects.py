"""How a domain's samples are seen again by the encoder that reads its data (table `SUBJECTS`)."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
import trimesh

from ddmi_models.cancel import CancelToken
from ddmi_models.domains.base import Domain
from ddmi_models.planes import BasisFields
from ddmi_models.rendering.isosurface import EmptySurface, render_mesh
from ddmi_models.requests import MeshData, MeshView

CLOUD = 2048
"""Points of a surface, as many as the shards hold."""


class Subject(Protocol):
    """Looks at a sample as at an item of a data set."""

    def look(
        self, domain: Domain, fields: BasisFields, cells: int, token: CancelToken
    ) -> dict[str, torch.Tensor] | None:
        """Inputs of the encoder for the fields of one sample; None where there is nothing to see.

        Args:
            cells: of the meshes of shapes.
        """
        ...


def picture_of(domain: Domain, fields: BasisFields, resolution: int, token: CancelToken) -> np.ndarray:
    """A picture of one sample, float32 [resolution, resolution, 3] in [-1, 1]."""
    with torch.inference_mode():
        query = domain.grid(resolution)
        device = next(iter(fields.levels[0].values())).device
        moved = type(query)(query.points.to(device), query.scale)
        values = torch.cat([part[0] for _, part in domain.evaluate_in_chunks(fields, moved, token)])
    return values.clamp(-1, 1).float().cpu().numpy().reshape(resolution, resolution, -1)


def mesh_of(domain: Domain, fields: BasisFields, cells: int, token: CancelToken) -> trimesh.Trimesh:
    """The surface of one sample; empty where nothing is inside."""
    work = render_mesh(domain, fields, MeshView(cells), token)
    while True:
        try:
            next(work)
        except StopIteration as end:
            mesh: MeshData = end.value
            return trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
        except EmptySurface:
            return trimesh.Trimesh()


def surface_points(mesh: trimesh.Trimesh, count: int) -> np.ndarray:
    """Points float64 [count, 3] on a mesh, even by area, always the same."""
    points, _ = trimesh.sample.sample_surface(mesh, count, seed=0)
    return np.asarray(points)


class PictureSubject:
    """Pictures of the size that the encoder reads."""

    def look(self, domain: Domain, fields: BasisFields, cells: int, token: CancelToken) -> dict[str, torch.Tensor]:
        picture = picture_of(domain, fields, domain.config.anchor_resolution, token)
        return {"image": torch.from_numpy(picture).permute(2, 0, 1)[None]}


class SolidSubject:
    """Points on the surface."""

    def look(self, domain: Domain, fields: BasisFields, cells: int, token: CancelToken) -> dict[str, Any] | None:
        mesh = mesh_of(domain, fields, cells, token)
        if not len(mesh.faces):
            return None
        return {"cloud": torch.from_numpy(surface_points(mesh, CLOUD).astype(np.float32))[None]}


SUBJECTS: dict[str, Subject] = {"image": PictureSubject(), "shape": SolidSubject()}
