"""Frozen requests: what the command line, the Python API and the studio ask of the engine.

Every request's docstring says what the `Result` event that ends it holds. This module imports neither torch nor Qt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from ddmi_models.cameras import Camera
from ddmi_models.planes import Latents
from ddmi_models.recipes import Recipe
from ddmi_models.recipes import SampledRecipe as SampledRecipe
from ddmi_models.recipes import describe as describe

MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model without loading its weights.

    Attributes:
        name: what the user types. source: "starter", "imported" or "file". domain: a key of DOMAINS; domain_label
            for people.
        parameters: number of weights. scales: sides of the basis planes, coarse to fine.
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


@dataclass(frozen=True, eq=False)
class Part:
    """A latent's part in a mixed sample: the weight of its basis planes in each level, coarse to fine."""

    latents: Latents
    weights: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Sample:
    """A sample: its recipe and its latent, from which anything is rendered without sampling again.

    A mixed sample has several `parts`, whose weighted basis planes add up; `latents` are those of the first.
    """

    recipe: Recipe
    latents: Latents
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class ImageView:
    """A picture of a window of the field: `window` is (left, top, right, bottom) in [-1, 1], y down."""

    width: int
    height: int
    window: tuple[float, float, float, float] = (-1.0, -1.0, 1.0, 1.0)
    gains: tuple[float, ...] | None = None
    grain: float = 0.0
    """Strength of the seeded noise lattice for models that have learned per-pixel noise; 0: off."""


@dataclass(frozen=True)
class MeshView:
    """The surface at occupancy probability `iso` (None: the model's) on `cells` cells along each axis of the cube.

    With `clean`, loose specks and hollows smaller than 1 % of the largest body are left out.
    """

    cells: int
    iso: float | None = None
    gains: tuple[float, ...] | None = None
    clean: bool = True


@dataclass(frozen=True)
class RadianceView:
    """A picture of a radiance field from a camera.

    Attributes:
        shows: colour, depth (near is dark) or normals (of the world, as colours).
        samples: places evaluated along a ray at most; None: the model's; fewer for quick looks.
    """

    width: int
    height: int
    camera: Camera = field(default_factory=Camera)
    gains: tuple[float, ...] | None = None
    shows: Literal["colour", "depth", "normals"] = "colour"
    samples: int | None = None


@dataclass(frozen=True)
class Timing:
    """The frames of a clip: frame k stands `start` + k / `rate` seconds after the first trained frame.

    Attributes:
        rate: frames a second; None: the trained rate.
        start, stop: window in time, in seconds; no frame stands after `stop`. None: the last trained frame.
        shutter: seconds around a frame's instant over which it is averaged; 0: the instant alone.
    """

    rate: float | None = None
    start: float = 0.0
    stop: float | None = None
    shutter: float = 0.0


@dataclass(frozen=True)
class ClipView:
    """Frames of a clip, each a picture of a window of the field as in ImageView.

    Of the frames that `timing` names only `count` are made, from number `first` on; None: all that are left.
    """

    width: int
    height: int
    timing: Timing = Timing()
    first: int = 0
    count: int | None = None
    window: tuple[float, float, float, float] = (-1.0, -1.0, 1.0, 1.0)
    gains: tuple[float, ...] | None = None


View: TypeAlias = ClipView | ImageView | MeshView | RadianceView


@dataclass(frozen=True, eq=False)
class Picture:
    """A rendered picture: uint8 [height, width, 3]; of a radiance field also the depth of each pixel along the camera's
    axis (0 where nothing is) and its opacity, float32 [height, width]."""

    pixels: np.ndarray
    depth: np.ndarray | None = None
    opacity: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class MeshData:
    """A surface: vertices float32 [V, 3] in the cube [-0.5, 0.5]^3 (y up), faces int32 [F, 3] wound outward, normals
    float32 [V, 3], colours uint8 [V, 3] where the field has some."""

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    watertight: bool
    cells: int
    colours: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Clip:
    """Frames uint8 [frames, height, width, 3] at `rate` a second, and the instants, in seconds, at which they stand."""

    frames: np.ndarray
    rate: float
    instants: tuple[float, ...]


Rendered: TypeAlias = Clip | Picture | MeshData


@dataclass(frozen=True)
class ListModels:
    """Result: tuple[ModelInfo, ...], starters first."""


@dataclass(frozen=True)
class LoadModel:
    """Bring a model into memory. Result: its ModelInfo."""

    model: str


