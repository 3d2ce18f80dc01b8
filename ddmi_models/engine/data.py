"""Training sets."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

from ddmi_models.cancel import CancelToken
from ddmi_models.engine.workshop import Workshop
from ddmi_models.events import Event, Progress
from ddmi_models.requests import CheckData, DataSummary, MakeData


def make(shop: Workshop, request: MakeData, token: CancelToken) -> Generator[Event, None, Path]:
    """Make a data set, shard by shard; a second run goes on where the first stopped."""
    from ddmi_models.training.procedural import data_maker, write_layout, write_shards

    maker = data_maker(request.name, request.source).configured(request.options)
    count = maker.usual_count() if request.count is None else request.count
    workers = _cores() if request.workers is None else request.workers
    yield Progress(0, count, f"Making {request.name}")
    what = (request.out, count, request.seed, workers, token.check)
    if request.layout == "shards":
        work = write_shards(maker, *what)
    else:
        work = write_layout(maker, request.layout, *what)
    for done, total in work:
        token.check()
        yield Progress(done, total, f"Making {request.name}")
    return request.out / "manifest.json"


def _cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def check(shop: Workshop, request: CheckData, token: CancelToken) -> Generator[Event, None, DataSummary]:
    """Look at every item of a data set; shards are compared with their manifest."""
    from ddmi_models.training.datasets import Preparation, summarise

    yield Progress(0, 1, f"Checking {request.folder.name}")
    return summarise(request.folder, token.check, request.domain, how=Preparation(stride=request.stride))
