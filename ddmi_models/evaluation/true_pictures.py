"""What a reconstruction is compared with, pixel by pixel: pictures, views or frames (table `COMPARED`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import torch

from ddmi_models.cameras import Camera
from ddmi_models.coords import clip_points, image_points, pixel_centres
from ddmi_models.domains.base import Query
from ddmi_models.evaluation.items import ClipTruth, PictureTruth, ViewTruth
from ddmi_models.evaluation.study import Study
from ddmi_models.evaluation.subjects import picture_of, values_at
from ddmi_models.events import value_of
from ddmi_models.planes import BasisFields
from ddmi_models.rendering.radiance import radiance_of, render_radiance
from ddmi_models.rendering.rays import occupancy_grid
from ddmi_models.rendering.renderer import Decoded
from ddmi_models.requests import RadianceView

FINE = 4
"""The larger size at which things that are true at every size are compared, in trained sizes."""

VIEWS, FINE_FRAMES = 4, 4
"""Views of an object, evenly over the stored ones (at the larger size the first alone); frames at the larger size."""

Pairs: TypeAlias = Iterator[tuple[int, np.ndarray, np.ndarray]]
"""Pixels a side, and the values and the truth there, float32 in [-1, 1]."""


def pictures(study: Study, item: int, fields: BasisFields) -> Pairs:
    """At the trained size, at the stored one where it is larger, and against drawings also at FINE times the first."""
    data, anchor = study.held_out, study.model.config.anchor_resolution
    truths = {anchor: data.items.inputs(np.array([item]))["image"][0].permute(1, 2, 0).numpy()}
    stored = data.items.arrays["image"][item]
    if len(stored) > anchor:
        truths[len(stored)] = _as_values(stored)
    if data.truth is not None and FINE * anchor not in truths:
        drawing: PictureTruth = data.truth(item)
        truths[FINE * anchor] = _as_values(drawing.picture(FINE * anchor))
    for resolution, truth in truths.items():
        yield resolution, picture_of(study.model.domain, fields, resolution, study.token), truth


def views(study: Study, item: int, fields: BasisFields) -> Pairs:
    """Some of the stored views; of scenes that are known one of them FINE times as large."""
    data, arrays = study.held_out, study.held_out.items.arrays
    stored, poses, angle = arrays["images"][item], arrays["poses"][item], float(arrays["camera_angle"][item])
    size = stored.shape[1]
    chosen = np.unique(np.linspace(0, len(poses) - 1, VIEWS).round().astype(int))
    truths = [(index, size, stored[index]) for index in chosen]
    if data.truth is not None:
        scene: ViewTruth = data.truth(item)
        truths.append((chosen[0], FINE * size, scene.picture(poses[chosen[0]].astype(np.float64), FINE * size)))
    decoded = Decoded(study.model.domain, fields)
    grid = occupancy_grid(radiance_of(decoded), fields, study.token)
    for index, side, truth in truths:
        view = RadianceView(side, side, Camera.at(poses[index], angle))
        seen = value_of(render_radiance(decoded, view, grid, study.token))
        yield side, _as_values(seen.pixels), _as_values(truth)


def frames(study: Study, item: int, fields: BasisFields) -> Pairs:
    """All frames at the stored size; of clips that are known some of them FINE times as large."""
    data, stored = study.held_out, study.held_out.items.arrays["frames"][item]
    count, size = len(stored), stored.shape[1]
    yield size, _frames_at(study, fields, size, np.arange(count), count), _as_values(stored)
    if data.truth is not None:
        clip: ClipTruth = data.truth(item)
        chosen = np.linspace(0, count - 1, FINE_FRAMES).round().astype(int)
        truth = clip.frames(FINE * size)[chosen]
        yield FINE * size, _frames_at(study, fields, FINE * size, chosen, count), _as_values(truth)


def _frames_at(study: Study, fields: BasisFields, size: int, chosen: np.ndarray, count: int) -> np.ndarray:
    """Frames [n, size, size, 3] of a clip of `count`."""
    points = clip_points(image_points(size, size), pixel_centres(count)[torch.from_numpy(chosen)])
    values = values_at(study.model.domain, fields, Query(points), study.token)
    return values.reshape(len(chosen), size, size, -1)


def _as_values(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / 127.5 - 1


COMPARED: dict[str, Callable[[Study, int, BasisFields], Pairs]] = {"image": pictures, "nerf": views, "video": frames}
