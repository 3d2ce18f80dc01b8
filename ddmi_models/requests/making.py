"""Requests that make samples: drawn, encoded, or derived from others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ddmi_models.recipes import Recipe
from ddmi_models.requests.samples import Sample


@dataclass(frozen=True)
class Addon:
    """An add-on (LoRA), by name or file, and its strength: 0 is none of it, 1 as it was trained, at most 2."""

    name: str
    strength: float = 1.0


@dataclass(frozen=True)
class Generate:
    """Draw `count` samples with seeds seed, seed + 1, ... Result: tuple[Sample, ...].

    None for sampler, steps or guidance means the model's default. With `previews`, a Preview of each sample follows
    every step or so. With `candidates` above 1, as many are drawn for each sample, the first from its seed and the
    others from seeds made of it, and the one is kept that fits the prompt best; its recipe names its own seed. `addons`
    are of this very model; the model itself stays as it is.
    """

    model: str
    seed: int = 0
    count: int = 1
    prompt: str = ""
    negative: str = ""
    sampler: str | None = None
    steps: int | None = None
    guidance: float | None = None
    previews: bool = False
    candidates: int = 1
    addons: tuple[Addon, ...] = ()


@dataclass(frozen=True)
class Regenerate:
    """Make the sample of a recipe again, with the model of its hash, else the one of its name. Result: the Sample.

    `addons` stand in place of those of a recipe that was drawn; None: its own.
    """

    recipe: Recipe
    addons: tuple[Addon, ...] | None = None


@dataclass(frozen=True)
class Encode:
    """Make a sample of the user's own signal: picture, mesh, point cloud, clip, posed pictures. Result: Encoded.

    `up` is the axis that points up in what has space: y or z; None: y, of posed pictures z.
    """

    model: str
    path: Path
    up: str | None = None


@dataclass(frozen=True, eq=False)
class Encoded:
    """An encoded signal and how near it came: `figures` by name (`psnr` in dB, `chamfer` in units of the cube, `iou`),
    the same in one line of `words`."""

    sample: Sample
    figures: Mapping[str, float]
    words: str


@dataclass(frozen=True, eq=False)
class Interpolate:
    """Samples on the way between two of one model, `steps` of them, both ends included (spherical, on the latents as
    the diffusion sees them). Result: tuple[Sample, ...]."""

    first: Sample
    second: Sample
    steps: int


@dataclass(frozen=True, eq=False)
class Mix:
    """Basis planes of two samples of one model, level by level. Result: the Sample.

    `levels` is the share of `coarse` in each level, coarse to fine; None: only the coarsest is of `coarse`.
    """

    coarse: Sample
    fine: Sample
    levels: tuple[float, ...] | None = None


@dataclass(frozen=True, eq=False)
class Vary:
    """A neighbour of a sample: noised and denoised again (SDEdit). Result: the Sample.

    `strength` from 0 (the sample itself) to 1 (nothing of it). None for the others: as in the sample's recipe, else the
    model's defaults.
    """

    sample: Sample
    seed: int = 0
    strength: float = 0.5
    prompt: str | None = None
    steps: int | None = None
    guidance: float | None = None


@dataclass(frozen=True, eq=False)
class ExportPath:
    """Write samples in a row: a strip (picture), a clip, or a folder (a path without an ending) with a file a sample.
    Result: tuple[Path, ...], the files written.

    `resolution` is pixels a side of a strip's or clip's pictures, or as in Export for a folder; None: the usual one.
    `columns` breaks a strip into rows; `rate` is of a clip, frames a second.
    """

    samples: tuple[Sample, ...]
    path: Path
    resolution: int | None = None
    columns: int | None = None
    rate: int = 12
