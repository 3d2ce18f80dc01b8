"""Parity: every recorded number of every fixture, each fixture a test of its own.

Domain, sizes and keys come from the file itself, so fixtures of other sizes need no new code.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ddmi_models.domains import DOMAINS
from tests.golden.diffusion_checks import (
    check_denoiser,
    check_losses,
    check_schedule,
    check_stochastic_sampling,
    check_text,
)
from tests.golden.extra_checks import check_kl_coefficient, check_plane_coordinates, check_scale_embedding
from tests.golden.field_checks import (
    check_image_encoder,
    check_image_field,
    check_sampled_image,
    check_sampled_shape,
    check_shape_encoder,
    check_shape_field,
)
from tests.golden.fixture import Fixture, fixture_files, parity_folder
from tests.golden.mesh_checks import check_surfaces
from tests.golden.radiance_checks import (
    check_radiance_encoder,
    check_radiance_field,
    check_rays,
    check_sampled_radiance,
)
from tests.golden.video_checks import check_sampled_video, check_video_encoder, check_video_field

FOLDER = parity_folder()
FILES = fixture_files(FOLDER) or [FOLDER / "no-fixture-found.npz"]

CHECKS: dict[str, tuple[Callable[[Fixture], None], ...]] = {
    "image": (check_denoiser, check_image_encoder, check_image_field, check_sampled_image),
    "shape": (check_denoiser, check_shape_encoder, check_shape_field, check_sampled_shape, check_surfaces),
    "nerf": (check_denoiser, check_radiance_encoder, check_radiance_field, check_rays, check_sampled_radiance),
    "video": (check_denoiser, check_video_encoder, check_video_field, check_sampled_video),
    "extra": (
        check_schedule,
        check_stochastic_sampling,
        check_losses,
        check_text,
        check_scale_embedding,
        check_kl_coefficient,
        check_plane_coordinates,
    ),
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(FOLDER).with_suffix("").as_posix())
def test_recorded_numbers(path: Path) -> None:
    assert path.is_file(), f"no fixture below {FOLDER}"
    fixture = Fixture(path)
    with torch.no_grad():
        for check in CHECKS[fixture.domain]:
            check(fixture)
    assert not fixture.unused()


def test_every_domain_has_checks() -> None:
    assert set(CHECKS) - {"extra"} == set(DOMAINS)
