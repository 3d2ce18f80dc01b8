"""`ddmi encode`, `ddmi interpolate`, `ddmi mix`, `ddmi vary`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ddmi_models.cli.generate import (
    AllParts,
    Gains,
    Grain,
    Iso,
    Out,
    Resolution,
    export_one,
    is_folder,
    numbers,
    one_file,
    open_sample,
    report,
    view_options,
)
from ddmi_models.cli.session import Debug, Device, Json, Session, Threads, put_json, say, set_debug, usage_error

if TYPE_CHECKING:
    from ddmi_models.requests import Sample

Source = Annotated[Path, typer.Argument(metavar="SOURCE", help="A latent, or any exported file.")]


def encode(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model, or a model file.")],
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="A picture, a mesh or point cloud, a clip, posed pictures.")
    ],
    out: Out,
    up: Annotated[
        str | None, typer.Option("--up", help="Axis that points up in it: y or z; y if left out, of posed pictures z.")
    ] = None,
    resolution: Resolution = None,
    iso: Iso = None,
    device: Device = "auto",
    threads: Threads = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make a sample of a file of your own, and say how near it came."""
    from ddmi_models.requests import Encode, Encoded, Export, PlanExport

    set_debug(debug)
    if is_folder(out):
        usage_error("--out has to be a file, for instance mine.latent.safetensors.")
    view, path = view_options(resolution, iso, None, 0.0, False), Path(out)
    session = Session(device, threads)
    session.ask(PlanExport(model, path, view["resolution"], iso))
    made: Encoded = session.ask(Encode(model, source, up))
    session.ask(Export(made.sample, path, **view))
    say(f"Encoded with {made.words}.")
    report([(made.sample, path)], as_json, error=dict(made.figures))


def interpolate(
    first: Annotated[Path, typer.Argument(metavar="A", help="A latent, or any exported file.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another of the same model.")],
    out: Annotated[
        str,
        typer.Option("--out", metavar="PATH", help="A picture: strip. .mp4 or .gif: clip. No ending: folder of files."),
    ],
    steps: Annotated[int, typer.Option("--steps", help="How many samples, the two ends included.")] = 8,
    resolution: Annotated[
        int | None, typer.Option("--resolution", metavar="N", help="Pixels a side of each; for a folder, of its files.")
    ] = None,
    columns: Annotated[int | None, typer.Option("--columns", min=1, help="Break a strip into rows: a grid.")] = None,
    rate: Annotated[int, typer.Option("--fps", help="Frames a second of a clip.")] = 12,
    device: Device = "auto",
    threads: Threads = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """The way between two samples, spherical on their latents."""
    from ddmi_models.requests import ExportPath, Interpolate

    set_debug(debug)
    session = Session(device, threads)
    ends = [open_sample(session, path) for path in (first, second)]
    samples: tuple[Sample, ...] = session.ask(Interpolate(ends[0], ends[1], steps))
    written: tuple[Path, ...] = session.ask(ExportPath(samples, Path(out), resolution, columns, rate))
    if not as_json:
        print(*written, sep="\n")
        return
    put_json({"files": [str(path) for path in written], "steps": len(samples)})


def mix(
    coarse: Annotated[Path, typer.Argument(metavar="COARSE", help="A latent, or any exported file.")],
    fine: Annotated[Path, typer.Argument(metavar="FINE", help="Another of the same model.")],
    out: Out,
    levels: Annotated[
        str | None,
        typer.Option("--levels", metavar="1,0,0", help="Share of COARSE in each basis scale, coarse to fine."),
    ] = None,
    resolution: Resolution = None,
    iso: Iso = None,
    gains: Gains = None,
    grain: Grain = 0.0,
    all_parts: AllParts = False,
    device: Device = "auto",
    threads: Threads = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Basis planes of two samples, level by level."""
    from ddmi_models.requests import Mix

    set_debug(debug)
    view, shares = view_options(resolution, iso, gains, grain, all_parts), numbers(levels, "--levels")
    path = one_file(out)
    session = Session(device, threads)
    sample = session.ask(Mix(open_sample(session, coarse), open_sample(session, fine), shares))
    export_one(session, sample, path, view, as_json)


def vary(
    source: Source,
    out: Out,
    seed: Annotated[int, typer.Option("--seed", help="Which neighbour.")] = 0,
    strength: Annotated[
        float, typer.Option("--strength", metavar="S", help="0: the sample itself; 1: nothing of it.")
    ] = 0.5,
    prompt: Annotated[
        str | None, typer.Option("--prompt", help="What to make of it; the sample's own prompt if left out.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", help="Of a whole sampling; --strength of them are made.")
    ] = None,
    guidance: Annotated[float | None, typer.Option("--guidance", metavar="W", help="Weight of the prompt.")] = None,
    resolution: Resolution = None,
    iso: Iso = None,
    gains: Gains = None,
    grain: Grain = 0.0,
    all_parts: AllParts = False,
    device: Device = "auto",
    threads: Threads = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """A neighbour of a sample: noised and denoised again."""
    from ddmi_models.requests import Vary

    set_debug(debug)
    view = view_options(resolution, iso, gains, grain, all_parts)
    path = one_file(out)
    session = Session(device, threads)
    sample = session.ask(Vary(open_sample(session, source), seed, strength, prompt, steps, guidance))
    export_one(session, sample, path, view, as_json)
