"""Draws a mesh with vispy's gloo into whatever OpenGL target is bound.

Indexed triangles with ready normals are about twice as quick as vispy's MeshVisual.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtGui import QColor
from vispy import gloo

from ddmi_models.requests import MeshData
from ddmi_studio import theme
from ddmi_studio.views import shaders
from ddmi_studio.views.footprint import footprint
from ddmi_studio.views.turntable import Turntable

MATERIAL = (0.56, 0.33, 0.17)  # warm wood, linear
GROUND_EXTENT = 1.5
GROUND_GAP = 0.003  # below the lowest vertex, so that feet do not flicker
SLOW_FRAME = 0.05  # seconds a frame may take while the hand moves
CORNERS = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], np.float32)
MODES = {"shaded": 0, "normals": 1, "wire": 2, "scales": 3}
VERTEX = [("a_position", np.float32, 3), ("a_normal", np.float32, 3), ("a_shift", np.float32, 2)]


def rgb(color: str) -> tuple[float, float, float]:
    value = QColor(color)
    return value.redF(), value.greenF(), value.blueF()


@dataclass
class Uploaded:
    """A mesh on the graphics card. `seconds`: how long its last frame took; None before the first."""

    vertices: Any
    triangles: Any
    edges: Any | None
    data: MeshData
    seconds: float | None = None


class MeshScene:
    """Backdrop, mesh and ground, drawn with the context that is current.

    `show_mesh` keeps a coarser mesh too, which is drawn while the hand moves where the fine one is slow.
    """

    def __init__(self) -> None:
        self.camera = Turntable()
        self.mode = "shaded"
        self.moving = False
        self._fine: Uploaded | None = None
        self._coarse: Uploaded | None = None
        self._ground = -0.5
        self._pen = 1.0  # width of a line in pixels of the picture that is drawn
        self._backdrop = gloo.Program(shaders.BACKDROP_VERTEX, shaders.BACKDROP_FRAGMENT)
        self._backdrop["a_corner"] = CORNERS
        self._mesh = gloo.Program(shaders.MESH_VERTEX, shaders.MESH_FRAGMENT)
        self._lines = gloo.Program(shaders.MESH_VERTEX, shaders.LINE_FRAGMENT)
        self._floor = gloo.Program(shaders.GROUND_VERTEX, shaders.GROUND_FRAGMENT)
        self._floor["a_corner"] = CORNERS
        self._floor["u_shadow"] = gloo.Texture2D(np.zeros((4, 4, 1), np.float32), interpolation="linear")

    def show_mesh(self, mesh: MeshData | None) -> None:
        """Draw this mesh from now on; a coarser one shown before stays at hand for quick movement."""
        if mesh is None:
            self._fine = self._coarse = None
        else:
            before = self._fine
            if before is not None and 2 * len(before.data.faces) < len(mesh.faces):
                self._coarse = before
            elif self._coarse is not None and 2 * len(self._coarse.data.faces) >= len(mesh.faces):
                self._coarse = None
            self._fine = self._upload(mesh)
            self._ground = float(mesh.vertices[:, 1].min()) - GROUND_GAP if len(mesh.vertices) else -0.5
            self._floor["u_shadow"] = gloo.Texture2D(
                footprint(mesh.vertices)[:, :, None], interpolation="linear", wrapping="clamp_to_edge"
            )

    def show_shifts(self, mesh: MeshData, shifts: np.ndarray) -> None:
        """Shares of the middle and fine scales at each vertex of `mesh`, if that is still the one shown."""
        if self._fine is not None and self._fine.data is mesh:
            self._fine.vertices.set_data(vertices_of(mesh, shifts))

    def forget_coarse(self) -> None:
        """The mesh that was kept for movement belongs to another sample."""
        self._coarse = None

    def draw(self, width: int, height: int, pen: float) -> None:
        """Draw a picture of that many pixels with lines `pen` pixels wide."""
        self._pen = pen
        gloo.set_viewport(0, 0, width, height)
        gloo.clear(color=(*rgb(theme.colors().view_outer), 1.0), depth=True)
        self._draw_backdrop(width, height)
        drawn = self.chosen()
        if drawn is None:
            return
        matrices = {
            "u_view": self.camera.view().T.astype(np.float32),
            "u_projection": self.camera.projection(width / max(1, height)).T.astype(np.float32),
        }
        self._draw_mesh(drawn, matrices)
        self._draw_floor(matrices)

    def chosen(self) -> Uploaded | None:
        """The mesh to draw now."""
        fine, coarse = self._fine, self._coarse
        slow = fine is not None and fine.seconds is not None and fine.seconds > SLOW_FRAME
        return coarse if self.moving and slow and coarse is not None else fine

    def is_simplified(self) -> bool:
        """Whether the coarser mesh is drawn because the hand moves."""
        return self.chosen() is not self._fine

    def _draw_backdrop(self, width: int, height: int) -> None:
        c = theme.colors()
        gloo.set_state(depth_test=False, blend=False, cull_face=False, polygon_offset_fill=False)
        self._backdrop["u_inner"], self._backdrop["u_outer"] = rgb(c.view_inner), rgb(c.view_outer)
        self._backdrop["u_size"] = (width, height)
        self._backdrop.draw("triangle_strip")

    def _draw_mesh(self, mesh: Uploaded, matrices: dict[str, np.ndarray]) -> None:
        c = theme.colors()
        wire = self.mode == "wire"
        gloo.set_state(depth_test=True, blend=False, polygon_offset_fill=wire)
        gloo.set_depth_mask(True)
        gloo.set_polygon_offset(1.0, 2.0)
        program = self._mesh
        program.bind(mesh.vertices)
        program["u_mode"], program["u_material"] = MODES[self.mode], MATERIAL
        program["u_flat"], program["u_ground"] = rgb(c.field), self._ground
        for name, matrix in matrices.items():
            program[name] = matrix
        program.draw("triangles", mesh.triangles)
        if wire:
            self._draw_edges(mesh, matrices)

    def _draw_edges(self, mesh: Uploaded, matrices: dict[str, np.ndarray]) -> None:
        gloo.set_state(depth_test=True, blend=True, blend_func=("src_alpha", "one_minus_src_alpha"))
        if mesh.edges is None:
            mesh.edges = gloo.IndexBuffer(edges_of(mesh.data.faces))
        self._lines.bind(mesh.vertices)
        gloo.set_line_width(self._pen)
        self._lines["u_color"] = rgb(theme.colors().accent)
        for name, matrix in matrices.items():
            self._lines[name] = matrix
        self._lines.draw("lines", mesh.edges)

    def _draw_floor(self, matrices: dict[str, np.ndarray]) -> None:
        gloo.set_state(depth_test=True, blend=True, blend_func=("src_alpha", "one_minus_src_alpha"))
        gloo.set_depth_mask(False)
        floor = self._floor
        floor["u_color"], floor["u_shade"] = rgb(theme.colors().grid), 0.55 if theme.is_dark() else 0.32
        floor["u_ground"], floor["u_extent"], floor["u_pen"] = self._ground, GROUND_EXTENT, self._pen
        for name, matrix in matrices.items():
            floor[name] = matrix
        floor.draw("triangle_strip")
        gloo.set_depth_mask(True)

    def _upload(self, mesh: MeshData) -> Uploaded:
        triangles = gloo.IndexBuffer(np.ascontiguousarray(mesh.faces, np.uint32).ravel())
        return Uploaded(gloo.VertexBuffer(vertices_of(mesh, 0.0)), triangles, None, mesh)


def vertices_of(mesh: MeshData, shifts: np.ndarray | float) -> np.ndarray:
    """Positions, normals and shares of the scales side by side, as the shaders read them: [V] of VERTEX."""
    vertices = np.zeros(len(mesh.vertices), VERTEX)
    vertices["a_position"], vertices["a_normal"], vertices["a_shift"] = mesh.vertices, mesh.normals, shifts
    return vertices


def edges_of(faces: np.ndarray) -> np.ndarray:
    """Every edge of the triangles [F, 3] once, as pairs of vertices: uint32 [2 E]."""
    pairs = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64), axis=1)
    keys = np.unique(pairs[:, 0] << 32 | pairs[:, 1])
    return np.stack([keys >> 32, keys & 0xFFFFFFFF], axis=1).astype(np.uint32).ravel()
