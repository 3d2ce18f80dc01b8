"""Files: readable by others, with the recipe inside or beside, whole or not at all."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import av
import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ddmi_models import files
from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.errors import BadInput, CannotWrite, OutOfMemory
from ddmi_models.recipes import SampledRecipe
from ddmi_models.rendering import renderers, writers
from ddmi_models.rendering.latent_files import LATENT_SUFFIX, read_latent, write_latent
from ddmi_models.rendering.memory import available_memory, require_memory
from ddmi_models.rendering.metadata import read_recipe, sidecar_of
from ddmi_models.rendering.renderers import RENDERERS, Decoded
from ddmi_models.rendering.writers import MESHES, PICTURES, write_clip, write_mesh, write_picture
from ddmi_models.requests import Export, Sample
from tests.rendering.solids import ball, drained, middling_iso, sampled, surface

TOKEN = CancelToken()
RECIPE = sampled("image")[1].recipe
PIXELS = np.random.default_rng(0).integers(0, 255, (12, 20, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def short_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turntables of few frames."""
    monkeypatch.setattr(renderers, "TURN_SECONDS", 1)
    monkeypatch.setattr(renderers, "TURN_RATE", 4)


@pytest.mark.parametrize("suffix", PICTURES)
def test_pictures_come_back_with_their_recipe(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    write_picture(path, PIXELS, RECIPE)
    with Image.open(path) as picture:
        back = np.asarray(picture.convert("RGB"))
    assert back.shape == PIXELS.shape
    if suffix in (".png", ".tif", ".tiff"):
        assert np.array_equal(back, PIXELS)
    assert read_recipe(path) == RECIPE
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [path.name] + ([sidecar_of(path).name] if suffix in (".jpg", ".jpeg") else [])
    )


@pytest.mark.parametrize("suffix", MESHES)
def test_meshes_come_back_watertight_with_their_recipe(suffix: str, tmp_path: Path) -> None:
    mesh = surface(ball(), 24)
    path = tmp_path / f"a{suffix}"
    write_mesh(path, mesh, RECIPE)
    back = trimesh.load(path, force="mesh")
    assert back.is_watertight and len(back.faces) == len(mesh.faces)
    assert back.volume == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.05)
    assert np.abs(back.bounds - [[-0.3] * 3, [0.3] * 3]).max() < 0.01
    assert read_recipe(path) == RECIPE


