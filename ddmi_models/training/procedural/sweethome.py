"""Real furniture: the models of Debian's package `sweethome3d-furniture` (zip files with a catalogue and OBJ files).

The libraries in TRAINING_LIBRARIES may be trained on (CC0 and CC-BY 3.0, attribution in `Entry.credit`). Those in
RESERVED_LIBRARIES are for independent evaluation only: never train or tune on them.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh

from ddmi_models.errors import BadData

FOLDER = Path("/usr/share/sweethome3d/furniture")
TRAINING_LIBRARIES = ("Scopia", "BlendSwap-CC-0", "BlendSwap-CC-BY")
RESERVED_LIBRARIES = ("KatorLegaz", "Reallusion")

LOW_TABLE = 55.0
"""Height in centimetres up to which a plain table is a coffee table."""
TALL_LAMP = 90.0
"""Height in centimetres from which a lamp stands on the floor."""
CATALOGUE = "PluginFurnitureCatalog.properties"
_NOT_OURS = (
    r"\b(baby|doll|tennis|football|pool|street|wall|ceiling|hanging|pendant|chandelier|outdoor|camping|hospital|upper|"
    r"technical|changing|sink|glass door|corner|swing|tablecloth|crib|bunk|mezzanine|abdominal|island|high chair|wheel|"
    r"opened|tatami|hammock|deck|beach|locker|contemporary living|piano bench|water|fan|folding|relax|ryokan|"
    r"dressing)\b"
)
_ODD_ONES = ("/blendswap-cc-0/lamp/lamp.obj",)
"""Models whose name says another thing than they show (here a chandelier)."""
_KINDS = (
    (r"table lamp|desk lamp|little lamp", "table lamp"),
    (r"lamp$|halogen", "floor lamp"),
    (r"arm ?chair", "armchair"),
    (r"stool|bar chair|\bpuff\b", "stool"),
    (r"\bchair\b|\bseat\b", "chair"),
    (r"sofa|couch", "sofa"),
    (r"\bbench|\bbank\b", "bench"),
    (r"bedside table|night ?table|night ?stand", "side table"),
    (r"coffee table|low table", "coffee table"),
    (r"\bdesk\b", "desk"),
    (r"round table", "round table"),
    (r"\btable\b", "dining table"),
    (r"book ?case|book ?shel|^(vertical )?shelves$", "bookcase"),
    (r"dresser|drawers", "dresser"),
    (r"wardrobe|cupboard|cabinet|buffet|sideboard|chest$", "cabinet"),
    (r"\bbed\b", "bed"),
)


@dataclass(frozen=True)
class Entry:
    """A piece of furniture in a library.

    size: width, height, depth in centimetres as in the catalogue; turn: rows of the rotation that sets the model
    upright with its front towards +Z; credit: author, library and licence.
    """

    library: Path
    model: str
    name: str
    kind: str
    size: tuple[float, float, float]
    turn: tuple[float, ...]
    credit: str


def entries(folder: Path = FOLDER, libraries: tuple[str, ...] = TRAINING_LIBRARIES) -> tuple[Entry, ...]:
    """The furniture of our kinds in the libraries, in the order of their catalogues.

    Raises:
        BadData: a library is missing or has no catalogue.
    """
    return tuple(entry for library in libraries for entry in _library(folder / f"{library}.sh3f"))


def kind_of(name: str) -> str | None:
    """Our kind for the English name of a model; None where it is none of ours."""
    lowered = name.lower()
    if re.search(_NOT_OURS, lowered):
        return None
    return next((kind for pattern, kind in _KINDS if re.search(pattern, lowered)), None)


def load_mesh(entry: Entry) -> trimesh.Trimesh:
    """Surface of a model (rarely closed) in the frame of the vocabulary, its longest side 1.

    Raises:
        BadData: the model is missing or has no faces.
    """
    try:
        with zipfile.ZipFile(entry.library) as archive:
            text = archive.read(entry.model.lstrip("/"))
        mesh = trimesh.load(io.BytesIO(text), file_type="obj", force="mesh", process=False, skip_materials=True)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BadData(f"The model {entry.model} of {entry.library.name} cannot be read: {error}.") from error
    if not isinstance(mesh, trimesh.Trimesh) or len(mesh.faces) == 0:
        raise BadData(f"The model {entry.model} of {entry.library.name} has no faces.")
    vertices = mesh.vertices @ np.array(entry.turn).reshape(3, 3).T
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    stretched = (vertices - (low + high) / 2) / np.maximum(high - low, 1e-9) * np.array(entry.size)
    return trimesh.Trimesh(stretched / max(entry.size), mesh.faces, process=False)


def _library(path: Path) -> list[Entry]:
    try:
        with zipfile.ZipFile(path) as archive:
            text = archive.read(CATALOGUE).decode("latin-1")
    except FileNotFoundError:
        raise BadData(
            f"The furniture library {path} is not there.",
            "Install Debian's package sweethome3d-furniture, or say with --source where its .sh3f files are.",
        ) from None
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise BadData(
            f"The furniture library {path} is damaged: {error}.",
            "Install Debian's package sweethome3d-furniture again.",
        ) from error
    licence = re.search(r"^license=(.*)$", text, re.M)
    rows: dict[int, dict[str, str]] = {}
    for key, number, value in re.findall(r"^(\w+)#(\d+)=(.*)$", text, re.M):
        rows.setdefault(int(number), {})[key] = value.strip()
    found = [_entry(path, row, licence.group(1).strip() if licence else "") for row in rows.values()]
    return [entry for entry in found if entry is not None]


def _entry(path: Path, row: dict[str, str], licence: str) -> Entry | None:
    kind = kind_of(row["name"])
    if (
        kind is None
        or row["model"] in _ODD_ONES
        or row.get("doorOrWindow") == "true"
        or row.get("category") in ("Doors and windows", "Vehicles")
    ):
        return None
    turn = tuple(float(number) for number in row.get("modelRotation", "1 0 0 0 1 0 0 0 1").split())
    size = (float(row["width"]), float(row["height"]), float(row["depth"]))
    if kind == "dining table" and size[1] <= LOW_TABLE:
        kind = "coffee table"
    if kind == "floor lamp" and size[1] < TALL_LAMP:
        kind = "table lamp"
    credit = f"{row.get('creator', 'unknown author')}, {path.stem}, {licence}"
    return Entry(path, row["model"], row["name"], kind, size, turn, credit)
