"""An ablation from its data to its table; every part that is ready is kept, so that it goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from ddmi_models.cancel import CancelToken
from ddmi_models.devices import find_device
from ddmi_models.errors import BadData, BadInput
from ddmi_models.evaluation.comparison import compare
from ddmi_models.evaluation.items import DataSet
from ddmi_models.evaluation.study import Settings
from ddmi_models.events import Event, Notice, Progress, Result
from ddmi_models.files import atomic_file
from ddmi_models.model import load_model
from ddmi_models.training.ablation.config import STAGES, AblationConfig
from ddmi_models.training.config import DataConfig
from ddmi_models.training.data import BATCHES
from ddmi_models.training.folder import RunFolder, read_status
from ddmi_models.training.planning import anchored
from ddmi_models.training.procedural import DATA_MAKERS, write_shards
from ddmi_models.training.procedural.shards import make_folder
from ddmi_models.training.process import conduct

CONFIG, TABLE = "ablation.yaml", "table.json"
HELD_OUT_SEED = 10_000_000
"""First seed of the held-out avatars, far from those that are trained on."""

Figures = dict[str, Any]


def run_ablation(config: AblationConfig, folder: Path, token: CancelToken) -> Iterator[Event]:
    """Train and measure every variant; ends with Result(the table as plain values).

    The same call on the same folder goes on after an interruption.

    Raises:
        BadInput: the folder holds another ablation. EngineError: as trainings and measurements.
        WorkCancelled: stopped; everything that is ready is kept.
    """
    _claim(config, folder)
    table = folder / TABLE
    if not table.is_file():
        train, held_out = yield from _data(config, folder, token)
        models = []
        for number in range(len(config.variants)):
            models.append((yield from _trained(config, number, folder, train, held_out, token)))
        figures = yield from _measured(config, models, held_out, token)
        with atomic_file(table) as file:
            file.write(json.dumps(_table(config, figures), indent=1).encode())
    yield Result({"folder": str(folder), **json.loads(table.read_text(encoding="utf-8"))})


def _claim(config: AblationConfig, folder: Path) -> None:
    """Write the configuration down, or find the same one there."""
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    path = folder / CONFIG
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise BadInput(f"{folder} holds an ablation with other settings.", "Choose another folder with --run.")
    if not path.is_file():
        make_folder(folder)
        with atomic_file(path) as file:
            file.write(text.encode())


def _data(config: AblationConfig, folder: Path, token: CancelToken) -> Generator[Event, None, tuple[Path, Path]]:
    """Training set and held-out set; avatars where none are given."""
    data = config.data
    if data.train is not None and data.validation is not None:
        return data.train.absolute(), data.validation.absolute()
    maker, made = DATA_MAKERS["avatars"], (folder / "data" / "train", folder / "data" / "held-out")
    for out, count, seed in zip(made, (data.items, data.held_out), (0, HELD_OUT_SEED), strict=True):
        for done, total in write_shards(maker, out, count, seed, check=token.check):
            yield Progress(done, total, "Drawing avatars")
    return made[0].absolute(), made[1].absolute()


def _trained(
    config: AblationConfig, number: int, folder: Path, train: Path, held_out: Path, token: CancelToken
) -> Generator[Event, None, Path]:
    """Both stages of a variant; the path of its model."""
    model: Path | None = None
    for stage in STAGES:
        run = folder / f"{number + 1}-{stage}"
        book = RunFolder(run)
        if read_status(run).state != "finished":
            values = anchored(config.run_config(number, stage, train, held_out, model))
            for event in conduct(values, run, book.config_path is not None, token):
                yield from _shown(event, f"{config.variants[number].name}, {stage}")
        model = book.model
    assert model is not None
    return model


def _shown(event: Event, part: str) -> Iterator[Event]:
    """What of a run's events the ablation shows."""
    if isinstance(event, Progress):
        yield replace(event, label=f"{part}: {event.label}")
    elif isinstance(event, Notice):
        yield Notice(f"{part}: {event.message}")


def _measured(
    config: AblationConfig, paths: list[Path], held_out: Path, token: CancelToken
) -> Generator[Progress, None, list[Figures]]:
    device = find_device(config.diffusion.get("device", "auto"))
    models = [load_model(path, device) for path in paths]
    model = models[0].config
    about = DataConfig(train=held_out, target_resolutions=(model.anchor_resolution,))
    items = BATCHES[model.domain](held_out, about, seed=0)
    if len(items) < config.samples:
        raise BadData(
            f"The held-out set has {len(items)} items, fewer than {config.samples}.", "Give more, or lower `samples`."
        )
    settings = Settings(count=config.samples)
    figures = yield from compare(models, DataSet(str(held_out), items), settings, token)
    sizes = [sum(tensor.numel() for tensor in model.parts.domain.parameters()) for model in models]
    return [{"first-stage parameters": size, **found} for size, found in zip(sizes, figures, strict=True)]


def _table(config: AblationConfig, figures: list[Figures]) -> Figures:
    names = [variant.name for variant in config.variants]
    rows = [{"variant": name, **found} for name, found in zip(names, figures, strict=True)]
    return {
        "steps": {stage: getattr(config, stage)["steps"] for stage in STAGES},
        "samples": config.samples,
        "rows": rows,
        "best last": {key: _order(rows, key, falling) for key, falling in _ranked(rows[0])},
        "expected": names,
    }


def _ranked(row: Figures) -> Iterator[tuple[str, bool]]:
    """The figures by which variants are put in order, and whether small ones are good."""
    for key in row:
        if "dB" in key or "IoU" in key:
            yield key, False
        elif key.startswith("frechet"):
            yield key, True


def _order(rows: list[Figures], key: str, falling: bool) -> list[str]:
    return [row["variant"] for row in sorted(rows, key=lambda row: row[key], reverse=falling)]
