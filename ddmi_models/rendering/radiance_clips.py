"""Cameras of a radiance field's turntables and flights, and the clips and folders of frames that they take."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from ddmi_models.cameras import Camera, flight, orbit
from ddmi_models.domains.nerf import NerfDomain
from ddmi_models.events import Partial, Progress
from ddmi_models.rendering.frames import FOLDER, write_frames
from ddmi_models.rendering.renderer import suffix_of
from ddmi_models.rendering.writers import write_clip
from ddmi_models.requests import Export, Picture, PlanExport

DEFAULT_VIEWS, TURN_SECONDS, FASTEST_RATE = 48, 4, 30
"""Cameras of a turntable or path, how many seconds it takes, its highest frame rate."""

USUAL_RATE = 24
"""Frames a second of a clip of which only the length is given."""

LONGEST_CLIP = 600.0
"""Seconds that a turntable or camera path may take."""


def written_clip(
    domain: NerfDomain, request: Export, cameras: list[Camera], size: tuple[int, int], frames: Iterator[np.ndarray]
) -> Generator[int, None, None]:
    """Write frames uint8 [height, width, 3], one each time; yields how many are written."""
    recipe = request.sample.recipe
    if suffix_of(request.path) == FOLDER:
        facts = {"transforms.json": transforms(domain, cameras, size)}
        yield from write_frames(request.path, frames, recipe, facts)
    else:
        seconds = TURN_SECONDS if request.seconds is None else request.seconds
        rate = min(FASTEST_RATE, max(1, round(len(cameras) / seconds)))
        yield from write_clip(request.path, frames, rate, recipe)


def taken(ready: deque[np.ndarray]) -> Iterator[np.ndarray]:
    """What is there, as long as something is."""
    while ready:
        yield ready.popleft()


def saying(
    progress: Progress, work: Generator[Progress | Partial, None, Picture]
) -> Generator[Progress, None, Picture]:
    """Work that says the same in every part of it: something more urgent may be done in between."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            picture: Picture = end.value
            return picture
        yield progress


def view_count(request: Export | PlanExport) -> int:
    """Frames of a turntable or camera path."""
    if request.views is not None:
        return request.views
    return DEFAULT_VIEWS if request.seconds is None else max(2, round(request.seconds * USUAL_RATE))


def cameras_of(domain: NerfDomain, request: Export | PlanExport, count: int) -> list[Camera]:
    """The cameras of the frames.

    Raises:
        BadInput: for a path through a single keyframe.
    """
    usual = Camera(distance=domain.radiance.camera_distance, angle=domain.radiance.camera_angle)
    if request.keyframes:
        return flight(request.keyframes, count, usual, isinstance(request, Export) and request.closed)
    camera = request.camera if isinstance(request, Export) else None
    return list(orbit(count, camera or Camera()))


def transforms(domain: NerfDomain, cameras: list[Camera], size: tuple[int, int]) -> dict[str, Any]:
    """The cameras of frames, in the layout that NeRF programs read (Blender's axes)."""
    config = domain.radiance
    angles = [config.camera_angle if camera.angle is None else camera.angle for camera in cameras]
    frames: list[dict[str, Any]] = []
    for number, (camera, angle) in enumerate(zip(cameras, angles, strict=True)):
        pose = camera.matrix(config.camera_distance).tolist()
        own = {"camera_angle_x": angle} if angle != angles[0] else {}
        frames.append({"file_path": f"./{number:04d}.png", "transform_matrix": pose, **own})
    return {"camera_angle_x": angles[0], "w": size[0], "h": size[1], "frames": frames}
