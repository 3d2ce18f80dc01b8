"""The view of a shape: shaded, with a turntable camera, re-meshed while the hand moves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QWidget

from ddmi_models.errors import Unavailable
from ddmi_models.requests import MeshData, MeshView, Rendered, Sample, View
from ddmi_studio.state.scene import RenderSettings
from ddmi_studio.views.orbit_stage import OrbitStage, ToolBar
from ddmi_studio.views.scale_shift import partial_gains, shifts
from ddmi_studio.widgets import SegmentedButtons

if TYPE_CHECKING:
    from ddmi_studio.views.mesh_canvas import MeshCanvas
    from ddmi_studio.views.soft_canvas import SoftCanvas

MODES = (("shaded", "Shaded"), ("wire", "Wire"), ("normals", "Normals"), ("scales", "Scales"))
MODE_TOOLTIPS = {
    "shaded": "Lit by lamps that follow the camera",
    "wire": "The edges of the triangles",
    "normals": "Colour by the direction of the surface",
    "scales": "Colour by the basis scale that moves the surface: green the middle one, orange the fine one",
}
HINT = "drag: orbit    right drag or wheel: zoom    Shift drag: pan    Home: reset"
QUICK = 0.25  # seconds that a mesh may take while a slider moves
COLORED_CELLS = 128  # of a mesh coloured by scales
SCALE_CELLS = 64  # of the surfaces that fewer scales make
FIRST_CELLS, LEAST_CELLS, MOST_CELLS = 48, 24, 128  # while a slider moves


class ShapeStage(OrbitStage):
    """Shows a shape sample."""

    def __init__(self) -> None:
        super().__init__("Shape", "mdi6.cube-outline", "Shapes appear here.", HINT)
        self.canvas, self.problem = self._make_canvas()
        self.mesh: MeshData | None = None
        self._settings = RenderSettings(resolution=64)
        self._partial: dict[str, MeshData] = {}
        self._quick_cells = FIRST_CELLS
        self._asked_at = 0.0
        self._framed = False
        if self.problem:
            self.hint.setText(f"{self.problem} Shapes are drawn without it, more slowly.")
        self._cover_or_not()

    def _make_canvas(self) -> tuple[MeshCanvas | SoftCanvas, str | None]:
        from ddmi_studio.views.mesh_canvas import MeshCanvas, OpenGL, find_opengl

        found = find_opengl()
        if found.problem is None:
            try:
                return MeshCanvas(self, found.software), None
            except Unavailable as error:
                found = OpenGL(error.message)
        from ddmi_studio.views.soft_canvas import SoftCanvas

        return SoftCanvas(self), found.problem

    # What the page tells the view

    def set_sample(self, sample: Sample | None) -> None:
        self.wishes.forget()
        self.canvas.forget_coarse()
        self._framed = self._framed and sample is not None and not self.camera.is_home()
        self._set_has_sample(sample is not None)
        if sample is None:
            self.mesh = None
            self.canvas.show_mesh(None)
            self.set_spinning(False)
        else:
            self._ask(self._settings.resolution)

    def set_settings(self, settings: RenderSettings, moving: bool) -> None:
        before, self._settings = self._settings, settings
        if self._has_sample and (settings != before or not moving):
            cells = min(settings.resolution, self._quick_cells) if moving else settings.resolution
            self._ask(cells, note="quick" if moving else "")

    def show_rendered(self, view: View, rendered: Rendered, final: bool) -> None:
        wish = self.wishes.accept(view)
        if wish is None:
            return
        if not isinstance(view, MeshView) or not isinstance(rendered, MeshData):
            raise TypeError("A shape view shows meshes.")
        if wish.channel != "view":
            self._partial[wish.channel] = rendered
            self._color_scales()
            return
        if wish.note == "quick" and final:
            self._learn(view.cells, time.monotonic() - self._asked_at)
        self.mesh = rendered
        if not self._framed and len(rendered.vertices):
            self._frame(rendered)
        self.canvas.show_mesh(rendered)
        self._describe()
        if final:
            self._ask_for_scales()

    def render_failed(self, view: View) -> None:
        """What is shown stays."""

    def picture(self) -> QImage:
        """The view as it is on the screen, without its texts."""
        image = self.canvas.grab().toImage()
        return image.convertToFormat(QImage.Format.Format_RGB32)

    def tools(self) -> QWidget:
        box = ToolBar()
        layout = QHBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.modes = SegmentedButtons(MODES, self.canvas.mode, tooltips=MODE_TOOLTIPS, per_row=len(MODES), parent=box)
        self.modes.value_changed.connect(self.set_mode)
        self.make_orbit_tools(box)
        for widget in (self.modes, self.spin, self.clip, self.home):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.fit_tools(box, shrinking=(self.spin,), spared=(self.home,))
        return box

    def release(self) -> None:
        self.stop_moving()
        self.wishes.forget()
        self.canvas.release()

    # Asking for renders

    def _ask(self, cells: int, note: str = "") -> None:
        cells = min(cells, self.most_cells())
        self._asked_at = time.monotonic()
        self.want(MeshView(cells, self._settings.iso, self._settings.gains), "view", note)

    def most_cells(self) -> int:
        """Of a mesh on the screen, so that it is drawn, or coloured by scales, without a stop."""
        return min(self.canvas.most_cells, COLORED_CELLS) if self.canvas.mode == "scales" else self.canvas.most_cells

    def _learn(self, cells: int, seconds: float) -> None:
        """Choose the cells of the next quick mesh so that it comes within QUICK seconds; time grows with their cube."""
        ideal = cells * (QUICK / max(seconds, 0.01)) ** (1 / 3)
        self._quick_cells = round(min(max(ideal, LEAST_CELLS), MOST_CELLS))

    def _ask_for_scales(self) -> None:
        """For the colours of the scales, ask for the surfaces that fewer scales make."""
        if self.canvas.mode != "scales" or self.mesh is None:
            return
        self._partial = {}
        cells = min(self.mesh.cells, SCALE_CELLS)
        for index, gains in enumerate(partial_gains(self._settings.gains or ())):
            self.want(MeshView(cells, self._settings.iso, gains), f"scales {index}")

    def _color_scales(self) -> None:
        count = len(partial_gains(self._settings.gains or ()))
        if self.mesh is not None and len(self._partial) == count > 0:
            partial = [self._partial[channel] for channel in sorted(self._partial)]
            self.canvas.show_shifts(self.mesh, shifts(self.mesh, partial))

    # The camera and the hand

    def set_mode(self, mode: str) -> None:
        before = self.most_cells()
        self.canvas.mode = mode
        self._describe()
        if self._has_sample and self.most_cells() != before and self._settings.resolution > COLORED_CELLS:
            self._ask(self._settings.resolution)
        else:
            self._ask_for_scales()

    def _frame(self, mesh: MeshData) -> None:
        self.camera = self.camera.framed(mesh.vertices.min(axis=0), mesh.vertices.max(axis=0))
        self._framed = True
        self._redraw(False)

    def _redraw(self, moving: bool) -> None:
        super()._redraw(moving)
        self.canvas.moving = moving
        self.canvas.set_camera(self.camera)

    # Texts and layers

    def _describe(self) -> None:
        mesh = self.mesh
        if mesh is None:
            return
        texts = [
            f"{mesh.cells} cells",
            f"{len(mesh.faces):,} triangles",
            "watertight" if mesh.watertight else "open surface",
        ]
        if not len(mesh.faces):
            texts = [f"{mesh.cells} cells", "no surface at this iso level"]
        elif self._settings.resolution > self.canvas.most_cells:
            texts.append(f"at most {self.canvas.most_cells} cells on the screen here")
        if self.canvas.mode == "scales":
            one = len(self._settings.gains or ()) < 2
            texts.append("this model has one scale" if one else "green: middle scale, orange: fine scale")
        self.info.setText(" · ".join(texts))
        self.arrange()

    def _layers(self) -> Iterator[QWidget]:
        if hasattr(self, "canvas"):
            yield self.canvas
        yield self.cover
