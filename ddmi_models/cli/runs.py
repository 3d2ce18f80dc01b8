"""`ddmi train`, `ddmi runs ...`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ddmi_models.cli.ablation import PRESET, ablate
from ddmi_models.cli.session import (
    Debug,
    Json,
    Session,
    interrupt,
    put_json,
    readable_time,
    set_debug,
    usage_error,
)

if TYPE_CHECKING:
    from ddmi_models.requests import RunInfo
    from ddmi_models.training.planning import RunPlan

app = typer.Typer(help="Training runs.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="RUN", help="Name of a run, or its folder.")]
Preset = Annotated[str | None, typer.Option("--preset", metavar="NAME", help="A shipped configuration, or `ablation`.")]
Unregistered = Annotated[bool, typer.Option("--no-register", help="Keep the model in the run's folder only.")]
FOLLOW_SECONDS = 1.0


def train(
    config: Annotated[Path | None, typer.Argument(metavar="CONFIG.yaml", help="Configuration of the run.")] = None,
    preset: Preset = None,
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Training set.")] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="MODEL", help="Model to start from: a name, a file, or a run.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on with a run: its name or folder.")
    ] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting.")] = None,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="DIR", help="Folder of the run; a new one if left out.")
    ] = None,
    device: Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda[:n] or mps.")] = None,
    register: Annotated[
        str | None, typer.Option("--register", metavar="NAME", help="Name of the finished model among the models.")
    ] = None,
    no_register: Unregistered = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Train in a process of its own; follow it with `ddmi runs`.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a model, stage by stage. Ctrl-C saves first; go on with --resume."""
    from ddmi_models.requests import ControlRun, StartRun, Train

    set_debug(debug)
    if sum(given is not None for given in (config, preset, resume)) != 1:
        usage_error("Give a CONFIG.yaml, --preset NAME or --resume RUN.")
    if preset == PRESET:
        return ablate(data, settings, run, device, as_json, refused=any((start, register, no_register, detach)))
    changes = {"data.train": data, "start_from": start, "device": device, "register_as": register}
    overrides = [*(settings or ()), *_settings(changes), *(["add_to_models=false"] if no_register else [])]
    if resume is not None and (overrides or run is not None):
        usage_error("--resume goes on with the run's own settings.")
    plan = _plan(config, preset, overrides, run, resume)
    values, session = plan.config.model_dump(mode="json"), Session("cpu")
    if detach:
        asked = ControlRun(str(plan.folder), "resume") if plan.resume else StartRun(values, plan.folder)
        return _tell(session.ask(asked), as_json)
    model = session.ask(Train(values, plan.folder, plan.resume))
    if as_json:
        put_json({"model": str(model), "run": str(plan.folder)})
    else:
        print(model)
    return None


def _settings(changes: Mapping[str, object]) -> list[str]:
    """Options as settings, whose values are YAML, for texts of any characters."""
    import yaml

    return [f"{key}={yaml.safe_dump(str(value))}" for key, value in changes.items() if value is not None]


def _plan(
    config: Path | None, preset: str | None, overrides: list[str], run: Path | None, resume: str | None
) -> RunPlan:
    from ddmi_models.training.planning import plan_new_run, plan_resumed_run

    return plan_resumed_run(resume) if resume is not None else plan_new_run(config, preset, overrides, run)


@app.command("list")
def list_all(as_json: Json = False, debug: Debug = False) -> None:
    """Every run and where it stands."""
    from ddmi_models.requests import ListRuns

    set_debug(debug)
    found: tuple[RunInfo, ...] = Session("cpu").ask(ListRuns())
    if as_json:
        put_json({"runs": [_values(run) for run in found]})
        return
    if not found:
        print("There are no runs. Start one with `ddmi train`.")
    width = max((len(run.name) for run in found), default=0)
    for run in found:
        print(f"{run.name:<{width}}  {_line(run)}".rstrip())