@dataclass(frozen=True)
class Generate:
    """Draw `count` samples with seeds seed, seed + 1, ... Result: tuple[Sample, ...].

    None for sampler, steps or guidance means the model's default. With `previews`, a Preview of each sample follows
    every step or so. With `candidates` above 1, as many are drawn for each sample, the first from its seed and the
    others from seeds made of it, and the one is kept that fits the prompt best; its recipe names its own seed.
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


@dataclass(frozen=True)
class Regenerate:
    """Make the sample of a recipe again, with the model of its hash, else the one of its name. Result: the Sample."""

    recipe: Recipe


@dataclass(frozen=True)
class Encode:
    """Make a sample of the user's own signal: a picture, a mesh or a point cloud. Result: Encoded.

    `up` is the axis of a mesh or cloud that points up: y or z.
    """

    model: str
    path: Path
    up: str = "y"


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


@dataclass(frozen=True, eq=False)
class Render:
    """Evaluate a sample's field. Result: Clip for a ClipView, Picture for an ImageView, MeshData for a MeshView.

    A large or slow view is preceded by coarser ones, each a Partial event with the same type of value.
    """

    sample: Sample
    view: View


@dataclass(frozen=True, eq=False)
class ReadField:
    """Evaluate a sample's field at points float32 [..., D]. Result: float32 [..., channels].

    Videos: (x, y, t) in [-1, 1], y down, t over the trained clip, to colours in [-1, 1].
    Images: (x, y) in [-1, 1], y down, to colours in [-1, 1]. Shapes: (x, y, z) in the cube, y up, to occupancy logits.
    """

    sample: Sample
    points: np.ndarray


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A small picture of a sample, without OpenGL. Result: Picture of size x size."""

    sample: Sample
    size: int = 128


@dataclass(frozen=True, eq=False)
class EstimateExport:
    """What an export would cost. Result: ExportEstimate."""

    sample: Sample
    suffix: str
    resolution: int
    timing: Timing = Timing()


@dataclass(frozen=True)
class ExportEstimate:
    """Expected cost of an export: seconds on this machine, bytes of the file, bytes of memory."""

    seconds: float
    file_bytes: int
    memory_bytes: int


@dataclass(frozen=True)
class PlanExport:
    """Refuse an export of a model's samples that cannot be done, before anything is sampled. Result: ExportEstimate.

    `path`, `resolution` and `views` as in Export.
    """

    model: str
    path: Path
    resolution: tuple[int, int] | None = None
    iso: float | None = None
    gains: tuple[float, ...] | None = None
    grain: float = 0.0
    timing: Timing = Timing()
    views: int | None = None


@dataclass(frozen=True, eq=False)
class Export:
    """Write a sample to a file whose suffix decides the format; its recipe goes inside (or beside). Result: the Path
    written. A video's path without a suffix becomes a folder of frames; `timing` says which.

    `resolution` is (width, height) in pixels of a picture, or (cells, cells) of a mesh; None: the domain's usual one.
    A shape or a radiance field written to a picture or a clip format becomes a still or a turntable of that many
    pixels; a radiance field's path without a suffix a folder of a turntable's frames and their cameras. `views` is the
    number of frames of a radiance field's turntable, `camera` the first one's; None: the usual ones. `clean` as in
    MeshView.
    """

    sample: Sample
    path: Path
    resolution: tuple[int, int] | None = None
    iso: float | None = None
    gains: tuple[float, ...] | None = None
    grain: float = 0.0
    clean: bool = True
    timing: Timing = Timing()
    views: int | None = None
    camera: Camera | None = None


@dataclass(frozen=True)
class OpenExport:
    """Read an exported file or latent. Result: OpenedExport."""

    path: Path


@dataclass(frozen=True, eq=False)
class OpenedExport:
    """A recipe found in a file, and the sample itself where the file holds its latent."""

    recipe: Recipe
    sample: Sample | None


@dataclass(frozen=True)
class ImportModel:
    """Import an official .pt or a native .safetensors. Result: its ModelInfo.

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


@dataclass(frozen=True)
class VerifyModel:
    """Check a model's file against its stored hash and configuration. Result: its ModelInfo."""

    model: str


@dataclass(frozen=True)
class RemoveModel:
    """Remove an imported model. Result: the name."""

    model: str


@dataclass(frozen=True)
class Train:
    """Run a training in this process, or go on with a stopped one, when the device is free. `config` is a TrainConfig
    as plain values.

    Result: the Path of the finished model file.
    """

    config: dict[str, Any] = field(hash=False)
    run_dir: Path
    resume: bool = False


@dataclass(frozen=True)
class StartRun:
    """Start a new training in a process of its own, which outlives this one. Result: its RunInfo.

    `config` is a TrainConfig as plain values; relative paths are seen from here. `run_dir` None: a new folder among the
    runs, named after the model.
    """

    config: dict[str, Any] = field(hash=False)
    run_dir: Path | None = None


@dataclass(frozen=True)
class ListRuns:
    """Result: tuple[RunInfo, ...], by name."""


