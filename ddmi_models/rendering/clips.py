"""Frames of a video's field at any instants and any size, each on its own, chunk by chunk."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import replace

import numpy as np
import torch

from ddmi_models.cancel import CancelToken
from ddmi_models.coords import clip_points
from ddmi_models.domains.base import CHUNK_POINTS, Domain, Query
from ddmi_models.domains.video import VideoDomain
from ddmi_models.errors import BadInput
from ddmi_models.events import Partial, Progress
from ddmi_models.planes import BasisFields
from ddmi_models.rendering.tiles import row_blocks, to_bytes
from ddmi_models.requests import Clip, ClipView, Timing, frame_count
from ddmi_models.requests.samples import ROUNDING

FASTEST_RATE = 1000.0
MOST_FRAMES = 100_000

EXPOSURE_STEP = 0.25
"""Largest distance of the instants that are averaged, in trained frames."""

FEWEST_EXPOSURES, MOST_EXPOSURES = 4, 64
"""How many instants are averaged while the shutter is open."""

COARSER = 4
"""Divisor of the coarser clip that is shown first."""

SMALLEST_PARTIAL = 16
"""Pixels on the longer side of a coarser clip worth showing."""


def video_of(domain: Domain) -> VideoDomain:
    assert isinstance(domain, VideoDomain)
    return domain


def frame_rate(domain: Domain, timing: Timing) -> float:
    """Frames a second of a timing."""
    return video_of(domain).clip.rate if timing.rate is None else timing.rate


def frame_instants(domain: Domain, timing: Timing) -> np.ndarray:
    """Instants of all frames of a timing, float64 seconds after the first trained frame: start + k / rate.

    Raises:
        BadInput: for a rate, window or shutter that makes no sense, or a window outside the trained clip.
    """
    rate, last = frame_rate(domain, timing), video_of(domain).last_instant
    start, stop = timing.start, last if timing.stop is None else timing.stop
    if not 0 < rate <= FASTEST_RATE:
        raise BadInput(f"{rate:g} frames a second were asked for.", f"Use more than 0, at most {FASTEST_RATE:g}.")
    if not 0 <= start <= stop <= last * (1 + ROUNDING):
        raise BadInput(f"There is no window from {start:g} to {stop:g} s.", f"The clip runs from 0 to {last:.6g} s.")
    if not 0 <= timing.shutter < math.inf:
        raise BadInput(f"A shutter of {timing.shutter:g} s was asked for.", "Use 0 s or more.")
    count = frame_count(start, stop, rate)
    if count > MOST_FRAMES:
        raise BadInput(f"{count} frames were asked for.", f"Ask for at most {MOST_FRAMES} at a time.")
    return start + np.arange(count) / rate


def view_instants(domain: Domain, view: ClipView) -> np.ndarray:
    """Instants of the frames of a view, in seconds.

    Raises:
        BadInput: for an empty picture, or frames that the timing does not have.
    """
    left, top, right, bottom = view.window
    if view.width < 1 or view.height < 1:
        raise BadInput(f"Frames of {view.width}x{view.height} pixels were asked for.", "Ask for at least 1x1.")
    if not (left < right and top < bottom):
        raise BadInput(f"The window {view.window} is empty.", "Give left < right and top < bottom.")
    instants = frame_instants(domain, view.timing)
    count = len(instants) - view.first if view.count is None else view.count
    if not 0 <= view.first < view.first + count <= len(instants):
        raise BadInput(
            f"{count} frames from number {view.first} on were asked for.", f"There are frames 0 to {len(instants) - 1}."
        )
    return instants[view.first : view.first + count]


def exposures(domain: VideoDomain, instant: float, shutter: float) -> torch.Tensor:
    """Time coordinates [E] of the instants that a frame is the average of: middles of equal parts of the shutter."""
    count = 1
    if shutter:
        wanted = min(shutter * domain.clip.rate / EXPOSURE_STEP, MOST_EXPOSURES)
        count = max(FEWEST_EXPOSURES, math.ceil(wanted))
    parts = (torch.arange(count, dtype=torch.float64) + 0.5) / count - 0.5
    return domain.time(instant + shutter * parts)


def render_frame(
    domain: VideoDomain, fields: BasisFields, view: ClipView, instant: float, token: CancelToken
) -> np.ndarray:
    """One frame uint8 [height, width, 3]. Memory: the frame and one chunk.

    The chunks depend on the frame's size alone, so that it is the same in whatever company it is rendered.
    """
    device = fields.levels[0]["xy"].device
    times = exposures(domain, instant, view.timing.shutter)
    chunk = max(1, CHUNK_POINTS // len(times))
    pixels = np.empty((view.height * view.width, 3), np.uint8)
    for first, points in row_blocks(view):
        for start in range(0, len(points), chunk):
            token.check()
            part = points[start : start + chunk]
            with torch.inference_mode():
                colours = domain.evaluate(fields, Query(clip_points(part, times).to(device)))[0]
                mean = colours.clamp(-1, 1).unflatten(0, (len(times), len(part))).mean(0)
            pixels[first + start : first + start + len(part)] = to_bytes(mean)
    return pixels.reshape(view.height, view.width, 3)


def render_frames(domain: Domain, fields: BasisFields, view: ClipView, token: CancelToken) -> Iterator[np.ndarray]:
    """The frames of a view as they come, uint8 [height, width, 3].

    Raises:
        BadInput: as `view_instants`.
    """
    video, gained = video_of(domain), fields.with_gains(view.gains)
    for instant in view_instants(domain, view).tolist():
        yield render_frame(video, gained, view, instant, token)


def render_clip(
    domain: Domain, fields: BasisFields, view: ClipView, token: CancelToken, partials: bool = False
) -> Generator[Progress | Partial, None, Clip]:
    """Evaluate all frames of a view; with `partials` a coarser clip comes first. Memory: the clip and one chunk.

    Raises:
        BadInput: as `view_instants`.
    """
    if partials and max(view.width, view.height) >= SMALLEST_PARTIAL * COARSER:
        small = replace(view, width=max(1, view.width // COARSER), height=max(1, view.height // COARSER))
        yield Partial((yield from _filled(domain, fields, small, token)))
    return (yield from _filled(domain, fields, view, token))


def _filled(domain: Domain, fields: BasisFields, view: ClipView, token: CancelToken) -> Generator[Progress, None, Clip]:
    instants = view_instants(domain, view)
    frames = np.empty((len(instants), view.height, view.width, 3), np.uint8)
    for index, frame in enumerate(render_frames(domain, fields, view, token)):
        frames[index] = frame
        yield Progress(index + 1, len(instants), f"Frames of {view.width}x{view.height}")
    return Clip(frames, frame_rate(domain, view.timing), tuple(instants.tolist()))
