"""Shards of real furniture, in the layout of the procedural ones, so that both can be mixed. `credits` names each
model's author, library and licence.

The models are thin shells, often open. A shape is what the outside cannot reach through the shell thickened by SHELL on
each side: closed bodies become solid, open sheets get a thickness that a field can hold.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage
import trimesh
from numpy.typing import NDArray
from skimage.measure import marching_cubes

from ddmi_models.evaluation.vocabulary import PROPORTIONS, Attributes
from ddmi_models.training.procedural.captions import captions_for
from ddmi_models.training.procedural.sampling import FAR, NEAR, QUERY_EXTENT
from ddmi_models.training.procedural.shards import DataMaker
from ddmi_models.training.procedural.sweethome import (
    FOLDER,
    RESERVED_LIBRARIES,
    TRAINING_LIBRARIES,
    Entry,
    entries,
    load_mesh,
)

REAL_SETS = {"real-furniture": TRAINING_LIBRARIES, "real-furniture-reserved": RESERVED_LIBRARIES}
"""The libraries of each set."""

CELLS = 120
EXTENT = 0.56
SHELL = 0.012
"""Half the least thickness, in units of the cube."""
CLOUD, QUERIES = 2048, 4096
DRAWS = 8
"""Variants of each model in a row: mirrored or not, at sizes and proportions a little apart, with other points."""


@dataclass(frozen=True)
class Level:
    """Values [n, n, n] on a grid over [-EXTENT, EXTENT]^3, negative inside; linear in between."""

    values: NDArray[np.float32]

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values [N] at points [3, N]."""
        places = (points + EXTENT) * ((CELLS - 1) / (2 * EXTENT))
        return np.asarray(scipy.ndimage.map_coordinates(self.values, places, order=1, mode="nearest"))

    def mesh(self) -> trimesh.Trimesh:
        """The surface between inside and outside."""
        vertices, faces, _, _ = marching_cubes(self.values, 0.0)
        return trimesh.Trimesh(vertices * (2 * EXTENT / (CELLS - 1)) - EXTENT, faces, process=False)


def level_of(mesh: trimesh.Trimesh) -> Level:
    """The thickened and filled shape of a surface within the unit cube."""
    cell = 2 * EXTENT / (CELLS - 1)
    surface, _ = trimesh.sample.sample_surface(mesh, 250_000, seed=0)
    index = np.clip(np.rint((surface + EXTENT) / cell).astype(int), 0, CELLS - 1)
    shell = np.zeros((CELLS,) * 3, dtype=bool)
    shell[tuple(index.T)] = True
    away = scipy.ndimage.distance_transform_edt(~shell) * cell
    labels, _ = scipy.ndimage.label(away >= SHELL)
    inside = (labels != labels[0, 0, 0]) & (away >= SHELL)
    return Level(np.where(inside, -away, away).astype(np.float32) - np.float32(SHELL))


@lru_cache(maxsize=2)
def _level(entry: Entry) -> Level:
    return level_of(load_mesh(entry))


@lru_cache(maxsize=2)
def _surface(entry: Entry) -> trimesh.Trimesh:
    return _level(entry).mesh()


def real_captions(entry: Entry, rng: random.Random) -> tuple[str, ...]:
    """Captions from the name in the catalogue, the kind and the proportions; nothing else is known of the shape."""
    rule = PROPORTIONS[entry.kind]
    tall, wide = rule.tallness(entry.size), rule.wideness(entry.size)
    height = "low" if rule.low and tall <= rule.low else "tall" if rule.tall and tall >= rule.tall else ""
    width = "narrow" if rule.narrow and wide <= rule.narrow else "wide" if rule.wide and wide >= rule.wide else ""
    name = entry.name.lower()
    own: tuple[str, ...] = (name,)
    if not name.endswith("shelves"):
        article = "an" if name[0] in "aeiou" else "a"
        own += (f"{article} {name}", *(f"a {word} {name}" for word in (height, width) if word))
    return tuple(dict.fromkeys((*own, *_kind_captions(entry.kind, height, width, rng))))