@app.command("show")
def show(name: Name, as_json: Json = False, debug: Debug = False) -> None:
    """State, last figures, last lines of the log."""
    from ddmi_models.requests import ShowRun

    set_debug(debug)
    details = Session("cpu").ask(ShowRun(name))
    if as_json:
        figures = {"metrics": details.metrics, "log": details.log, "samples": [str(path) for path in details.samples]}
        put_json({**_values(details.info), "config": details.config, **figures})
        return
    print(f"{details.info.name}  {_line(details.info)}")
    print(f"Folder: {details.info.path}")
    if details.metrics:
        print(f"Last figures: {_figures(details.metrics[-1])}")
    if details.samples:
        print(f"Last picture: {details.samples[-1]}")
    for line in details.log:
        print(f"  {line}")


@app.command("follow")
def follow(name: Name, as_json: Json = False, debug: Debug = False) -> None:
    """Print figures as they come, until the run ends; Ctrl-C ends only the following. --json: an object a line."""
    from ddmi_models.requests import ShowRun

    set_debug(debug)
    session, seen = Session("cpu"), 0
    while True:
        details = session.ask(ShowRun(name, seen, log_lines=0))
        seen += len(details.metrics)
        for row in details.metrics:
            print(json.dumps(row) if as_json else _figures(row), flush=True)
        if details.info.state not in ("waiting", "running"):
            break
        interrupt.token.check()
        time.sleep(FOLLOW_SECONDS)
    _tell(details.info, as_json, indent=None)


@app.command("pause")
def pause(name: Name, as_json: Json = False, debug: Debug = False) -> None:
    """Save and free the device; `resume` goes on."""
    _control(name, "pause", as_json, debug)


@app.command("resume")
def resume_run(name: Name, as_json: Json = False, debug: Debug = False) -> None:
    """Go on with a paused, stopped, failed or crashed run, in a process of its own."""
    _control(name, "resume", as_json, debug)


@app.command("stop")
def stop(name: Name, as_json: Json = False, debug: Debug = False) -> None:
    """Save and end the run before its last step."""
    _control(name, "stop", as_json, debug)


@app.command("sample")
def sample(name: Name, as_json: Json = False, debug: Debug = False) -> None:
    """Have a picture made of what the run makes now; prints its path."""
    _control(name, "sample", as_json, debug)


@app.command("save")
def save(name: Name, as_json: Json = False, debug: Debug = False) -> None:
    """Have the model and the state written now; prints the model's path."""
    _control(name, "save", as_json, debug)


@app.command("remove")
def remove(name: Name, as_json: Json = False, debug: Debug = False) -> None:
    """Delete the files of a run that has ended; its model among the models stays."""
    from ddmi_models.requests import RemoveRun

    set_debug(debug)
    gone = Session("cpu").ask(RemoveRun(name))
    if as_json:
        put_json({"removed": gone})
    else:
        print(f"{gone} removed")


def _control(name: str, action: str, as_json: bool, debug: bool) -> None:
    from ddmi_models.requests import ControlRun

    set_debug(debug)
    info: RunInfo = Session("cpu").ask(ControlRun(name, action))
    files = {"sample": info.path / "samples" / info.sample, "save": info.path / "model.safetensors"}
    if action in files and not as_json:
        print(files[action])
    else:
        _tell(info, as_json)


def _tell(info: RunInfo, as_json: bool, indent: int | None = 2) -> None:
    if as_json and indent is None:
        print(json.dumps(_values(info), default=str))
    elif as_json:
        put_json(_values(info))
    else:
        print(f"{info.name}  {_line(info)}")


def _values(info: RunInfo) -> dict[str, Any]:
    return {**asdict(info), "path": str(info.path)}


def _line(info: RunInfo) -> str:
    """State, step, loss, time left, device, message."""
    parts = [info.state, f"step {info.step} of {info.steps}" if info.steps else ""]
    parts.append(f"loss {info.loss:.4g}" if info.loss is not None else "")
    parts.append(f"{readable_time(info.seconds_left)} left" if info.seconds_left is not None else "")
    parts += [info.device, f"model {info.model}" if info.model else "", info.message]
    return "  ".join(part for part in parts if part)


def _figures(row: dict[str, Any]) -> str:
    shown = {key: value for key, value in row.items() if key not in ("step", "seconds", "time")}
    figures = "  ".join(f"{key} {value:.4g}" if value is not None else f"{key} none" for key, value in shown.items())
    return f"step {row['step']:>6}  {readable_time(row.get('seconds', 0.0)):>8}  {figures}"
