"""`ddmi data ...`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ddmi_models.cli.session import Debug, Json, Session, put_json, set_debug

if TYPE_CHECKING:
    from ddmi_models.requests import DataSummary

app = typer.Typer(help="Training data.", no_args_is_help=True, rich_markup_mode=None)

DATA_NAMES = "avatars, furniture, real-furniture, real-furniture-reserved, skies or cars."

PROBLEMS_TOLD = 20


@app.command("make")
def make(
    name: Annotated[str, typer.Argument(metavar="NAME", help=DATA_NAMES)],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write.")],
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="How many items; 1000, or 8 of each real model, if left out.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the first item.")] = 0,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes to use; one for each core if left out.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--source", metavar="DIR", help="Folder of the .sh3f libraries of real furniture.")
    ] = None,
    layout: Annotated[
        str, typer.Option("--layout", help="shards, or files as published: skytimelapse (skies), srn or npz (cars).")
    ] = "shards",
    size: Annotated[int | None, typer.Option("--size", min=8, help="Skies, cars: pixels a side.")] = None,
    views: Annotated[int | None, typer.Option("--views", min=1, help="Cars: pictures of each.")] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make a data set; a second call goes on where the first stopped.

    Real furniture comes from Debian's package sweethome3d-furniture; real-furniture-reserved is for evaluation only.
    """
    from ddmi_models.requests import MakeData

    set_debug(debug)
    options = {key: value for key, value in (("size", size), ("views", views)) if value is not None}
    manifest = Session("cpu").ask(MakeData(name, out, count, seed, workers, source, layout, options))
    if as_json:
        put_json({"manifest": str(manifest)})
    else:
        print(manifest)


@app.command("check")
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a data set, or a list in one.")],
    stride: Annotated[
        int, typer.Option("--stride", min=1, help="Films: every so many frames the training takes one (data.stride).")
    ] = 1,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Report what a folder of data is, what of it is usable and what is not."""
    from ddmi_models.requests import CheckData

    set_debug(debug)
    summary: DataSummary = Session("cpu").ask(CheckData(folder, stride=stride))
    if as_json:
        listed = {**dict(summary.facts), **asdict(summary), "examples": [str(path) for path in summary.examples]}
        put_json({key: value for key, value in listed.items() if key not in ("facts", "thumbnails")})
    else:
        print(f"{summary.title}: {summary.usable} of {summary.count} items usable")
        for name, value in summary.facts:
            print(f"{name}: {value}")
        if summary.validation:
            print(f"kept to validate: the part {summary.validation}")
        for problem in summary.problems[:PROBLEMS_TOLD]:
            print(f"Problem: {problem}")
        if len(summary.problems) > PROBLEMS_TOLD:
            print(f"... and {len(summary.problems) - PROBLEMS_TOLD} more; --json lists all.")
    if summary.problems:
        raise typer.Exit(1)
