"""The built wheel holds every module and preset, the starters and icons of assets/, and both commands."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ddmi_models.resources import assets_dir

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "ddmi_models", "ddmi_studio", "assets")


def files_below(folder: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel, built from a copy, since a build leaves folders beside its sources."""
    copy = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "."]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = copy.glob("ddmi_studio-*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


def test_every_file_of_the_packages_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    files = files_below("ddmi_models") | files_below("ddmi_studio")
    assert "ddmi_models/__init__.py" in files
    assert files <= set(wheel.namelist())


def test_assets_are_inside_the_engine_package(wheel: zipfile.ZipFile) -> None:
    assets = {f"ddmi_models/{name}" for name in files_below("assets")}
    assert assets
    assert assets <= set(wheel.namelist())


def test_both_commands_are_declared(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    text = wheel.read(name).decode()
    assert "ddmi = ddmi_models.cli:main" in text
    assert "ddmi-studio = ddmi_studio.app:main" in text


def test_a_checkout_finds_its_assets() -> None:
    assert assets_dir() == ROOT / "assets"
