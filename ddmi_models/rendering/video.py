"""Videos as clips and folders of frames, at any size, rate, shutter and window in time."""

from __future__ import annotations

import numpy as np

from ddmi_models.cancel import CancelToken
from ddmi_models.domains.base import Domain
from ddmi_models.events import Progress, value_of
from ddmi_models.rendering.clips import frame_instants, frame_rate, render_clip, render_frames, video_of
from ddmi_models.rendering.frames import FOLDER, write_frames
from ddmi_models.rendering.latent_files import LATENT_SUFFIX
from ddmi_models.rendering.memory import require_memory
from ddmi_models.rendering.renderer import (
    BYTES_PER_PIXEL,
    PREVIEW_PIXELS,
    WORKSPACE,
    Decoded,
    Renderer,
    Work,
    Writing,
    check_pixels,
    latent_written,
    picture_bytes,
    suffix_of,
)
from ddmi_models.rendering.tiles import centred_window
from ddmi_models.rendering.writers import CLIPS, check_clip, write_clip
from ddmi_models.requests import ClipView, EstimateExport, Export, ExportEstimate, PlanExport, Timing

DEFAULT_PIXELS, USUAL_FRAMES = 256, 16
BYTES_PER_CLIP_PIXEL = 3
GIF = ".gif"


class VideoRenderer(Renderer[ClipView]):
    """Clips."""

    view_types = (ClipView,)
    makes = "videos"
    timed = True
    suffixes = (*CLIPS, FOLDER, LATENT_SUFFIX)

    def render(self, sample: Decoded, view: ClipView, token: CancelToken, partials: bool) -> Work:
        check_pixels(view.width, view.height)
        count = len(frame_instants(sample.domain, view.timing)) if view.count is None else view.count
        require_memory(lambda frames: _clip_bytes(frames, view.width, view.height), count, "frames of this size")
        return render_clip(sample.domain, sample.fields, view, token, partials)

    def thumbnail(self, sample: Decoded, size: int, token: CancelToken) -> np.ndarray:
        middle = video_of(sample.domain).last_instant / 2
        view = ClipView(size, size, Timing(start=middle, stop=middle))
        return value_of(render_clip(sample.domain, sample.fields, view, token)).frames[0]

    def preview(self, sample: Decoded, token: CancelToken) -> np.ndarray:
        return self.thumbnail(sample, PREVIEW_PIXELS, token)

    def write(self, sample: Decoded, request: Export, size: tuple[int, int], token: CancelToken) -> Writing:
        suffix = suffix_of(request.path)
        if suffix == LATENT_SUFFIX:
            return latent_written(request)
        view = ClipView(*size, request.timing, window=centred_window(*size), gains=request.gains)
        frames = render_frames(sample.domain, sample.fields, view, token)
        if suffix == FOLDER:
            written = write_frames(request.path, frames, request.sample.recipe)
        else:
            rate = frame_rate(sample.domain, request.timing)
            written = write_clip(request.path, frames, rate, request.sample.recipe)
        count = len(frame_instants(sample.domain, request.timing))
        for done in written:
            yield Progress(done, count, f"Frames of {size[0]}x{size[1]}")
        return request.path

    def check(self, domain: Domain, request: Export | PlanExport, size: tuple[int, int]) -> None:
        super().check(domain, request, size)
        suffix, count = suffix_of(request.path), len(frame_instants(domain, request.timing))
        check_clip(suffix, *size, frame_rate(domain, request.timing))
        if suffix == GIF:  # whose frames are kept until the last one is there
            require_memory(lambda frames: _clip_bytes(frames, *size), count, "frames of this size")

    def check_size(self, suffix: str, width: int, height: int) -> None:
        check_pixels(width, height)

    def default_size(self, domain: Domain, suffix: str) -> int:
        return max(DEFAULT_PIXELS, domain.config.autoencoder.resolution)

    def frames_of(self, domain: Domain, request: PlanExport | EstimateExport) -> int | None:
        return len(frame_instants(domain, request.timing))

    def estimate(
        self, suffix: str, size: tuple[int, int], point_seconds: float, views: int | None = None
    ) -> ExportEstimate:
        if suffix == LATENT_SUFFIX:
            return ExportEstimate(0.0, 2**18, WORKSPACE)
        count = views or USUAL_FRAMES
        pixels = size[0] * size[1] * count
        memory = _clip_bytes(count, *size) if suffix == GIF else picture_bytes(*size)
        per_pixel = BYTES_PER_PIXEL[".png" if suffix == FOLDER else suffix]
        return ExportEstimate(pixels * (point_seconds + 1e-7), int(pixels * per_pixel), memory)


def _clip_bytes(frames: int, width: int, height: int) -> int:
    return picture_bytes(width, height) + BYTES_PER_CLIP_PIXEL * frames * width * height
