"""A picture of 4,096 px and a mesh of 512 cells: memory stays bounded, whatever the size."""

from __future__ import annotations

from pathlib import Path

import pytest
import trimesh
from PIL import Image

from tests.soak.peaks import peak_of

pytestmark = pytest.mark.soak

BOUND = 1.5 * 2**30
"""Bytes above what the same export needs at a small size: the program, its libraries, the model, the sampling."""

EXPORT = """
from ddmi_models.cli.app import run
assert run() == 0
"""


def peak(path: Path, starter: str, resolution: int, *more: str) -> int:
    """Most resident memory, bytes, of a process that samples and writes."""
    given = ["generate", starter, "--seed", "7", "--resolution", str(resolution), "--out", str(path), *more]
    return peak_of(EXPORT, *given)[-1]


def test_memory_of_a_large_picture_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    above = peak(path, "avatars", 4096) - peak(tmp_path / "small.png", "avatars", 64)
    with Image.open(path) as picture:
        assert picture.size == (4096, 4096)
    print(f"\npeak above a small export: {above >> 20} MiB")
    assert above < BOUND


def test_memory_of_a_fine_mesh_is_bounded(tmp_path: Path) -> None:
    path, prompt = tmp_path / "large.glb", ("--prompt", "a round table with one central leg")
    above = peak(path, "furniture", 512, *prompt) - peak(tmp_path / "small.glb", "furniture", 64, *prompt)
    mesh = trimesh.load_mesh(path)
    print(f"\npeak above a small export: {above >> 20} MiB, {len(mesh.faces)} faces")
    assert mesh.is_watertight and len(mesh.faces) > 500_000
    assert above < BOUND
