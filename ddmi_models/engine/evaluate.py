"""Measuring a model against data."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

from ddmi_models.cancel import CancelToken
from ddmi_models.engine.addons import with_addons
from ddmi_models.engine.workshop import Workshop, loading
from ddmi_models.errors import BadInput
from ddmi_models.evaluation.items import DataSet
from ddmi_models.evaluation.metrics import DATA, RANKING, SAMPLES, TEXT, TRAIN, metrics_named
from ddmi_models.evaluation.study import Settings, Study
from ddmi_models.events import Event, Progress
from ddmi_models.model import Model
from ddmi_models.requests import Evaluate

USUAL_COUNT = 256


def evaluate(shop: Workshop, request: Evaluate, token: CancelToken) -> Generator[Event, None, dict[str, Any]]:
    """Measure one metric after the other; samples and features are made once for all of them."""
    for name, value, least in (("count", request.count, 1), ("seeds", request.seeds, 1), ("cells", request.cells, 2)):
        if value is not None and value < least:
            raise BadInput(f"The {name} of {value} is too small.", f"Use at least {least}.")
    yield loading(request.model)
    loaded, addons = with_addons(shop, shop.load(request.model, token), request.addons, token)
    info, model = loaded.info, loaded.model
    parts = {SAMPLES: model.denoiser, TEXT: model.text, RANKING: model.ranking}
    met = {DATA: request.data, TRAIN: request.train, **parts}
    given = frozenset(need for need, value in met.items() if value is not None)
    metrics = metrics_named(request.metrics, info.name, info.domain, given)
    data, train = (
        data_set(folder, model) if folder is not None and any(need in metric.needs for metric in metrics) else None
        for folder, need in ((request.data, DATA), (request.train, TRAIN))
    )
    study = Study(model, _settings(request, data), token, data, train)
    figures: dict[str, Any] = {}
    for metric in metrics:
        yield Progress(0, 1, f"Measuring {metric.name}")
        figures[metric.name] = yield from metric.measure(study)
    facts = {"model": info.name, "sha256": info.sha256, "domain": info.domain}
    used = {"data": data and data.name, "train": train and train.name, "count": study.settings.count}
    named = {"addons": [use.model_dump() for use in addons]} if addons else {}
    return {**facts, **named, **used, "seed": request.seed, "figures": figures}


def _settings(request: Evaluate, data: DataSet | None) -> Settings:
    there = len(data.items) if data is not None else None
    if there is not None and request.count is not None and request.count > there:
        raise BadInput(f"{request.count} items were asked for, and the data has {there}.", "Ask for fewer.")
    count = request.count or (USUAL_COUNT if there is None else min(USUAL_COUNT, there))
    return Settings(count, request.seed, request.seeds, request.cells)


def data_set(folder: Path, model: Model) -> DataSet:
    """The data of a folder as a model's encoder reads it.

    Raises:
        BadData: there are no shards, or one is damaged or of another domain.
    """
    from ddmi_models.training.config import DataConfig
    from ddmi_models.training.data import BATCHES

    side = model.config.autoencoder.resolution
    config = DataConfig(train=folder, target_resolutions=(model.config.anchor_resolution,), size=side)
    return DataSet(str(folder), BATCHES[model.config.domain](folder, config, seed=0), _truth(folder))


def _truth(folder: Path) -> Any:
    """Item to what it was made from, where this version's `ddmi data make` made it."""
    from ddmi_models.training.checking import read_manifest
    from ddmi_models.training.data import load_shards
    from ddmi_models.training.procedural import DATA_MAKERS
    from ddmi_models.training.procedural.shards import MANIFEST, shard_folders
    from ddmi_models.training.procedural.truths import TRUTHS

    places = shard_folders(folder) if folder.is_dir() else []
    manifest = read_manifest(places[0]) if len(places) == 1 and (places[0] / MANIFEST).is_file() else {}
    name = manifest.get("name")
    if name not in TRUTHS or manifest.get("version") != DATA_MAKERS[name].version:
        return None
    return partial(_made_from, TRUTHS[name], load_shards(folder, ("seeds",))["seeds"])


def _made_from(truth: Any, seeds: Any, item: int) -> Any:
    return truth(int(seeds[item]))
