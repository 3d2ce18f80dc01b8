"""The small official files: they import as they are, and both sets of their weights give the recorded results.

Every `*-expected.npz` below the folder of recorded numbers is a test of its own, with the `.pt` or `.pt.xz` beside it.
"""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest
import torch

from ddmi_models.cameras import spherical_pose
from ddmi_models.checkpoints.importer import convert_official
from ddmi_models.checkpoints.official.layout import Weights
from ddmi_models.coords import image_points
from ddmi_models.domains import Query
from ddmi_models.domains.nerf import NerfDomain
from ddmi_models.domains.shape import ShapeDomain
from ddmi_models.domains.triplane import TriplaneDomain
from ddmi_models.domains.video import VideoDomain
from ddmi_models.events import value_of
from ddmi_models.model import Model, load_model
from tests.golden.diffusion_checks import ddim_latent
from tests.golden.field_checks import picture
from tests.golden.fixture import Fixture, parity_folder
from tests.golden.radiance_checks import rendered
from tests.golden.video_checks import clip

FOLDER = parity_folder()
EXPECTED = sorted(FOLDER.rglob("*-expected.npz")) or [FOLDER / "none-expected.npz"]
RENDER_POSE = (30.0, -20.0, 5.0)
"""Azimuth, elevation (negative: above) and distance of the recorded pictures of radiance fields."""

PREFIXES: dict[str, Weights] = {"ema": "ema", "raw": "online"}


def unpacked(folder: Path, name: str, to: Path) -> Path:
    """The `.pt` of a name, unpacked where it is stored packed."""
    plain = folder / f"{name}.pt"
    if plain.is_file():
        return plain
    target = to / plain.name
    target.write_bytes(lzma.decompress((folder / f"{name}.pt.xz").read_bytes()))
    return target


@pytest.mark.parametrize("path", EXPECTED, ids=lambda path: path.relative_to(FOLDER).with_suffix("").as_posix())
def test_official_file_gives_the_recorded_results(path: Path, tmp_path: Path) -> None:
    assert path.is_file(), f"no checkpoint with expected numbers below {FOLDER}"
    fixture = Fixture(path)
    file = unpacked(path.parent, path.stem.removesuffix("-expected"), tmp_path)
    for prefix, weights in PREFIXES.items():
        target = tmp_path / f"{weights}.safetensors"
        value_of(convert_official(file, target, weights=weights))
        model = load_model(target)
        assert model.header.weights == weights
        with torch.no_grad():
            check_model(fixture, model, prefix)
    assert not fixture.unused()


def check_model(fixture: Fixture, model: Model, prefix: str) -> None:
    """Sample with the stored noise and the file's own defaults, decode, read out."""
    assert model.denoiser is not None
    process = model.config.diffusion
    for key, match in fixture.keys(rf"{prefix}_ddim(\d+)_latent"):
        assert int(match[1]) == process.steps
        latent = ddim_latent(model.denoiser, [fixture.tensor("in_noise")], process.steps, process.eta)
        fixture.compare(key, latent)
        fields = model.domain.decode(latent)
        for level_key, level in fixture.keys(rf"{prefix}_hdbf_(?:([a-z]{{2}})_)?(\d+)"):
            fixture.compare(level_key, fields.levels[int(level[2])][level[1] or "image"])
        for picture_key, _ in fixture.keys(rf"{prefix}_output_nonoise"):
            side = fixture.array(picture_key).shape[-1]
            query = Query(image_points(side, side), 1.0)
            fixture.compare(picture_key, picture(model.domain, fields, query))
        for logits_key, _ in fixture.keys(rf"{prefix}_output_logits"):
            assert isinstance(model.domain, ShapeDomain)
            fixture.compare(logits_key, model.domain.logits(fields, fixture.tensor("in_query_points")))
        for render_key, _ in fixture.keys(rf"{prefix}_output_render"):
            assert isinstance(model.domain, NerfDomain)
            side, samples = len(fixture.array(render_key)), fixture.config["TN"]["N_samples"]
            seen = rendered(model.domain, fields, spherical_pose(*RENDER_POSE), side, samples)
            fixture.compare(render_key, seen)
        for clip_key, _ in fixture.keys(rf"{prefix}_output"):
            assert isinstance(model.domain, VideoDomain)
            fixture.compare(clip_key, clip(model.domain, fields, fixture.array(clip_key).shape[-1]))
    if "in_pointcloud" in fixture:
        assert isinstance(model.domain, TriplaneDomain)
        for plane, values in model.domain.pointnet(fixture.tensor("in_pointcloud")).items():
            fixture.compare(f"plane_{plane}", values)
