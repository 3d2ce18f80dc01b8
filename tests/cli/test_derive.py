"""encode, interpolate, mix, vary on the command line: files out, one line where it cannot be done."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from ddmi_models.rendering.latent_files import read_latent
from ddmi_models.rendering.metadata import read_recipe

COMMAND = [sys.executable, "-c", "from ddmi_models.cli import main; main()"]
PATIENCE = 300.0


@pytest.fixture
def drawn(ddmi):
    """The command line, and two samples of the small image model: a latent and a picture."""
    ddmi("generate", "small-image", "--seed", 1, "--out", "a.latent.safetensors")
    ddmi("generate", "small-image", "--seed", 2, "--resolution", 16, "--out", "b.png")
    return ddmi


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_a_picture_is_encoded_rendered_and_told(ddmi) -> None:
    Image.new("RGB", (50, 20), (200, 30, 90)).save("me.jpg")
    code, out, err = ddmi("encode", "small-image", "me.jpg", "--out", "me.latent.safetensors", "--json")
    told = json.loads(out)
    assert code == 0 and told["files"] == ["me.latent.safetensors"] and "PSNR" in err
    assert told["samples"][0]["recipe"]["source"] == "me.jpg" and "latent" not in told["samples"][0]["recipe"]
    assert set(told["error"]) == {"psnr"}
    code, out, _ = ddmi("render", "me.latent.safetensors", "--resolution", 24, "--out", "me.png")
    assert code == 0 and pixels("me.png").shape == (24, 24, 3)
    Path("me.latent.safetensors").unlink()
    code, out, _ = ddmi("render", "me.png", "--resolution", 24, "--out", "again.png")
    assert code == 0 and np.array_equal(pixels("again.png"), pixels("me.png"))


def test_a_mesh_is_encoded(ddmi) -> None:
    trimesh.creation.box((1, 0.2, 0.5)).export("box.stl")
    code, out, _ = ddmi("encode", "small-shape", "box.stl", "--up", "z", "--out", "box.latent.safetensors", "--json")
    assert code == 0 and json.loads(out)["samples"][0]["recipe"]["kind"] == "encoded"
    assert read_latent(Path("box.latent.safetensors")).latents.packed.shape == (12, 4, 4)


def test_a_way_is_a_strip_a_clip_or_a_folder(drawn) -> None:
    ways = (("s.png", []), ("c.gif", ["--fps", 5]), ("g.webp", ["--columns", 2]), ("frames", []))
    for name, more in ways:
        code, out, _ = drawn(
            "interpolate", "a.latent.safetensors", "b.png", "--steps", 4, "--resolution", 16, "--out", name, *more
        )
        assert code == 0 and len(out.split()) == (4 if name == "frames" else 1)
    assert pixels("s.png").shape == (24, 84, 3)
    assert sorted(path.name for path in Path("frames").iterdir()) == ["0.png", "1.png", "2.png", "3.png"]
    assert np.array_equal(pixels("frames/3.png"), pixels("b.png"))


def test_mixing_and_varying_write_samples(drawn) -> None:
    code, out, _ = drawn("mix", "a.latent.safetensors", "b.png", "--resolution", 16, "--out", "m.png", "--json")
    assert code == 0 and json.loads(out)["samples"][0]["recipe"]["levels"] == [1, 0, 0]
    code, _, _ = drawn("mix", "m.png", "b.png", "--levels", "0,0,0", "--resolution", 16, "--out", "same.png")
    assert code == 0 and np.array_equal(pixels("same.png"), pixels("b.png"))
    code, _, _ = drawn("vary", "m.png", "--seed", 3, "--strength", 0.4, "--resolution", 16, "--out", "v.png")
    assert code == 0 and not np.array_equal(pixels("v.png"), pixels("m.png"))
    assert read_recipe(Path("v.png")).source == read_recipe(Path("m.png"))
    code, _, _ = drawn("vary", "b.png", "--strength", 0, "--resolution", 16, "--out", "zero.png")
    assert code == 0 and np.array_equal(pixels("zero.png"), pixels("b.png"))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["encode", "small-image", "missing.png", "--out", "x.png"], 1, "no file missing.png"),
        (["encode", "small-image", "text.txt", "--out", "x.png"], 1, "is not a picture"),
        (["encode", "small-image", "broken.png", "--out", "x.png"], 1, "not a readable picture"),
        (["encode", "small-shape", "broken.png", "--out", "x.glb"], 1, "is not a mesh"),
        (["encode", "small-shape", "empty.glb", "--out", "x.glb"], 1, "empty.glb is empty"),
        (["encode", "small-image", "broken.png", "--out", "x.glb"], 1, "not written as .glb"),
        (["encode", "nothing", "broken.png", "--out", "x.png"], 1, "no model"),
        (["interpolate", "broken.png", "broken.png", "--out", "x.png"], 1, "broken.png"),
        (["interpolate", "missing", "missing.png", "--out", "x.png"], 1, "missing"),
        (["mix", "empty.glb", "broken.png", "--out", "x.png"], 1, "empty.glb"),
        (["vary", "missing.png", "--out", "x.png"], 1, "no file missing.png"),
        (["mix", "a", "b", "--levels", "1,x", "--out", "x.png"], 2, "--levels 1,x"),
        (["mix", "a", "b", "--out", "folder/"], 2, "has to be a file"),
        (["encode", "small-image", "broken.png", "--out", "folder/"], 2, "has to be a file"),
        (["interpolate", "a.png", "--out", "x.png"], 2, "B"),
        (["vary", "a.png", "--strength", "much", "--out", "x.png"], 2, "--strength"),
    ],
)
def test_what_cannot_be_done_is_one_line(ddmi, arguments: list[str], code: int, message: str) -> None:
    Path("text.txt").write_text("hello")
    Path("broken.png").write_bytes(b"\x89PNG\r\n\x1a\nhello")
    Path("empty.glb").touch()
    before = sorted(Path().iterdir())
    found, out, err = ddmi(*arguments)
    assert found == code and out == ""
    assert message in err and len(err.strip().splitlines()) == 1
    assert "Traceback" not in err and sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["encode", "small-image", "broken.png", "--out", "x.latent.safetensors"],
        ["interpolate", "broken.png", "broken.png", "--steps", "3", "--out", "x.mp4"],
    ],
)
def test_processes_end_with_one_line_too(home: Path, arguments: list[str]) -> None:
    Path("broken.png").write_bytes(b"\x89PNG\r\n\x1a\nhello")
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1 and "broken.png" in done.stderr
    assert [path.name for path in Path().iterdir()] == ["broken.png"]
