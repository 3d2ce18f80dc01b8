"""Radiance fields as pictures, turntables, frames for other programs, and coloured meshes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from typing import TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import torch
from PIL import Image

from ddmi_models.cameras import Camera, intrinsics, pixel_rays
from ddmi_models.cancel import CancelToken
from ddmi_models.domains.base import CHUNK_POINTS, Domain
from ddmi_models.domains.nerf import NerfDomain
from ddmi_models.errors import BadInput
from ddmi_models.events import Partial, Progress, value_of
from ddmi_models.planes import BasisFields
from ddmi_models.rendering.frames import FOLDER
from ddmi_models.rendering.isosurface import render_mesh
from ddmi_models.rendering.latent_files import LATENT_SUFFIX
from ddmi_models.rendering.memory import require_memory
from ddmi_models.rendering.mesh_cost import DEFAULT_CELLS, check_cells, check_mesh_size, estimate_mesh
from ddmi_models.rendering.radiance_clips import (
    DEFAULT_VIEWS,
    FASTEST_RATE,
    LONGEST_CLIP,
    cameras_of,
    saying,
    taken,
    view_count,
    written_clip,
)
from ddmi_models.rendering.rays import GRID_CELLS, RAYS, OccupancyGrid, RayMaps, RayMarcher, occupancy_grid
from ddmi_models.rendering.renderer import (
    BYTES_PER_PIXEL,
    WORKSPACE,
    Decoded,
    Renderer,
    Work,
    Writing,
    check_pixels,
    latent_written,
    progress_only,
    suffix_of,
)
from ddmi_models.rendering.writers import (
    CLIPS,
    MESHES,
    PICTURES,
    check_clip,
    check_picture_size,
    write_mesh,
    write_picture,
)
from ddmi_models.requests import (
    EstimateExport,
    Export,
    ExportEstimate,
    MeshData,
    MeshView,
    Picture,
    PlanExport,
    RadianceView,
)

DEFAULT_PIXELS, PREVIEW_PIXELS = 256, 40
PREVIEW_SAMPLES, THUMBNAIL_SAMPLES, QUICK_CELLS = 48, 128, 24

COARSE, SMALLEST_PARTIAL = 4, 24
"""Divisor of the picture that is shown first, and its smallest side."""

SWEEP_SECONDS = 0.25
"""How often what is done of a picture is shown, over the coarser one."""

FAINT_DEPTH = 0.85
"""Grey of the farthest depth, before white where nothing is."""

EVALUATED = 28
"""Samples of a ray that are evaluated on average, of a typical object."""

BYTES_PER_RAY = 34
GRID_POINTS = 550_000

Looks: TypeAlias = RadianceView | MeshView
Gains: TypeAlias = tuple[float, ...] | None


def render_radiance(
    sample: Decoded, view: RadianceView, grid: OccupancyGrid, token: CancelToken, partials: bool = False
) -> Generator[Progress | Partial, None, Picture]:
    """March the rays of a picture, some at a time; with `partials` coarser pictures come first, and the fine one row by
    row over them."""
    small = replace(view, width=view.width // COARSE, height=view.height // COARSE)
    refined = partials and min(small.width, small.height) >= SMALLEST_PARTIAL
    canvas = _Canvas(view)
    if refined:
        coarse = yield from render_radiance(sample, small, grid, token, partials)
        yield Partial(coarse)
        canvas.fill(coarse)
    domain = radiance_of(sample)
    samples = domain.radiance.samples if view.samples is None else view.samples
    marcher = RayMarcher(domain, sample.fields.with_gains(view.gains), grid, samples, token)
    shown = time.monotonic()
    for start, origins, directions in _rays(domain, view):
        token.check()
        with torch.inference_mode():
            maps = marcher.march(origins, directions)
            canvas.put(start, _bytes(_shown(marcher, view, origins, directions, maps)), maps)
        yield Progress(start + len(origins), canvas.count, f"Picture of {view.width}x{view.height}")
        if refined and time.monotonic() - shown >= SWEEP_SECONDS:
            yield Partial(canvas.picture())
            shown = time.monotonic()
    return canvas.picture()


class _Canvas:
    """A picture in the making."""

    def __init__(self, view: RadianceView) -> None:
        self.size, self.count = (view.height, view.width), view.width * view.height
        self.pixels = np.empty((self.count, 3), np.uint8)
        self.depth, self.opacity = np.empty((2, self.count), np.float32)

    def fill(self, coarse: Picture) -> None:
        """Take over a smaller picture until there is something better."""
        assert coarse.depth is not None and coarse.opacity is not None
        size = self.size[::-1]
        enlarged = (Image.fromarray(part).resize(size, Image.Resampling.BILINEAR) for part in vars(coarse).values())
        pixels, depth, opacity = (np.asarray(part) for part in enlarged)
        self.pixels[:] = pixels.reshape(-1, 3)
        self.depth[:], self.opacity[:] = depth.ravel(), opacity.ravel()

    def put(self, start: int, pixels: np.ndarray, maps: RayMaps) -> None:
        part = slice(start, start + len(pixels))
        self.pixels[part] = pixels
        self.depth[part], self.opacity[part] = maps.depth.cpu().numpy(), maps.opacity.cpu().numpy()

    def picture(self) -> Picture:
        pixels, depth, opacity = (part.copy() for part in (self.pixels, self.depth, self.opacity))
        return Picture(pixels.reshape(*self.size, 3), depth.reshape(self.size), opacity.reshape(self.size))


def _rays(domain: NerfDomain, view: RadianceView) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    """(first pixel, origins [R, 3], directions [R, 3]), row by row."""
    config, device = domain.radiance, next(domain.parameters()).device
    pose = view.camera.matrix(config.camera_distance)
    angle = config.camera_angle if view.camera.angle is None else view.camera.angle
    matrix = intrinsics(view.width, view.height, angle)
    offset = 0.0 if config.pixel_corners else 0.5
    for start in range(0, view.width * view.height, RAYS):
        index = np.arange(start, min(start + RAYS, view.width * view.height))
        places = np.stack([index % view.width, index // view.width], axis=-1) + offset
        origins, directions = (torch.from_numpy(part.copy()).to(device) for part in pixel_rays(pose, matrix, places))
        yield start, origins, directions


def _shown(
    marcher: RayMarcher, view: RadianceView, origins: torch.Tensor, directions: torch.Tensor, maps: RayMaps
) -> torch.Tensor:
    """The map that is asked for, as colours [R, 3] in [0, 1] on white."""
    if view.shows == "colour":
        return maps.colour
    if view.shows == "normals":
        values = 0.5 + 0.5 * marcher.normals(origins, directions, maps)
    else:
        near, far = marcher.depth_range(origins)
        values = (FAINT_DEPTH * (maps.depth - near) / (far - near)).clamp(0, FAINT_DEPTH)[:, None].expand(-1, 3)
    return values * maps.opacity[:, None] + (1 - maps.opacity)[:, None]


def _bytes(colours: torch.Tensor) -> np.ndarray:
    """Colours [0, 1], clamped, to uint8."""
    return colours.float().clamp(0, 1).mul(255).round_().to(torch.uint8).cpu().numpy()


def radiance_of(sample: Decoded) -> NerfDomain:
    assert isinstance(sample.domain, NerfDomain)
    return sample.domain


def coloured(domain: NerfDomain, fields: BasisFields, mesh: MeshData, token: CancelToken) -> MeshData:
    """The surface with a colour at every vertex, each seen from straight above it."""
    device = next(domain.parameters()).device
    places = domain.to_world(torch.from_numpy(mesh.vertices).to(device))
    views = -domain.to_world(torch.from_numpy(mesh.normals).to(device)) / domain.cube_scale
    colours = np.empty(mesh.vertices.shape, np.uint8)
    for start in range(0, len(places), CHUNK_POINTS):
        token.check()
        part = slice(start, start + CHUNK_POINTS)
        with torch.inference_mode():
            colours[part] = _bytes(domain.colours_and_density(fields, places[None, part], views[None, part])[0][0])
    return replace(mesh, colours=colours)


class NerfRenderer(Renderer[Looks]):
    """Pictures from cameras, turntables, frames with their cameras, coloured meshes."""

    view_types = (RadianceView, MeshView)
    makes = "radiance fields"
    seen_by_cameras = True
    suffixes = (".mp4", *(s for s in CLIPS if s != ".mp4"), *PICTURES, *MESHES, FOLDER, LATENT_SUFFIX)

    def __init__(self) -> None:
        self._grids: WeakKeyDictionary[Decoded, tuple[Gains, OccupancyGrid]] = WeakKeyDictionary()

    def grid(self, sample: Decoded, gains: Gains, token: CancelToken, quick: bool = False) -> OccupancyGrid:
        """A sample's occupancy grid, made once for a setting of the gains; a coarse one does for a quick look."""
        known = self._grids.get(sample)
        if known is not None and known[0] == gains and (quick or known[1].cells.shape[0] == GRID_CELLS):
            return known[1]
        cells = QUICK_CELLS if quick else GRID_CELLS
        grid = occupancy_grid(radiance_of(sample), sample.fields.with_gains(gains), token, cells)
        self._grids[sample] = gains, grid
        return grid

    def render(self, sample: Decoded, view: Looks, token: CancelToken, partials: bool) -> Work:
        if isinstance(view, MeshView):
            check_cells(view.cells)
            return self._mesh(sample, view, token, partials)
        check_pixels(view.width, view.height)
        if view.samples is not None and view.samples < 2:
            raise BadInput(f"{view.samples} samples a ray were asked for.", "Ask for at least 2.")
        return self._picture(sample, view, token, partials)

    def _picture(self, sample: Decoded, view: RadianceView, token: CancelToken, partials: bool) -> Work:
        yield Progress(0, view.width * view.height, "Looking for empty space")
        grid = self.grid(sample, view.gains, token, quick=view.samples is not None)
        return (yield from render_radiance(sample, view, grid, token, partials))

    def _mesh(self, sample: Decoded, view: MeshView, token: CancelToken, partials: bool) -> Work:
        domain, fields = radiance_of(sample), sample.fields.with_gains(view.gains)
        work = render_mesh(domain, sample.fields, view, token, partials)
        while True:
            try:
                event = next(work)
            except StopIteration as end:
                return coloured(domain, fields, end.value, token)
            if isinstance(event, Partial):
                event = Partial(coloured(domain, fields, event.value, token))
            yield event

    def thumbnail(self, sample: Decoded, size: int, token: CancelToken) -> np.ndarray:
        return self._quick(sample, size, THUMBNAIL_SAMPLES, token).pixels

    def preview(self, sample: Decoded, token: CancelToken) -> np.ndarray:
        return self._quick(sample, PREVIEW_PIXELS, PREVIEW_SAMPLES, token).cut_out()

    def _quick(self, sample: Decoded, size: int, samples: int, token: CancelToken) -> Picture:
        """A small picture, for which a fine grid would cost more than it saves."""
        grid = occupancy_grid(radiance_of(sample), sample.fields, token, QUICK_CELLS)
        return value_of(render_radiance(sample, RadianceView(size, size, samples=samples), grid, token))

    def write(self, sample: Decoded, request: Export, size: tuple[int, int], token: CancelToken) -> Writing:
        suffix = suffix_of(request.path)
        if suffix == LATENT_SUFFIX:
            return latent_written(request)
        recipe = request.sample.recipe
        if suffix in MESHES:
            look: Looks = MeshView(size[0], request.iso, request.gains, request.clean, request.faces)
            mesh = yield from progress_only(self.render(sample, look, token, partials=False))
            assert isinstance(mesh, MeshData)
            write_mesh(request.path, mesh, recipe)
        elif suffix in PICTURES:
            look = RadianceView(*size, request.camera or Camera(), request.gains, request.shows)
            picture = yield from progress_only(self.render(sample, look, token, partials=False))
            assert isinstance(picture, Picture)
            write_picture(request.path, picture.pixels, recipe)
        else:
            yield from self._clip(sample, request, size, token)
        return request.path

    def _clip(
        self, sample: Decoded, request: Export, size: tuple[int, int], token: CancelToken
    ) -> Generator[Progress, None, None]:
        """A turntable or a camera path, as a clip or as frames."""
        domain, count = radiance_of(sample), view_count(request)
        cameras = cameras_of(domain, request, count)
        yield Progress(0, count, "Looking for empty space")
        grid = self.grid(sample, request.gains, token)
        label = f"{'Camera path' if request.keyframes else 'Turntable'} of {size[0]}x{size[1]}"
        ready: deque[np.ndarray] = deque()
        with closing(written_clip(domain, request, cameras, size, taken(ready))) as written:
            for done, camera in enumerate(cameras):
                view = RadianceView(*size, camera, request.gains, request.shows)
                work = render_radiance(sample, view, grid, token)
                picture = yield from saying(Progress(done, count, label), work)
                ready.append(picture.pixels)
                yield Progress(next(written), count, label)
            next(written, None)

    def check(self, domain: Domain, request: Export | PlanExport, size: tuple[int, int]) -> None:
        super().check(domain, request, size)
        if request.seconds is not None and not 0 < request.seconds <= LONGEST_CLIP:
            raise BadInput(f"A clip of {request.seconds:g} s was asked for.", f"Use up to {LONGEST_CLIP:g} s.")
        if request.camera is not None:
            request.camera.matrix(1.0)
        if request.keyframes:
            suffix = suffix_of(request.path)
            if suffix not in CLIPS and suffix != FOLDER:
                raise BadInput(f"A camera path is not written as {suffix}.", f"Use {', '.join(CLIPS)}, or a folder.")
            assert isinstance(domain, NerfDomain)
            cameras_of(domain, request, 2)

    def frames_of(self, domain: Domain, request: PlanExport | EstimateExport) -> int | None:
        return request.views if isinstance(request, EstimateExport) else view_count(request)

    def check_size(self, suffix: str, width: int, height: int) -> None:
        if suffix in MESHES:
            check_mesh_size(width, height)
            return
        check_pixels(width, height)
        require_memory(lambda side: _frame_bytes(side, max(1, side * height // width)), width, "pixels a side")
        check_picture_size(suffix, width, height)
        check_clip(suffix, width, height, FASTEST_RATE)

    def default_size(self, domain: Domain, suffix: str) -> int:
        return DEFAULT_CELLS if suffix in MESHES else DEFAULT_PIXELS

    def estimate(
        self, suffix: str, size: tuple[int, int], point_seconds: float, views: int | None = None
    ) -> ExportEstimate:
        if suffix == LATENT_SUFFIX:
            return ExportEstimate(0.0, 2**18, WORKSPACE)
        if suffix in MESHES:
            return estimate_mesh(suffix, size[0], point_seconds)
        count = 1 if suffix in PICTURES else views or DEFAULT_VIEWS
        pixels = size[0] * size[1] * count
        per_pixel = BYTES_PER_PIXEL[".png" if suffix == FOLDER else suffix]
        seconds = (GRID_POINTS + EVALUATED * pixels) * point_seconds
        return ExportEstimate(seconds, int(pixels * per_pixel), _frame_bytes(*size))


def _frame_bytes(width: int, height: int) -> int:
    return 2 * WORKSPACE + BYTES_PER_RAY * width * height
