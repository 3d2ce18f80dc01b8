"""Which parts of a data set are trained on, and which are kept to validate."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadData
from ddmi_models.requests import FEWEST_TO_DIVIDE, held_out_count
from ddmi_models.training.config import DataConfig

TRAINING_PARTS = ("train", "cars_train")
VALIDATION_PARTS = ("val", "valid", "validation", "cars_val")
OTHER_PARTS = (*VALIDATION_PARTS, "test", "cars_test")
TRAINING_LIST, LIST_ENDING = "train.lst", ".lst"
SPLIT_SEED = 20_240
"""Of every split, whatever the seed of the run: later stages, and runs that go on with a model, hold out the same."""


@dataclass(frozen=True)
class Parts:
    """What a folder of data stands for.

    Attributes:
        training: the folder that is trained on. validation: that of the part to validate on, or its list, if there is
            one.
        apart: subfolders of `training` that do not belong to it.
    """

    training: Path
    validation: Path | None = None
    apart: frozenset[str] = frozenset()


def parts_of(folder: Path) -> Parts:
    """The parts of a folder, by the names of its subfolders, in capitals or not.

    A part for training (`train`) stands for the whole; those beside it (`val`, `valid`, `validation`, `test`, in that
    order) are to validate on. Where there is none, but a `val`, `valid` or `validation` beside other things, these are
    what is trained on. Lists divide too, where a `val.lst` is beside each `train.lst` (`lists_of`).

    Raises:
        BadData: the folder is missing, or may not be read.
    """
    try:
        with os.scandir(folder) as listed:
            entries = [entry for entry in listed if not entry.name.startswith(".")]
            found = {entry.name.lower(): Path(entry.path) for entry in entries if entry.is_dir()}
    except OSError as error:
        raise BadData(f"{folder} cannot be read: {error.strerror}.", "Give a folder that may be read.") from None
    training = next((found[name] for name in TRAINING_PARTS if name in found), None)
    others = [found[name] for name in OTHER_PARTS if name in found]
    if training is not None and (others or found.keys() <= {*TRAINING_PARTS}):
        return Parts(training, next(iter(others), None))
    validation = next((found[name] for name in VALIDATION_PARTS if name in found), None)
    if validation is None or len(entries) == len(others):
        return Parts(folder, _list_to_validate(folder))
    return Parts(folder, validation, frozenset(path.name for path in others))


def lists_of(path: Path) -> list[Path]:
    """The lists of items that a path ending in .lst stands for: the file, or else the files of its name in the folders
    beside it, one a class (as ShapeNet's are); none where there is neither, or it ends otherwise."""
    if path.suffix != LIST_ENDING:
        return []
    if path.is_file():
        return [path]
    return sorted(each for each in path.parent.glob(f"*/{glob.escape(path.name)}") if each.is_file())


def _list_to_validate(folder: Path) -> Path | None:
    """A list to validate on that lies wherever a train.lst does."""
    homes = {path.parent for path in lists_of(folder / TRAINING_LIST)}
    named = [folder / f"{name}{LIST_ENDING}" for name in VALIDATION_PARTS] if homes else []
    return next((path for path in named if {each.parent for each in lists_of(path)} == homes), None)


def divided(config: DataConfig) -> DataConfig:
    """The configuration with a divided folder's parts as training and validation set, unless a validation set is named.

    Raises:
        BadData: the validation set that is named lies in the training set, or the other way round.
    """
    if config.validation is not None:
        _refuse_overlap(config.train, config.validation)
        return config
    if not config.train.is_dir():
        return config
    parts = parts_of(config.train)
    return config.model_copy(update={"train": parts.training, "validation": parts.validation})


def part_that_validates(config: DataConfig) -> str:
    """Name of the part of the training folder, or of one beside it, on which is validated; "" for anything else."""
    place = config.validation
    beside = place is not None and place.parent in (config.train, config.train.parent)
    return place.name if place is not None and beside and place.stem.lower() in OTHER_PARTS else ""


def _refuse_overlap(train: Path, validation: Path) -> None:
    if _trained_on(train.resolve(), validation.resolve()):
        raise BadData(
            f"data.validation: what is in {validation} would be trained on too.",
            "Leave it out, and a part of the data is held out; or name a folder that shares nothing with that of the "
            "training.",
        )


def _trained_on(train: Path, validation: Path) -> bool:
    """Whether a training set, a folder or a list, takes something of a validation set."""
    trained, lists = lists_of(train) or [train], lists_of(validation) or [validation]
    if not validation.is_dir():
        if not train.is_dir():
            return not {*trained}.isdisjoint(lists)
        apart = [each for each in lists if (each.parent / TRAINING_LIST).is_file() and each.name != TRAINING_LIST]
        return any(each.is_relative_to(train) for each in lists if each not in apart)
    held = parts_of(validation)
    if not train.is_dir():
        return any(each.parent.is_relative_to(held.training) for each in trained)
    parts = parts_of(train)
    if parts.training.is_relative_to(held.training):
        return True
    if not held.training.is_relative_to(parts.training):
        return False
    return held.training.relative_to(parts.training).parts[0] not in parts.apart


def held_out_rows(count: int, share: float, sources: NDArray[np.str_] | None = None) -> NDArray[np.int64]:
    """Rows of a set of `count` that are held out: the same for every set of that size; sorted, none of a small set.

    Args:
        share: of the set, in [0, 1); see `held_out_count`. sources: what each row comes from, [count], where several
            may come from one (clips from a film): where there are enough, all rows of some are held out.
    """
    rng = np.random.default_rng((SPLIT_SEED, count))
    names, source = (None, None) if sources is None else np.unique(sources, return_inverse=True)
    if names is None or source is None or not FEWEST_TO_DIVIDE <= len(names) < count:
        return np.sort(rng.permutation(count)[: held_out_count(count, share)])
    chosen = rng.permutation(len(names))[: held_out_count(len(names), share)]
    return np.flatnonzero(np.isin(source, chosen))