@dataclass(frozen=True)
class ShowRun:
    """Look at a run, by name or folder. Result: RunDetails.

    `metrics_from`: rows of figures that are known already and left out. `log_lines`: how many of the log's last lines.
    """

    run: str
    metrics_from: int = 0
    log_lines: int = 20


@dataclass(frozen=True)
class ControlRun:
    """Ask a run for something and wait until it is done. Result: its RunInfo.

    `action`: save, sample (a picture), pause (its process ends, the device is free), stop, or resume (a new process
    goes on with a paused, stopped, failed or crashed run).
    """

    run: str
    action: str


@dataclass(frozen=True)
class RunInfo:
    """Where a training run stands.

    Attributes:
        state: waiting (for its device), running, paused, stopped, finished, failed (it said why), crashed (its process
            died), or new (never started).
        stage: of TrainConfig. step of steps are done; saved_step of them are on the disk.
        seconds: trained so far. seconds_left: None where that is not known. loss: of the last step that was logged.
        best: lowest validation figure so far; None without validation.
        message: why it waits or failed, or its last words. model: name in the list of models of the finished model.
        sample: file name of the newest picture, in the folder `samples`.
        pid, process_started, host, updated: the process that wrote this, and when; seconds since the epoch.
    """

    path: Path
    name: str = ""
    state: str = "new"
    stage: str = ""
    step: int = 0
    steps: int = 0
    saved_step: int = 0
    seconds: float = 0.0
    seconds_left: float | None = None
    loss: float | None = None
    best: float | None = None
    device: str = ""
    message: str = ""
    model: str = ""
    sample: str = ""
    pid: int = 0
    process_started: float = 0.0
    host: str = ""
    updated: float = 0.0


@dataclass(frozen=True, eq=False)
class RunDetails:
    """A run's files, read: its configuration as plain values, rows of figures (each with `step`), the log's last lines,
    pictures by step."""

    info: RunInfo
    config: dict[str, Any]
    metrics: tuple[dict[str, Any], ...]
    log: tuple[str, ...]
    samples: tuple[Path, ...]


@dataclass(frozen=True)
class MakeData:
    """Make a data set. Result: the Path of its manifest.

    `count` None: as many items as the set usually has. `workers` None: a process for each core. `source`: folder of
    the libraries that a set of real models is read from; None: where Debian puts them. `layout`: shards, or the
    published file layout to write instead. `options`: whole numbers that the set takes, such as size.
    """

    name: str
    out: Path
    count: int | None = None
    seed: int = 0
    workers: int | None = None
    source: Path | None = None
    layout: str = "shards"
    options: dict[str, int] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class CheckData:
    """Look through a data set. Result: DataSummary. `domain`: what it is wanted for, if that is known."""

    folder: Path
    domain: str | None = None


@dataclass(frozen=True)
class DataSummary:
    """What a data set is and what of it can be used.

    Attributes:
        layout: key of the layout in which it lies. title: what it is, for people. domain: what is trained on it; "" if
            that is not known.
        count, usable: items found, and how many of them are whole. problems: what is wrong, one line each.
        facts: more about it, by name. examples: some of its files. thumbnails: of some items, uint8 [S, S, 3].
    """

    layout: str
    title: str
    domain: str
    count: int
    usable: int
    problems: tuple[str, ...]
    facts: tuple[tuple[str, str | int], ...]
    examples: tuple[Path, ...]
    thumbnails: tuple[np.ndarray, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Evaluate:
    """Measure a model. Result: dict of plain values: what was measured, and `figures` by metric and name.

    Attributes:
        metrics: names in METRICS; (): all that can be measured with what is given.
        data: folder of a set that the model never saw. train: folder of the set that it was trained on.
        count: items of the data, and samples; None: 256, or all of a smaller set. seed: of the first sample.
        seeds: a prompt, for `attributes`. cells: of the meshes of shapes.
    """

    model: str
    metrics: tuple[str, ...] = ()
    data: Path | None = None
    train: Path | None = None
    count: int | None = None
    seed: int = 0
    seeds: int = 5
    cells: int = 96


@dataclass(frozen=True)
class Doctor:
    """Look at the machine. Result: dict of plain values (versions, devices, OpenGL, starters, and why something does
    not work)."""


Request: TypeAlias = (
    ListModels
    | LoadModel
    | Generate
    | Regenerate
    | Encode
    | Interpolate
    | Mix
    | Vary
    | ExportPath
    | Render
    | ReadField
    | Thumbnail
    | EstimateExport
    | PlanExport
    | Export
    | OpenExport
    | ImportModel
    | InspectFile
    | VerifyModel
    | RemoveModel
    | Train
    | StartRun
    | ListRuns
    | ShowRun
    | ControlRun
    | MakeData
    | CheckData
    | Evaluate
    | Doctor
)
