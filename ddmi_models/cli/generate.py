"""`ddmi generate`, `ddmi render`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ddmi_models.cli.bulk import Bulk, draw_many, is_bulk
from ddmi_models.cli.session import (
    Debug,
    Device,
    Json,
    Session,
    Threads,
    put_json,
    readable_time,
    say,
    set_debug,
    usage_error,
)
from ddmi_models.files import cannot_write

if TYPE_CHECKING:
    from ddmi_models.cameras import Camera
    from ddmi_models.requests import Addon, ExportEstimate, Generate, Sample

SLOW = 20.0
"""Seconds from which an export's estimate is worth a line."""

SUFFIXES = {"image": ".png", "shape": ".glb", "nerf": ".mp4", "video": ".mp4"}
"""What is written into a folder when no format is asked for."""

FRAMED = ("nerf", "video")
"""Domains whose single sample becomes the folder itself: a picture a frame."""

PLANNED = tuple("resolution iso gains grain timing views camera keyframes seconds shows faces".split())
"""Arguments of Export that PlanExport takes too."""

SHOWS = ("colour", "depth", "normals")

MESH_SUFFIXES = (".glb", ".obj", ".ply", ".stl")

Lora = Annotated[
    list[str] | None,
    typer.Option("--lora", metavar="NAME:w", help="An add-on and its strength, 0 to 2 (1 if left out); repeatable."),
]
Out = Annotated[
    str, typer.Option("--out", metavar="PATH", help="File to write; its ending decides the format. A folder ends in /.")
]
Resolution = Annotated[
    str | None,
    typer.Option("--resolution", metavar="N", help="Pixels a side, WxH for a centred window, or cells of a mesh."),
]
Iso = Annotated[float | None, typer.Option("--iso", metavar="P", help="Occupancy probability of the surface.")]
Gains = Annotated[
    str | None, typer.Option("--gains", metavar="1,1,1", help="Weight of each basis scale, coarse to fine.")
]
Grain = Annotated[float, typer.Option("--grain", help="Strength of the learned noise, for models that have it.")]
Views = Annotated[
    int | None, typer.Option("--views", min=1, metavar="K", help="Radiance fields: frames of the turntable or flight.")
]
Faces = Annotated[int | None, typer.Option("--faces", metavar="N", help="Meshes: simplify to about N triangles.")]
AsMesh = Annotated[bool, typer.Option("--mesh", help="Radiance fields: the surface, coloured, in place of pictures.")]
View = Annotated[
    str | None,
    typer.Option("--camera", metavar="A,E[,D]", help="Radiance fields: azimuth, elevation (degrees), distance."),
]
Keyframes = Annotated[
    str | None,
    typer.Option("--keyframes", metavar="'A,E[,D];...'", help="Radiance fields: cameras that the clip flies through."),
]
Loop = Annotated[bool, typer.Option("--loop", help="Radiance fields: the flight goes back to its first keyframe.")]
Seconds = Annotated[
    float | None, typer.Option("--seconds", metavar="S", help="Radiance fields: length of the turntable or flight.")
]
Shows = Annotated[str, typer.Option("--shows", help="Radiance fields: colour, depth or normals.")]
Fps = Annotated[
    float | None, typer.Option("--fps", metavar="F", help="Videos: frames a second; the trained rate if left out.")
]
Start = Annotated[float, typer.Option("--start", metavar="S", help="Videos: seconds from the first trained frame.")]
Stop = Annotated[float | None, typer.Option("--stop", metavar="S", help="Videos: no frame stands after this second.")]
Shutter = Annotated[
    float, typer.Option("--shutter", metavar="S", help="Videos: seconds over which each frame is averaged.")
]
Sampler = Annotated[str | None, typer.Option("--sampler", help="How to sample; the model's own if left out.")]
Candidates = Annotated[
    int, typer.Option("--candidates", min=1, metavar="K", help="Draw K for each sample, keep the best fit.")
]
Processes = Annotated[
    int, typer.Option("--processes", min=1, metavar="N", help="Folders: draw in so many processes side by side.")
]
AllParts = Annotated[bool, typer.Option("--all-parts", help="Keep loose specks of a mesh that are left out otherwise.")]


