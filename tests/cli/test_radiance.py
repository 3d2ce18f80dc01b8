"""Radiance fields on the command line and in Python: turntables, frames, meshes, views."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

import ddmi_models
from ddmi_models.rendering.metadata import read_recipe
from tests import models

SMALL = ("--steps", 1, "--resolution", 16)


@pytest.fixture(autouse=True)
def model(home: Path) -> None:
    models.write(home / "home" / "models", "nerf")


def test_one_sample_becomes_a_folder_of_frames_and_comes_back(ddmi) -> None:
    code, out, _ = ddmi("generate", "small-nerf", *SMALL, "--seed", 2, "--views", 2, "--out", "turn/", "--json")
    told = json.loads(out)
    assert code == 0 and told["files"] == ["turn"] and told["samples"][0]["bytes"] > 0
    names = sorted(path.name for path in Path("turn").iterdir())
    assert names == ["0000.png", "0001.png", "recipe.json", "transforms.json"]
    assert read_recipe(Path("turn")).seed == 2
    code, out, _ = ddmi("render", "turn", "--resolution", 16, "--camera", "30,20", "--out", "a.png")
    assert code == 0 and out.split() == ["a.png"]
    assert np.array_equal(np.asarray(Image.open("a.png")), np.asarray(Image.open("turn/0000.png")))
    code, _, err = ddmi("generate", "small-nerf", *SMALL, "--views", 2, "--out", "turn/")
    assert code == 1 and "turn" in err


def test_turntables_and_meshes_are_written(ddmi) -> None:
    code, out, _ = ddmi("generate", "small-nerf", *SMALL, "--views", 2, "--count", 2, "--seed", 4, "--out", "many/")
    assert code == 0 and out.split() == ["many/4.mp4", "many/5.mp4"]
    code, out, _ = ddmi("generate", "small-nerf", "--steps", 1, "--mesh", "--resolution", 16, "--out", "meshes/")
    assert code == 0 and out.split() == ["meshes/0.glb"]
    mesh = trimesh.load("meshes/0.glb", force="mesh", process=False)
    assert mesh.is_watertight and len(np.unique(mesh.visual.vertex_colors, axis=0)) > 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--mesh", "--out", "a.png"), 2, "--mesh writes .glb"),
        (("--camera", "1", "--out", "a.png"), 2, "give azimuth,elevation"),
        (("--camera", "1,2,0", "--out", "a.png"), 1, "distance 0"),
        (("--camera", "nan,2", "--out", "a.png"), 1, "finite"),
        (("--keyframes", "1,2;3", "--out", "a.mp4"), 2, "--keyframes 3 has 1 numbers"),
        (("--keyframes", "1,2", "--out", "a.mp4"), 1, "through 1 keyframes"),
        (("--shows", "sound", "--out", "a.png"), 2, "none of colour, depth, normals"),
        (("--views", 0, "--out", "a.mp4"), 2, "--views"),
        (("--out", "a.stl.gz"), 1, "not written as .gz"),
        (("--resolution", 17, "--out", "a.mp4"), 1, "even numbers"),
    ],
)
def test_mistakes_are_one_clear_line(ddmi, arguments: tuple[object, ...], code: int, said: str) -> None:
    got, out, err = ddmi("generate", "small-nerf", "--steps", 1, *arguments)
    assert (got, out) == (code, "") and said in err and list(Path().iterdir()) == []


def test_view_in_python() -> None:
    (sample,) = ddmi_models.load("small-nerf", device="cpu").sample(steps=1)
    plain = np.asarray(sample.view(size=12))
    assert plain.shape == (12, 12, 3)
    assert np.array_equal(np.asarray(sample.view(ddmi_models.Camera(), size=12)), plain)
    assert not np.array_equal(np.asarray(sample.view((200, -10), size=12)), plain)
    assert sample.view(np.eye(4), size=(8, 4), shows="depth").size == (8, 4)
    values = sample.field(np.random.default_rng(0).uniform(-0.5, 0.5, (20, 3)))
    assert values.shape == (20, 4) and values.min() >= 0 and values[:, :3].max() <= 1
    with pytest.raises(ddmi_models.EngineError, match="no picture of a field in the plane"):
        sample.image(8)


def test_a_flight_through_keyframes_is_written(ddmi) -> None:
    path = ("--keyframes", "0,10;90,30,1.5;180,0", "--seconds", 0.5, "--shows", "normals")
    code, out, _ = ddmi("generate", "small-nerf", *SMALL, *path, "--out", "flight/")
    told = json.loads(Path("flight/transforms.json").read_text())
    assert code == 0 and out.split() == ["flight"] and len(told["frames"]) == 12
    eyes = np.array([frame["transform_matrix"] for frame in told["frames"]])[:, :3, 3]
    assert np.linalg.norm(eyes, axis=1)[[0, -1]] == pytest.approx([2.0, 2.0]), "the model's usual distance"
    assert eyes[0, 1] > 1.9 and eyes[-1, 1] < -1.9
