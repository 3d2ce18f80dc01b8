"""Batches from shards, or from files in the layouts that people have.

Which items a step sees, and how they are cropped, depends on the seed and the step only: a resumed run goes on with the
same data as one that was never stopped.
"""

from __future__ import annotations

import copy
import json
import zipfile
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch.nn import functional as F

from ddmi_models.cameras import intrinsics, pixel_rays
from ddmi_models.coords import Window, clip_points, image_points, pixel_centres
from ddmi_models.errors import BadData
from ddmi_models.events import Progress
from ddmi_models.requests import MOST_HELD_OUT
from ddmi_models.training.config import DataConfig
from ddmi_models.training.data_parts import LIST_ENDING, held_out_rows, part_that_validates
from ddmi_models.training.datasets import DOMAIN_OF_KEY, Preparation, prepared, preparing, recognise
from ddmi_models.training.procedural.shards import shard_files, shard_folders

Batch = dict[str, torch.Tensor]
WHITE = 255
OVERDRAW = 12
"""Pixels that are tried for each that should show the object; fewer are found where it fills less than a twelfth."""


def load_shards(folder: Path, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The arrays `keys` of every shard of a folder and of those right in it, joined along the items.

    Raises:
        BadData: if the folder has no shards, or one is unreadable or lacks a key.
    """
    paths = shard_files(folder) if folder.is_dir() else []
    if not paths:
        raise BadData(f"No training data in {folder}.", "Make some with `ddmi data make`.")
    joined: dict[str, np.ndarray] = {}
    for key in keys:  # one after another, so that memory holds only one of them twice
        parts = [_stored(path, key) for path in paths]
        joined[key] = np.concatenate(parts) if len(parts) > 1 else parts[0]
    return joined


def _stored(path: Path, key: str) -> np.ndarray:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as shard:
            return np.asarray(shard[key])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise BadData(f"The shard {path.name} is damaged: {error}.", "Delete it and make the data again.") from None


def load_data(folder: Path, keys: tuple[str, ...], config: DataConfig) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The arrays `keys` of a data set in whatever layout it lies, and what of it cannot be used, in a line or none.

    Shards are read into memory; other layouts are prepared once and then mapped.

    Args:
        keys: among them one that says of which domain the data is (DOMAIN_OF_KEY).

    Raises:
        BadData: there is nothing of the domain, nothing that is whole, or a shard is damaged.
    """
    if _has_shards(folder):
        return load_shards(folder, keys), ()
    domain = next(DOMAIN_OF_KEY[key] for key in keys if key in DOMAIN_OF_KEY)
    arrays, problems = prepared(recognise(folder, domain), _preparation(config, domain))
    if not problems:
        return arrays, ()
    name, reason = problems[0]
    more = f" And {len(problems) - 1} more: `ddmi data check` lists them." if len(problems) > 1 else ""
    return arrays, (f"{folder} has problems. {name}: {reason}.{more}",)


def preparing_data(config: DataConfig, domain: str, check: Callable[[], None]) -> Iterator[Progress]:
    """Bring data that lies in files into the store, with progress; nothing where it is there, or in shards.

    Args:
        check: called now and then; may raise to stop.

    Raises:
        BadData: as `load_data`.
    """
    for folder in (config.train, config.validation):
        if folder is None or _has_shards(folder):
            continue
        for done, total in preparing(recognise(folder, domain), _preparation(config, domain), check=check):
            yield Progress(done, total, f"Preparing {folder.name}")


def _has_shards(folder: Path) -> bool:
    """Whether a folder holds shards; so does one that is missing or empty, for the sake of its error."""
    if folder.suffix == LIST_ENDING:
        return False
    return not folder.is_dir() or bool(shard_folders(folder)) or not any(folder.iterdir())


def _preparation(config: DataConfig, domain: str) -> Preparation:
    size = max(config.target_resolutions) if domain == "image" else config.size
    return Preparation(size=size, stride=config.stride)


def own_generators(items: np.ndarray, rng: np.random.Generator) -> list[np.random.Generator]:
    """A generator for each item, the same whatever part of a batch is computed."""
    base = int(rng.integers(2**63))
    return [np.random.default_rng((base, int(item))) for item in items]


class Batches(ABC):
    """A data set that gives the batch of any step.

    Attributes:
        arrays: all that was read, by key. rows: which rows of these are the items 0, 1, ... of this set.
        notices: what of it cannot be used.
    """

    keys: ClassVar[tuple[str, ...]]
    at_once: ClassVar[int] = 64
    """Items that are validated together."""

    def __init__(self, folder: Path, config: DataConfig, seed: int) -> None:
        self.config, self.seed = config, seed
        self.arrays, self.notices = load_data(folder, self.keys, config)
        self.rows = np.arange(len(self.arrays[self.keys[0]]))
        if not len(self):
            raise BadData(f"The data set {folder} is empty.", "Give one with at least one item.")

    def __len__(self) -> int:
        return len(self.rows)

    def hold_out(self, share: float) -> Self | None:
        """Take a share of the items out of this set, into one of their own; None where there are too few.

        Which they are depends on the number of items alone (`held_out_rows`).
        """
        count, sources = len(self), self.arrays.get("sources")
        held = held_out_rows(count, share, None if sources is None else sources[self.rows])
        if not len(held):
            return None
        other = copy.copy(self)
        spread = held[:: -(-len(held) // MOST_HELD_OUT)]  # clips of films may be more
        other.rows, self.rows = self.rows[spread], np.delete(self.rows, held)
        other.notices = (f"{len(held):,} of {count:,} items are held out to validate.",)
        return other

    def stored(self, key: str, items: np.ndarray) -> np.ndarray:
        """The rows of an array that belong to items."""
        return self.arrays[key][self.rows[items]]

    def indices(self, step: int, batch: int) -> np.ndarray:
        """Items of a step: every item once an epoch, each epoch in its own order."""
        epoch, start = divmod(step * batch, len(self))
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self))
        chosen = order[start : start + batch]
        if len(chosen) < batch:
            following = np.random.default_rng((self.seed, epoch + 1)).permutation(len(self))
            chosen = np.concatenate([chosen, np.resize(following, batch - len(chosen))])
        return chosen

    def batch(self, step: int, size: int, part: slice = slice(None)) -> Batch:
        """The items `part` of the batch of a step, with everything that the domain's loss needs."""
        return self.prepare(self.indices(step, size)[part], np.random.default_rng((self.seed, step, 1)))

    @abstractmethod
    def prepare(self, items: np.ndarray, rng: np.random.Generator) -> Batch:
        """Training batch of the given items."""

    def validated(self, items: np.ndarray, seed: int) -> Iterator[tuple[float, Batch]]:
        """Batches of the given items in every way in which training shows them, each with how often it does, of 1."""
        yield 1.0, self.prepare(items, np.random.default_rng(seed))

    @abstractmethod
    def inputs(self, items: np.ndarray) -> Batch:
        """What the encoder sees of the given items, nothing random."""

    @staticmethod
    def _columns(available: int, wanted: int, rng: np.random.Generator) -> Any:
        """Which of the available points are taken."""
        if wanted >= available:
            return slice(None)
        return np.sort(rng.choice(available, wanted, replace=False))

    def captions(self, items: np.ndarray) -> list[list[str]] | None:
        """Captions of the given items, or None where the data has none."""
        if "captions" not in self.arrays:
            return None
        return [json.loads(text) for text in self.stored("captions", items)]


def training_and_validation(kind: type[Batches], config: DataConfig, seed: int) -> tuple[Batches, Batches | None]:
    """The sets of a run. Where no set to validate on is named, a share of the training set is held out for that; where
    there are too few items, there is none.

    Raises:
        BadData: as `load_data`; a set is empty.
    """
    train = kind(config.train, config, seed)
    if config.validation is None:
        return train, train.hold_out(config.validation_share)
    validation = kind(config.validation, config, seed)
    if part := part_that_validates(config):
        validation.notices = (f"The {len(validation):,} items of the part {part} validate.", *validation.notices)
    return train, validation


def resized(pictures: torch.Tensor, resolution: int) -> torch.Tensor:
    """Square pictures [N, C, H, H] of another size, averaged where they shrink."""
    if pictures.shape[-1] == resolution:
        return pictures
    if pictures.shape[-1] % resolution == 0:
        return F.avg_pool2d(pictures, pictures.shape[-1] // resolution)
    return F.interpolate(pictures, size=(resolution, resolution), mode="bilinear", antialias=True)


def window_of(left: int, top: int, side: int, resolution: int) -> Window:
    """Coordinates of a square of pixels of a picture with `resolution` pixels a side."""
    return (
        2 * left / resolution - 1,
        2 * top / resolution - 1,
        2 * (left + side) / resolution - 1,
        2 * (top + side) / resolution - 1,
    )


class ImageBatches(Batches):
    """Pictures stored larger than the encoder's input, so that targets of several sizes are true."""

    keys = ("image",)

    def _pictures(self, items: np.ndarray) -> torch.Tensor:
        pixels = torch.from_numpy(self.stored("image", items))
        return pixels.permute(0, 3, 1, 2).float().div(127.5).sub(1.0)

    def inputs(self, items: np.ndarray) -> Batch:
        return {"image": resized(self._pictures(items), self.config.target_resolutions[0])}

    def prepare(self, items: np.ndarray, rng: np.random.Generator) -> Batch:
        pictures = self._mirrored(items, rng)
        return self._part(pictures, int(rng.choice(self.config.target_resolutions)), rng)

    def validated(self, items: np.ndarray, seed: int) -> Iterator[tuple[float, Batch]]:
        sizes = self.config.target_resolutions
        for resolution, times in Counter(sizes).items():
            rng = np.random.default_rng(seed)
            yield times / len(sizes), self._part(self._mirrored(items, rng), resolution, rng)

    def _mirrored(self, items: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        """Pictures as stored, half of them mirrored where that is asked for."""
        pictures = self._pictures(items)
        if not self.config.flip:
            return pictures
        mirrored = torch.from_numpy(rng.random(len(self))[items] < 0.5)
        return torch.where(mirrored[:, None, None, None], pictures.flip(-1), pictures)

    def _part(self, pictures: torch.Tensor, resolution: int, rng: np.random.Generator) -> Batch:
        """The encoder's pictures and a part of them at a size."""
        anchor = self.config.target_resolutions[0]
        side = min(self.config.crop, resolution)
        top, left = (int(v) for v in rng.integers(0, resolution - side + 1, size=2))
        target = resized(pictures, resolution)[:, :, top : top + side, left : left + side]
        return {
            "image": resized(pictures, anchor),
            "target": target,
            "points": image_points(side, side, window_of(left, top, side, resolution)),
            "scale": torch.tensor(anchor / resolution),
        }


class ShapeBatches(Batches):
    """Surface points for the encoder; query points with exact occupancy, moved by noise where a set asks for that."""

    keys = ("cloud", "points", "occupancy", "captions")

    def inputs(self, items: np.ndarray) -> Batch:
        return {"cloud": torch.from_numpy(self.stored("cloud", items)).float()}

    def prepare(self, items: np.ndarray, rng: np.random.Generator) -> Batch:
        config, arrays = self.config, self.arrays
        cloud_columns = self._columns(arrays["cloud"].shape[1], config.cloud_points, rng)
        columns = self._columns(arrays["points"].shape[1], config.query_points, rng)
        cloud = self.stored("cloud", items)[:, cloud_columns].astype(np.float32)
        points = self.stored("points", items)[:, columns].astype(np.float32)
        generators = own_generators(items, rng)
        if config.cloud_noise:
            drawn = [own.normal(0, config.cloud_noise, cloud.shape[1:]) for own in generators]
            cloud = cloud + np.stack(drawn).astype(np.float32)
        if "points_noise" in arrays:  # in single precision, as half would round it away
            deviations = self.stored("points_noise", items)
            moves = [own.normal(0, far, points.shape[1:]) for own, far in zip(generators, deviations, strict=True)]
            points = points + np.stack(moves).astype(np.float32)
        occupancy = np.unpackbits(self.stored("occupancy", items), axis=1)[:, columns]
        return {
            "cloud": torch.from_numpy(cloud),
            "points": torch.from_numpy(points),
            "occupancy": torch.from_numpy(occupancy.astype(np.float32)),
        }


class NerfBatches(Batches):
    """Coloured surface points for the encoder; rays through pixels of all pictures, and their colours."""

    keys = ("cloud", "images", "poses", "camera_angle")
    at_once = 8

    def inputs(self, items: np.ndarray) -> Batch:
        return {"cloud": torch.from_numpy(self.stored("cloud", items)).float()}

    def prepare(self, items: np.ndarray, rng: np.random.Generator) -> Batch:
        config = self.config
        columns = self._columns(self.arrays["cloud"].shape[1], config.cloud_points, rng)
        cloud = self.stored("cloud", items)[:, columns].astype(np.float32)
        generators = own_generators(items, rng)
        if config.cloud_noise:
            drawn = [own.normal(0, config.cloud_noise, (cloud.shape[1], 3)) for own in generators]
            cloud[..., :3] += np.stack(drawn).astype(np.float32)
        rays = [self._rays(item, own) for item, own in zip(items, generators, strict=True)]
        jitter = np.stack([own.random((config.rays, config.ray_samples), dtype=np.float32) for own in generators])
        parts = {key: np.stack([ray[key] for ray in rays]) for key in rays[0]}
        return {key: torch.from_numpy(value) for key, value in {"cloud": cloud, "jitter": jitter, **parts}.items()}

    def _rays(self, item: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Rays of one item: origins, directions and colours [rays, 3]."""
        row_of_item = self.rows[item]
        pictures, poses = self.arrays["images"][row_of_item], self.arrays["poses"][row_of_item]
        views, height, width = pictures.shape[:3]
        chosen = rng.integers(0, views * height * width, self.config.rays)
        wanted = round(self.config.object_rays * self.config.rays)
        # Looking at all pixels of all views would take longer than the step.
        tried = rng.integers(0, views * height * width, OVERDRAW * wanted)
        seen = tried[(pictures.reshape(-1, 3)[tried] != WHITE).any(-1)][:wanted]
        chosen[: len(seen)] = seen
        view, row, column = np.unravel_index(chosen, (views, height, width))
        matrix = intrinsics(width, height, float(self.arrays["camera_angle"][row_of_item]))
        origins, directions = pixel_rays(poses[view], matrix, np.stack([column, row], axis=-1) + 0.5)
        colours = pictures[view, row, column].astype(np.float32) / WHITE
        return {"origins": origins, "directions": directions, "colours": colours}


class VideoBatches(Batches):
    """Clips; a step looks at the same part of some of their frames."""

    keys = ("frames",)
    at_once = 8

    def _clips(self, items: np.ndarray) -> torch.Tensor:
        """Frames [B, 3, T, S, S] in [-1, 1]."""
        pixels = torch.from_numpy(np.ascontiguousarray(self.stored("frames", items)))
        return pixels.permute(0, 4, 1, 2, 3).float().div(127.5).sub(1.0)

    def _inputs(self, clips: torch.Tensor) -> torch.Tensor:
        """The clips in the encoder's size."""
        pictures = resized(clips.transpose(1, 2).flatten(0, 1), self.config.size)
        return pictures.unflatten(0, (len(clips), -1)).transpose(1, 2)

    def inputs(self, items: np.ndarray) -> Batch:
        return {"frames": self._inputs(self._clips(items))}

    def prepare(self, items: np.ndarray, rng: np.random.Generator) -> Batch:
        clips = self._clips(items)
        if self.config.flip:
            mirrored = torch.from_numpy(rng.random(len(self))[items] < 0.5)
            clips = torch.where(mirrored[:, None, None, None, None], clips.flip(-1), clips)
        frames, resolution = clips.shape[2], clips.shape[-1]
        chosen = np.sort(rng.choice(frames, min(self.config.target_frames, frames), replace=False))
        side = min(self.config.crop, resolution)
        top, left = (int(v) for v in rng.integers(0, resolution - side + 1, size=2))
        places = image_points(side, side, window_of(left, top, side, resolution))
        return {
            "frames": self._inputs(clips),
            "target": clips[:, :, chosen, top : top + side, left : left + side],
            "points": clip_points(places, pixel_centres(frames)[chosen]),
        }


BATCHES: dict[str, type[Batches]] = {
    "image": ImageBatches,
    "shape": ShapeBatches,
    "nerf": NerfBatches,
    "video": VideoBatches,
}
