"""Add-ons: low-rank updates (LoRA) of a model's denoiser, one small `.safetensors` each, kept beside the models.

Tensor names: `<name of a weight's layer in the model file>.lora_A.weight` [rank, in, ...] and `.lora_B.weight`
[out, rank, ...]. The weight with an add-on at strength s is W + s alpha / rank B A. Headers are read without torch.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ddmi_models.checkpoints import registry
from ddmi_models.checkpoints.container import read_contents
from ddmi_models.checkpoints.hashes import file_sha256
from ddmi_models.checkpoints.store import (
    ADDON_KEY,
    Check,
    encode_metadata,
    now,
    parse_header,
    read_tensors,
    write_tensors,
)
from ddmi_models.config import StrictConfig
from ddmi_models.errors import BadCheckpoint, EngineError, UnknownModel
from ddmi_models.requests import AddonInfo

if TYPE_CHECKING:
    import torch

FACTORS = (".lora_A.weight", ".lora_B.weight")


class AddonHeader(StrictConfig):
    """What an add-on's file says about itself."""

    format_version: Literal[1] = 1
    name: str = Field(description="The add-on's own name; an imported copy may be called otherwise.")
    base: str = Field(description="Name of the model that it belongs to.")
    base_sha256: str = Field(description="SHA-256 of that model's file.")
    domain: str
    rank: int = Field(gt=0)
    alpha: int = Field(gt=0, description="The update counts alpha / rank times at strength 1.")
    licence: str = ""
    attribution: str = ""
    summary: str = Field(default="", description="One line for lists.")
    training: dict[str, Any] = Field(default_factory=dict, description="Training summary: plain values.")
    created: str = Field(default_factory=now, description="UTC, ISO 8601.")

    @property
    def scale(self) -> float:
        """What the product of the factors is multiplied by at strength 1."""
        return self.alpha / self.rank


def write_addon(path: Path, header: AddonHeader, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write an add-on's file, whole or not at all. Raises: CannotWrite."""
    write_tensors(path, encode_metadata(header, ADDON_KEY), tensors)


def is_addon(path: Path) -> bool:
    """Whether a file is an add-on. Raises: BadCheckpoint, if it is no whole container."""
    return ADDON_KEY in read_contents(path).metadata


def read_addon_header(path: Path) -> AddonHeader:
    """What an add-on says about itself.

    Raises:
        BadCheckpoint: if the file is missing, truncated, corrupt, newer than this program, or no add-on.
    """
    text = read_contents(path).metadata.get(ADDON_KEY)
    if text is None:
        raise BadCheckpoint(f"{path} is not an add-on.", "Give a file that `ddmi train` wrote with finetune: lora.")
    return parse_header(AddonHeader, path, text, "an add-on")


def read_addon(path: Path, check: Check | None = None) -> tuple[AddonHeader, dict[str, tuple[torch.Tensor, ...]]]:
    """An add-on's header, and by layer its factors (A, B), float32 on the CPU.

    Raises:
        BadCheckpoint: as `read_addon_header`, and if a factor is missing or not finite.
    """
    header = read_addon_header(path)
    tensors = read_tensors(path, read_contents(path), check)
    named = {name.removesuffix(suffix) for name in tensors for suffix in FACTORS if name.endswith(suffix)}
    expected = {layer + suffix for layer in named for suffix in FACTORS}
    if not named or expected != tensors.keys():
        raise BadCheckpoint(f"{path} is no whole add-on: its factors are not in pairs.", "Save or download it again.")
    return header, {layer: tuple(tensors[layer + suffix] for suffix in FACTORS) for layer in sorted(named)}


def list_addons() -> tuple[AddonInfo, ...]:
    """The add-ons on this machine, by name. Broken ones are in `addon_problems`."""
    return tuple(found for found in _scan() if isinstance(found, AddonInfo))


def addon_problems() -> tuple[str, ...]:
    """One line for each add-on that is there but cannot be used."""
    return tuple(str(found) for found in _scan() if isinstance(found, EngineError))


def _scan() -> Iterator[AddonInfo | EngineError]:
    for source, folder in registry.folders_with(registry.ADDON_FILE):
        try:
            yield describe(folder / registry.ADDON_FILE, folder.name, source)
        except EngineError as error:
            yield error


def find_addon(name: str) -> AddonInfo:
    """The add-on of a name, or in a file.

    Raises:
        UnknownModel: if there is none. BadCheckpoint: if its file is broken, or no add-on.
    """
    folders = {folder.name: (source, folder) for source, folder in registry.folders_with(registry.ADDON_FILE)}
    if name in folders:
        source, folder = folders[name]
        return describe(folder / registry.ADDON_FILE, name, source)
    if Path(name).is_file():
        return describe(Path(name), Path(name).stem, "file")
    known = f"There are: {', '.join(folders)}." if folders else "Make one with `ddmi train --set finetune=lora`."
    raise UnknownModel(f"{name}: no add-on of this name.", known)


def has_addon(name: str) -> bool:
    """Whether an add-on is registered under a name."""
    return any(folder.name == name for _, folder in registry.folders_with(registry.ADDON_FILE))


def describe(path: Path, name: str, source: str) -> AddonInfo:
    """What an add-on's file says of itself, with the files beside it. Raises: BadCheckpoint."""
    header = read_addon_header(path)
    card, sheet = path.with_name(registry.CARD_FILE), path.with_name(registry.SHEET_FILE)
    own_folder = source != "file"
    return AddonInfo(
        name=name,
        source=source,
        path=path,
        sha256=file_sha256(path),
        base=header.base,
        base_sha256=header.base_sha256,
        domain=header.domain,
        rank=header.rank,
        parameters=sum(entry.elements for entry in read_contents(path).entries.values()),
        licence=header.licence,
        summary=header.summary,
        card=card.read_text(encoding="utf-8", errors="replace")
        if own_folder and card.is_file()
        else card_text(name, header),
        sheet=sheet if own_folder and sheet.is_file() else None,
    )


def card_text(name: str, header: AddonHeader) -> str:
    """A card in Markdown made of the header alone."""
    facts = {
        "Add-on for": f"{header.base} (SHA-256 {header.base_sha256})",
        "Licence": header.licence,
        "Attribution": header.attribution,
        "Rank": str(header.rank),
        "Saved": header.created,
    }
    return registry.card_lines(name, header.summary, {**facts, **registry.training_facts(header.training)})


def import_addon(path: Path, name: str | None, check: Check | None = None) -> AddonInfo:
    """Take an add-on's file over into the user's folder, whole or not at all.

    Raises:
        BadCheckpoint: if it is broken. BadInput: if the name is taken. CannotWrite: no space, no permission.
    """
    read_addon(path, check)
    chosen = registry.check_name(name) if name is not None else registry.name_from(path)
    with registry.new_model(chosen, check=check, file=registry.ADDON_FILE) as folder:
        shutil.copyfile(path, folder / registry.ADDON_FILE)
    return find_addon(chosen)


def verify_addon(name: str, check: Check | None = None) -> AddonInfo:
    """Check that an add-on's file is whole and as it was when it was added.

    Raises:
        BadCheckpoint: saying what is wrong. UnknownModel: if there is no such add-on.
    """
    info = find_addon(name)
    registry.check_stored_hash(info.path, info.source, check)
    read_addon(info.path, check)
    return info
