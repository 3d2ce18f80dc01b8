"""Pictures, meshes and clips as files with their recipe, whole or not at all; by suffix."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ddmi_models.errors import BadInput
from ddmi_models.files import atomic_file
from ddmi_models.recipes import Recipe
from ddmi_models.rendering.metadata import (
    DESCRIPTION_TAG,
    RECIPE_KEY,
    SIDECAR_SUFFIXES,
    ascii_json,
    sidecar_of,
)
from ddmi_models.requests import MeshData

COLOUR = (204, 133, 84, 255)
"""Base colour of exported meshes, sRGB."""

LONGEST_SIDE = {".jpg": 65_535, ".jpeg": 65_535, ".webp": 16_383}
"""Pixels a side that the formats allow."""

H264_OPTIONS = {"crf": "18", "x264-params": "mbtree=0"}
"""x264's macroblock tree reads memory that nobody wrote: with it equal frames now and then give other bytes."""

HALVED = (".mp4", ".webm")
"""Formats that keep colours at half the size."""

VP9_OPTIONS = {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4"}

LARGEST_DENOMINATOR = 1001
"""Of a clip's rate as a fraction: 30000/1001 is television's."""

FASTEST_GIF = 50.0
"""Frames a second: players take a shorter delay than two hundredths of a second for a long one."""


def write_picture(path: Path, pixels: np.ndarray, recipe: Recipe) -> None:
    """Write uint8 [height, width, 3] in the format of the suffix.

    Raises:
        BadInput: if the format cannot hold so large a picture. CannotWrite: as `atomic_file`.
    """
    suffix = path.suffix.lower()
    check_picture_size(suffix, pixels.shape[1], pixels.shape[0])
    encoded = BytesIO()  # the encoders' own messages about a full disk say little, and some print them
    PICTURES[suffix](encoded, Image.fromarray(pixels), recipe)
    with atomic_file(path) as file:
        file.write(encoded.getbuffer())
        _write_sidecar(path, recipe)


def check_picture_size(suffix: str, width: int, height: int) -> None:
    """Refuse a picture that the format cannot hold.

    Raises:
        BadInput: naming the largest side.
    """
    longest = LONGEST_SIDE.get(suffix)
    if longest is not None and max(width, height) > longest:
        raise BadInput(f"A {suffix} picture has at most {longest} pixels a side.", "Ask for less, or write a .png.")


def _png(file: BinaryIO, picture: Image.Image, recipe: Recipe) -> None:
    info = PngInfo()
    info.add_itxt(RECIPE_KEY, recipe.to_json())
    picture.save(file, "PNG", pnginfo=info)


def _jpeg(file: BinaryIO, picture: Image.Image, recipe: Recipe) -> None:
    picture.save(file, "JPEG", quality=95, subsampling=0)


def _webp(file: BinaryIO, picture: Image.Image, recipe: Recipe) -> None:
    exif = Image.Exif()
    exif[DESCRIPTION_TAG] = _wrapped(recipe)
    picture.save(file, "WEBP", quality=95, method=4, exif=exif)


def _tiff(file: BinaryIO, picture: Image.Image, recipe: Recipe) -> None:
    picture.save(file, "TIFF", compression="tiff_adobe_deflate", tiffinfo={DESCRIPTION_TAG: _wrapped(recipe)})


def _wrapped(recipe: Recipe) -> str:
    return json.dumps({RECIPE_KEY: json.loads(ascii_json(recipe))})


def _write_sidecar(path: Path, recipe: Recipe) -> None:
    if path.suffix.lower() in SIDECAR_SUFFIXES:
        content = json.dumps({RECIPE_KEY: recipe.model_dump(mode="json")}, indent=2, sort_keys=True)
        with atomic_file(sidecar_of(path)) as file:
            file.write(content.encode())


def write_mesh(path: Path, mesh: MeshData, recipe: Recipe) -> None:
    """Write a surface in the format of the suffix.

    Raises:
        CannotWrite: as `atomic_file`.
    """
    suffix = path.suffix.lower()
    with atomic_file(path) as file:
        content = MESHES[suffix](as_trimesh(mesh), recipe)
        file.write(content.encode() if isinstance(content, str) else content)
        _write_sidecar(path, recipe)


def as_trimesh(mesh: MeshData) -> Any:
    """The surface as trimesh.Trimesh, with normals and its own colours or a matt material."""
    import trimesh

    if mesh.colours is not None:
        return trimesh.Trimesh(
            mesh.vertices, mesh.faces, vertex_normals=mesh.normals, vertex_colors=mesh.colours, process=False
        )
    material = trimesh.visual.material.PBRMaterial(baseColorFactor=COLOUR, metallicFactor=0.0, roughnessFactor=0.8)
    visual = trimesh.visual.TextureVisuals(material=material)
    return trimesh.Trimesh(mesh.vertices, mesh.faces, vertex_normals=mesh.normals, visual=visual, process=False)


def _glb(mesh: Any, recipe: Recipe) -> bytes:
    from trimesh.exchange.gltf import export_glb

    if mesh.visual.kind == "vertex":  # the format's vertex colours are linear
        mesh = mesh.copy()
        mesh.visual.vertex_colors = _linear(mesh.visual.vertex_colors)

    def with_recipe(tree: dict[str, Any]) -> None:
        tree["asset"]["extras"] = {RECIPE_KEY: recipe.model_dump(mode="json")}

    return export_glb(mesh.scene(), include_normals=True, tree_postprocessor=with_recipe)


def _linear(colours: np.ndarray) -> np.ndarray:
    """sRGB bytes [V, 4] as bytes of linear light."""
    shares = colours[:, :3] / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return np.column_stack([np.round(255 * linear).astype(np.uint8), colours[:, 3]])


def _obj(mesh: Any, recipe: Recipe) -> str:
    coloured = mesh.visual.kind == "vertex"
    if not coloured:
        mesh.visual = type(mesh.visual.to_color())(mesh)
    return mesh.export(file_type="obj", include_color=coloured, include_texture=False, header="")


def _ply(mesh: Any, recipe: Recipe) -> bytes:
    return mesh.export(file_type="ply", vertex_normal=True, include_attributes=False)


def _stl(mesh: Any, recipe: Recipe) -> bytes:
    return mesh.export(file_type="stl")


def write_clip(path: Path, frames: Iterator[np.ndarray], rate: float, recipe: Recipe) -> Iterator[int]:
    """Write frames uint8 [height, width, 3] in the format of the suffix; yields how many are written.

    The file appears when the frames have ended; it does not if the iterator is closed before.

    Raises:
        BadInput: as `check_clip`. CannotWrite: as `atomic_file`.
    """
    yield from CLIPS[path.suffix.lower()](path, frames, rate, recipe)


def check_clip(suffix: str, width: int, height: int, rate: float) -> None:
    """Refuse a clip that the format cannot hold.

    Raises:
        BadInput: for odd sides where colours are kept at half the size, a rate that a .gif cannot show.
    """
    if suffix in HALVED and (width % 2 or height % 2):
        raise BadInput(f"A clip of {width}x{height} pixels was asked for.", "Its sides have to be even numbers.")
    if suffix == ".gif" and rate > FASTEST_GIF:
        raise BadInput(f"A .gif shows at most {FASTEST_GIF:g} frames a second.", "Ask for less, or write an .mp4.")


def _gif(path: Path, frames: Iterator[np.ndarray], rate: float, recipe: Recipe) -> Iterator[int]:
    """An endless loop of 256 colours a frame; GIF counts time in hundredths of a second, rounded for each frame."""
    pictures = []
    for index, frame in enumerate(frames, start=1):
        pictures.append(Image.fromarray(frame).quantize(256, dither=Image.Dither.NONE))
        yield index
    encoded = BytesIO()
    ends = [round(100 * index / rate) for index in range(len(pictures) + 1)]
    delays = [10 * (end - start) for start, end in pairwise(ends)]
    pictures[0].save(encoded, "GIF", save_all=True, append_images=pictures[1:], duration=delays, loop=0)
    with atomic_file(path) as file:
        file.write(encoded.getbuffer())
        _write_sidecar(path, recipe)


def _mp4(path: Path, frames: Iterator[np.ndarray], rate: float, recipe: Recipe) -> Iterator[int]:
    """H.264 with the recipe in the comment."""
    with atomic_file(path) as file:
        yield from _encoded(file, "mp4", "libx264", H264_OPTIONS, frames, rate, _wrapped(recipe))


def _webm(path: Path, frames: Iterator[np.ndarray], rate: float, recipe: Recipe) -> Iterator[int]:
    """VP9."""
    with atomic_file(path) as file:
        yield from _encoded(file, "webm", "libvpx-vp9", VP9_OPTIONS, frames, rate)
        _write_sidecar(path, recipe)


def _encoded(
    file: BinaryIO,
    container: str,
    codec: str,
    options: dict[str, str],
    frames: Iterator[np.ndarray],
    rate: float,
    comment: str | None = None,
) -> Iterator[int]:
    """Encode frames while they come; the same frames give the same bytes."""
    import av

    with av.open(file, "w", format=container, options={"fflags": "+bitexact"}) as clip:
        if comment is not None:
            clip.metadata["comment"] = comment
        stream: Any = None
        for index, frame in enumerate(frames, start=1):
            if stream is None:
                fraction = Fraction(rate).limit_denominator(LARGEST_DENOMINATOR)
                stream = clip.add_stream(codec, rate=fraction, options=options)
                stream.height, stream.width, stream.pix_fmt = *frame.shape[:2], "yuv420p"
                stream.thread_count = 1
            clip.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            yield index
        clip.mux(stream.encode())


PICTURES: Mapping[str, Callable[[BinaryIO, Image.Image, Recipe], None]] = {
    ".png": _png,
    ".jpg": _jpeg,
    ".jpeg": _jpeg,
    ".webp": _webp,
    ".tif": _tiff,
    ".tiff": _tiff,
}
MESHES: Mapping[str, Callable[[Any, Recipe], str | bytes]] = {".glb": _glb, ".obj": _obj, ".ply": _ply, ".stl": _stl}
CLIPS: Mapping[str, Callable[[Path, Iterator[np.ndarray], float, Recipe], Iterator[int]]] = {
    ".mp4": _mp4,
    ".webm": _webm,
    ".gif": _gif,
}
