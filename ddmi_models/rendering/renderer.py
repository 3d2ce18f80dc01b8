"""What a renderer is: how a domain's samples are seen, previewed, written, and what that costs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar, cast

import numpy as np

from ddmi_models.cancel import CancelToken
from ddmi_models.domains.base import Domain
from ddmi_models.errors import BadInput
from ddmi_models.events import Notice, Partial, Progress
from ddmi_models.planes import BasisFields, check_gains
from ddmi_models.rendering.isosurface import logit
from ddmi_models.rendering.latent_files import LATENT_SUFFIX, write_latent
from ddmi_models.rendering.memory import require_memory
from ddmi_models.rendering.simplify import check_faces
from ddmi_models.requests import (
    ClipView,
    EstimateExport,
    Export,
    ExportEstimate,
    ImageView,
    MeshView,
    PlanExport,
    RadianceView,
    Rendered,
    Timing,
    View,
)

PREVIEW_PIXELS = 80

WORKSPACE = 150 * 2**20
"""Bytes that any work takes beside its result."""

BYTES_PER_PIXEL = {
    ".png": 0.9,
    ".jpg": 0.25,
    ".jpeg": 0.25,
    ".webp": 0.12,
    ".tif": 1.0,
    ".tiff": 1.0,
    ".mp4": 0.03,
    ".webm": 0.02,
    ".gif": 0.2,
}
"""Typical file sizes, a pixel (of a frame)."""

BYTES_PER_FACE = {".glb": 24, ".obj": 75, ".ply": 25, ".stl": 50}
"""Typical sizes of mesh files, a face."""

Work: TypeAlias = Generator[Progress | Partial | Notice, None, Rendered]
Writing: TypeAlias = Generator[Progress | Notice, None, Path]
SomeView = TypeVar("SomeView", bound=View)

VIEW_WORDS: dict[type, str] = {
    MeshView: "mesh",
    ClipView: "clip",
    ImageView: "picture of a field in the plane",
    RadianceView: "picture from a camera",
}
"""What the views are called in messages."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """A sample ready to be evaluated: its domain, basis fields of batch 1, and its seed (for the grain)."""

    domain: Domain
    fields: BasisFields
    seed: int = 0


class Renderer(ABC, Generic[SomeView]):
    """What the engine asks of a domain when its samples are looked at or written."""

    view_types: tuple[type[View], ...]
    makes: str
    suffixes: tuple[str, ...]
    timed: bool = False
    seen_by_cameras: bool = False

    @abstractmethod
    def render(self, sample: Decoded, view: SomeView, token: CancelToken, partials: bool) -> Work:
        """Evaluate a view. Raises: BadInput, OutOfMemory (before anything is computed)."""

    @abstractmethod
    def thumbnail(self, sample: Decoded, size: int, token: CancelToken) -> np.ndarray:
        """A small picture, uint8 [size, size, 3]."""

    @abstractmethod
    def preview(self, sample: Decoded, token: CancelToken) -> np.ndarray:
        """A rough look at an unfinished sample, uint8 [h, w, 3], or [h, w, 4] as in the event Preview."""

    @abstractmethod
    def write(self, sample: Decoded, request: Export, size: tuple[int, int], token: CancelToken) -> Writing:
        """Render and write a file, after `check`. Raises: BadInput, CannotWrite."""

    @abstractmethod
    def check_size(self, suffix: str, width: int, height: int) -> None:
        """Refuse a size that the format cannot hold or that does not fit into memory. Raises: BadInput, OutOfMemory."""

    @abstractmethod
    def default_size(self, domain: Domain, suffix: str) -> int:
        """Resolution of an export when none is asked for."""

    def check(self, domain: Domain, request: Export | PlanExport, size: tuple[int, int]) -> None:
        """Refuse an export before any work is done for it. Raises: BadInput, OutOfMemory."""
        suffix = self.check_suffix(request.path)
        check_gains(request.gains, domain.scales)
        self._check_surface(request, suffix)
        if request.grain and not domain.config.coordinate_net.noise:
            raise BadInput("This model has no grain.", "Set it to 0.")
        seen = request.keyframes or request.camera or request.views or request.seconds or request.shows != "colour"
        if seen and not self.seen_by_cameras:
            raise BadInput(
                f"This model makes {self.makes}: no camera moves around them.",
                "Leave out views, camera, keyframes, seconds and what they show.",
            )
        if request.timing != Timing() and not self.timed:
            raise BadInput(f"This model makes {self.makes}, which have no frames to time.", "Leave out the frame rate.")
        if suffix != LATENT_SUFFIX:
            self.check_size(suffix, *size)

    def _check_surface(self, request: Export | PlanExport, suffix: str) -> None:
        if request.iso is not None:
            logit(request.iso)
            if not BYTES_PER_FACE.keys() & {*self.suffixes}:
                raise BadInput(f"This model makes {self.makes}, which have no surface.", "Leave out the iso level.")
        check_faces(request.faces)
        if request.faces is not None and suffix not in BYTES_PER_FACE:
            raise BadInput(f"{request.path.name} has no faces to count.", "Leave out the number of faces.")

    @abstractmethod
    def estimate(
        self, suffix: str, size: tuple[int, int], point_seconds: float, views: int | None = None
    ) -> ExportEstimate:
        """Expected cost of `write` when one point of the field takes `point_seconds`; `views` of a turntable."""

    def frames_of(self, domain: Domain, request: PlanExport | EstimateExport) -> int | None:
        """Frames that the file would have, see `estimate`; None: as many as usual. Raises: BadInput."""
        return getattr(request, "views", None)

    def check_suffix(self, path: Path) -> str:
        """The suffix of a path, lower case.

        Raises:
            BadInput: if the domain is not written in this format.
        """
        suffix = suffix_of(path)
        if suffix not in self.suffixes:
            raise BadInput(
                f"{path.name}: a sample of this model is not written as {suffix or 'a file without an ending'}.",
                f"Use one of {', '.join(self.suffixes)}.",
            )
        return suffix

    def check_view(self, view: View) -> SomeView:
        """The view, if it is of this domain's kind."""
        if not isinstance(view, self.view_types):
            raise BadInput(f"This model makes {self.makes}: there is no {VIEW_WORDS[type(view)]} of them.")
        return cast(SomeView, view)


def suffix_of(path: Path) -> str:
    """The ending that decides the format, lower case; `.latent.safetensors` is one ending."""
    name = path.name.lower()
    return LATENT_SUFFIX if name.endswith(LATENT_SUFFIX) else path.suffix.lower()


def latent_written(request: Export) -> Path:
    write_latent(request.path, request.sample)
    return request.path


def check_pixels(width: int, height: int) -> None:
    if width < 1 or height < 1:
        asked = f"{width}x{height}" if width != height else f"{width}"
        raise BadInput(f"A resolution of {asked} pixels was asked for.", "Ask for a positive number.")
    require_memory(lambda side: picture_bytes(side, max(1, side * height // width)), width, "pixels a side")


def progress_only(work: Work) -> Generator[Progress | Notice, None, Rendered]:
    """A piece of work without its coarser results."""
    while True:
        try:
            event = next(work)
        except StopIteration as end:
            return end.value
        if not isinstance(event, Partial):
            yield event


def picture_bytes(width: int, height: int) -> int:
    return WORKSPACE + 9 * width * height
