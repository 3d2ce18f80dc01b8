"""Add-ons in the models of requests."""

from __future__ import annotations

from collections.abc import Iterator

from ddmi_models.cancel import CancelToken
from ddmi_models.checkpoints.addons import find_addon, list_addons, read_addon
from ddmi_models.engine.workshop import Loaded, Workshop, name_in_recipes
from ddmi_models.errors import BadInput, UnknownModel
from ddmi_models.events import Notice
from ddmi_models.recipes import STRONGEST_ADDON, AddonUse
from ddmi_models.requests import Addon, AddonInfo


def with_addons(
    shop: Workshop, loaded: Loaded, asked: tuple[Addon, ...], token: CancelToken
) -> tuple[Loaded, tuple[AddonUse, ...]]:
    """The model with the add-ons that were asked for, and what a recipe says of them.

    The model itself stays as it is. Add-ons of strength 0 are looked up and left out.

    Raises:
        UnknownModel: for one that is not here. BadInput: for one of another model, asked for twice, or a strength out
            of range. BadCheckpoint: if its file is broken.
    """
    found = tuple(_found(loaded, addon) for addon in asked)
    if len({info.sha256 for info in found}) < len(found):
        raise BadInput("An add-on was asked for twice.", "Give it once, with the strength that you want.")
    used = [(info, addon.strength) for info, addon in zip(found, asked, strict=True) if addon.strength]
    if not used:
        return loaded, ()
    uses = tuple(AddonUse(name=name_in_recipes(info), sha256=info.sha256, strength=strength) for info, strength in used)
    key = (loaded.info.sha256, *((use.sha256, use.strength) for use in uses))
    return shop.varied(key, loaded, lambda: _adapted(loaded, used, token)), uses


def _found(loaded: Loaded, addon: Addon) -> AddonInfo:
    if not 0 <= addon.strength <= STRONGEST_ADDON:
        raise BadInput(
            f"The strength {addon.strength:g} of {addon.name} is out of range.", f"Use 0 to {STRONGEST_ADDON:g}."
        )
    info, model = find_addon(addon.name), loaded.info
    if info.base_sha256 == model.sha256:
        return info
    whose = f"another version of {model.name}" if info.base == model.name else f"the model {info.base}"
    raise BadInput(
        f"The add-on {info.name} belongs to {whose}, not to this {model.name}.", "Use it with its own model."
    )


def _adapted(loaded: Loaded, used: list[tuple[AddonInfo, float]], token: CancelToken) -> Loaded:
    import torch

    from ddmi_models.model import adapted

    read = [(read_addon(info.path, token.check), strength) for info, strength in used]
    with torch.no_grad():
        model = adapted(loaded.model, [(factors, strength * header.scale) for (header, factors), strength in read])
    return Loaded(loaded.info, model, loaded.renderer, loaded.point_seconds)


def addon_of(use: AddonUse) -> tuple[Addon, Iterator[Notice]]:
    """The add-on of a recipe's hash if it is on this machine, else the one of its name; and what is to be said.

    Raises:
        UnknownModel: if there is neither.
    """
    same = next((info for info in list_addons() if info.sha256 == use.sha256), None)
    if same is not None:
        return Addon(same.name, use.strength), iter(())
    try:
        info = find_addon(use.name)
    except UnknownModel:
        raise UnknownModel(f"The add-on {use.name!r} of this recipe is not here.", "Import it first.") from None
    changed = info.sha256 != use.sha256
    line = f"The add-on {use.name} has changed since this was made: the sample may differ."
    return Addon(use.name, use.strength), iter((Notice(line),) if changed else ())
