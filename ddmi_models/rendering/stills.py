"""Pictures of meshes without OpenGL, by ray casting: stills, turntables, thumbnails, contact sheets.

What does not depend on the camera is computed once a mesh (`Stage`): ambient occlusion at its vertices, on the floor.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import trimesh
from scipy.ndimage import gaussian_filter
from trimesh.ray.ray_pyembree import RayMeshIntersector

from ddmi_models.cancel import CancelToken
from ddmi_models.requests import MeshData

BLOCK_RAYS = 65_536
"""Rays cast between two looks at the token."""

MATERIAL = np.array([0.80, 0.52, 0.33])
BACKDROP_HIGH, BACKDROP_LOW = np.array([0.82, 0.83, 0.85]), np.array([0.62, 0.63, 0.66])
KEY_LIGHT, KEY_COLOUR = np.array([-0.45, 0.75, 0.55]), np.array([0.95, 0.90, 0.82])
FILL_LIGHT, FILL_COLOUR = np.array([0.75, 0.20, 0.45]), np.array([0.16, 0.19, 0.24])
SKY, BOUNCE = np.array([0.42, 0.44, 0.48]), np.array([0.20, 0.17, 0.15])
"""Linear light. Light directions are in the camera's frame: right, up, towards the eye."""

FIELD_OF_VIEW = math.radians(28)
FLOOR_CELLS = 72
FLOOR_BLUR = 1.2
FLOOR_REACH = 2.2
"""Side of the shadowed part of the floor in radii of the object."""

GAMMA = 2.2


@dataclass(frozen=True)
class Camera:
    """Around the object's middle: `azimuth` and `elevation` in degrees; 0, 0 looks along -z at the front."""

    azimuth: float = 35.0
    elevation: float = 22.0


