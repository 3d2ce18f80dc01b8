"""Small pieces that have no domain of their own, against recorded numbers."""

from __future__ import annotations

import torch

from ddmi_models.config import PointEncoderConfig
from ddmi_models.coords import CUBE_MARGIN, PLANE_AXES, plane_fraction
from ddmi_models.nets.blocks import sinusoidal_embedding
from ddmi_models.nets.pointnet import PointEncoder
from ddmi_models.training.config import KlConfig
from ddmi_models.training.schedules import kl_coefficient
from tests.golden.fixture import Fixture


def check_scale_embedding(fixture: Fixture) -> None:
    """The embedding of an image network's scale input."""
    for key, match in fixture.keys(r"sinusoidal_pos_emb_(\d+)"):
        fixture.compare(key, sinusoidal_embedding(fixture.tensor("sinusoidal_in"), int(match[1])))


def check_kl_coefficient(fixture: Fixture) -> None:
    """The annealed weight of the KL term."""
    number = r"([\d.e-]+)"
    for key, match in fixture.keys(rf"kl_coeff_total{number}_anneal{number}_const{number}_min{number}_max{number}"):
        total, anneal, constant, low, high = map(float, match.groups())
        config = KlConfig(start=low, end=high, constant_portion=constant, anneal_portion=anneal)
        steps = fixture.array("kl_in_steps").tolist()
        fixture.compare(key, [kl_coefficient(step, int(total), config) for step in steps])


def check_plane_coordinates(fixture: Fixture) -> None:
    """Where points fall on the planes, and in which cell."""
    points = fixture.tensor("norm_in")
    for key, match in fixture.keys(r"norm_([xyz]{2})"):
        fixture.compare(key, plane_fraction(points[..., list(PLANE_AXES[match[1]])], CUBE_MARGIN))
    for key, match in fixture.keys(r"index_([xyz]{2})_reso(\d+)"):
        config = PointEncoderConfig(hidden=4, out_channels=4, blocks=1, plane_resolution=int(match[2]))
        fixture.compare(key, torch.unsqueeze(PointEncoder(config).cells(points, match[1]), 1))
