"""The examples run as a reader would run them, with the starters that ship."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import trimesh
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(name: str, folder: Path) -> str:
    command = [sys.executable, str(EXAMPLES / name), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def picture_size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def test_image_at_three_sizes(tmp_path: Path) -> None:
    run("image_at_three_sizes.py", tmp_path)
    sizes = {path.name: picture_size(path) for path in tmp_path.glob("*.png")}
    assert sizes == {"face-64.png": (64, 64), "face-256.png": (256, 256), "face-1024.png": (1024, 1024)}


def test_text_to_mesh(tmp_path: Path) -> None:
    said = run("text_to_mesh.py", tmp_path)
    assert "watertight: True" in said
    assert trimesh.load(tmp_path / "shape.glb", force="mesh").is_watertight
