"""Requests about data, training runs and measured quality."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ddmi_models.requests.making import Addon


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
class Ablate:
    """Train and measure the variants of an ablation, or go on. `config` is an AblationConfig as plain values.

    Result: dict of plain values, the table.
    """

    config: dict[str, Any] = field(hash=False)
    run_dir: Path


@dataclass(frozen=True)
class StartRun:
    """Start a new training in a process of its own, which outlives this one. Result: its RunInfo.

    `config` is a TrainConfig as plain values; relative paths are seen from here. `run_dir` None: a new folder among the
    runs, named after the model.
    """

    config: dict[str, Any] = field(hash=False)
    run_dir: Path | None = None


@dataclass(frozen=True)
class DescribeTraining:
    """What a training can be told, and what it can start from. Result: TrainingGuide."""


@dataclass(frozen=True)
class CheckTraining:
    """See what of a configuration, plain values or texts as typed, is not right. Result: tuple[SettingProblem, ...].

    Folders and models that it names are looked for; the data are not read (CheckData).
    """

    config: dict[str, Any] = field(hash=False)


@dataclass(frozen=True)
class Setting:
    """A field of TrainConfig, for a form.

    Attributes:
        path: its keys, joined by dots. label: its name for people. description: what it does.
        kind: text, folder, file, whole, number, switch, choice, or list (with commas between).
        default: as it is written; "" where there is none. required: whether it has to be given. optional: whether it
            may be left empty.
        choices: of a choice. bounds: what values it takes, in words; "" where all are.
        domains, stages: where it counts; () for all.
    """

    path: str
    label: str
    description: str
    kind: str
    default: str
    required: bool
    optional: bool
    choices: tuple[str, ...] = ()
    bounds: str = ""
    domains: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainingPreset:
    """A shipped configuration, made ready for data of one's own: no folders, no names, no licence.

    `hint` says what it is; `values` are a whole TrainConfig as plain values; `domain` is "" where nothing shipped says;
    `paper`: with the settings of a publication, which are for GPUs.
    """

    name: str
    hint: str
    domain: str
    stage: str
    values: dict[str, Any] = field(hash=False)
    paper: bool = False


@dataclass(frozen=True)
class TrainingSize:
    """How long and on what: `factors` multiply numbers of a preset, `values` then replace them; by path.

    `paper`: whether it is for presets with the settings of a publication, for the others, or for all (None).
    """

    key: str
    label: str
    hint: str
    factors: dict[str, float] = field(default_factory=dict, hash=False)
    values: dict[str, Any] = field(default_factory=dict, hash=False)
    paper: bool | None = None


@dataclass(frozen=True)
class StartingPoint:
    """A model whose weights a run can start from.

    Attributes:
        key: what `start_from` takes. label: for people. source: starter, imported, or run (the model in its folder).
        complete: whether it has a diffusion model; else it is a first stage. takes_text: whether it has a text tower.
        can_rank: whether it has been aligned with texts. latent_channels: of its latents.
    """

    key: str
    label: str
    source: str
    domain: str
    complete: bool
    takes_text: bool
    can_rank: bool
    latent_channels: int


@dataclass(frozen=True)
class TrainingGuide:
    """All that the form of a new run is made of; `sizes` holds the usual one first."""

    settings: tuple[Setting, ...]
    presets: tuple[TrainingPreset, ...]
    sizes: tuple[TrainingSize, ...]
    starts: tuple[StartingPoint, ...]


@dataclass(frozen=True)
class SettingProblem:
    """What is wrong with a setting, in one line; `path` "" where it is none in particular."""

    path: str
    message: str


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
class RemoveRun:
    """Delete the files of a run on which no process works. Result: its name.

    Its model among the models stays; other files in its folder stay too.
    """

    run: str


@dataclass(frozen=True)
class RunInfo:
    """Where a training run stands.

    Attributes:
        state: waiting (for its device), running, paused, stopped, finished, failed (it said why), crashed (its process
            died), or new (never started).
        stage: of TrainConfig. step of steps are done; saved_step of them are on the disk.
        seconds: trained so far. seconds_left: None where that is not known. loss: of the last step that was logged.
        best: lowest validation figure so far; None without validation.
        message: why it waits or failed, what it does before its first step, or its last words.
        model: name in the list of models of the finished model.
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
    """Look through a data set as a training would. Result: DataSummary.

    `domain`: what it is wanted for, if that is known. `stride`: of films, that of the training.
    """

    folder: Path
    domain: str | None = None
    stride: int = 1


FEWEST_TO_DIVIDE, FEWEST_HELD_OUT, MOST_HELD_OUT = 20, 2, 256
"""Of items: smaller sets are not divided; so many are held out at least (one alone has no contrast) and at most."""
LARGEST_SHARE = 0.5


def held_out_count(items: int, share: float) -> int:
    """How many items of a training set are held out to validate where no other set is named; 0 of a small set."""
    if items < FEWEST_TO_DIVIDE or not share > 0:
        return 0
    return min(max(round(min(share, LARGEST_SHARE) * items), FEWEST_HELD_OUT), MOST_HELD_OUT)


@dataclass(frozen=True)
class DataSummary:
    """What a data set is and what of it can be used.

    Attributes:
        layout: key of the layout in which it lies. title: what it is, for people. domain: what is trained on it; "" if
            that is not known.
        count, usable: items found, and how many of them are whole. problems: what is wrong, one line each.
        facts: more about it, by name. examples: some of its files. thumbnails: of some items, uint8 [S, S, 3].
        validation: name of its part that is kept to validate; "" where there is none.
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
    validation: str = ""


@dataclass(frozen=True)
class Evaluate:
    """Measure a model. Result: dict of plain values: what was measured, and `figures` by metric and name.

    Attributes:
        metrics: names in METRICS; (): all that can be measured with what is given.
        data: folder of a set that the model never saw. train: folder of the set that it was trained on.
        count: items of the data, and samples; None: 256, or all of a smaller set. seed: of the first sample.
        seeds: a prompt, for `attributes`. cells: of the meshes of shapes. addons: that are in the model.
    """

    model: str
    metrics: tuple[str, ...] = ()
    data: Path | None = None
    train: Path | None = None
    count: int | None = None
    seed: int = 0
    seeds: int = 5
    cells: int = 96
    addons: tuple[Addon, ...] = ()
