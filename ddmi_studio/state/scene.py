"""What a domain looks like in the window: one row of the table of scenes, and what its view widget must answer to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from ddmi_models.requests import Camera, Rendered, Sample, View
from ddmi_studio.state.clip import ClipSettings

PIXELS_MEAN = "Pixels a side, or width x height, such as 1600x900"


@dataclass(frozen=True)
class RenderSettings:
    """How the selected sample is evaluated: the render inspector's values.

    Attributes:
        resolution: pixels a side of the whole picture, or cells a side of the cube.
        iso: occupancy probability of the surface, in (0, 1); None where the domain has no surface.
        gains: weight of each basis scale, coarse to fine; None: all 1.
        grain: strength of the seeded noise lattice, in [0, 1].
        clip: frames of a clip; None where nothing moves.
        camera: how a radiance field is usually seen, distance and angle of view filled in; None in other domains.
    """

    resolution: int
    iso: float | None = None
    gains: tuple[float, ...] | None = None
    grain: float = 0.0
    clip: ClipSettings | None = None
    camera: Camera | None = None


class SceneView(Protocol):
    """A domain's view: a widget that asks for renders through the signal `render_wanted(view, channel)`.

    A newer wish on a channel replaces an older one. `view` objects come back in `show_rendered` and `render_failed`, so
    that answers to old wishes are told by identity. A view may also have the signals `spin_wanted` (a turntable clip)
    and, where it has a camera, `shot_changed` (values of the Shot), `flight_wanted` and a method `set_shot`.
    """

    render_wanted: Any

    def set_sample(self, sample: Sample | None) -> None: ...
    def set_settings(self, settings: RenderSettings, moving: bool) -> None: ...
    def show_rendered(self, view: View, rendered: Rendered, final: bool) -> None: ...
    def render_failed(self, view: View) -> None: ...
    def show_preview(self, image: np.ndarray) -> None: ...
    def end_preview(self) -> None: ...
    def set_timing(self, text: str) -> None: ...
    def tools(self) -> QWidget: ...
    def picture(self) -> QImage: ...
    def release(self) -> None: ...


@dataclass(frozen=True)
class Sizes:
    """What the size of an exported file counts, in words too, and the sizes on offer."""

    unit: str
    meaning: str
    choices: tuple[int, ...]
    default: int


@dataclass(frozen=True)
class Scene:
    """One row of the table of scenes, keyed by the domain's name.

    Attributes:
        icon: name of a qtawesome icon. unit: what the resolution counts ("px", "cells").
        minimum, maximum, default: of the resolution slider.
        formats: (suffix, label) of the files offered for export, the usual one first.
        export_sizes, export_default: resolutions offered for export. own_sizes: of formats, by suffix, whose size
            counts something else.
        has_cameras: it is seen by a camera that moves around it, see `Shot`.
        takes: endings of the user's own files that become fields of the domain; own: what these are, in words.
        folder_marks: files of which one tells a folder that is taken too; (): every folder is; None: none is.
        upright: whether an axis of the user's own files points up.
        build: makes the view. modules: what it imports then, loaded beside the window before.
    """

    domain: str
    label: str
    icon: str
    resolution_label: str
    unit: str
    minimum: int
    maximum: int
    default: int
    has_iso: bool
    formats: tuple[tuple[str, str], ...]
    export_sizes: tuple[int, ...]
    export_default: int
    build: Callable[[], SceneView]
    modules: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    own: str = ""
    folder_marks: tuple[str, ...] | None = None
    upright: bool = False
    has_cameras: bool = False
    own_sizes: Mapping[str, Sizes] = field(default_factory=dict)

    def sizes(self, suffix: str) -> Sizes:
        """Sizes of a format."""
        meaning = "Cells along each side of the cube" if self.has_iso else PIXELS_MEAN
        return self.own_sizes.get(suffix) or Sizes(self.unit, meaning, self.export_sizes, self.export_default)

    def fit(self, path: Path) -> int:
        """How well the domain fits a file or folder of the user's own: 0 not at all, 1 well, 2 by its mark."""
        if not path.is_dir():
            return int(path.suffix.lower() in self.takes)
        if self.folder_marks is None:
            return 0
        return 2 if any((path / mark).exists() for mark in self.folder_marks) else int(not self.folder_marks)
