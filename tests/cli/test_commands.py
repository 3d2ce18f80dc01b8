"""The command line called in this process: files, JSON, exit codes, one clear line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from ddmi_models.rendering.metadata import read_recipe
from tests import models


def files() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


def test_image_is_written_at_any_size(ddmi) -> None:
    code, out, _ = ddmi("generate", "small-image", "--seed", 3, "--resolution", "60x30", "--out", "a.png")
    assert code == 0 and out.split() == ["a.png"] and files() == ["a.png"]
    with Image.open("a.png") as picture:
        assert picture.size == (60, 30)
    assert read_recipe(Path("a.png")).seed == 3


def test_shape_is_written_and_told_as_json(ddmi) -> None:
    arguments = ("--prompt", "a purple chair", "--resolution", 24, "--iso", 0.5, "--out", "a.glb", "--json")
    code, out, err = ddmi("generate", "small-shape", *arguments)
    told = json.loads(out)
    assert code == 0 and told["files"] == ["a.glb"]
    assert told["samples"][0]["recipe"]["prompt"] == "a purple chair"
    assert told["samples"][0]["bytes"] == Path("a.glb").stat().st_size
    assert "purple" in err
    assert trimesh.load("a.glb", force="mesh").is_watertight


def test_several_samples_go_into_a_folder_named_by_seed(ddmi) -> None:
    code, out, _ = ddmi("generate", "small-image", "--seed", 5, "--count", 3, "--resolution", 16, "--out", "new/deep/")
    assert code == 0 and out.split() == ["new/deep/5.png", "new/deep/6.png", "new/deep/7.png"]
    pictures = [np.asarray(Image.open(path)) for path in out.split()]
    assert not np.array_equal(pictures[0], pictures[1])
    code, _, _ = ddmi("generate", "small-image", "--seed", 6, "--resolution", 16, "--out", "one.png")
    assert code == 0 and np.abs(np.asarray(Image.open("one.png"), int) - pictures[1]).max() <= 1


def test_folder_that_stays_empty_goes_again(ddmi) -> None:
    code, _, err = ddmi("generate", "small-image", "--steps", 0, "--out", "new/deep/")
    assert code == 1 and "0 steps" in err and list(Path().iterdir()) == []
    code, _, err = ddmi("generate", "small-image", "--count", 2, "--format", "xyz", "--out", "new/")
    assert code == 1 and "not written as .xyz" in err and list(Path().iterdir()) == []


def test_export_is_rendered_again_in_another_size_and_format(ddmi) -> None:
    ddmi("generate", "small-image", "--seed", 3, "--resolution", 16, "--out", "a.png")
    ddmi("generate", "small-image", "--seed", 3, "--out", "a.latent.safetensors")
    for number, source in enumerate(("a.png", "a.latent.safetensors")):
        code, out, _ = ddmi("render", source, "--resolution", 48, "--out", f"{number}.png")
        assert code == 0 and out.split() == [f"{number}.png"]
    first, second = (np.asarray(Image.open(f"{number}.png")) for number in (0, 1))
    assert first.shape == (48, 48, 3) and np.array_equal(first, second)
    code, _, _ = ddmi("render", "a.png", "--resolution", 48, "--gains", "1,0,0", "--out", "gains.png")
    assert code == 0 and not np.array_equal(np.asarray(Image.open("gains.png")), first)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["generate", "small-imige", "--out", "a.png"], 1, "Did you mean small-image"),
        (["generate", "small-image", "--out", "a.xyz"], 1, "not written as .xyz"),
        (["generate", "small-image", "--out", "missing/a.png"], 1, "does not exist"),
        (["generate", "small-image", "--out", "a.png", "--prompt", "a cat"], 1, "does not take a prompt"),
        (["generate", "small-image", "--out", "a.png", "--resolution", "0"], 1, "resolution of 0 pixels"),
        (["generate", "small-image", "--out", "a.png", "--resolution", "-3"], 1, "resolution of -3 pixels"),
        (["generate", "small-image", "--out", "a.png", "--resolution", "9999999"], 1, "The largest that fits is"),
        (["generate", "small-shape", "--out", "a.glb", "--resolution", "99999"], 1, "The largest that fits is"),
        (["generate", "small-shape", "--out", "a.glb", "--iso", "1.5"], 1, "not a probability"),
        (["generate", "small-image", "--out", "a.png", "--gains", "1,1"], 1, "2 gains"),
        (["generate", "small-image", "--out", "a.png", "--gains", "1,nan,1"], 1, "finite"),
        (["generate", "small-image", "--out", "a.png", "--iso", "0.5"], 1, "no surface"),
        (["generate", "small-image", "--out", "a.png", "--shows", "depth"], 1, "no camera moves around them"),
        (["generate", "small-image", "--out", "a.png", "--camera", "1,2"], 1, "no camera moves around them"),
        (["generate", "small-shape", "--out", "a.mp4", "--seconds", "3"], 1, "no camera moves around them"),
        (["generate", "small-image", "--out", "a.png", "--device", "cuda:99"], 1, "no device cuda:99"),
        (["generate", "small-image", "--out", "a.png", "--precision", "fp8"], 1, "fp8"),
        (["render", "missing.png", "--out", "a.png"], 1, "no file missing.png"),
        (["models", "show", "nothing"], 1, "no model"),
        (["models", "verify", "nothing"], 1, "no model"),
        (["models", "remove", "nothing"], 1, "no model"),
        (["models", "import", "nothing.pt"], 1, "no file nothing.pt"),
        (["data", "check", "."], 1, "no data in a known layout"),
        (["data", "make", "houses", "--out", "d"], 1, "no data set 'houses'"),
        (["data", "make", "real-furniture", "--out", "d", "--source", "."], 1, "sweethome3d-furniture"),
        (["data", "make", "furniture", "--out", "d", "--source", "."], 1, "no source"),
        (["train", "--preset", "nothing"], 1, "no preset 'nothing'"),
        (["train", "missing.yaml"], 1, "missing.yaml"),
        (["generate", "small-image"], 2, "--out"),
        (["generate", "--out", "a.png"], 2, "MODEL"),
        (["generate", "small-image", "--out", "a.png", "--count", "2"], 2, "needs a folder"),
        (["generate", "small-image", "--out", "a.png", "--count", "0"], 2, "--count"),
        (["generate", "small-image", "--out", "a.png", "--resolution", "big"], 2, "big"),
        (["generate", "small-image", "--out", "a.png", "--gains", "a,b"], 2, "a,b"),
        (["generate", "small-image", "--out", "a.png", "--seed", "x"], 2, "--seed"),
        (["generate", "small-image", "--out", "a.png", "--colour", "red"], 2, "--colour"),
        (["train"], 2, "--preset"),
        (["paint"], 2, "paint"),
    ],
)
def test_what_cannot_be_done_is_one_line(ddmi, arguments: list[str], code: int, message: str) -> None:
    found, out, err = ddmi(*arguments)
    assert found == code and out == ""
    assert message in err and len(err.strip().splitlines()) == 1
    assert "Traceback" not in err and files() == []


def test_a_single_picture_is_no_folder(ddmi) -> None:
    ddmi("generate", "small-image", "--out", "a.png")
    code, out, err = ddmi("render", "a.png", "--out", "folder/")
    assert (code, out) == (2, "") and "has to be a file" in err and files() == ["a.png"]


def test_debug_shows_the_traceback(ddmi) -> None:
    code, _, err = ddmi("generate", "small-image", "--steps", 0, "--out", "a.png", "--debug")
    assert code == 1 and "Traceback" in err and "0 steps" in err


def test_unforeseen_error_is_one_line(ddmi, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("ddmi_models.checkpoints.registry.list_models", broken)
    code, _, err = ddmi("models", "list")
    assert code == 1 and "ZeroDivisionError" in err and len(err.strip().splitlines()) == 1


def test_models_are_listed_and_shown(ddmi) -> None:
    code, out, _ = ddmi("models", "list")
    assert code == 0 and "small-image" in out and "small-shape" in out
    code, out, _ = ddmi("models", "list", "--json")
    listed = {model["name"]: model for model in json.loads(out)["models"]}
    assert code == 0 and listed["small-shape"]["takes_text"] and not listed["small-image"]["takes_text"]
    code, out, _ = ddmi("models", "show", "small-shape")
    assert code == 0 and "Plane order:  xy, xz, yz" in out and listed["small-shape"]["sha256"] in out
    code, out, _ = ddmi("models", "show", "small-shape", "--json")
    shown = json.loads(out)
    assert shown["config"]["plane_order"] == ["xy", "xz", "yz"]
    assert sum(shown["parameters_by_part"].values()) == shown["parameters"]


def test_models_are_imported_verified_and_removed(ddmi, home: Path) -> None:
    source = models.write(home, "image", "source")
    assert ddmi("models", "import", source, "--name", "mine")[:2] == (0, "mine\n")
    code, out, _ = ddmi("models", "verify", "mine", "--json")
    assert code == 0 and json.loads(out)["ok"]
    code, _, err = ddmi("models", "import", source, "--name", "mine")
    assert code == 1 and "already" in err
    assert ddmi("models", "remove", "mine")[0] == 0
    assert "mine" not in ddmi("models", "list")[1]


def test_training_data_is_made_and_checked(ddmi) -> None:
    code, out, _ = ddmi("data", "make", "furniture", "--count", 2, "--out", "set")
    assert code == 0 and out.strip() == "set/manifest.json"
    code, out, _ = ddmi("data", "check", "set", "--json")
    report = json.loads(out)
    assert code == 0 and report["usable"] == report["count"] == 2 and report["problems"] == []
    shard = next(Path("set").glob("*.npz"))
    shard.write_bytes(shard.read_bytes()[:-10])
    code, out, _ = ddmi("data", "check", "set")
    assert code == 1 and "0 of 2 items usable" in out and shard.name in out


def test_a_folder_of_pictures_is_recognised(ddmi) -> None:
    Path("pictures").mkdir()
    for index in range(2):
        Image.new("RGB", (20 + index, 30), "red").save(f"pictures/{index}.png")
    Path("pictures/2.png").write_text("no picture")
    code, out, _ = ddmi("data", "check", "pictures")
    assert code == 1 and "Folder of pictures: 2 of 3 items usable" in out and "2.png: damaged" in out
    code, out, _ = ddmi("data", "check", "pictures", "--json")
    report = json.loads(out)
    assert (report["layout"], report["domain"], report["usable"]) == ("images", "image", 2)


def test_films_are_checked_at_a_stride(ddmi) -> None:
    Path("films/one").mkdir(parents=True)
    for index in range(16):
        Image.new("RGB", (16, 16), (index, 0, 0)).save(f"films/one/frame{index}.png")
    assert "1 of 1 items usable" in ddmi("data", "check", "films")[1]
    code, out, _ = ddmi("data", "check", "films", "--stride", 2)
    assert code == 1 and "one: too short: 16 frames, 31 wanted (16 at stride 2)." in out


def test_doctor_tells_what_works(ddmi) -> None:
    code, out, _ = ddmi("doctor", "--json")
    told = json.loads(out)
    assert code == 0 and told["packages"]["torch"] and {"opengl", "devices", "problems"} <= set(told)
    code, out, _ = ddmi("doctor")
    assert code == 0 and "Device cpu" in out and "small-image (image, imported)" in out
