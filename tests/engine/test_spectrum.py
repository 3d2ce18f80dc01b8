"""What the basis scales hold: waves of known frequency are found, variances add up, every domain is measured."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from ddmi_models.fields.spectrum import radial_power
from ddmi_models.requests import Generate, MeasureLevels
from tests import models
from tests.engine.running import engine_with, final, run


def wave(cells: int, x: float, y: float) -> torch.Tensor:
    """A plane [1, cells, cells] of x cycles along the width and y along the height."""
    at = (torch.arange(cells) + 0.5) / cells
    return torch.cos(2 * math.pi * (x * at[None, :] + y * at[:, None]))[None] + 5


@pytest.mark.parametrize(("x", "y", "radius"), [(5, 0, 5), (0, 9, 9), (3, 4, 5), (6, 8, 10)])
def test_a_wave_is_found_at_its_frequency(x: int, y: int, radius: int) -> None:
    frequencies, power = radial_power([wave(32, x, y)])
    assert frequencies.tolist() == list(range(1, 17)) and int(frequencies[power.argmax()]) == radius
    away = (frequencies - radius).abs() > 2
    assert power[away].max() < 1e-3 * power.max()


def test_modes_add_up_to_the_variance_whatever_the_size() -> None:
    noise = torch.randn(200, 24, 24, generator=torch.Generator().manual_seed(0))
    _, power = radial_power([3 * noise])
    np.testing.assert_allclose(power[1:], 9 / 24**2, rtol=0.1)  # white: every mode alike; the mean takes of the first
    coarse, fine = (radial_power([wave(cells, 4, 0)])[1] for cells in (16, 64))
    np.testing.assert_allclose(coarse[:6], fine[:6], rtol=0.25, atol=1e-5)


def test_planes_of_unlike_sizes_are_averaged_where_they_have_modes() -> None:
    frequencies, power = radial_power([wave(16, 3, 0), torch.zeros(1, 4, 16)])
    assert frequencies.tolist() == list(range(1, 9)) and int(frequencies[power.argmax()]) == 3


@pytest.mark.parametrize("domain", ["image", "shape", "nerf", "video"])
def test_every_domain_is_measured(tmp_path: Path, domain: str) -> None:
    engine, model = engine_with(tmp_path, domain)
    (sample,) = final(run(engine, Generate(model, seed=2)))
    levels = final(run(engine, MeasureLevels(sample)))
    config = models.config(domain).autoencoder
    assert [level.cells for level in levels] == [*config.basis_resolutions, config.resolution]
    for level in levels:
        assert level.frequencies[0] == 1 and level.frequencies[-1] == level.cells // 2
        assert len(level.power) == len(level.frequencies) and (level.power > 0).all()
