"""`ddmi models ...`. Listing and showing read only headers, so they are quick."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ddmi_models.cli.session import Debug, Json, Session, interrupt, put_json, say, set_debug

if TYPE_CHECKING:
    from ddmi_models.requests import AddonInfo, ModelInfo

app = typer.Typer(help="The models on this machine.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="Name of a model, or a model file.")]


@app.command("list")
def list_all(as_json: Json = False, debug: Debug = False) -> None:
    """Every model: starters, imported ones; and the add-ons."""
    from ddmi_models.checkpoints.addons import addon_problems, list_addons
    from ddmi_models.checkpoints.registry import list_models, model_problems

    set_debug(debug)
    found, addons = list_models(), list_addons()
    for problem in (*model_problems(), *addon_problems()):
        say(f"Not usable: {problem}")
    if as_json:
        put_json({"models": [summary(info) for info in found], "addons": [addon_summary(info) for info in addons]})
        return
    if not found:
        print("There are no models. Import one with `ddmi models import FILE`.")
    width = max(map(len, [*(info.name for info in found), *(addon.name for addon in addons)]), default=0)
    for info in found:
        text = "text" if info.takes_text else "no text"
        size = f"{info.parameters / 1e6:.1f} M"
        print(
            f"{info.name:<{width}}  {info.domain:<6}  {info.source:<8}  {text:<7}  {size:>9}  {info.summary}".rstrip()
        )
    for addon in addons:
        size = f"{addon.parameters / 1e6:.1f} M"
        print(f"{addon.name:<{width}}  {addon.domain:<6}  add-on    {'':<7}  {size:>9}  {addon.summary}".rstrip())


@app.command("show")
def show(name: Name, as_json: Json = False, debug: Debug = False) -> None:
    """Card, domain, configuration, parameter counts, plane order, hash."""
    from ddmi_models.checkpoints.addons import find_addon, has_addon
    from ddmi_models.checkpoints.registry import find_model
    from ddmi_models.checkpoints.store import part_counts, read_header

    set_debug(debug)
    if has_addon(name):
        _show_addon(find_addon(name), as_json)
        return
    info = find_model(name)
    header = read_header(info.path)
    parts = part_counts(info.path)
    if as_json:
        config = header.config.model_dump(mode="json")
        put_json({**summary(info), "card": info.card, "config": config, "parameters_by_part": parts})
        return
    print(info.card.rstrip())
    print()
    facts = {
        "Domain": info.domain_label,
        "Source": info.source,
        "File": info.path,
        "SHA-256": info.sha256,
        "Parameters": f"{info.parameters:,} ({', '.join(f'{part} {count:,}' for part, count in parts.items())})",
        "Plane order": ", ".join(header.config.plane_order),
        "Basis scales": ", ".join(map(str, info.scales)),
        "Defaults": f"{info.sampler}, {info.steps} steps, guidance {info.guidance:g}",
        "Prompts": _prompts(info),
    }
    for label, value in facts.items():
        print(f"{label + ':':<14}{value}")
    print("Configuration:")
    print(header.config.model_dump_json(indent=1, exclude_defaults=True))


def _show_addon(info: AddonInfo, as_json: bool) -> None:
    if as_json:
        put_json({**addon_summary(info), "card": info.card})
        return
    print(info.card.rstrip())
    print()
    facts = {
        "Add-on for": info.base,
        "Source": info.source,
        "File": info.path,
        "SHA-256": info.sha256,
        "Parameters": f"{info.parameters:,} (rank {info.rank})",
        "Use": f"ddmi generate {info.base} --lora {info.name}:1 --out PATH",
    }
    for label, value in facts.items():
        print(f"{label + ':':<14}{value}")


def addon_summary(info: AddonInfo) -> dict[str, Any]:
    """Plain values of an add-on's description."""
    return {
        "name": info.name,
        "source": info.source,
        "domain": info.domain,
        "path": str(info.path),
        "sha256": info.sha256,
        "base": info.base,
        "base_sha256": info.base_sha256,
        "rank": info.rank,
        "parameters": info.parameters,
        "licence": info.licence,
        "summary": info.summary,
    }


def _prompts(info: ModelInfo) -> str:
    if not info.takes_text:
        return "none"
    known = f"knows {len(info.known_words)} words" if info.known_words else "knows all words"
    return known + (", ranks candidates" if info.can_rank else "")


def summary(info: ModelInfo) -> dict[str, Any]:
    """Plain values of a model's description."""
    return {
        "name": info.name,
        "source": info.source,
        "domain": info.domain,
        "path": str(info.path),
        "sha256": info.sha256,
        "parameters": info.parameters,
        "scales": list(info.scales),
        "takes_text": info.takes_text,
        "known_words": list(info.known_words),
        "sampler": info.sampler,
        "steps": info.steps,
        "guidance": info.guidance,
        "trained_resolution": info.trained_resolution,
        "iso": info.iso,
        "licence": info.licence,
        "summary": info.summary,
        "can_sample": info.can_sample,
        "can_rank": info.can_rank,
    }


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An official .pt or our .safetensors.")],
    name: Annotated[str | None, typer.Option("--name", help="What to call it here.")] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE.yaml", help="What the file leaves open; or a published name: celebahq."),
    ] = None,
    precision: Annotated[str, typer.Option("--precision", help="Storage: fp32, fp16 or bf16.")] = "fp32",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Take a model file over into the user's folder."""
    from ddmi_models.requests import AddonInfo, ImportModel

    set_debug(debug)
    info = Session("cpu").ask(ImportModel(file, name, config, precision))
    if as_json:
        put_json(addon_summary(info) if isinstance(info, AddonInfo) else summary(info))
    else:
        print(info.name)


@app.command("verify")
def verify(name: Name, as_json: Json = False, debug: Debug = False) -> None:
    """Check a model's file against its stored hash and its configuration."""
    from ddmi_models.requests import VerifyModel

    set_debug(debug)
    info = Session("cpu").ask(VerifyModel(name))
    if as_json:
        put_json({"name": info.name, "ok": True, "sha256": info.sha256})
    else:
        print(f"{info.name}: whole and as it was added ({info.sha256})")


@app.command("remove")
def remove(name: Name, as_json: Json = False, debug: Debug = False) -> None:
    """Delete an imported model."""
    from ddmi_models.requests import RemoveModel

    set_debug(debug)
    interrupt.token.check()
    gone = Session("cpu").ask(RemoveModel(name))
    if as_json:
        put_json({"removed": gone})
    else:
        print(f"{gone} removed")
