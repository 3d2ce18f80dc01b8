"""The Python API: what newcomers type."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ddmi_models as ddmi
from tests import models


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DDMI_HOME", str(tmp_path / "home"))
    for domain in ("image", "shape"):
        models.write(tmp_path / "home" / "models", domain)
    return tmp_path


def test_names_come_when_they_are_used() -> None:
    code = "import sys, ddmi_models as d\nassert 'numpy' not in sys.modules\nprint(d.load, sorted(d.__all__))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "'load'" in done.stdout
    with pytest.raises(AttributeError, match="nothing"):
        ddmi.nothing  # noqa: B018


def test_prompt_becomes_a_mesh_and_a_file_and_comes_back(home: Path) -> None:
    model = ddmi.load("small-shape", device="cpu")
    first, second = model.sample("a round purple table", seed=7, count=2, guidance=2.0)
    assert any("purple" in line for line in model.notices)
    assert (first.recipe.seed, second.recipe.seed, first.recipe.guidance) == (7, 8, 2.0)
    iso = 1 / (1 + np.exp(-np.median(first.field(np.random.default_rng(0).uniform(-0.5, 0.5, (500, 3))))))
    mesh = first.mesh(resolution=24, iso=float(iso))
    assert mesh.is_watertight and mesh.volume > 0
    saved = first.save(home / "a.latent.safetensors")
    assert np.array_equal(ddmi.open(saved).latent, first.latent)
    first.export(home / "a.stl", resolution=16, iso=float(iso))
    assert np.allclose(ddmi.open(home / "a.stl").latent, first.latent, atol=1e-4)  # drawn again, in another batch


def test_seed_becomes_a_picture_at_any_size(home: Path) -> None:
    (sample,) = ddmi.load("small-image").sample(seed=3)
    assert sample.image(40).size == (40, 40) and sample.image((40, 20)).size == (40, 20)
    centre = sample.field(
        np.array([1 / 16, -3 / 16])
    )  # of a pixel at the anchor resolution, where the scale input is 1
    pixel = np.asarray(sample.image(16))[6, 8]
    assert np.abs(np.clip(centre, -1, 1) * 127.5 + 127.5 - pixel).max() < 1
    assert "small-image" in repr(sample)


def test_mistakes_are_engine_errors(home: Path) -> None:
    with pytest.raises(ddmi.EngineError, match="Did you mean small-image"):
        ddmi.load("small-imago")
    (sample,) = ddmi.load("small-image").sample()
    for mistake, message in (
        (lambda: sample.mesh(), "makes pictures"),
        (lambda: sample.image(0), "0"),
        (lambda: sample.save(home / "a.png"), "latent.safetensors"),
        (lambda: sample.export(home / "a.glb"), "not written as .glb"),
        (lambda: ddmi.open(home / "missing.png"), "no file"),
    ):
        with pytest.raises(ddmi.EngineError, match=message):
            mistake()


def test_models_are_listed(home: Path) -> None:
    assert {"small-image", "small-shape"} <= {info.name for info in ddmi.models()}
