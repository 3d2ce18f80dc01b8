"""Requests about models, their files and the machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ddmi_models.cameras import Camera


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model without loading its weights.

    Attributes:
        name: what the user types. source: "starter", "imported" or "file". domain: a key of DOMAINS; domain_label
            for people.
        parameters: number of weights. scales: sides of the basis planes, coarse to fine.
        camera: how a radiance field is usually seen, distance and angle of view filled in; None in other domains.
        frames, rate: length of the trained clips and their frames a second; 1 and 0 where nothing moves.
        takes_text: whether prompts do anything. known_words: what the text tower was trained on; () where it knows
            all words. readings: (expression, how it is read in known words).
        can_rank: whether candidates can be ranked by how well they fit a prompt.
        sampler, steps, guidance: the model's defaults. samplers: (key, label) of every sampler on offer.
        trained_resolution: render size that matches training (pixels a side, or the finest plane's cells).
        summary: one line of the card. card: the whole card, Markdown. sheet: picture of consecutive seeds, if there
            is one.
    """

    name: str
    source: str
    domain: str
    domain_label: str
    path: Path
    sha256: str
    parameters: int
    scales: tuple[int, ...]
    takes_text: bool
    known_words: tuple[str, ...]
    sampler: str
    steps: int
    guidance: float
    samplers: tuple[tuple[str, str], ...]
    trained_resolution: int
    iso: float
    licence: str = ""
    summary: str = ""
    card: str = ""
    sheet: Path | None = None
    can_sample: bool = True
    can_rank: bool = False
    readings: tuple[tuple[str, str], ...] = ()
    frames: int = 1
    rate: float = 0.0
    camera: Camera | None = None


@dataclass(frozen=True)
class AddonInfo:
    """What is known of an add-on (LoRA) without loading its weights.

    Attributes:
        name: what the user types. source: "imported" or "file".
        base, base_sha256: name and hash of the model that it belongs to; domain: a key of DOMAINS.
        rank: of its updates. parameters: number of its weights.
        summary, card, sheet: as of a model.
    """

    name: str
    source: str
    path: Path
    sha256: str
    base: str
    base_sha256: str
    domain: str
    rank: int
    parameters: int
    licence: str = ""
    summary: str = ""
    card: str = ""
    sheet: Path | None = None


@dataclass(frozen=True)
class ListModels:
    """Result: tuple[ModelInfo, ...], starters first."""


@dataclass(frozen=True)
class ListAddons:
    """Result: tuple[AddonInfo, ...], by name."""


@dataclass(frozen=True)
class LoadModel:
    """Bring a model into memory. Result: its ModelInfo."""

    model: str


@dataclass(frozen=True)
class ImportModel:
    """Import an official .pt, or a model or add-on of this program. Result: its ModelInfo or AddonInfo.

    `config` is a YAML file with what an official file leaves open, or the name of a published configuration.
    """

    path: Path
    name: str | None = None
    config: Path | None = None
    precision: str = "fp32"


@dataclass(frozen=True)
class InspectFile:
    """See what an import of a model file would take, without reading its weights. Result: FileInspection."""

    path: Path
    config: Path | None = None


@dataclass(frozen=True)
class FileInspection:
    """A model file before its import.

    Attributes:
        official: whether it is one of the authors' files; else it is a native one.
        name: what the model will be called if no other name is given.
        domain_label: what its samples are, for people; "" where that is not known.
        parameters: number of weights that are taken. file_bytes: size of the file.
        can_sample: whether a diffusion model is in it; averaged: whether its weights are the averaged ones (EMA).
        left_out: what is in the file and not taken.
        missing: what has to be told first, by its names in the authors' YAML files; () where nothing is.
        configurations: names of the published configurations, any of which may be told.
        addon_of: of an add-on, the name of the model that it belongs to; "" of a model.
    """

    official: bool
    name: str
    domain_label: str
    parameters: int
    file_bytes: int
    can_sample: bool
    averaged: bool
    left_out: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    configurations: tuple[str, ...] = ()
    addon_of: str = ""


@dataclass(frozen=True)
class VerifyModel:
    """Check a model's or add-on's file against its stored hash and its header. Result: its ModelInfo or AddonInfo."""

    model: str


@dataclass(frozen=True)
class RemoveModel:
    """Remove an imported model or an add-on. Result: the name."""

    model: str


@dataclass(frozen=True)
class Doctor:
    """Look at the machine. Result: dict of plain values (versions, devices, OpenGL, starters, and why something does
    not work)."""
