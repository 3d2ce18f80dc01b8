"""Requests that show samples, write them to files and read such files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddmi_models.cameras import Camera
from ddmi_models.recipes import Recipe
from ddmi_models.requests.samples import WHOLE_CLIP, Sample, Shows, Timing, View


@dataclass(frozen=True, eq=False)
class Render:
    """Evaluate a sample's field. Result: Clip for a ClipView, Picture for an ImageView, MeshData for a MeshView.

    A large or slow view is preceded by coarser ones, each a Partial event with the same type of value.
    """

    sample: Sample
    view: View


@dataclass(frozen=True, eq=False)
class ReadField:
    """Evaluate a sample's field at points float32 [..., D]. Result: float32 [..., channels].

    Videos: (x, y, t) in [-1, 1], y down, t over the trained clip, to colours in [-1, 1].
    Images: (x, y) in [-1, 1], y down, to colours in [-1, 1]. Shapes: (x, y, z) in the cube, y up, to occupancy logits.
    """

    sample: Sample
    points: np.ndarray


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A small picture of a sample, without OpenGL. Result: Picture of size x size."""

    sample: Sample
    size: int = 128


@dataclass(frozen=True, eq=False)
class MeasureLevels:
    """What each basis scale of a sample holds. Result: tuple[LevelSpectrum, ...], coarse to fine, as trained."""

    sample: Sample


@dataclass(frozen=True, eq=False)
class LevelSpectrum:
    """Radially averaged power of a scale's basis planes, over planes and channels.

    Attributes:
        cells: longest side of the planes.
        frequencies: cycles across a side, float64 [n], at most half the cells.
        power: mean power of a mode at each, in squared units of the planes, float64 [n].
    """

    cells: int
    frequencies: np.ndarray
    power: np.ndarray


@dataclass(frozen=True, eq=False)
class EstimateExport:
    """What an export would cost; `views` and `faces` as in Export. Result: ExportEstimate."""

    sample: Sample
    suffix: str
    resolution: int
    timing: Timing = WHOLE_CLIP
    views: int | None = None
    faces: int | None = None


@dataclass(frozen=True)
class ExportEstimate:
    """Expected cost of an export: seconds on this machine, bytes of the file, bytes of memory."""

    seconds: float
    file_bytes: int
    memory_bytes: int


@dataclass(frozen=True)
class PlanExport:
    """Refuse an export of a model's samples that cannot be done, before anything is sampled. Result: ExportEstimate.

    Everything else as in Export.
    """

    model: str
    path: Path
    resolution: tuple[int, int] | None = None
    iso: float | None = None
    gains: tuple[float, ...] | None = None
    grain: float = 0.0
    timing: Timing = WHOLE_CLIP
    views: int | None = None
    camera: Camera | None = None
    keyframes: tuple[Camera, ...] = ()
    seconds: float | None = None
    shows: Shows = "colour"
    faces: int | None = None


@dataclass(frozen=True, eq=False)
class Export:
    """Write a sample to a file whose suffix decides the format; its recipe goes inside (or beside). Result: the Path
    written. A video's path without a suffix becomes a folder of frames; `timing` says which.

    `resolution` is (width, height) in pixels of a picture, or (cells, cells) of a mesh; None: the domain's usual one.
    A shape or a radiance field written to a picture or a clip format becomes a still or a turntable of that many
    pixels; a radiance field's path without a suffix a folder of the frames and their cameras. `clean`, and
    `faces` of meshes alone, as in MeshView.

    A radiance field's clip is a turntable that begins at `camera` (None: the usual one), or a smooth path through
    `keyframes`, two cameras or more, and back to the first where it is `closed`. It has `views` frames and lasts
    `seconds`; None: the usual number. `shows` is what its pictures show.
    """

    sample: Sample
    path: Path
    resolution: tuple[int, int] | None = None
    iso: float | None = None
    gains: tuple[float, ...] | None = None
    grain: float = 0.0
    clean: bool = True
    timing: Timing = WHOLE_CLIP
    views: int | None = None
    camera: Camera | None = None
    keyframes: tuple[Camera, ...] = ()
    closed: bool = False
    seconds: float | None = None
    shows: Shows = "colour"
    faces: int | None = None


@dataclass(frozen=True)
class OpenExport:
    """Read an exported file or latent. Result: OpenedExport."""

    path: Path


@dataclass(frozen=True, eq=False)
class OpenedExport:
    """A recipe found in a file, and the sample itself where the file holds its latent."""

    recipe: Recipe
    sample: Sample | None
