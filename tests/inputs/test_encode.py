"""The user's own signals: any picture, mesh or cloud becomes a sample near it; what is none is said in one line."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ddmi_models.cancel import CancelToken
from ddmi_models.domains.shape import ShapeDomain
from ddmi_models.engine import Engine
from ddmi_models.errors import BadInput, EngineError
from ddmi_models.events import Cancelled, Progress
from ddmi_models.inputs.coloured import ColouredReader
from ddmi_models.inputs.pictures import PictureReader, load_picture, squared
from ddmi_models.inputs.surfaces import SurfaceReader, chamfer_distance
from ddmi_models.planes import BasisFields, Latents, PlaneLayout, PlaneSpec
from ddmi_models.recipes import EncodedRecipe, encoded_recipe
from ddmi_models.rendering.metadata import read_recipe
from ddmi_models.rendering.writers import write_clip, write_picture
from ddmi_models.requests import Encode, Export, ImageView, Interpolate, OpenExport, Regenerate, Render
from ddmi_models.resources import assets_dir
from tests import models
from tests.engine.running import engine_with, error, final, run

RED, GREEN, WHITE = (255, 0, 0), (0, 255, 0), (255, 255, 255)
TOKEN = CancelToken()


@dataclass(frozen=True)
class Made:
    engine: Engine
    model: str


@pytest.fixture(scope="module", params=["image", "shape"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(*engine_with(tmp_path_factory.mktemp("models"), request.param))


@pytest.fixture(scope="module")
def solids() -> models.ModelParts:
    return models.parts("shape")


def input_for(model: str, folder: Path) -> Path:
    """A file that the small model of a domain takes."""
    if "image" in model:
        Image.new("RGB", (40, 30), GREEN).save(folder / "a.png")
        return folder / "a.png"
    trimesh.creation.box((1, 0.5, 0.3)).export(folder / "a.ply")
    return folder / "a.ply"


def table() -> trimesh.Trimesh:
    leg = trimesh.creation.box((0.1, 0.5, 0.1))
    leg.apply_translation((0, -0.3, 0))
    return trimesh.util.concatenate([trimesh.creation.box((1, 0.1, 0.6)), leg])


# What every domain does


def test_an_encoded_file_is_a_sample_like_any_other(made: Made, tmp_path: Path) -> None:
    source = input_for(made.model, tmp_path)
    encoded = final(run(made.engine, Encode(made.model, source)))
    sample, recipe = encoded.sample, encoded.sample.recipe
    assert (recipe.source, recipe.kind) == (source.name, "encoded") and encoded.words
    again = final(run(made.engine, Encode(made.model, source))).sample
    assert np.array_equal(again.latents.packed, sample.latents.packed)
    source.unlink()
    suffix, iso = (".png", None) if "image" in made.model else (".stl", 0.5)
    path = final(run(made.engine, Export(sample, tmp_path / f"b{suffix}", (32, 32), iso)))
    opened = final(run(made.engine, OpenExport(path)))
    back = final(run(made.engine, Regenerate(opened.recipe)))
    assert opened.sample is None and np.array_equal(back.latents.packed, sample.latents.packed)
    assert len(final(run(made.engine, Interpolate(sample, back, 3)))) == 3


def test_cancelling_stops_between_its_steps(made: Made, tmp_path: Path) -> None:
    source = input_for(made.model, tmp_path)
    for stage in range(3):
        token, last = CancelToken(), None
        for last in made.engine.run(Encode(made.model, source), token):
            if isinstance(last, Progress) and last.step == stage and last.total > 1:
                token.cancel()
        assert isinstance(last, Cancelled)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff", ".jpg"])
def test_files_carry_large_latents(suffix: str, tmp_path: Path) -> None:
    recipe = large_recipe()
    write_picture(tmp_path / f"a{suffix}", np.zeros((16, 16, 3), np.uint8), recipe)
    assert read_recipe(tmp_path / f"a{suffix}") == recipe


def test_clips_carry_large_latents(tmp_path: Path) -> None:
    recipe = large_recipe()
    assert list(write_clip(tmp_path / "a.mp4", iter([np.zeros((16, 16, 3), np.uint8)] * 2), 12, recipe)) == [1, 2]
    assert read_recipe(tmp_path / "a.mp4") == recipe


def large_recipe() -> EncodedRecipe:
    """As large as the published models' latents are, and as little compressible."""
    layout = PlaneLayout((PlaneSpec("xy", 16, 128, 128),))
    latents = Latents(np.random.default_rng(0).normal(size=layout.shape).astype(np.float32), layout)
    return encoded_recipe("image", "big", "0" * 64, "me.png", "0" * 64, latents)


