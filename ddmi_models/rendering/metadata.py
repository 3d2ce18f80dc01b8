"""Recipes of exported files: inside where the format has a place, else in a file beside it; and read back."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ddmi_models.errors import BadInput, NoRecipe
from ddmi_models.recipes import Recipe, recipe_from_json

RECIPE_KEY = "ddmi_recipe"
DESCRIPTION_TAG = 0x010E
"""ImageDescription of TIFF and EXIF."""

GLB_MAGIC, GLB_JSON = b"glTF", b"JSON"
FOLDER_RECIPE = "recipe.json"
"""The file in a folder of frames that holds its recipe."""

SIDECAR_SUFFIXES = (".jpg", ".jpeg", ".gif", ".webm", ".obj", ".ply", ".stl")
LARGEST_SIDECAR = 2**26


def ascii_json(recipe: Recipe) -> str:
    """The recipe as JSON in plain ASCII, for fields that know no other letters."""
    return json.dumps(recipe.model_dump(mode="json"), sort_keys=True)


def sidecar_of(path: Path) -> Path:
    """The file beside an export that holds its recipe: `table.obj.json` of `table.obj`."""
    return path.with_name(path.name + ".json")


def read_recipe(path: Path) -> Recipe:
    """The recipe of an exported picture, mesh, clip or folder of frames.

    Raises:
        BadInput: if there is no such file, or it is broken. NoRecipe: if it carries none, or its kind never does.
    """
    if path.is_dir():
        return recipe_from_json(_recipe_beside(path / FOLDER_RECIPE, path.resolve().name))
    if not path.is_file():
        raise BadInput(f"There is no file {path}.")
    suffix = path.suffix.lower()
    if suffix in SIDECAR_SUFFIXES:
        return recipe_from_json(_recipe_beside(sidecar_of(path), path.name))
    if suffix not in READERS:
        raise NoRecipe(f"{path.name} is not a kind of file that carries a recipe.", f"Those are {', '.join(READERS)}.")
    try:
        text = READERS[suffix](path)
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error) as error:
        reason = "it is cut off" if isinstance(error.__cause__ or error, struct.error) else error
        raise BadInput(f"{path} is not a readable {suffix} file ({reason}).", "It may be damaged.") from None
    if text is None:
        raise NoRecipe(f"{path} carries no recipe.", "It was not exported by this program, or another one rewrote it.")
    return recipe_from_json(text)


def _recipe_beside(beside: Path, name: str) -> str:
    if not beside.is_file():
        raise NoRecipe(f"The recipe of {name} is not beside it.", f"It was in {beside.name}.")
    try:
        text = beside.read_bytes()[:LARGEST_SIDECAR].decode()
        values = json.loads(text)
    except (OSError, ValueError) as error:
        raise BadInput(f"{beside} is not readable ({error}).", "It may be damaged.") from None
    return json.dumps(values.get(RECIPE_KEY)) if isinstance(values, dict) else text


# The plugins' own classes: Image.open refuses pictures beyond 179 megapixels, though only their headers are read here.


def _png(path: Path) -> str | None:
    from PIL.PngImagePlugin import PngImageFile

    with PngImageFile(path) as picture:
        return picture.info.get(RECIPE_KEY)


def _tiff(path: Path) -> str | None:
    from PIL.TiffImagePlugin import TiffImageFile

    with TiffImageFile(path) as picture:
        return _described(picture.tag_v2.get(DESCRIPTION_TAG))


def _webp(path: Path) -> str | None:
    from PIL.WebPImagePlugin import WebPImageFile

    with WebPImageFile(path) as picture:
        return _described(picture.getexif().get(DESCRIPTION_TAG))


def _described(text: Any) -> str | None:
    """The recipe in an image description, which other programs use for other things."""
    if not isinstance(text, str) or not text.startswith("{"):
        return None
    return json.dumps(json.loads(text)[RECIPE_KEY])


def _glb(path: Path) -> str | None:
    with path.open("rb") as file:
        magic, _, _, length, kind = struct.unpack("<4sIII4s", file.read(20))
        if magic != GLB_MAGIC or kind != GLB_JSON:
            raise ValueError("no glTF header")
        tree = json.loads(file.read(length))
    recipe = tree["asset"].get("extras", {}).get(RECIPE_KEY)
    return None if recipe is None else json.dumps(recipe)


def _mp4(path: Path) -> str | None:
    import av

    with av.open(str(path)) as clip:
        return _described(clip.metadata.get("comment"))


READERS: dict[str, Callable[[Path], str | None]] = {
    ".png": _png,
    ".webp": _webp,
    ".tif": _tiff,
    ".tiff": _tiff,
    ".glb": _glb,
    ".mp4": _mp4,
}