def generate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model, or a model file.")],
    out: Out,
    prompt: Annotated[str, typer.Option("--prompt", help="What to make, for models that take text.")] = "",
    negative: Annotated[str, typer.Option("--negative", help="What to keep away from.")] = "",
    seed: Annotated[int, typer.Option("--seed", help="Seed of the first sample.")] = 0,
    count: Annotated[int, typer.Option("--count", min=1, help="How many, with consecutive seeds.")] = 1,
    sampler: Sampler = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Sampling steps.")] = None,
    guidance: Annotated[float | None, typer.Option("--guidance", metavar="W", help="Weight of the prompt.")] = None,
    candidates: Candidates = 1,
    lora: Lora = None,
    resolution: Resolution = None,
    iso: Iso = None,
    gains: Gains = None,
    grain: Grain = 0.0,
    all_parts: AllParts = False,
    views: Views = None,
    mesh: AsMesh = False,
    faces: Faces = None,
    camera: View = None,
    keyframes: Keyframes = None,
    loop: Loop = False,
    seconds: Seconds = None,
    shows: Shows = "colour",
    fps: Fps = None,
    start: Start = 0.0,
    stop: Stop = None,
    shutter: Shutter = 0.0,
    file_format: Annotated[str | None, typer.Option("--format", help="Ending of the files in a folder.")] = None,
    processes: Processes = 1,
    device: Device = "auto",
    threads: Threads = None,
    precision: Annotated[str, typer.Option("--precision", help="Of the denoiser: fp32, bf16 or fp16.")] = "fp32",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Draw samples and write them."""
    from ddmi_models.requests import Generate, Timing

    set_debug(debug)
    view = view_options(resolution, iso, gains, grain, all_parts)
    view |= moves(views, camera, keyframes, loop, seconds, shows)
    view |= {"timing": Timing(fps, start, stop, shutter), "faces": faces}
    file_format = _mesh_format(out, file_format) if mesh else file_format
    asked = Generate(model, seed, count, prompt, negative, sampler, steps, guidance, False, candidates, addons_of(lora))
    if is_bulk(count, processes):
        bulk = Bulk(asked, Path(out), _suffix(model, file_format), view, device, threads, precision)
        return _in_bulk(bulk, out, processes, as_json)
    return report(_drawn(Session(device, threads, precision), asked, out, file_format, view), as_json)


def _in_bulk(bulk: Bulk, out: str, processes: int, as_json: bool) -> None:
    if not is_folder(out):
        usage_error("Many samples, or several processes, need a folder: end --out with /.")
    with _folder(bulk.folder):
        draw_many(bulk, processes, as_json)


def _drawn(
    session: Session, request: Generate, out: str, file_format: str | None, view: dict[str, Any]
) -> list[tuple[Sample, Path]]:
    """Draw samples and write them, looked at as `view` says: arguments of Export."""
    from ddmi_models.requests import Export, PlanExport

    count, model = request.count, request.model
    folder = is_folder(out) and not (count == 1 and file_format is None and _domain(model) in FRAMED)
    if count > 1 and not folder:
        usage_error(f"--count {count} needs a folder: end --out with /.")
    with _folder(Path(out)) if folder else _nothing():
        suffix = _suffix(model, file_format) if folder else ""
        paths = [Path(out) / f"{request.seed + n}{suffix}" for n in range(count)] if folder else [Path(out)]
        planned = {key: view[key] for key in PLANNED}
        _announce(session.ask(PlanExport(model, paths[0], **planned)), count)
        samples = session.ask(request)
        for sample, path in zip(samples, paths, strict=True):
            session.ask(Export(sample, path, **view))
    return list(zip(samples, paths, strict=True))


def render(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A latent, or any exported file.")],
    out: Out,
    lora: Lora = None,
    resolution: Resolution = None,
    iso: Iso = None,
    gains: Gains = None,
    grain: Grain = 0.0,
    all_parts: AllParts = False,
    views: Views = None,
    mesh: AsMesh = False,
    faces: Faces = None,
    camera: View = None,
    keyframes: Keyframes = None,
    loop: Loop = False,
    seconds: Seconds = None,
    shows: Shows = "colour",
    fps: Fps = None,
    start: Start = 0.0,
    stop: Stop = None,
    shutter: Shutter = 0.0,
    device: Device = "auto",
    threads: Threads = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a sample again: at another size, in another format, or drawn again with add-ons."""
    from ddmi_models.requests import Timing

    set_debug(debug)
    view = view_options(resolution, iso, gains, grain, all_parts)
    view |= moves(views, camera, keyframes, loop, seconds, shows)
    view |= {"timing": Timing(fps, start, stop, shutter), "faces": faces}
    if mesh and _mesh_format(out, None) is not None:
        usage_error("--mesh needs a file.")
    session = Session(device, threads)
    sample = open_sample(session, source, addons_of(lora) if lora else None)
    path = Path(out) if sample.recipe.domain in FRAMED else one_file(out)
    export_one(session, sample, path, view, as_json)


def one_file(out: str) -> Path:
    """The file that `--out` names; a usage error where it names a folder."""
    if is_folder(out):
        usage_error("--out has to be a file.")
    return Path(out)


def export_one(session: Session, sample: Sample, path: Path, view: dict[str, Any], as_json: bool) -> None:
    """Write a sample and report the file."""
    from ddmi_models.requests import Export

    session.ask(Export(sample, path, **view))
    report([(sample, path)], as_json)


