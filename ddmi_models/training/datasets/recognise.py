"""Which layout a folder has."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadData, BadItem, printable
from ddmi_models.training.data_parts import LIST_ENDING, TRAINING_LIST, lists_of, parts_of
from ddmi_models.training.datasets.images import IMAGES, open_picture, squared
from ddmi_models.training.datasets.layout import Item, Layout, Remark, Tree
from ddmi_models.training.datasets.posed import POSED, POSED_NPZ, SRN
from ddmi_models.training.datasets.shapes import MESHES, OCCUPANCY
from ddmi_models.training.datasets.videos import FRAME_FOLDERS, VIDEO_FILES

LAYOUTS: tuple[Layout, ...] = (OCCUPANCY, SRN, POSED, POSED_NPZ, MESHES, VIDEO_FILES, FRAME_FOLDERS, IMAGES)
"""From the most particular to the least."""

FOLDERS_TOLD = 3
FEW = 0.1
"""Share of the pictures below which meshes or films among them are strays."""
FILM_FRAMES, FILM_SIZE, ALIKE = 12, 16, 0.5
"""Pictures looked at, their size, and how much more alike neighbours in a film are than pictures far apart."""


@dataclass(frozen=True)
class Found:
    """A data set: its folder, or the part of it for training; its layout; its items, at least one."""

    folder: Path
    layout: Layout
    items: tuple[Item, ...]

    @property
    def remarks(self) -> list[Remark]:
        """What was odd about finding its items, each thing once."""
        told = dict.fromkeys(remark for item in self.items for remark in item.remarks)
        return [(printable(name), reason) for name, reason in told]


def recognise(folder: Path, domain: str | None = None) -> Found:
    """What a folder holds.

    A folder that is divided stands for its training part (`parts_of`). A .lst file stands for those items beside it
    that it lists, or for those that the files of its name list in the folders beside it (`lists_of`).

    Args:
        domain: only layouts of this one, where it is known what is wanted.

    Raises:
        BadData: no folder or no list, or nothing that is known.
    """
    given, lists = folder, {path.parent: _listed(path) for path in lists_of(folder)}
    if lists:
        folder = folder.parent
    elif folder.suffix == LIST_ENDING:
        raise BadData(
            f"There is no {folder}, nor a {folder.name} in the folders beside it.", "Give a list or a folder."
        )
    if not folder.is_dir():
        raise BadData(f"There is no folder {folder}.", "Give the folder of a data set.")
    if not any(folder.iterdir()):
        raise BadData(
            f"{folder} is empty: there is no data in a known layout in it.",
            "Put pictures, meshes, posed pictures or films there (docs/data.md).",
        )
    parts = parts_of(folder)
    folder = parts.training
    found = _choice(Tree.of(folder, parts.apart), domain, partial(_named, given, lists) if lists else _training_items)
    if found is None and lists:
        raise BadData(f"Nothing that {given} lists is there.", "Its lines are the names of items beside it.")
    if found is None:
        what = {"image": "pictures", "shape": "shapes", "nerf": "posed pictures", "video": "videos"}
        raise BadData(
            f"{folder} holds no {what.get(domain or '', 'data')} in a known layout.",
            "Known are shards with a manifest (`ddmi data make`) and the layouts that docs/data.md lists.",
        )
    return found


def _choice(tree: Tree, domain: str | None, chosen: Callable[[Tree, list[Item]], list[Item]]) -> Found | None:
    """The first layout that has chosen items in a folder, and more than strays among pictures."""
    pictures = len(IMAGES.find(tree))
    for layout in LAYOUTS:
        if domain not in (None, layout.domain):
            continue
        items = chosen(tree, layout.find(tree))
        if domain is None and layout in (MESHES, VIDEO_FILES) and len(items) < FEW * pictures:
            continue
        if domain is None and layout is FRAME_FOLDERS and not _is_film(items, pictures):
            continue
        if items:
            return Found(tree.folder, layout, tuple(items))
    return None


def _listed(path: Path) -> set[str]:
    """The names that a list holds; like those of files, they may be no UTF-8."""
    return set(path.read_text(encoding="utf-8", errors="surrogateescape").split())


def _named(given: Path, lists: dict[Path, set[str]], tree: Tree, items: list[Item]) -> list[Item]:
    """The items that a list in a folder above them names.

    Raises:
        BadData: some have no list above them, though `given` stands for those of several folders.
    """
    places = [tree.folder / item.name for item in items]
    homes = [next((home for home in place.parents if home in lists), None) for place in places]
    without = sorted({tree.label(place.parent) for place, home in zip(places, homes, strict=True) if home is None})
    if without:
        told = ", ".join(without[:FOLDERS_TOLD]) + (", ..." if len(without) > FOLDERS_TOLD else "")
        raise BadData(
            f"{given}: there is no {given.name} in {told}, as there is in other folders of {tree.folder}.",
            "Put the missing lists there, or give the list of one folder.",
        )
    return [item for item, home in zip(items, homes, strict=True) if home is not None and _among(item, lists[home])]


def _training_items(tree: Tree, items: list[Item]) -> list[Item]:
    """The items that a train.lst beside them lists; all where there is none."""
    lists = {path.parent: _listed(path) for path in tree.named(TRAINING_LIST)}
    homes = [(tree.folder / item.name).parent for item in items]
    return [item for item, home in zip(items, homes, strict=True) if home not in lists or _among(item, lists[home])]


def _among(item: Item, names: set[str]) -> bool:
    path = Path(item.name)
    return path.name in names or path.stem in names


def _is_film(folders: list[Item], pictures: int) -> bool:
    """Whether folders of numbered pictures hold frames: most pictures are in them, neighbours are alike."""
    if sum(len(item.files) for item in folders) < 0.9 * pictures:
        return False
    if all(re.match(r"frames?[_-]?\d+$", path.stem, re.IGNORECASE) for item in folders for path in item.files[:1]):
        return True
    near, far = [], []
    for item in folders[:: max(1, len(folders) // FILM_FRAMES)][:FILM_FRAMES]:
        middle = len(item.files) // 2
        try:
            (size, first), (_, before), (other, after) = (_look(item.files[at]) for at in (0, middle - 1, middle))
        except BadItem:
            continue
        if size != other:
            return False
        near.append(np.abs(before - after).mean())
        far.append(first)
    if not near:
        return False
    apart = [np.abs(a - b).mean() for index, a in enumerate(far) for b in far[:index]]
    return bool(np.median(near) < ALIKE * np.median(apart)) if apart else bool(near[0] < 0.05)


def _look(path: Path) -> tuple[tuple[int, int], NDArray[np.float64]]:
    """Size of a picture, and a small copy in [0, 1]."""
    picture = open_picture(path)
    return picture.size, squared(picture, FILM_SIZE) / 255
