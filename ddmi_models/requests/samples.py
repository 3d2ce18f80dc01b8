"""What samples are, how they are seen, and what renders of them are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from ddmi_models.cameras import Camera
from ddmi_models.errors import BadInput
from ddmi_models.planes import Latents
from ddmi_models.recipes import Recipe


@dataclass(frozen=True, eq=False)
class Part:
    """A latent's part in a mixed sample: the weight of its basis planes in each level, coarse to fine."""

    latents: Latents
    weights: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Sample:
    """A sample: its recipe and its latent, from which anything is rendered without sampling again.

    A mixed sample has several `parts`, whose weighted basis planes add up; `latents` are those of the first.
    """

    recipe: Recipe
    latents: Latents
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class ImageView:
    """A picture of a window of the field: `window` is (left, top, right, bottom) in [-1, 1], y down."""

    width: int
    height: int
    window: tuple[float, float, float, float] = (-1.0, -1.0, 1.0, 1.0)
    gains: tuple[float, ...] | None = None
    grain: float = 0.0
    """Strength of the seeded noise lattice for models that have learned per-pixel noise; 0: off."""


@dataclass(frozen=True)
class MeshView:
    """The surface at occupancy probability `iso` (None: the model's) on `cells` cells along each axis of the cube.

    With `clean`, loose specks and hollows smaller than 1 % of the largest body are left out. Of more than `faces` faces
    it is simplified to about as many (quadric decimation); None: all are kept.
    """

    cells: int
    iso: float | None = None
    gains: tuple[float, ...] | None = None
    clean: bool = True
    faces: int | None = None


Shows: TypeAlias = Literal["colour", "depth", "normals"]
"""What a picture of a radiance field shows: colours, depth (near is dark), normals (of the world, as colours)."""


@dataclass(frozen=True)
class RadianceView:
    """A picture of a radiance field from a camera.

    Attributes:
        samples: places evaluated along a ray at most; None: the model's; fewer for quick looks.
    """

    width: int
    height: int
    camera: Camera = field(default_factory=Camera)
    gains: tuple[float, ...] | None = None
    shows: Shows = "colour"
    samples: int | None = None


@dataclass(frozen=True)
class Timing:
    """The frames of a clip: frame k stands `start` + k / `rate` seconds after the first trained frame.

    Attributes:
        rate: frames a second; None: the trained rate.
        start, stop: window in time, in seconds; no frame stands after `stop`. None: the last trained frame.
        shutter: seconds around a frame's instant over which it is averaged; 0: the instant alone.
    """

    rate: float | None = None
    start: float = 0.0
    stop: float | None = None
    shutter: float = 0.0


def frame_count(start: float, stop: float, rate: float) -> int:
    """How many frames stand from `start` to `stop` seconds, both included, at `rate` a second."""
    return int((stop - start) * rate + ROUNDING) + 1


ROUNDING = 1e-6
"""Part of a frame by which the end of a window may be missed."""

WHOLE_CLIP = Timing()
"""The trained instants, at the trained rate."""


@dataclass(frozen=True)
class ClipView:
    """Frames of a clip, each a picture of a window of the field as in ImageView.

    Of the frames that `timing` names only `count` are made, from number `first` on; None: all that are left.
    """

    width: int
    height: int
    timing: Timing = WHOLE_CLIP
    first: int = 0
    count: int | None = None
    window: tuple[float, float, float, float] = (-1.0, -1.0, 1.0, 1.0)
    gains: tuple[float, ...] | None = None


View: TypeAlias = ClipView | ImageView | MeshView | RadianceView


@dataclass(frozen=True, eq=False)
class Picture:
    """A rendered picture: uint8 [height, width, 3]; of a radiance field also the depth of each pixel along the camera's
    axis (0 where nothing is) and its opacity, float32 [height, width]."""

    pixels: np.ndarray
    depth: np.ndarray | None = None
    opacity: np.ndarray | None = None

    def cut_out(self) -> np.ndarray:
        """A radiance field's picture without its white background: uint8 [height, width, 4], premultiplied."""
        if self.opacity is None:
            raise BadInput("Only pictures of radiance fields have an opacity.")
        alpha = np.rint(255 * self.opacity.clip(0, 1)).astype(np.uint8)[..., None]
        white = np.minimum(self.pixels, 255 - alpha)
        return np.concatenate([np.minimum(self.pixels - white, alpha), alpha], axis=-1)


@dataclass(frozen=True, eq=False)
class MeshData:
    """A surface: vertices float32 [V, 3] in the cube [-0.5, 0.5]^3 (y up), faces int32 [F, 3] wound outward, normals
    float32 [V, 3], colours uint8 [V, 3] where the field has some."""

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    watertight: bool
    cells: int
    colours: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Clip:
    """Frames uint8 [frames, height, width, 3] at `rate` a second, and the instants, in seconds, at which they stand."""

    frames: np.ndarray
    rate: float
    instants: tuple[float, ...]


Rendered: TypeAlias = Clip | Picture | MeshData