def _kind_captions(kind: str, height: str, width: str, rng: random.Random) -> tuple[str, ...]:
    """Captions of a kind of which only the proportions are known."""
    known = Attributes(kind, height=height, width=width)
    told = captions_for(known, rng)
    return tuple(text for text in told if not re.search(" with|,|backless", text))


@dataclass(frozen=True, eq=False)
class Variant:
    """A model, perhaps mirrored, at a size and proportions of its own: x -> (x + shift) * scale, each [3]."""

    entry: Entry
    shift: NDArray[np.float64]
    scale: NDArray[np.float64]

    def contains(self, points: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Occupancy [N] of points [N, 3]."""
        return np.asarray(_level(self.entry).at((points.astype(np.float64) / self.scale - self.shift).T) < 0)

    def surface(self, count: int, seed: int) -> NDArray[np.float64]:
        """Points [count, 3] on the surface, even by area."""
        points, _ = trimesh.sample.sample_surface(_surface(self.entry), count, seed=seed)
        return np.asarray((points + self.shift) * self.scale)


def _variant(entry: Entry, rng: np.random.Generator) -> Variant:
    stretch = rng.uniform(0.92, 1.08, 3)
    low, high = _surface(entry).bounds
    scale = stretch * (rng.uniform(0.94, 1.0) / ((high - low) * stretch).max())
    scale[0] *= rng.choice((-1.0, 1.0))
    return Variant(entry, -(low + high) / 2, scale)


def _draw(entry: Entry, seed: int) -> dict[str, Any]:
    """One variant of a model as the arrays of a training item."""
    rng = np.random.default_rng(seed)
    variant = _variant(entry, rng)
    surface = variant.surface(QUERIES, int(rng.integers(2**31)))
    near = 2 * QUERIES // 3
    close = surface[:near] + rng.standard_normal((near, 3)) * np.where(rng.random((near, 1)) < 0.5, NEAR, FAR)
    spread = rng.uniform(-QUERY_EXTENT, QUERY_EXTENT, (QUERIES - near, 3))
    points = np.concatenate([close, spread])[rng.permutation(QUERIES)].astype(np.float16)
    return {
        "cloud": surface[-CLOUD:].astype(np.float16),
        "points": points,
        "occupancy": np.packbits(variant.contains(points)),
        "captions": json.dumps(real_captions(entry, random.Random(seed))),
        "kinds": entry.kind,
        "attributes": json.dumps(asdict(Attributes(entry.kind))),
        "credits": entry.credit,
    }


_entries = lru_cache(maxsize=4)(entries)


def _entry(seed: int, folder: Path, libraries: tuple[str, ...]) -> Entry:
    found = _entries(folder, libraries)
    return found[seed // DRAWS % len(found)]


def real_variant(seed: int, *, name: str, folder: Path = FOLDER) -> Variant:
    """The variant of a seed in a set of REAL_SETS.

    Raises:
        BadData: a library is missing or damaged.
    """
    return _variant(_entry(seed, folder, REAL_SETS[name]), np.random.default_rng(seed))


def real_arrays(seeds: range, *, folder: Path, libraries: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """The arrays of one shard. Seeds take DRAWS variants of each model in turn, then further ones, without an end.

    Raises:
        BadData: a library is missing or damaged.
    """
    items = [_draw(_entry(seed, folder, libraries), seed) for seed in seeds]
    arrays = {key: np.stack([np.asarray(item[key]) for item in items]) for key in items[0]}
    return {**arrays, "seeds": np.array(list(seeds), dtype=np.int64)}


def _one_round(folder: Path, libraries: tuple[str, ...]) -> int:
    return DRAWS * len(entries(folder, libraries))


def real_maker(name: str, folder: Path = FOLDER) -> DataMaker:
    """The maker of a set of REAL_SETS from the libraries in a folder; usually it makes DRAWS variants of each model."""
    libraries = REAL_SETS[name]
    return DataMaker(
        name,
        1,
        128,
        partial(real_arrays, folder=folder, libraries=libraries),
        f"Real furniture: {', '.join(libraries)} of Debian's package sweethome3d-furniture",
        partial(_one_round, folder, libraries),
        for_training=libraries == TRAINING_LIBRARIES,
    )
