"""Shows a mesh drawn with OpenGL, off the screen.

The picture is drawn into a buffer and painted like any other. So the rest of the window is not drawn through OpenGL,
which would make every keystroke slow on a machine without a graphics card, and the widget can be grabbed and moved to
another window.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import (
    QGuiApplication,
    QImage,
    QOffscreenSurface,
    QOpenGLContext,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget
from vispy import gloo
from vispy.gloo import gl
from vispy.gloo.context import FakeCanvas, forget_canvas, set_current_canvas

from ddmi_models.errors import Unavailable
from ddmi_models.requests import MeshData
from ddmi_studio.views import shaders
from ddmi_studio.views.mesh_scene import CORNERS, MODES, MeshScene
from ddmi_studio.views.turntable import Turntable

SOFTWARE_CELLS, MOST_CELLS = 160, 512  # of a mesh on the screen
SOFTWARE = ("llvmpipe", "softpipe", "swrast", "software")
SMOOTH_FRAME = 0.02  # seconds a smooth frame may take while the hand moves


@dataclass(frozen=True)
class OpenGL:
    """What the machine offers. `problem`: why a mesh cannot be drawn, in one line; None where it can."""

    problem: str | None
    renderer: str = ""

    @property
    def software(self) -> bool:
        """Whether the processor draws in place of a graphics card."""
        return any(name in self.renderer.lower() for name in SOFTWARE)


def find_opengl() -> OpenGL:
    """Try OpenGL without a window."""
    if QGuiApplication.platformName() in ("offscreen", "minimal", "vnc", "linuxfb"):
        return OpenGL("This display has no OpenGL.")
    context, surface = QOpenGLContext(), QOffscreenSurface()
    surface.create()
    if not context.create() or not context.makeCurrent(surface):
        return OpenGL("OpenGL does not start on this machine; its graphics driver may be missing.")
    version = context.format().version()
    renderer = str(context.functions().glGetString(gl.GL_RENDERER))
    context.doneCurrent()
    if tuple(version) < (2, 1):  # type: ignore[arg-type]
        return OpenGL(f"OpenGL {version[0]}.{version[1]} is too old; 2.1 is needed.")  # type: ignore[index]
    return OpenGL(None, renderer)


class Target:
    """A picture to draw on, off the screen, of twice the size first where edges are to be smooth."""

    def __init__(self) -> None:
        self._size = (0, 0)
        self._shrink = gloo.Program(shaders.SHRINK_VERTEX, shaders.SHRINK_FRAGMENT)
        self._shrink["a_corner"] = CORNERS

    def _fit(self, width: int, height: int) -> None:
        if (height, width) == self._size:
            return
        self._size = (height, width)
        double = (2 * height, 2 * width)
        picture = gloo.Texture2D((*double, 4), interpolation="linear", wrapping="clamp_to_edge")
        self._large = gloo.FrameBuffer(picture, gloo.RenderBuffer(double))
        self._small = gloo.FrameBuffer(gloo.Texture2D((*self._size, 4)), gloo.RenderBuffer(self._size))
        self._shrink["u_picture"] = picture

    def draw(self, scene: MeshScene, host: FakeCanvas, width: int, height: int, *, smooth: bool) -> np.ndarray:
        """The scene as uint8 [height, width, 4], alpha 255."""
        self._fit(width, height)
        if smooth:
            with self._large:
                scene.draw(2 * width, 2 * height, pen=2.0)
        with self._small:
            if smooth:
                gloo.set_viewport(0, 0, width, height)
                gloo.set_state(depth_test=False, blend=False, cull_face=False, polygon_offset_fill=False)
                self._shrink.draw("triangle_strip")
            else:
                scene.draw(width, height, pen=1.0)
            host.flush()
            data = gl.glReadPixels(0, 0, width, height, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE)
        host.flush()
        return np.frombuffer(data, np.uint8).reshape(height, width, 4)[::-1]


class MeshCanvas(QWidget):
    """The drawn mesh; the mouse goes through to the widget below."""

    def __init__(self, parent: QWidget, software: bool) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.most_cells = SOFTWARE_CELLS if software else MOST_CELLS
        self._surface = QOffscreenSurface()
        self._surface.create()
        self._context = QOpenGLContext(self)
        if not self._context.create() or not self._context.makeCurrent(self._surface):
            raise Unavailable("OpenGL does not start on this machine.", "Its graphics driver may be missing.")
        self._host: FakeCanvas | None = FakeCanvas()
        self._scene = MeshScene()
        self._target = Target()
        self._try_out(self._host)
        self._context.doneCurrent()
        self._image: QImage | None = None
        self._was_smooth = True
        self._smooth_seconds = 1.0

    def _try_out(self, host: FakeCanvas) -> None:
        """Draw something small in every mode, so that a driver that cannot do it is known at once."""
        corner = np.eye(3, dtype=np.float32)
        self._scene.show_mesh(MeshData(corner, np.array([[0, 1, 2]], np.int32), corner, False, 1))
        try:
            for mode in MODES:
                self._scene.mode = mode
                self._target.draw(self._scene, host, 8, 8, smooth=True)
        except RuntimeError as error:
            self.release()
            self.setParent(None)
            raise Unavailable("OpenGL cannot draw shapes on this machine.", "Try a newer graphics driver.") from error
        self._scene.show_mesh(None)
        self._scene.mode = "shaded"

    @property
    def mode(self) -> str:
        """One of "shaded", "wire", "normals" and "scales"."""
        return self._scene.mode

    @mode.setter
    def mode(self, mode: str) -> None:
        self._scene.mode = mode
        self.redraw()

    @property
    def moving(self) -> bool:
        """Whether the hand moves the camera, so that speed counts more than beauty."""
        return self._scene.moving

    @moving.setter
    def moving(self, moving: bool) -> None:
        better = self._scene.moving and not moving and (self._scene.is_simplified() or not self._was_smooth)
        self._scene.moving = moving
        if better:
            self.redraw()

    def set_camera(self, camera: Turntable) -> None:
        self._scene.camera = camera
        self.redraw()

    def show_mesh(self, mesh: MeshData | None) -> None:
        """Draw this mesh from now on; a coarser one shown before stays at hand for quick movement."""
        if self._host is not None:
            set_current_canvas(self._host)
            self._scene.show_mesh(mesh)
            self.redraw()

    def show_shifts(self, mesh: MeshData, shifts: np.ndarray) -> None:
        """Shares of the middle and fine scales at each vertex of the mesh that is shown: float32 [V, 2] in [0, 1]."""
        if self._host is not None:
            set_current_canvas(self._host)
            self._scene.show_shifts(mesh, shifts)
            self.redraw()

    def forget_coarse(self) -> None:
        """The mesh that was kept for movement belongs to another sample."""
        self._scene.forget_coarse()

    def redraw(self) -> None:
        """Draw again when the window is next painted."""
        self._image = None
        self.update()

    def release(self) -> None:
        """Give the graphics memory back; nothing is drawn any more."""
        if self._host is not None:
            forget_canvas(self._host)
            self._host = None
            self._context.deleteLater()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.redraw()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._image is None and self._host is not None:
            self._image = self._draw(self._host)
        if self._image is not None:
            QPainter(self).drawImage(QPointF(0, 0), self._image)

    def _draw(self, host: FakeCanvas) -> QImage:
        began = time.perf_counter()
        ratio = self.devicePixelRatioF()
        width, height = max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))
        smooth = not self.moving or self._smooth_seconds < SMOOTH_FRAME
        self._context.makeCurrent(self._surface)
        set_current_canvas(host)
        pixels = np.ascontiguousarray(self._target.draw(self._scene, host, width, height, smooth=smooth))
        self._context.doneCurrent()
        seconds = time.perf_counter() - began
        self._was_smooth = smooth
        if smooth:
            self._smooth_seconds = seconds
        elif (drawn := self._scene.chosen()) is not None:
            drawn.seconds = seconds
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBX8888).copy()
        image.setDevicePixelRatio(ratio)
        return image
