"""A picture of a radiance field at 1024 px: memory stays bounded, whatever the size."""

from __future__ import annotations

import pytest

from tests.soak.peaks import peak_of

pytestmark = pytest.mark.soak

BOUND = 1.5 * 2**30
"""Bytes above the model."""

RENDER = """
import psutil, torch
from ddmi_models.cancel import CancelToken
from ddmi_models.domains import build_domain
from ddmi_models.rendering.renderers import RENDERERS, Decoded
from ddmi_models.events import value_of
from ddmi_models.requests import RadianceView
from ddmi_models.training.presets import parse_config, preset_text
torch.set_num_threads(1)
solid = "model.radiance.density_shift=3.0"
config = parse_config(preset_text("cars-autoencoder"), [solid]).model
domain = build_domain(config).eval().requires_grad_(False)
with torch.inference_mode():
    decoded = Decoded(domain, domain.decode(torch.randn(1, *domain.layout.shape)), 0)
before = psutil.Process().memory_info().rss
picture = value_of(RENDERERS["nerf"].render(decoded, RadianceView(1024, 1024, shows="normals"), CancelToken(), True))
assert picture.pixels.shape == (1024, 1024, 3) and picture.opacity.max() > 0.99
print(before)
"""


def test_memory_of_a_large_picture_is_bounded() -> None:
    before, peak = peak_of(RENDER)
    print(f"\npeak above the model: {peak - before >> 20} MiB")
    assert peak - before < BOUND