def test_clip_comes_back_with_its_recipe(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    frames = [np.full((16, 32, 3), value, np.uint8) for value in (0, 120, 240)]
    assert list(write_clip(path, iter(frames), 10, RECIPE)) == [1, 2, 3]
    with av.open(str(path)) as clip:
        back = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    assert [frame.shape for frame in back] == [(16, 32, 3)] * 3
    assert np.allclose([frame.mean() for frame in back], [0, 120, 240], atol=6)
    assert read_recipe(path) == RECIPE


def test_clip_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    frames = (np.zeros((16, 16, 3), np.uint8) for _ in range(5))
    work = write_clip(tmp_path / "a.mp4", frames, 10, RECIPE)
    next(work)
    work.close()
    assert list(tmp_path.iterdir()) == []


def test_latent_comes_back(tmp_path: Path) -> None:
    _, sample = sampled("shape")
    path = tmp_path / f"a{LATENT_SUFFIX}"
    write_latent(path, sample)
    back = read_latent(path)
    assert back.recipe == sample.recipe and back.latents.layout == sample.latents.layout
    assert np.array_equal(back.latents.packed, sample.latents.packed)


@pytest.mark.parametrize("domain", RENDERERS)
def test_every_format_of_a_domain_is_written(domain: str, tmp_path: Path) -> None:
    decoded, sample = sampled(domain)
    iso = middling_iso(decoded) if domain == "shape" else None
    renderer = RENDERERS[domain]
    for suffix in renderer.suffixes:
        path = tmp_path / f"a{suffix}"
        _, written = drained(renderer.write(decoded, Export(sample, path, iso=iso, views=2), (16, 16), TOKEN))
        assert written == path and path.stat().st_size > 0
        recipe = read_latent(path).recipe if suffix == LATENT_SUFFIX else read_recipe(path)
        assert recipe == sample.recipe


@pytest.mark.parametrize("domain", RENDERERS)
def test_same_export_has_the_same_bytes(domain: str, tmp_path: Path) -> None:
    decoded, sample = sampled(domain)
    iso = middling_iso(decoded) if domain == "shape" else None
    for suffix in {".png", ".glb", ".mp4"} & set(RENDERERS[domain].suffixes):
        contents = []
        for name in ("a", "b"):
            path = tmp_path / f"{name}{suffix}"
            drained(RENDERERS[domain].write(decoded, Export(sample, path, iso=iso, views=2), (16, 16), TOKEN))
            contents.append(path.read_bytes())
        assert contents[0] == contents[1], suffix


def refuse(decoded: Decoded, sample: Sample, path: Path, size: tuple[int, int], gains=None) -> None:
    renderer = RENDERERS[sample.recipe.domain]
    renderer.check(decoded.domain, Export(sample, path, size, gains=gains), size)


@pytest.mark.parametrize(
    ("domain", "name", "size", "message"),
    [
        ("image", "a.glb", (8, 8), "not written as .glb"),
        ("image", "a", (8, 8), "without an ending"),
        ("image", "a.png", (0, 0), "resolution of 0 pixels"),
        ("image", "a.png", (-4, 8), "-4x8"),
        ("image", "a.webp", (20_000, 2), "16383"),
        ("image", "a.jpg", (70_000, 2), "65535"),
        ("shape", "a.glb", (0, 0), "0 cells"),
        ("shape", "a.glb", (8, 9), "one number"),
        ("shape", "a.mp4", (9, 9), "even numbers"),
    ],
)
def test_impossible_exports_are_refused_before_any_work(
    domain: str, name: str, size: tuple[int, int], message: str
) -> None:
    decoded, sample = sampled(domain)
    with pytest.raises(BadInput, match=message):
        refuse(decoded, sample, Path(name), size)


@pytest.mark.parametrize(("domain", "name"), [("image", "a.png"), ("shape", "a.glb"), ("shape", "a.png")])
def test_enormous_exports_name_the_largest_that_fits(domain: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DDMI_MEMORY_LIMIT", "300M")
    decoded, sample = sampled(domain)
    with pytest.raises(OutOfMemory, match=r"The largest that fits is \d+") as refused:
        refuse(decoded, sample, Path(name), (10**9, 10**9))
    largest = int("".join(filter(str.isdigit, refused.value.hint)))
    refuse(decoded, sample, Path(name), (largest, largest))
    with pytest.raises(OutOfMemory):
        refuse(decoded, sample, Path(name), (largest + 1, largest + 1))


@given(limit=st.integers(1, 10**12), wanted=st.integers(1, 10**7), share=st.integers(1, 10**5))
def test_largest_that_fits_is_the_largest(limit: int, wanted: int, share: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDMI_MEMORY_LIMIT", str(limit))
        try:
            require_memory(lambda n: n * share, wanted, "things")
        except OutOfMemory as refused:
            digits = "".join(filter(str.isdigit, refused.hint))
            assert wanted * share > limit
            assert int(digits or 0) == limit // share
        else:
            assert wanted * share <= limit


@pytest.mark.parametrize(("text", "size"), [("2G", 2 * 2**30), ("1.5 MiB", 3 * 2**19), ("77", 77)])
def test_memory_limit_is_read(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DDMI_MEMORY_LIMIT", text)
    assert available_memory() == size


def test_wrong_memory_limit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DDMI_MEMORY_LIMIT", "much")
    with pytest.raises(BadInput, match="DDMI_MEMORY_LIMIT=much"):
        available_memory()


def test_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"before")

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(CannotWrite, match="No space left"):
        write_picture(path, PIXELS, RECIPE)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a.jpg", "a.obj"])
def test_file_does_not_appear_without_its_sidecar(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    sidecar_of(path).mkdir()
    with pytest.raises(CannotWrite, match="is a folder"):
        if name == "a.jpg":
            write_picture(path, PIXELS, RECIPE)
        else:
            write_mesh(path, surface(ball(), 12), RECIPE)
    assert not path.exists()


def test_cancelling_an_export_leaves_nothing(tmp_path: Path) -> None:
    decoded, sample = sampled("shape")
    token = CancelToken()
    work = RENDERERS["shape"].write(
        decoded, Export(sample, tmp_path / "a.glb", iso=middling_iso(decoded)), (48, 48), token
    )
    next(work)
    token.cancel()
    with pytest.raises(WorkCancelled):
        drained(work)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff", ".glb", ".mp4", ".jpg", LATENT_SUFFIX])
@pytest.mark.parametrize("content", [b"", b"not this format", b"\x89PNG\r\n\x1a\n", b"glTF" + bytes(30)])
def test_foreign_files_are_named(suffix: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"a\.") as refused:
        read_latent(path) if suffix == LATENT_SUFFIX else read_recipe(path)
    assert "unpack" not in str(refused.value), "said in a user's words"


def test_a_folder_without_a_recipe_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=tmp_path.name):
        read_recipe(Path("."))


@given(cut=st.floats(0, 0.99))
def test_truncated_files_are_named(cut: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("cut")
    write_picture(folder / "a.png", PIXELS, RECIPE)
    whole = (folder / "a.png").read_bytes()
    (folder / "b.png").write_bytes(whole[: int(cut * 60)])
    with pytest.raises(BadInput):
        read_recipe(folder / "b.png")


def test_files_of_other_programs_carry_no_recipe(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    with pytest.raises(BadInput, match="carries no recipe"):
        read_recipe(tmp_path / "a.png")
    trimesh.creation.box().export(tmp_path / "a.glb")
    with pytest.raises(BadInput, match="carries no recipe"):
        read_recipe(tmp_path / "a.glb")
    with pytest.raises(BadInput, match="not a kind of file"):
        read_recipe(tmp_path / "a.txt") if (tmp_path / "a.txt").write_text("x") else None
    with pytest.raises(BadInput, match="no file"):
        read_recipe(tmp_path / "missing.png")


def test_recipe_of_a_newer_version_is_named(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.jpg", PIXELS, RECIPE)
    beside = sidecar_of(tmp_path / "a.jpg")
    values = json.loads(beside.read_text())
    values["ddmi_recipe"]["version"] = 99
    beside.write_text(json.dumps(values))
    with pytest.raises(BadInput, match="newer version"):
        read_recipe(tmp_path / "a.jpg")


@given(
    prompt=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40), seed=st.integers(0, 2**63 - 1)
)
def test_any_prompt_survives(prompt: str, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    recipe = SampledRecipe(**{**RECIPE.model_dump(), "prompt": prompt, "seed": seed})
    folder = tmp_path_factory.mktemp("prompt")
    for suffix in (".png", ".webp", ".tiff", ".jpg"):
        write_picture(folder / f"a{suffix}", PIXELS, recipe)
        assert read_recipe(folder / f"a{suffix}") == recipe


def test_estimates_grow_with_the_size() -> None:
    for renderer in RENDERERS.values():
        for suffix in renderer.suffixes:
            small, large = (renderer.estimate(suffix, (side, side), 1e-6) for side in (64, 256))
            assert large.seconds >= small.seconds and large.file_bytes >= small.file_bytes
            assert large.memory_bytes >= small.memory_bytes > 0


def test_estimated_sizes_are_near_the_written_ones(tmp_path: Path) -> None:
    mesh = surface(ball(), 96)
    for suffix in MESHES:
        write_mesh(tmp_path / f"a{suffix}", mesh, RECIPE)
        per_face = (tmp_path / f"a{suffix}").stat().st_size / len(mesh.faces)
        estimated = RENDERERS["shape"].estimate(suffix, (96, 96), 1e-6).file_bytes
        faces = estimated / per_face
        assert 0.5 < faces / (3.5 * 96**2) < 2
    assert set(writers.PICTURES) < set(RENDERERS["shape"].suffixes)
