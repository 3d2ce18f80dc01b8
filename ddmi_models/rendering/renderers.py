"""One renderer a domain (table `RENDERERS`): how its samples are seen, previewed, written, and what that costs."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from ddmi_models.cancel import CancelToken
from ddmi_models.domains.base import Domain
from ddmi_models.events import Notice, Progress, value_of
from ddmi_models.rendering.isosurface import EmptySurface, render_mesh
from ddmi_models.rendering.latent_files import LATENT_SUFFIX
from ddmi_models.rendering.mesh_cost import (
    DEFAULT_CELLS,
    FACES_PER_CELL_SQUARED,
    check_cells,
    check_mesh_size,
    estimate_mesh,
    mesh_bytes,
    surface_seconds,
)
from ddmi_models.rendering.radiance import NerfRenderer
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
    progress_only,
    suffix_of,
)
from ddmi_models.rendering.stills import Stage, quick_still, render_turntable
from ddmi_models.rendering.tiles import centred_window, render_picture
from ddmi_models.rendering.video import VideoRenderer
from ddmi_models.rendering.writers import (
    CLIPS,
    MESHES,
    PICTURES,
    check_clip,
    check_picture_size,
    write_clip,
    write_mesh,
    write_picture,
)
from ddmi_models.requests import Export, ExportEstimate, ImageView, MeshData, MeshView, Picture

PREVIEW_CELLS, DEFAULT_STILL = 24, 512

TURN_SECONDS, TURN_RATE = 4, 30
"""Length and frame rate of a turntable."""


class ImageRenderer(Renderer[ImageView]):
    """Pictures."""

    view_types = (ImageView,)
    makes = "pictures"
    suffixes = (*PICTURES, LATENT_SUFFIX)

    def render(self, sample: Decoded, view: ImageView, token: CancelToken, partials: bool) -> Work:
        check_pixels(view.width, view.height)
        return render_picture(sample.domain, sample.fields, view, token, sample.seed, partials)

    def thumbnail(self, sample: Decoded, size: int, token: CancelToken) -> np.ndarray:
        return value_of(render_picture(sample.domain, sample.fields, ImageView(size, size), token, sample.seed)).pixels

    def preview(self, sample: Decoded, token: CancelToken) -> np.ndarray:
        return self.thumbnail(sample, PREVIEW_PIXELS, token)

    def write(self, sample: Decoded, request: Export, size: tuple[int, int], token: CancelToken) -> Writing:
        if suffix_of(request.path) == LATENT_SUFFIX:
            return latent_written(request)
        width, height = size
        view = ImageView(width, height, centred_window(width, height), request.gains, request.grain)
        picture = yield from progress_only(self.render(sample, view, token, partials=False))
        assert isinstance(picture, Picture)
        token.check()
        write_picture(request.path, picture.pixels, request.sample.recipe)
        return request.path

    def check_size(self, suffix: str, width: int, height: int) -> None:
        check_pixels(width, height)
        check_picture_size(suffix, width, height)

    def default_size(self, domain: Domain, suffix: str) -> int:
        return 4 * domain.config.anchor_resolution

    def estimate(
        self, suffix: str, size: tuple[int, int], point_seconds: float, views: int | None = None
    ) -> ExportEstimate:
        if suffix == LATENT_SUFFIX:
            return ExportEstimate(0.0, 2**18, WORKSPACE)
        pixels = size[0] * size[1]
        seconds = pixels * (point_seconds + 1e-7)
        return ExportEstimate(seconds, int(pixels * BYTES_PER_PIXEL.get(suffix, 1.0)), picture_bytes(*size))


class ShapeRenderer(Renderer[MeshView]):
    """Surfaces, and stills and turntables of them."""

    view_types = (MeshView,)
    makes = "shapes"
    suffixes = (*MESHES, *PICTURES, *CLIPS, LATENT_SUFFIX)

    def render(self, sample: Decoded, view: MeshView, token: CancelToken, partials: bool) -> Work:
        check_cells(view.cells)
        return render_mesh(sample.domain, sample.fields, view, token, partials)

    def thumbnail(self, sample: Decoded, size: int, token: CancelToken) -> np.ndarray:
        cells = int(min(max(size // 2, 48), 96))
        try:
            mesh = value_of(render_mesh(sample.domain, sample.fields, MeshView(cells), token))
        except EmptySurface:
            return _blank(size)
        return Stage(mesh, token, rays=24).still(size, size, token)

    def preview(self, sample: Decoded, token: CancelToken) -> np.ndarray:
        try:
            mesh = value_of(render_mesh(sample.domain, sample.fields, MeshView(PREVIEW_CELLS), token))
        except EmptySurface:
            return np.zeros((PREVIEW_PIXELS, PREVIEW_PIXELS, 4), np.uint8)
        return quick_still(mesh, PREVIEW_PIXELS, token)

    def write(self, sample: Decoded, request: Export, size: tuple[int, int], token: CancelToken) -> Writing:
        suffix = suffix_of(request.path)
        if suffix == LATENT_SUFFIX:
            return latent_written(request)
        if suffix in MESHES:
            mesh = yield from self._mesh(sample, request, size[0], token)
            write_mesh(request.path, mesh, request.sample.recipe)
        elif suffix in PICTURES:
            yield from self._still(sample, request, size, token)
        else:
            yield from self._clip(sample, request, size, token)
        return request.path

    def check_size(self, suffix: str, width: int, height: int) -> None:
        if suffix in MESHES:
            check_mesh_size(width, height)
            return
        check_pixels(width, height)
        check_picture_size(suffix, width, height)
        check_clip(suffix, width, height, TURN_RATE)

    def default_size(self, domain: Domain, suffix: str) -> int:
        return DEFAULT_CELLS if suffix in MESHES else DEFAULT_STILL

    def _mesh(
        self, sample: Decoded, request: Export, cells: int, token: CancelToken
    ) -> Generator[Progress | Notice, None, MeshData]:
        view = MeshView(cells, request.iso, request.gains, request.clean, request.faces)
        mesh = yield from progress_only(self.render(sample, view, token, partials=False))
        assert isinstance(mesh, MeshData)
        token.check()
        return mesh

    def _still(
        self, sample: Decoded, request: Export, size: tuple[int, int], token: CancelToken
    ) -> Generator[Progress | Notice, None, None]:
        width, height = size
        mesh = yield from self._mesh(sample, request, _cells_for(width, height), token)
        write_picture(request.path, Stage(mesh, token).still(width, height, token), request.sample.recipe)

    def _clip(
        self, sample: Decoded, request: Export, size: tuple[int, int], token: CancelToken
    ) -> Generator[Progress | Notice, None, None]:
        width, height = size
        mesh = yield from self._mesh(sample, request, _cells_for(width, height), token)
        count = TURN_SECONDS * TURN_RATE
        frames = render_turntable(mesh, (width, height), count, token)
        for done in write_clip(request.path, frames, TURN_RATE, request.sample.recipe):
            yield Progress(done, count, f"Turntable of {width}x{height}")

    def estimate(
        self, suffix: str, size: tuple[int, int], point_seconds: float, views: int | None = None
    ) -> ExportEstimate:
        if suffix == LATENT_SUFFIX:
            return ExportEstimate(0.0, 2**18, WORKSPACE)
        if suffix in MESHES:
            return estimate_mesh(suffix, size[0], point_seconds)
        cells = _cells_for(*size)
        seconds, memory = surface_seconds(cells, point_seconds), mesh_bytes(cells)
        pixels, frames = size[0] * size[1], TURN_SECONDS * TURN_RATE if suffix in CLIPS else 1
        seconds += 1e-5 * FACES_PER_CELL_SQUARED * cells**2 + 3e-6 * pixels * frames
        size_bytes = int(pixels * frames * BYTES_PER_PIXEL.get(suffix, 1.0))
        return ExportEstimate(seconds, size_bytes, max(memory, picture_bytes(*size)))


RENDERERS: dict[str, Renderer] = {
    "image": ImageRenderer(),
    "shape": ShapeRenderer(),
    "nerf": NerfRenderer(),
    "video": VideoRenderer(),
}


def _blank(size: int) -> np.ndarray:
    return np.full((size, size, 3), 215, np.uint8)


def _cells_for(width: int, height: int) -> int:
    """Cells of the mesh behind a still."""
    return min(max(max(width, height) // 4, 64), 192)