def open_sample(session: Session, source: Path, addons: tuple[Addon, ...] | None = None) -> Sample:
    """The sample of a latent or an exported file; drawn again where it is to have other add-ons."""
    from ddmi_models.requests import OpenExport, Regenerate

    opened = session.ask(OpenExport(source))
    kept = opened.sample if addons is None else None
    sample: Sample = kept or session.ask(Regenerate(opened.recipe, addons))
    return sample


def view_options(
    resolution: str | None, iso: float | None, gains: str | None, grain: float, all_parts: bool
) -> dict[str, Any]:
    """How a sample is looked at, as arguments of Export."""
    return {
        "resolution": _size(resolution),
        "iso": iso,
        "gains": numbers(gains),
        "grain": grain,
        "clean": not all_parts,
    }


def _size(text: str | None) -> tuple[int, int] | None:
    """`N` or `WxH`."""
    if text is None:
        return None
    match = re.fullmatch(r"(-?\d+)(?:[xX](-?\d+))?", text.strip())
    if match is None:
        usage_error(f"--resolution {text} is neither a number nor WxH.")
    return int(match[1]), int(match[2] or match[1])


def numbers(text: str | None, option: str = "--gains") -> tuple[float, ...] | None:
    """`1,1,0` as numbers."""
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        usage_error(f"{option} {text} is not a list of numbers such as 1,1,0.")


def moves(
    views: int | None, camera: str | None, keyframes: str | None, loop: bool, seconds: float | None, shows: str
) -> dict[str, Any]:
    """From where a radiance field is seen, and what of it, as arguments of Export."""
    if shows not in SHOWS:
        usage_error(f"--shows {shows} is none of {', '.join(SHOWS)}.")
    if loop and not keyframes:
        usage_error("--loop closes a path of --keyframes.")
    path = [camera_of(part, "--keyframes") for part in (keyframes or "").split(";") if part.strip()]
    return {
        "views": views,
        "camera": camera_of(camera),
        "keyframes": tuple(path),
        "closed": loop,
        "seconds": seconds,
        "shows": shows,
    }


def addons_of(texts: list[str] | None) -> tuple[Addon, ...]:
    """`NAME:w` of each add-on; the strength is 1 where none is given."""
    from ddmi_models.requests import Addon

    def one(text: str) -> Addon:
        name, _, strength = text.rpartition(":")
        try:
            return Addon(name, float(strength)) if name else Addon(text)
        except ValueError:  # a path with a colon, or a name alone
            return Addon(text)

    return tuple(one(text) for text in texts or ())


def camera_of(text: str | None, option: str = "--camera") -> Camera | None:
    """`azimuth,elevation` or `azimuth,elevation,distance`."""
    from ddmi_models.cameras import Camera

    values = numbers(text, option)
    if values is None:
        return None
    if len(values) not in (2, 3):
        usage_error(f"{option} {text} has {len(values)} numbers; give azimuth,elevation or azimuth,elevation,distance.")
    return Camera(values[0], values[1], values[2] if len(values) == 3 else None)


def is_folder(out: str) -> bool:
    """Whether a path names a folder: it ends like one, or is there."""
    return out.endswith(("/", "\\")) or Path(out).is_dir()


def _mesh_format(out: str, file_format: str | None) -> str | None:
    """The format of a mesh's file in a folder; None where `out` is the file."""
    suffix = "." + (file_format or "glb").lower().lstrip(".") if is_folder(out) else Path(out).suffix.lower()
    if suffix not in MESH_SUFFIXES:
        usage_error(f"--mesh writes {', '.join(MESH_SUFFIXES)}.")
    return suffix if is_folder(out) else None


def _domain(model: str) -> str:
    from ddmi_models.checkpoints.registry import find_model

    return find_model(model).domain


def _suffix(model: str, file_format: str | None) -> str:
    if file_format is not None:
        return "." + file_format.lower().lstrip(".")
    return SUFFIXES[_domain(model)]


@contextmanager
def _folder(path: Path) -> Iterator[None]:
    """Make a folder; it goes again if nothing comes into it."""
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from None
    try:
        yield
    finally:
        for folder in made:
            if any(folder.iterdir()):
                break
            folder.rmdir()


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _announce(plan: ExportEstimate, count: int) -> None:
    seconds = plan.seconds * count
    if seconds > SLOW:
        say(f"Writing takes about {readable_time(seconds)} and {plan.memory_bytes / 1e9:.1f} GB of memory.")


def _bytes(path: Path) -> int:
    """Size of a file, or of all files of a folder."""
    return sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size


def report(written: list[tuple[Sample, Path]], as_json: bool, **more: Any) -> None:
    """Say what was written: paths, or one JSON object with `more` in it."""
    from ddmi_models.recipes import brief

    if not as_json:
        for _, path in written:
            print(path)
        return
    samples = [
        {
            "path": str(path),
            "seed": sample.recipe.seed,
            "bytes": _bytes(path),
            "recipe": brief(sample.recipe),
        }
        for sample, path in written
    ]
    put_json({"files": [str(path) for _, path in written], "samples": samples, **more})