# Pictures


@pytest.mark.parametrize("size", [(300, 100), (100, 300), (100, 100), (7, 21), (1, 1)])
def test_the_centred_square_of_a_picture_is_taken(size: tuple[int, int]) -> None:
    width, height = size
    edge = min(size)
    picture = Image.new("RGB", size, RED)
    picture.paste(GREEN, ((width - edge) // 2, (height - edge) // 2, (width + edge) // 2, (height + edge) // 2))
    assert np.array_equal(np.unique(np.asarray(squared(picture, 16)).reshape(-1, 3), axis=0), [GREEN])


def test_pictures_are_averaged_not_thinned_out() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(np.asarray(squared(Image.fromarray(stripes), 16), int) - 127.5).max() <= 1


def test_transparency_is_white_and_turned_pictures_stand(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert load_picture(tmp_path / "a.png").getpixel((1, 1)) == WHITE
    lying = Image.new("RGB", (20, 10), RED)
    lying.paste(GREEN, (0, 0, 10, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    lying.save(tmp_path / "b.png", exif=exif)
    standing = load_picture(tmp_path / "b.png")
    assert standing.size == (10, 20) and standing.getpixel((5, 2)) == GREEN


def test_grey_values_of_sixteen_bits_keep_their_range(tmp_path: Path) -> None:
    values = np.linspace(0, 65_535, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert np.abs(np.asarray(load_picture(tmp_path / "a.png"))[..., 0].astype(float) - values / 257).max() <= 1


def test_the_error_is_that_of_the_render(tmp_path: Path) -> None:
    engine, model = engine_with(tmp_path, "image")
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    encoded = final(run(engine, Encode(model, tmp_path / "a.png")))
    render = final(run(engine, Render(encoded.sample, ImageView(16, 16)))).pixels
    mse = np.square(render.astype(float) - pixels).mean()
    assert abs(encoded.figures["psnr"] - 10 * np.log10(255**2 / mse)) < 0.05


def test_a_face_comes_back_from_the_starter(tmp_path: Path) -> None:
    with Image.open(assets_dir() / "starters" / "avatars" / "sheet.png") as sheet:
        face = sheet.convert("RGB").crop((4, 4, 100, 100)).resize((200, 200))
        wide = Image.new("RGB", (300, 200), RED)
        wide.paste(face, (50, 0))
    wide.save(tmp_path / "face.jpg", quality=95)
    engine = Engine("cpu")
    encoded = final(run(engine, Encode("avatars", tmp_path / "face.jpg")))
    assert encoded.figures["psnr"] > 20
    render = final(run(engine, Render(encoded.sample, ImageView(64, 64)))).pixels
    difference = np.asarray(face.resize((64, 64), Image.Resampling.BOX), float) - render
    assert 10 * np.log10(255**2 / np.square(difference).mean()) > 20


# Meshes and clouds


def cloud_of(path: Path, parts: models.ModelParts, up: str = "y") -> np.ndarray:
    given = SurfaceReader().read(path, parts.domain, up, TOKEN)
    return given.batch["cloud"][0].numpy()


@settings(max_examples=4)
@given(st.floats(1e-3, 1e3), st.tuples(*[st.floats(-100, 100)] * 3))
def test_place_and_size_of_a_mesh_do_not_matter(tmp_path_factory, solids, scale: float, shift) -> None:
    folder = tmp_path_factory.mktemp("meshes")
    mesh = table()
    mesh.export(folder / "a.glb")
    moved = mesh.copy()
    moved.apply_scale(scale)
    moved.apply_translation(np.array(shift) * scale)
    moved.export(folder / "b.glb")
    clouds = [cloud_of(folder / name, solids) for name in ("a.glb", "b.glb")]
    assert chamfer_distance(*clouds) < 0.002
    low, high = clouds[1].min(0), clouds[1].max(0)
    assert np.abs(low + high).max() < 0.05 and 0.9 < (high - low).max() <= 0.981


def test_the_axis_that_points_up_is_turned(tmp_path: Path, solids) -> None:
    mesh = table()
    mesh.export(tmp_path / "y.obj")
    mesh.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, (1, 0, 0)))  # y up becomes z up
    mesh.export(tmp_path / "z.obj")
    assert chamfer_distance(cloud_of(tmp_path / "y.obj", solids), cloud_of(tmp_path / "z.obj", solids, "z")) < 0.02
    assert chamfer_distance(cloud_of(tmp_path / "y.obj", solids), cloud_of(tmp_path / "z.obj", solids)) > 0.05


def test_every_kind_of_file_gives_the_same_surface(tmp_path: Path, solids) -> None:
    mesh = table()
    points, _ = trimesh.sample.sample_surface(mesh, 4000, seed=1)
    for suffix in (".glb", ".obj", ".ply", ".stl", ".off"):
        mesh.export(tmp_path / f"mesh{suffix}")
    trimesh.PointCloud(points).export(tmp_path / "cloud.ply")
    np.save(tmp_path / "cloud.npy", points.astype(np.float32))
    np.savez(tmp_path / "cloud.npz", weights=np.ones(3), points=np.c_[points, points])
    np.savetxt(tmp_path / "cloud.xyz", points)
    wanted = cloud_of(tmp_path / "mesh.glb", solids)
    for path in sorted(tmp_path.iterdir()):
        found = cloud_of(path, solids)
        assert found.shape == (2048, 3) and chamfer_distance(found, wanted) < 0.02, path.name


def test_parts_of_a_scene_stand_where_it_puts_them(tmp_path: Path, solids) -> None:
    scene = trimesh.Scene()
    scene.add_geometry(trimesh.creation.box((1, 0.1, 0.6)))
    place = trimesh.transformations.translation_matrix((0, -0.3, 0))
    scene.add_geometry(trimesh.creation.box((0.1, 0.5, 0.1)), transform=place)
    scene.export(tmp_path / "scene.glb")
    table().export(tmp_path / "mesh.glb")
    assert chamfer_distance(*(cloud_of(tmp_path / name, solids) for name in ("scene.glb", "mesh.glb"))) < 0.02


class Ball(ShapeDomain):
    """A shape whose field is a ball, whatever the planes hold."""

    radius = 0.0

    def logits(self, fields: BasisFields, points: torch.Tensor) -> torch.Tensor:
        return 40 * (self.radius - points.norm(dim=-1))


def ball(radius: float) -> Ball:
    domain = Ball(models.config("shape"))
    domain.radius = radius
    return domain


def test_chamfer_distance_and_overlap_are_those_of_the_solids(tmp_path: Path, solids) -> None:
    trimesh.creation.icosphere(subdivisions=4, radius=3.0).export(tmp_path / "ball.stl")
    reader = SurfaceReader()
    given_ball = reader.read(tmp_path / "ball.stl", solids.domain, "y", TOKEN)
    fields = BasisFields(({"xy": torch.zeros(1)},))
    same = reader.compare(given_ball, ball(0.49), fields, TOKEN)
    smaller = reader.compare(given_ball, ball(0.39), fields, TOKEN)
    assert same.figures["iou"] > 0.98 and same.figures["chamfer"] < 0.02
    assert abs(smaller.figures["iou"] - (0.39 / 0.49) ** 3) < 0.02 and abs(smaller.figures["chamfer"] - 0.1) < 0.02
    nothing = reader.compare(given_ball, ball(-1.0), fields, TOKEN)
    assert nothing.figures == {"iou": 0.0} and "empty" in nothing.words


def test_an_open_mesh_is_taken_and_has_no_overlap(tmp_path: Path, solids) -> None:
    box = trimesh.creation.box((1, 0.5, 0.3))
    trimesh.Trimesh(box.vertices, box.faces[:-2]).export(tmp_path / "open.obj")
    surface = SurfaceReader().read(tmp_path / "open.obj", solids.domain, "y", TOKEN).reference
    assert len(surface.points) and surface.bodies == ()


# Coloured clouds


def test_coloured_files_keep_colours_and_stand_with_z_up(tmp_path: Path) -> None:
    domain = models.parts("nerf").domain
    mesh = trimesh.creation.box((2, 1, 0.6))
    mesh.visual.vertex_colors = [200, 30, 30, 255]
    mesh.export(tmp_path / "a.glb")
    mesh.export(tmp_path / "b.ply")
    points, _ = trimesh.sample.sample_surface(mesh, 3000, seed=1)
    np.save(tmp_path / "c.npy", np.c_[points, np.tile([200 / 255, 30 / 255, 30 / 255], (3000, 1))])
    np.savez(tmp_path / "d.npz", points=points, colors=np.tile([200, 30, 30], (3000, 1)))
    for path in sorted(tmp_path.iterdir()):
        cloud = ColouredReader().read(path, domain, "y", TOKEN).batch["cloud"][0].numpy()
        assert np.allclose(np.ptp(cloud[:, :3], axis=0), [0.98, 0.294, 0.49], atol=0.01), path.name
        assert np.allclose(cloud[:, 3:], [200 / 255, 30 / 255, 30 / 255], atol=0.01), path.name


def test_points_without_colours_are_no_radiance_field(tmp_path: Path) -> None:
    domain = models.parts("nerf").domain
    np.save(tmp_path / "a.npy", np.random.default_rng(0).uniform(size=(50, 3)))
    with pytest.raises(BadInput, match="no coloured points"):
        ColouredReader().read(tmp_path / "a.npy", domain, "y", TOKEN)


# What cannot be read


def png(size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "PNG")
    return buffer.getvalue()


def huge_png() -> bytes:
    """A header that promises 60,000 x 60,000 pixels."""
    header = bytearray(png((8, 8)))
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    return bytes(header)


@pytest.mark.parametrize(
    ("domain", "name", "content", "message"),
    [
        ("image", "a.png", b"", "a.png is empty"),
        ("image", "a.png", b"hello", "not a readable picture"),
        ("image", "a.jpg", png((50, 50))[:60], "not a readable picture"),
        ("image", "a.png", huge_png(), "readable picture"),
        ("image", "a.glb", b"glTF", "a.glb is not a picture"),
        ("image", "a.txt", b"text", "a.txt is not a picture"),
        ("shape", "a.png", png((8, 8)), "a.png is not a mesh"),
        ("shape", "a.glb", b"glTF\0\0", "not a readable .glb file"),
        ("shape", "a.obj", b"v 0 0 0\n", "no surface in a.obj"),
        ("shape", "a.obj", b"v 0 0 0\nv 0 0 0\nv 0 0 0\nf 1 2 3\n", "at one place"),
        ("shape", "a.obj", b"v 0 0 0\nv 1 1 1\nv 2 2 2\nf 1 2 3\n", "no area"),
        ("shape", "a.obj", b"v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "not finite"),
        ("shape", "a.stl", b"solid x\nendsolid x\n", "a.stl"),
        ("shape", "a.ply", b"ply\nformat ascii 1.0\nelement vertex 9\n", "a.ply"),
        ("shape", "a.npy", b"\x93NUMPY", "not a readable .npy file"),
        ("shape", "a.xyz", b"1 2\n3 4\n", "a.xyz"),
        ("shape", "a.xyz", b"0 0 0\n1 1 1\n", "no surface"),
    ],
)
def test_bad_input_is_one_clear_line(
    domain: str, name: str, content: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DDMI_MEMORY_LIMIT", "2G")
    reader = {"image": PictureReader(), "shape": SurfaceReader()}[domain]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(EngineError) as caught:
        reader.check(path)
        reader.read(path, models.parts(domain).domain, "y", TOKEN)
    said = str(caught.value)
    assert message in said or "178 megapixels" in said, said
    assert "\n" not in said


def test_pickles_inside_arrays_are_refused(tmp_path: Path, solids) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(BadInput, match=r"not a readable \.npy"):
        cloud_of(tmp_path / "a.npy", solids)


def test_missing_files_and_unknown_axes_are_said(made: Made, tmp_path: Path) -> None:
    assert "no file" in error(run(made.engine, Encode(made.model, tmp_path / "missing.png")))
    assert "is a folder" in error(run(made.engine, Encode(made.model, tmp_path)))
    if "shape" in made.model:
        path = input_for(made.model, tmp_path)
        assert "cannot point up" in error(run(made.engine, Encode(made.model, path, up="x")))


def test_a_file_too_large_for_the_memory_is_refused(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = input_for(made.model, tmp_path)
    monkeypatch.setenv("DDMI_MEMORY_LIMIT", "1K")
    assert "of memory" in error(run(made.engine, Encode(made.model, path)))
