"""A new run on its way: the data, what is trained from what, and the settings, each proofread as it is typed."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from ddmi_models.events import Event, Failed, Result
from ddmi_models.requests import (
    CheckData,
    CheckTraining,
    DataSummary,
    Setting,
    SettingProblem,
    StartingPoint,
    TrainingPreset,
    TrainingSize,
    held_out_count,
)
from ddmi_studio.jobs import Job, Lane, Priority
from ddmi_studio.state.training import Training

STAGE_NAMES = {"autoencoder": "Autoencoder", "alignment": "Text alignment", "diffusion": "Diffusion model"}
MODES = {
    "full": "All of it", "decoder": "Decoder only", "diffusion": "U-Net only", "lora": "Add-on (LoRA)",
}  # fmt: skip
"""What of a model that is started from is changed: values of `finetune`."""
CHOSEN = ("stage", "start_from", "finetune", "data.train", "model.domain", "model.plane_order")
"""Settings that are chosen elsewhere in the form, or follow from the data."""
SECOND_STAGE = ("unet", "diffusion", "text", "ranking")
"""Sections that a model which has them already keeps."""

Value = str | bool


class TrainingForm(QObject):
    """What the page of a new run shows and changes.

    Signals:
        data_changed: folder, summary, or why there is none. plan_changed: what is trained, from what, or the preset;
        all settings are new. checked: what is wrong with the settings is known, or is no longer.

    Attributes:
        folder: of the data. summary: what it holds, once that is known. data_error: why it cannot be used.
        stage: what is trained. start: key of the model to start from; "" for fresh weights.
        mode: what of it is changed. preset, size: their keys.
        values: settings by path, as typed or ticked. problems: what is wrong, by path; None until that is known.
    """

    data_changed = Signal()
    plan_changed = Signal()
    checked = Signal()

    def __init__(self, training: Training, inspection: Lane) -> None:
        super().__init__(training)
        self.training = training
        self._inspection = inspection
        self.folder: Path | None = None
        self.summary: DataSummary | None = None
        self.data_error = ""
        self.stage, self.start, self.mode, self.preset, self.size = "autoencoder", "", "full", "", "usual"
        self.values: dict[str, Value] = {}
        self.problems: dict[str, str] | None = None
        self._base: dict[str, Any] = {}
        self._named, self._proposed = "", ""
        self._wanted: tuple[str, str] | None = None
        self._inspecting: Job | None = None
        self._stride = 1
        self._proofreading: Job | None = None
        training.guide_changed.connect(self._on_guide)
        training.busy_changed.connect(self.checked)

    # Data

    def choose_folder(self, folder: Path) -> None:
        """Take a data set and look through it."""
        self.folder, self.summary, self.data_error = folder, None, ""
        self._inspect(folder, 1)

    def _inspect(self, folder: Path, stride: int) -> None:
        if self._inspecting is not None:
            self._inspection.cancel(self._inspecting)
        self._stride = stride
        job: Job = self._inspection.submit(
            CheckData(folder, stride=stride), lambda event: self._on_inspected(job, event), Priority.EXPORT
        )
        self._inspecting = job
        self.data_changed.emit()
        self.checked.emit()

    def _follow_stride(self) -> None:
        """Films that are long enough at one stride are looked through again at another."""
        wanted = str(self.values.get("data.stride", ""))
        films = self.domain == "video" and self.summary is not None and self.summary.layout != "shards"
        if films and self.folder is not None and wanted.isdecimal() and int(wanted) not in (0, self._stride):
            self._inspect(self.folder, int(wanted))

    def inspecting(self) -> bool:
        """Whether the folder is being looked through."""
        return self._inspecting is not None

    def _on_inspected(self, job: Job, event: Event) -> None:
        if job is not self._inspecting:
            return  # another folder was chosen since, or another stride
        again = self.summary is not None
        if isinstance(event, Result):
            self._inspecting, self.summary = None, event.value
        elif isinstance(event, Failed):
            self._inspecting, self.summary, self.data_error = None, None, str(event.error)
        else:
            return
        if again and self.summary is not None:
            self.checked.emit()  # what has been chosen and typed stays
        else:
            self._settle()  # first, as what is chosen may not fit data of another kind
        self.data_changed.emit()

    @property
    def domain(self) -> str:
        """Of the data; "" until it is known."""
        return self.summary.domain if self.summary is not None else ""

    def has_captions(self) -> bool:
        """Whether the items have texts: files say so, shapes in shards always have."""
        if self.summary is None:
            return False
        shards = self.summary.layout == "shards" and self.domain == "shape"
        return shards or "captions" in dict(self.summary.facts)

    def validation(self) -> str:
        """On what the run will validate, in a line; "" while that is not known."""
        if self.summary is None or not self.values:
            return ""
        if place := str(self.values.get("data.validation", "")).strip():
            return f"Validates on {place}"
        if self.summary.validation:
            return f"Validates on the part {self.summary.validation}"
        try:
            share = float(str(self.values.get("data.validation_share", "")))
        except ValueError:
            return ""
        usable = self.summary.usable
        if held_out := held_out_count(usable, share):
            return f"{held_out:,} of {usable:,} items are held out to validate"
        if share > 0 and self.domain == "video":
            return ""  # few films may have many clips
        return "Nothing is held out to validate"

    # Choices

    def stages(self) -> list[str]:
        """What can be trained on these data."""
        found = {preset.stage for preset in self._presets_of_domain()}
        return [name for name in STAGE_NAMES if name in found and (name != "alignment" or self.has_captions())]

    def starts(self) -> list[StartingPoint]:
        """Models that the stage can start from."""
        guide = self.training.guide
        points = [point for point in guide.starts if point.domain == self.domain] if guide is not None else []
        return [point for point in points if self.stage != "alignment" or not point.complete]

    def start_required(self) -> bool:
        """Whether the stage works on another model's latents."""
        return self.stage != "autoencoder"

    def starting_point(self) -> StartingPoint | None:
        """The model to start from."""
        return next((point for point in self.starts() if point.key == self.start), None)

    def modes(self) -> list[str]:
        """What of the model to start from can be changed; nothing to choose where there is one."""
        point = self.starting_point()
        if point is not None and self.stage == "autoencoder":
            return ["full", "decoder"]
        if point is not None and self.stage == "diffusion" and point.complete:
            return ["full", *(["diffusion"] if point.takes_text else []), "lora"]
        return ["full", "diffusion"] if self.stage == "diffusion" and self.has_captions() else ["full"]

    def presets(self) -> list[TrainingPreset]:
        """Presets for the data and the stage."""
        found = [preset for preset in self._presets_of_domain() if preset.stage == self.stage]
        return [preset for preset in found if "lora" in self.modes() or not _is_addon(preset)]

    def _presets_of_domain(self) -> list[TrainingPreset]:
        guide = self.training.guide
        return [preset for preset in guide.presets if preset.domain == self.domain] if guide is not None else []

    def sizes(self) -> tuple[TrainingSize, ...]:
        """How long, and on what, as fits the preset."""
        if self.training.guide is None:
            return ()
        preset = self._preset()
        paper = preset is not None and preset.paper
        return tuple(size for size in self.training.guide.sizes if size.paper in (None, paper))

    def _preset(self) -> TrainingPreset | None:
        return next((preset for preset in self.presets() if preset.name == self.preset), None)

    def choose(self, **choices: str) -> None:
        """Set stage, start, mode, preset or size; the settings follow."""
        for name, value in choices.items():
            setattr(self, name, value)
        chosen = self._preset()
        if chosen is not None and "preset" in choices:
            self.mode = chosen.values["finetune"]
        elif chosen is not None and _is_addon(chosen) != (self.mode == "lora"):
            alike = [preset.name for preset in self.presets() if _is_addon(preset) == (self.mode == "lora")]
            self.preset = next(iter(alike), self.preset)
        self._settle()

    def go_on_from(self, folder: Path, start: str, stage: str) -> None:
        """Ready the next stage of a finished run on the same data."""
        self._wanted = (stage, start)
        self.choose_folder(folder)

    def _on_guide(self) -> None:
        """What has been typed stays, unless the model to start from has gone."""
        if self.values and (not self.start or self.starting_point() is not None):
            self.plan_changed.emit()
        elif self.summary is not None:
            self._settle()

    def _propose(self) -> None:
        """For data of another kind: a whole model of their domain to go on with, which shows something soonest, or else
        a first stage from scratch; for the next stage of a run, that."""
        if self._wanted is not None:
            (self.stage, self.start), self._wanted = self._wanted, None
        elif self.domain != self._proposed:
            whole = next((point.key for point in self.starts() if point.complete), "")
            self.stage, self.start = ("diffusion" if whole else "autoencoder"), whole
        self._proposed = self.domain

    def _settle(self) -> None:
        """Keep the choices that there still are, and take the settings of the preset."""
        if self.training.guide is not None:
            self._propose()
        if self.stage not in self.stages():
            self.stage = next(iter(self.stages()), "autoencoder")
        keys = [point.key for point in self.starts()]
        if self.start not in keys and (self.start or self.start_required()):
            self.start = keys[0] if keys and self.start_required() else ""
        self.mode = self.mode if self.mode in self.modes() else "full"
        names = [preset.name for preset in self.presets()]
        self.preset = self.preset if self.preset in names else next(iter(names), "")
        self.size = self.size if self.size in [size.key for size in self.sizes()] else "usual"
        self._take_preset()
        self.plan_changed.emit()
        self._proofread()

    # Settings

    def settings(self) -> list[Setting]:
        """The settings that count for these data, this stage and this start, in their order."""
        guide = self.training.guide
        shown = guide.settings if guide is not None else ()
        return [
            setting
            for setting in shown
            if setting.path in self.values
            and (self.mode == "lora" or not setting.path.startswith("lora."))
            and (not setting.domains or self.domain in setting.domains)
            and (not setting.stages or self.stage in setting.stages)
        ]

    def set(self, path: str, value: Value) -> None:
        """Change a setting."""
        self.values[path] = value
        if path == "name":
            self._named = str(value)
        self._proofread()

    def _take_preset(self) -> None:
        preset = self._preset()
        if preset is None:
            self._base, self.values = {}, {}
            return
        self._base = deepcopy(preset.values)
        self._fit_to_start()
        self._fit_to_texts()
        name = self._named or re.sub(r"[^A-Za-z0-9]+", "-", self.folder.name if self.folder else "").strip("-")
        self._base |= {"name": name or "model", "start_from": self.start or None, "finetune": self.mode}
        self._base["data"]["train"] = str(self.folder)
        self._resize()
        guide = self.training.guide
        paths = [s for s in guide.settings if s.path not in CHOSEN] if guide is not None else []
        found = {setting.path: _find(self._base, setting.path) for setting in paths}
        self.values = {path: _typed(value) for path, (there, value) in found.items() if there}

    def _fit_to_start(self) -> None:
        """A model that is started from keeps its own architecture; a fresh denoiser takes the size of its latents."""
        point = self.starting_point()
        if point is None:
            return
        self._base["model"] = None
        if point.complete or self.stage == "autoencoder":
            self._base.update(dict.fromkeys(SECOND_STAGE))
        elif self._base["unet"] is not None:
            channels = point.latent_channels
            self._base["unet"] |= {"in_channels": channels, "out_channels": channels}

    def _fit_to_texts(self) -> None:
        """Data without captions train a model without text."""
        if self.stage == "diffusion" and self._base["text"] is not None and not self.has_captions():
            self._base["text"] = None
            self._base["unet"] |= {"context_channels": None, "pooled_channels": None}

    def _resize(self) -> None:
        size = next((size for size in self.sizes() if size.key == self.size), None)
        if size is None:
            return
        for path, factor in size.factors.items():
            self._base[path] = max(1, round(self._base[path] * factor))
        self._base |= size.values

    # Proofreading

    def config(self) -> dict[str, Any]:
        """The configuration as it stands, as plain values and texts as typed."""
        values = deepcopy(self._base)
        kinds = {setting.path: setting for setting in self.settings()}
        for path, value in self.values.items():
            if path in kinds:
                _put(values, path, _parsed(kinds[path], value))
        return values

    def _proofread(self) -> None:
        self.problems = None
        self.checked.emit()
        if not self.values:
            return
        self._follow_stride()
        job: Job = self.training.lane.submit(
            CheckTraining(self.config()), lambda event: self._on_proofread(job, event), Priority.VIEW, "proofreading"
        )
        self._proofreading = job

    def _on_proofread(self, job: Job, event: Event) -> None:
        if job is not self._proofreading:
            return  # more was typed since
        if isinstance(event, Result):
            problems: tuple[SettingProblem, ...] = event.value
            self.problems = {}
            for problem in problems:
                self.problems.setdefault(problem.path, problem.message)
        elif isinstance(event, Failed):
            self.problems = {"": str(event.error)}
        else:
            return
        self.checked.emit()

    def hindrance(self) -> str:
        """Why the run cannot be started; "" where it can."""
        if self.folder is None:
            return "Choose a folder of data first."
        if self._inspecting is not None:
            return "The folder is being looked through…"
        if self.summary is None:
            return self.data_error
        if not self.summary.usable:
            return "Nothing in this folder can be used."
        if not self.stages():
            return "There is no preset for these data."
        if self.start_required() and not self.start:
            return "Train an autoencoder first: this works on its latents."
        if None in self.training.busy:
            return "The run is starting…"
        if self.problems is None:
            return "The settings are being checked…"
        return next((self._told(path, message) for path, message in self.problems.items()), "")

    def _told(self, path: str, message: str) -> str:
        guide = self.training.guide
        label = next((s.label for s in guide.settings if s.path == path), "") if guide is not None else ""
        return f"{label}: {message[:1].lower()}{message[1:]}" if label else message

    def launch(self) -> None:
        """Start the run."""
        if not self.hindrance():
            self.training.start(self.config())


def _is_addon(preset: TrainingPreset) -> bool:
    return bool(preset.values["finetune"] == "lora")


def _find(values: dict[str, Any], path: str) -> tuple[bool, Any]:
    """Whether a configuration has a setting, and its value; a section that is left out has none."""
    *sections, name = path.split(".")
    for section in sections:
        values = values.get(section) or {}
    return name in values, values.get(name)


def _put(values: dict[str, Any], path: str, value: Any) -> None:
    *sections, name = path.split(".")
    for section in sections:
        values = values[section]
    values[name] = value


def _typed(value: Any) -> Value:
    """A value as it stands in a field."""
    if isinstance(value, bool):
        return value
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(str(_typed(part)) for part in value)
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _parsed(setting: Setting, value: Value) -> Any:
    """What is typed, as far as a form knows its kind; whether it is a number is for the proofreader to say."""
    if isinstance(value, bool):
        return value
    text = value.strip()
    if not text and setting.optional:
        return None
    if setting.kind == "list":
        return [part.strip() for part in text.split(",")] if text else []
    return text
