"""Texts that say what items are: tables in the folder of a set, and a text file beside an item."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from ddmi_models.training.datasets.layout import Remark, Tree

ID_COLUMNS = ("modelid", "model_id", "id", "name", "file")
TEXT_COLUMNS = ("description", "caption", "text", "prompt")


@dataclass(frozen=True)
class Captions:
    """The texts of an item, and what was odd about the files that they come from."""

    texts: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()


def captions_of(tree: Tree) -> dict[str, Captions]:
    """Captions by the name of an item, of the CSV files right in a folder that have a column for each (as Text2Shape's
    has)."""
    texts, remarks = defaultdict[str, list[str]](list), defaultdict[str, list[Remark]](list)
    for path in sorted(tree.folder.glob("*.csv")):
        try:
            content, odd = _read(path, tree)
            found = _rows(content)
        except (OSError, csv.Error):
            continue  # a table that is not about captions; what has none is counted in the summary
        for name, text in found:
            texts[name].append(text)
            remarks[name] += odd
    return {name: Captions(tuple(each), tuple(dict.fromkeys(remarks[name]))) for name, each in texts.items()}


def captions_above(tree: Tree, folder: Path) -> dict[str, Captions]:
    """As `captions_of`, of a folder of items and those above it up to the set's; beside it where it is the set itself
    (a class of ShapeNet). A table nearer to the items counts more."""
    depth = len(folder.relative_to(tree.folder).parts)
    places = [folder, *folder.parents][: max(depth, 1) + 1]
    found: dict[str, Captions] = {}
    for place in reversed(places):
        found |= captions_of(Tree(place, ()))
    return found


def _rows(content: str) -> list[tuple[str, str]]:
    """Names and texts of a table; none if it has no columns for them."""
    reader = csv.DictReader(io.StringIO(content, newline=""))
    columns = {name.strip().lower(): name for name in reader.fieldnames or () if name}
    ids = next((columns[name] for name in ID_COLUMNS if name in columns), None)
    texts = next((columns[name] for name in TEXT_COLUMNS if name in columns), None)
    if ids is None or texts is None:
        return []
    rows = [((row[ids] or "").strip(), " ".join((row[texts] or "").split())) for row in reader]
    return [(name, text) for name, text in rows if name and text]


def captions_beside(path: Path, tree: Tree) -> Captions:
    """Lines of the .txt file with the name of an item's file."""
    beside = path.with_suffix(".txt")
    if not beside.is_file():
        return Captions()
    try:
        content, odd = _read(beside, tree)
    except OSError:
        return Captions((), ((tree.label(beside), "not readable"),))
    return Captions(tuple(" ".join(line.split()) for line in content.splitlines() if line.strip()), odd)


def _read(path: Path, tree: Tree) -> tuple[str, tuple[Remark, ...]]:
    """A text in UTF-8, or else in what Windows and older programs write in Western Europe, which is told.

    Raises:
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        odd = "not UTF-8, read as Windows-1252"
        return content.decode("cp1252", errors="replace"), ((tree.label(path), odd),)