class Stage:
    """A mesh made ready for pictures from anywhere.

    Args:
        rays: directions cast for ambient occlusion; 0: none, for quick looks.
    """

    def __init__(self, mesh: MeshData, token: CancelToken, rays: int = 32) -> None:
        self.mesh = mesh
        vertices = mesh.vertices.astype(np.float64)
        low, high = vertices.min(0), vertices.max(0)
        self.centre = (low + high) / 2
        self.radius = float(np.linalg.norm(vertices - self.centre, axis=1).max())
        self.floor = float(low[1])
        self.caster = RayMeshIntersector(trimesh.Trimesh(vertices, mesh.faces, process=False))
        self.light = np.ones(len(vertices))
        self.floor_light = np.ones((FLOOR_CELLS, FLOOR_CELLS))
        if rays:
            lift = 1e-3 * self.radius * mesh.normals.astype(np.float64)
            self.light = self._openness(vertices + lift, mesh.normals, rays, token)
            spots = self._floor_spots()
            up = np.tile([0.0, 1.0, 0.0], (len(spots), 1))
            shade = self._openness(spots, up, 2 * rays, token).reshape(FLOOR_CELLS, FLOOR_CELLS)
            self.floor_light = gaussian_filter(shade, FLOOR_BLUR)

    def _floor_spots(self) -> np.ndarray:
        side = FLOOR_REACH * self.radius * np.linspace(-1, 1, FLOOR_CELLS)
        z, x = np.meshgrid(side + self.centre[2], side + self.centre[0], indexing="ij")
        return np.stack([x, np.full_like(x, self.floor - 1e-4), z], axis=-1).reshape(-1, 3)

    def _openness(self, origins: np.ndarray, normals: np.ndarray, rays: int, token: CancelToken) -> np.ndarray:
        """Share of the hemisphere, weighted by the cosine, that is not blocked nearby: [N] in [0, 1]."""
        open_rays = np.zeros(len(origins))
        for direction in _sphere_points(rays):
            ways = normals + direction  # cosine-distributed around the normal
            ways /= np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-6)
            open_rays += ~self._hits(origins, ways, token)
        return open_rays / rays

    def _hits(self, origins: np.ndarray, ways: np.ndarray, token: CancelToken) -> np.ndarray:
        hit = np.empty(len(origins), bool)
        for start in range(0, len(origins), BLOCK_RAYS):
            token.check()
            part = slice(start, start + BLOCK_RAYS)
            hit[part] = self.caster.intersects_any(origins[part], ways[part])
        return hit

    def still(
        self, width: int, height: int, token: CancelToken, camera: Camera = Camera(), samples: int = 2
    ) -> np.ndarray:
        """A picture uint8 [height, width, 3], averaged over samples x samples rays a pixel."""
        picture = np.empty((height, width, 3), np.uint8)
        eye, frame = self._place(camera)
        rows = max(1, BLOCK_RAYS // (width * samples**2))
        for start in range(0, height, rows):
            token.check()
            stop = min(start + rows, height)
            ways = _rays(width * samples, height * samples, start * samples, stop * samples) @ frame
            colours = self._colours(eye, ways, frame)
            averaged = colours.reshape(stop - start, samples, width, samples, 3).mean((1, 3))
            picture[start:stop] = _shown(averaged)
        return picture

    def cut_out(self, size: int, token: CancelToken) -> np.ndarray:
        """The object with nothing behind it, one ray a pixel: uint8 [size, size, 4], premultiplied."""
        token.check()
        eye, frame = self._place(Camera())
        ways = _rays(size, size, 0, size) @ frame
        faces = self.caster.intersects_first(np.broadcast_to(eye, ways.shape), ways)
        picture, seen = np.zeros((size * size, 4), np.uint8), faces >= 0
        if seen.any():
            picture[seen, :3] = _shown(self._shaded(eye, ways[seen], faces[seen], frame))
            picture[seen, 3] = 255
        return picture.reshape(size, size, 4)

    def _place(self, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """The eye [3], from which the whole object is in sight, and its frame, see `_frame`."""
        frame = _frame(camera)
        return self.centre + frame[2] * self.radius * 1.04 / math.sin(FIELD_OF_VIEW / 2), frame

    def _colours(self, eye: np.ndarray, ways: np.ndarray, frame: np.ndarray) -> np.ndarray:
        colours = self._backdrop(eye, ways, frame)
        origins = np.broadcast_to(eye, ways.shape)
        faces = self.caster.intersects_first(origins, ways)
        seen = faces >= 0
        if seen.any():
            colours[seen] = self._shaded(eye, ways[seen], faces[seen], frame)
        return colours

    def _backdrop(self, eye: np.ndarray, ways: np.ndarray, frame: np.ndarray) -> np.ndarray:
        """A gradient with the object's soft shadow on the floor, linear light [N, 3]."""
        height = np.clip(0.5 + 2.0 * (ways @ frame[1]), 0, 1)[:, None]
        colours = BACKDROP_LOW + (BACKDROP_HIGH - BACKDROP_LOW) * height
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = (self.floor - eye[1]) / ways[:, 1]
        below = np.isfinite(distance) & (distance > 0)
        spots = eye + np.where(below, distance, 0)[:, None] * ways
        colours[below] *= self._floor_shade(spots[below])[:, None]
        return colours

    def _floor_shade(self, spots: np.ndarray) -> np.ndarray:
        """Light on the floor at points [N, 3], fading to 1 at the rim."""
        place = (spots[:, [2, 0]] - self.centre[[2, 0]]) / (FLOOR_REACH * self.radius)
        cell = np.clip((place + 1) / 2, 0, 1) * (FLOOR_CELLS - 1)
        low = np.minimum(cell.astype(int), FLOOR_CELLS - 2)
        v, u = (cell - low).T
        row, column = low.T
        table = self.floor_light
        near = (1 - u) * table[row, column] + u * table[row, column + 1]
        far = (1 - u) * table[row + 1, column] + u * table[row + 1, column + 1]
        rim = np.clip(2.5 * (1 - np.linalg.norm(place, axis=1)), 0, 1)
        return 1 - rim * (1 - ((1 - v) * near + v * far))

    def _shaded(self, eye: np.ndarray, ways: np.ndarray, faces: np.ndarray, frame: np.ndarray) -> np.ndarray:
        """Linear light [N, 3] of the faces that rays hit."""
        corners = self.mesh.faces[faces]
        weights = _barycentric(eye, ways, self.mesh.vertices[corners].astype(np.float64))
        normals = np.einsum("nk,nkd->nd", weights, self.mesh.normals[corners].astype(np.float64))
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        light = np.einsum("nk,nk->n", weights, self.light[corners])[:, None]
        key = np.clip(normals @ _unit(KEY_LIGHT @ frame), 0, 1)[:, None]
        fill = np.clip(normals @ _unit(FILL_LIGHT @ frame), 0, 1)[:, None]
        sky = 0.5 + 0.5 * normals[:, 1:2]
        ambient = BOUNCE + (SKY - BOUNCE) * sky
        direct = KEY_COLOUR * key * (0.35 + 0.65 * light) + FILL_COLOUR * fill
        return MATERIAL * (direct + ambient * light)


def render_turntable(
    mesh: MeshData, size: tuple[int, int], frames: int, token: CancelToken, camera: Camera = Camera()
) -> Iterator[np.ndarray]:
    """One turn around the object, frame by frame: uint8 [height, width, 3]."""
    stage = Stage(mesh, token)
    for index in range(frames):
        yield stage.still(*size, token, Camera(camera.azimuth + 360 * index / frames, camera.elevation))


def quick_still(mesh: MeshData, size: int, token: CancelToken) -> np.ndarray:
    """The object alone, for previews: uint8 [size, size, 4], premultiplied."""
    return Stage(mesh, token, rays=0).cut_out(size, token)


def contact_sheet(pictures: Sequence[np.ndarray], columns: int, gap: int = 4) -> np.ndarray:
    """Pictures of one size, row by row on white: uint8 [H, W, 3]."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        y, x = gap + (index // columns) * (height + gap), gap + (index % columns) * (width + gap)
        sheet[y : y + height, x : x + width] = picture
    return sheet


def _shown(light: np.ndarray) -> np.ndarray:
    """Linear light as colours of a screen, uint8."""
    colours: np.ndarray = np.round(255 * np.clip(light, 0, 1) ** (1 / GAMMA)).astype(np.uint8)
    return colours


def _frame(camera: Camera) -> np.ndarray:
    """Rows: the camera's right, up and towards-the-eye in the world, [3, 3]."""
    a, e = math.radians(camera.azimuth), math.radians(camera.elevation)
    back = np.array([math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)])
    right = np.array([math.cos(a), 0.0, -math.sin(a)])
    return np.stack([right, np.cross(back, right), back])


def _rays(width: int, height: int, start: int, stop: int) -> np.ndarray:
    """Unit directions of the rows start ... stop - 1 in the camera's frame: [(stop - start) * width, 3]."""
    reach = math.tan(FIELD_OF_VIEW / 2) / min(width, height)
    x = (2 * np.arange(width) + 1 - width) * reach
    y = (height - 1 - 2 * np.arange(start, stop)) * reach
    ways = np.stack(np.broadcast_arrays(x[None, :], y[:, None], -1.0), axis=-1).reshape(-1, 3)
    return ways / np.linalg.norm(ways, axis=1, keepdims=True)


def _barycentric(eye: np.ndarray, ways: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Weights [N, 3] of the corners where rays meet the planes of their triangles [N, 3, 3]."""
    a, ab, ac = triangles[:, 0], triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    across = np.cross(ways, ac)
    determinant = np.einsum("ij,ij->i", ab, across)
    determinant = np.where(np.abs(determinant) < 1e-18, 1e-18, determinant)
    offset = eye - a
    u = np.einsum("ij,ij->i", offset, across) / determinant
    v = np.einsum("ij,ij->i", ways, np.cross(offset, ab)) / determinant
    u, v = np.clip(u, 0, 1), np.clip(v, 0, 1)
    return np.stack([np.clip(1 - u - v, 0, 1), u, v], axis=1)


def _sphere_points(count: int) -> np.ndarray:
    """Evenly spread unit vectors [count, 3] (Fibonacci lattice)."""
    index = np.arange(count) + 0.5
    polar, turn = np.arccos(1 - 2 * index / count), math.pi * (1 + math.sqrt(5)) * index
    return np.stack([np.cos(turn) * np.sin(polar), np.cos(polar), np.sin(turn) * np.sin(polar)], axis=1)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
