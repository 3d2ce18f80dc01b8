"""From the turntable of a view (y up) to the cameras of radiance fields (z up) and back. No widgets."""

from __future__ import annotations

import math

import numpy as np

from ddmi_models.requests import Camera
from ddmi_studio.views.turntable import Turntable

TO_WORLD = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""The axes of the turntable in the world, as columns."""

HALF_TURN = 180.0


def home_of(usual: Camera) -> Turntable:
    """The turntable that stands where a model's fields are usually seen from."""
    distance, angle = usual.distance or 1.0, usual.angle or math.radians(Turntable().field_of_view)
    return Turntable(
        home_azimuth=(HALF_TURN - usual.azimuth) % 360,
        home_elevation=usual.elevation,
        home_distance=distance,
        field_of_view=math.degrees(angle),
    ).home()


def camera_of(turntable: Turntable) -> Camera:
    """What a turntable's square picture is taken with."""
    angle = math.radians(turntable.field_of_view)
    if turntable.target == (0.0, 0.0, 0.0):
        return Camera((HALF_TURN - turntable.azimuth) % 360, turntable.elevation, turntable.distance, angle)
    right, up, backward = turntable.axes()
    pose = np.eye(4)
    pose[:3, :3] = TO_WORLD @ np.stack([right, up, backward], axis=1)
    pose[:3, 3] = TO_WORLD @ (np.asarray(turntable.target) + turntable.distance * backward)
    return Camera(angle=angle, pose=tuple(pose.ravel().tolist()))
