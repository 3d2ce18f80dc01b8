"""How a domain's samples are seen again by the encoder that reads its data (table `SUBJECTS`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch
import trimesh

from ddmi_models.cancel import CancelToken
from ddmi_models.domains.base import Domain, Query
from ddmi_models.domains.nerf import NerfDomain
from ddmi_models.events import value_of
from ddmi_models.planes import BasisFields
from ddmi_models.rendering.isosurface import EmptySurface, render_mesh
from ddmi_models.rendering.radiance import coloured
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


def values_at(domain: Domain, fields: BasisFields, query: Query, token: CancelToken) -> np.ndarray:
    """Values float32 [N, channels] of one sample."""
    device = next(iter(fields.levels[0].values())).device
    moved = replace(query, points=query.points.to(device))
    with torch.inference_mode():
        parts = [part[0] for _, part in domain.evaluate_in_chunks(fields, moved, token)]
    return torch.cat(parts).float().cpu().numpy()


def picture_of(domain: Domain, fields: BasisFields, resolution: int, token: CancelToken) -> np.ndarray:
    """A picture of one sample, float32 [resolution, resolution, 3] in [-1, 1]."""
    values = values_at(domain, fields, domain.grid(resolution), token)
    return values.clip(-1, 1).reshape(resolution, resolution, -1)


def surface_of(domain: Domain, fields: BasisFields, cells: int, token: CancelToken) -> MeshData | None:
    """The surface of one sample; None where nothing is inside."""
    try:
        return value_of(render_mesh(domain, fields, MeshView(cells), token))
    except EmptySurface:
        return None


def mesh_of(domain: Domain, fields: BasisFields, cells: int, token: CancelToken) -> trimesh.Trimesh:
    """The surface of one sample; empty where nothing is inside."""
    mesh = surface_of(domain, fields, cells, token)
    return trimesh.Trimesh() if mesh is None else trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)


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


class RadianceSubject:
    """Coloured points on the surface, z up as their encoder reads them."""

    def look(self, domain: Domain, fields: BasisFields, cells: int, token: CancelToken) -> dict[str, Any] | None:
        assert isinstance(domain, NerfDomain)
        surface = surface_of(domain, fields, cells, token)
        if surface is None or not len(surface.faces):
            return None
        mesh = coloured(domain, fields, surface, token)
        skin = trimesh.Trimesh(mesh.vertices, mesh.faces, vertex_colors=mesh.colours, process=False)
        points, _, colours = trimesh.sample.sample_surface(skin, CLOUD, sample_color=True, seed=0)
        cloud = np.concatenate([points[:, [0, 2, 1]] * np.array([1, -1, 1]), colours[:, :3] / 255], axis=1)
        return {"cloud": torch.from_numpy(cloud.astype(np.float32))[None]}


class ClipSubject:
    """The trained frames in the size that the encoder reads."""

    def look(self, domain: Domain, fields: BasisFields, cells: int, token: CancelToken) -> dict[str, torch.Tensor]:
        side = domain.config.autoencoder.resolution
        values = values_at(domain, fields, domain.grid(side), token).clip(-1, 1)
        frames = torch.from_numpy(values).reshape(-1, side, side, values.shape[-1])
        return {"frames": frames.permute(3, 0, 1, 2)[None].contiguous()}


SUBJECTS: dict[str, Subject] = {
    "image": PictureSubject(),
    "shape": SolidSubject(),
    "nerf": RadianceSubject(),
    "video": ClipSubject(),
}
