"""Pictures and coloured points of parts by ray casting: soft light that is fixed to the world, white background.

The world is the cube [-0.5, 0.5]^3 of the parts, z up. A camera looks along its own -z axis, x right, y up; a pose
takes its frame to the world. The middle of pixel (column i, row j) of a picture of n x n is (i + 0.5, j + 0.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.training.procedural.lofts import Part, joined

Array = NDArray[np.float64]

CAMERA_ANGLE = 0.6911112070083618
"""Field of view across a picture, in radians."""
DISTANCE = 1.8
"""From the camera to the middle of the cube."""
LOWEST, HIGHEST = -0.2, 0.97
"""Heights of cameras above the middle, as a share of the distance."""

KEY_LIGHT = np.array([-0.45, -0.5, 0.74])
KEY, SKY, GROUND = 0.62, np.array([0.60, 0.62, 0.66]), np.array([0.26, 0.25, 0.24])
OPENNESS_RAYS = 24
SUBPIXELS = np.array([[-0.125, -0.375], [0.375, -0.125], [0.125, 0.375], [-0.375, 0.125]])
"""Places of the rays in a pixel, off its middle."""
GAMMA = 1 / 1.6
LIFT = 2e-3


class Scene:
    """Parts made ready for pictures from anywhere."""

    def __init__(self, parts: Sequence[Part]) -> None:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        soup = joined(parts)
        self.faces, self.vertices = soup["faces"], soup["vertices"]
        self._caster = EmbreeScene()
        self._mesh = TriangleMesh(self._caster, np.ascontiguousarray(self.vertices[self.faces], dtype=np.float32))
        light = lit(soup["colours"], soup["normals"], self.openness(self.vertices, soup["normals"]))
        self._table = np.concatenate([light, soup["normals"], soup["shine"][:, None]], axis=1).astype(np.float32)
        self._soup = soup

    def _hits(self, origins: Array, ways: Array) -> dict[str, NDArray[Any]]:
        """embree's answer for rays [N, 3]: `primID` -1 where nothing is hit, `u`, `v`, `tfar`."""
        return dict(
            self._caster.run(
                np.ascontiguousarray(origins, dtype=np.float32), np.ascontiguousarray(ways, dtype=np.float32), output=1
            )
        )

    def openness(self, points: Array, normals: Array) -> Array:
        """Share of the hemisphere over points [N, 3], weighted by the cosine, from which light comes: [N]."""
        way = _sphere(OPENNESS_RAYS)
        ways = normals[:, None] + 0.999 * way[None]
        ways /= np.linalg.norm(ways, axis=-1, keepdims=True)
        origins = np.broadcast_to((points + LIFT * normals)[:, None], ways.shape)
        free = self._hits(origins.reshape(-1, 3), ways.reshape(-1, 3))["primID"] < 0
        return np.asarray(free.reshape(len(points), -1).mean(axis=1))

    def cloud(self, rng: np.random.Generator, count: int) -> NDArray[np.float16]:
        """Points spread evenly over what can be seen from outside, with their colours: float16 [count, 6]."""
        corners = self.vertices[self.faces]
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        points, colours, have = [], [], 0
        while have < count:
            chosen = rng.choice(len(area), 2 * count, p=area / area.sum())
            r, s = np.sqrt(rng.random(2 * count)), rng.random(2 * count)
            weights = np.stack([1 - r, r * (1 - s), r * s], axis=1)
            place, normal, colour = (
                np.einsum("nk,nkd->nd", weights, self._soup[key][self.faces[chosen]])
                for key in ("vertices", "normals", "colours")
            )
            free = self.openness(place, normal)
            seen = free > 0
            points.append(place[seen])
            colours.append(displayed(lit(colour, normal, free)[seen]))
            have += int(seen.sum())
        return np.concatenate([np.concatenate(points), np.concatenate(colours)], axis=1)[:count].astype(np.float16)

    def picture(self, pose: Array, size: int) -> NDArray[np.uint8]:
        """What a camera at a pose [4, 4] sees: uint8 [size, size, 3]."""
        window = self._window(pose, size)
        picture = np.full((size, size, 3), 255, np.uint8)
        (top, bottom), (left, right) = window
        rows, columns = np.mgrid[top:bottom, left:right].astype(np.float64)
        spots = np.stack([columns, rows], axis=-1)[:, :, None] + 0.5 + SUBPIXELS
        focal = 0.5 * size / math.tan(CAMERA_ANGLE / 2)
        local = np.stack(
            [(spots[..., 0] - size / 2) / focal, (size / 2 - spots[..., 1]) / focal, -np.ones(spots.shape[:-1])], -1
        )
        ways = (local / np.linalg.norm(local, axis=-1, keepdims=True)).reshape(-1, 3) @ pose[:3, :3].T
        colours = self._seen(pose[:3, 3], ways).reshape(*spots.shape[:-1], 3).mean(axis=2)
        picture[top:bottom, left:right] = np.round(255 * colours)
        return picture

    def _window(self, pose: Array, size: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Rows and columns of the picture that the parts may cover."""
        low, high = self.vertices.min(axis=0), self.vertices.max(axis=0)
        corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
        local = (corners - pose[:3, 3]) @ pose[:3, :3]
        focal = 0.5 * size / math.tan(CAMERA_ANGLE / 2)
        spots = np.stack([-local[:, 1], local[:, 0]]) / -local[:, 2] * focal + size / 2
        first = np.clip(np.floor(spots.min(axis=1)) - 1, 0, size - 1).astype(int)
        last = np.clip(np.ceil(spots.max(axis=1)) + 1, 1, size).astype(int)
        return (int(first[0]), int(last[0])), (int(first[1]), int(last[1]))

    def _seen(self, eye: Array, ways: Array) -> NDArray[np.float32]:
        """Colours [N, 3] in [0, 1] along rays; white where there is nothing."""
        hits = self._hits(np.broadcast_to(eye, ways.shape), ways)
        colours = np.ones((len(ways), 3), np.float32)
        seen = np.flatnonzero(hits["primID"] >= 0)
        if len(seen) == 0:
            return colours
        u, v = hits["u"][seen, None], hits["v"][seen, None]
        a, b, c = self.faces[hits["primID"][seen]].T
        values = (1 - u - v) * self._table[a] + u * self._table[b] + v * self._table[c]
        half = KEY_LIGHT / np.linalg.norm(KEY_LIGHT) - ways[seen]
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        gloss = np.clip(np.einsum("nk,nk->n", values[:, 3:6], half), 0, 1) ** 40 * values[:, 6]
        colours[seen] = displayed(values[:, :3] + gloss[:, None])
        return colours


def lit(colours: Array, normals: Array, openness: Array) -> Array:
    """Linear light [N, 3] that surfaces give back, whatever side they are seen from."""
    key = KEY_LIGHT / np.linalg.norm(KEY_LIGHT)
    up = 0.5 + 0.5 * normals[:, 2:3]
    direct = KEY * np.clip(normals @ key, 0, 1)[:, None] * np.minimum(1, 1.6 * openness)[:, None]
    return np.asarray(colours * (direct + (GROUND + (SKY - GROUND) * up) * openness[:, None]))


def displayed(light: NDArray[Any]) -> NDArray[Any]:
    """Linear light as colours in [0, 1]."""
    return np.asarray(np.clip(light, 0, 1) ** GAMMA)


def camera_poses(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Poses [count, 4, 4] spread evenly over a band of the sphere around the cube, in an order of chance."""
    heights = LOWEST + (HIGHEST - LOWEST) * (np.arange(count) + rng.random(count)) / count
    turns = (np.arange(count) * (math.sqrt(5) - 1) / 2 + rng.random()) * 2 * math.pi
    return np.stack([look_at_middle(height, turn) for height, turn in rng.permutation(np.stack([heights, turns], 1))])


def look_at_middle(height: float, turn: float) -> NDArray[np.float32]:
    """Pose of a camera that looks at the middle, z up. height: sine of its elevation; turn: angle about z, 0 at -y."""
    ground = math.sqrt(1 - height * height)
    back = np.array([math.sin(turn) * ground, -math.cos(turn) * ground, height])
    right = np.array([math.cos(turn), math.sin(turn), 0.0])
    pose = np.eye(4)
    pose[:3] = np.stack([right, np.cross(back, right), back, DISTANCE * back], axis=1)
    return pose.astype(np.float32)


def _sphere(count: int) -> Array:
    """Evenly spread unit vectors [count, 3] (Fibonacci lattice)."""
    index = np.arange(count) + 0.5
    polar, turn = np.arccos(1 - 2 * index / count), math.pi * (1 + math.sqrt(5)) * index
    return np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], axis=1)
