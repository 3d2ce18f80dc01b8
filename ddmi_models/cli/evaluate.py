"""`ddmi evaluate`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ddmi_models.cli.generate import Lora, addons_of
from ddmi_models.cli.session import Debug, Device, Json, Session, Threads, put_json, set_debug

Folder = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Data that the model never saw.")]
TrainFolder = Annotated[Path | None, typer.Option("--train", metavar="DIR", help="The data that it was trained on.")]


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model, or a file.")],
    metrics: Annotated[str, typer.Option("--metrics", metavar="A,B", help="Names; all that fit if left out.")] = "",
    data: Folder = None,
    train: TrainFolder = None,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="Items, and samples; 256, or all of a smaller set.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the first sample.")] = 0,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Seeds a prompt, for attributes.")] = 5,
    cells: Annotated[int, typer.Option("--cells", min=2, help="Cells of the meshes of shapes.")] = 96,
    lora: Lora = None,
    device: Device = "auto",
    threads: Threads = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure how well a model reconstructs and generates.

    Images: psnr, frechet, precision-recall, neighbours, sizes. Shapes: iou, f-score, frechet, precision-recall,
    mmd-cov, neighbours, attributes, text-fit.
    """
    from ddmi_models.requests import Evaluate

    set_debug(debug)
    names = tuple(name.strip() for name in metrics.split(",") if name.strip())
    request = Evaluate(model, names, data, train, count, seed, seeds, cells, addons_of(lora))
    found: dict[str, Any] = Session(device, threads).ask(request)
    if as_json:
        put_json(found)
        return
    for metric, figures in found["figures"].items():
        print(metric)
        for name, value in _flat(figures):
            print(f"  {name}: {value}")


def _flat(figures: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Figures within figures as one list of (name, value)."""
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}, ")
        else:
            yield above + name, f"{value:.4g}" if isinstance(value, float) else str(value)
