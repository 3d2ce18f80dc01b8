"""Draws a mesh without OpenGL: triangles from far to near, each in one colour. Slow, but it needs nothing."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QWidget

from ddmi_models.requests import MeshData
from ddmi_studio import theme
from ddmi_studio.views.stage import paint_backdrop
from ddmi_studio.views.turntable import Turntable

KEY_LIGHT = np.array([-0.45, 0.80, 0.62]) / np.linalg.norm([-0.45, 0.80, 0.62])
MATERIAL = np.array([199, 154, 107])
PLAIN, MIDDLE, FINE = (205, 205, 200), (40, 190, 130), (245, 130, 40)
SHADES = 64  # brushes, dark to bright


class SoftCanvas(QWidget):
    """Stands in for MeshCanvas where OpenGL does not work."""

    most_cells = 64  # some 15,000 triangles

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._camera = Turntable()
        self._mode = "shaded"
        self.moving = False
        self._mesh: MeshData | None = None
        self._shifts: tuple[MeshData, np.ndarray] | None = None

    def show_mesh(self, mesh: MeshData | None) -> None:
        self._mesh = mesh
        self.update()

    def show_shifts(self, mesh: MeshData, shifts: np.ndarray) -> None:
        """Shares of the middle and fine scales at each vertex of `mesh`: float32 [V, 2] in [0, 1]."""
        self._shifts = (mesh, shifts)
        self.update()

    def forget_coarse(self) -> None:
        """Nothing coarser is kept here."""

    def release(self) -> None:
        """Nothing is to be given back."""

    def set_camera(self, camera: Turntable) -> None:
        self._camera = camera
        self.update()

    @property
    def mode(self) -> str:
        """One of "shaded", "wire", "normals" and "scales"."""
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        self._mode = mode
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_backdrop(painter, self.size())
        if self._mesh is not None and len(self._mesh.faces):
            self._paint_mesh(painter, self._mesh)

    def _paint_mesh(self, painter: QPainter, mesh: MeshData) -> None:
        points, depth = self._project(mesh.vertices)
        corners = points[mesh.faces]
        first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        facing = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0] < 0  # counter-clockwise, the screen's y down
        order = np.argsort(-depth[mesh.faces].mean(axis=1))
        order = order[facing[order]]
        colors = self._colors(mesh, order)
        wire = self.mode == "wire"
        for index, color in zip(order, colors, strict=True):
            painter.setBrush(QColor(theme.colors().field) if wire else color)
            painter.setPen(QColor(theme.colors().accent) if wire else color)
            painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners[index]]))

    def _project(self, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions in the widget, [V, 2], and distances from the eye, [V]."""
        seen = np.c_[vertices, np.ones(len(vertices))] @ self._camera.view().T
        clip = seen @ self._camera.projection(self.width() / max(1, self.height())).T
        flat = clip[:, :2] / np.maximum(clip[:, 3:], 1e-6)
        return (flat * [1, -1] + 1) / 2 * [self.width(), self.height()], -seen[:, 2]

    def _colors(self, mesh: MeshData, order: np.ndarray) -> list[QColor]:
        normals = mesh.normals[mesh.faces[order]].mean(axis=1)
        if self.mode == "normals":
            values = np.clip(127.5 + 127.5 * normals, 0, 255).astype(int)
            return [QColor(*value) for value in values.tolist()]
        seen = normals @ np.stack(self._camera.axes()).T
        light = np.clip(0.38 + 0.72 * np.maximum(seen @ KEY_LIGHT, 0), 0, 1.2)
        if self.mode == "scales":
            tints = self._tints(mesh)[mesh.faces[order]].mean(axis=1)
            return [QColor(*color) for color in np.clip(tints * light[:, None], 0, 255).astype(int).tolist()]
        shades = [QColor(*np.clip(MATERIAL * k * 1.2 / SHADES, 0, 255).astype(int).tolist()) for k in range(SHADES + 1)]
        return [shades[k] for k in (light / 1.2 * SHADES).astype(int).tolist()]

    def _tints(self, mesh: MeshData) -> np.ndarray:
        """Colour of each vertex, 0 to 255, [V, 3]: plain where no finer scale moves the surface."""
        tints = np.full((len(mesh.vertices), 3), PLAIN, float)
        if self._shifts is not None and self._shifts[0] is mesh:
            for share, color in zip(self._shifts[1].T, (MIDDLE, FINE), strict=True):
                tints += share[:, None] * (np.array(color) - tints)
        return tints
