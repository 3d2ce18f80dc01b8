"""A clip of 1024 px and 64 frames: memory stays bounded, whatever the size."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from tests.soak.peaks import peak_of

pytestmark = pytest.mark.soak

BOUND = 1.5 * 2**30
"""Bytes above the model."""

EXPORT = """
import sys
from pathlib import Path
import psutil, torch
from ddmi_models.cancel import CancelToken
from ddmi_models.domains import build_domain
from ddmi_models.planes import Latents
from ddmi_models.recipes import SampledRecipe
from ddmi_models.rendering.renderers import RENDERERS, Decoded
from ddmi_models.requests import Export, Sample, Timing
from ddmi_models.training.presets import parse_config, preset_text
torch.set_num_threads(1)
config = parse_config(preset_text("skies-autoencoder")).model
domain = build_domain(config).eval().requires_grad_(False)
packed = torch.randn(domain.layout.shape)
recipe = SampledRecipe(
    domain="video", model="m", model_hash="0" * 64, seed=1, sampler="ddim", steps=1, guidance=1.0
)
with torch.inference_mode():
    decoded = Decoded(domain, domain.decode(packed[None]), 0)
before = psutil.Process().memory_info().rss
rate = 63 / domain.last_instant
request = Export(Sample(recipe, Latents(packed.numpy(), domain.layout)), Path(sys.argv[1]), timing=Timing(rate))
for _ in RENDERERS["video"].write(decoded, request, (1024, 1024), CancelToken()):
    pass
print(before)
"""


def test_memory_of_a_large_clip_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    before, peak = peak_of(EXPORT, path)
    with av.open(str(path)) as clip:
        sizes = [(frame.width, frame.height) for frame in clip.decode(video=0)]
    assert sizes == [(1024, 1024)] * 64
    print(f"\npeak above the model: {peak - before >> 20} MiB")
    assert peak - before < BOUND
