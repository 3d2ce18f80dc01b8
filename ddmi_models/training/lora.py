"""Low-rank updates of the denoiser (LoRA; Hu et al. 2022) with peft, and the add-on files that are made of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ddmi_models.checkpoints.addons import AddonHeader, read_addon_header, write_addon
from ddmi_models.checkpoints.registry import find_model
from ddmi_models.errors import BadConfig, BadData
from ddmi_models.nets.attention import SelfAttention, SpatialTransformer
from ddmi_models.nets.blocks import SequenceAttention
from ddmi_models.requests import ModelInfo
from ddmi_models.training.config import LoraConfig, LoraTarget, TrainConfig

ADAPTER = "default"
ATTENTION = (SelfAttention, SpatialTransformer, SequenceAttention)

# The text tower is left alone: its attention is torch's MultiheadAttention, whose projections are no layers that peft
# could stand beside. It adds the update to the weights and subtracts it again in each pass, which moves them.


def add_adapters(stage: nn.Module, config: LoraConfig, seed: int) -> None:
    """Put trainable updates beside the layers of `stage.diffusion` that the configuration names; all else is fixed.

    The updates are zero at first, so that nothing changes.

    Raises:
        BadConfig: if the denoiser has none of these layers.
    """
    import peft  # takes seconds, and only such runs need it

    chosen = [name for name, kind in layers(stage) if kind in config.targets]
    if not chosen:
        raise BadConfig(
            f"lora.targets: the denoiser has none of {', '.join(config.targets)}.", "Name others, such as attention."
        )
    torch.manual_seed(seed)  # the same in every process, whatever was drawn before
    peft.inject_adapter_in_model(
        peft.LoraConfig(r=config.rank, lora_alpha=config.alpha, target_modules=chosen), stage, ADAPTER
    )


def layers(stage: nn.Module) -> Iterator[tuple[str, LoraTarget]]:
    """Name and kind of each layer of `stage.diffusion` that an update can stand beside."""
    modules = dict(stage.named_modules())
    attention = tuple(f"{name}." for name, module in modules.items() if isinstance(module, ATTENTION))
    for name, module in modules.items():
        if name.startswith("diffusion.") and isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
            yield name, _kind(name, name.startswith(attention))


def _kind(name: str, in_attention: bool) -> LoraTarget:
    if ".attn2." in name:
        return "text_attention"
    if ".ff." in name:
        return "feed_forward"
    if in_attention:
        return "attention"
    embeds = any(part in name for part in ("time_embed", "emb_layers", "pooled_embed"))
    return "embeddings" if embeds else "convolutions"


def adapter_tensors(stage: nn.Module) -> dict[str, torch.Tensor]:
    """The updates' factors by their names in an add-on: `diffusion.<layer>.lora_A.weight` and `lora_B`."""
    middle = f".{ADAPTER}."
    return {key.replace(middle, "."): value for key, value in stage.state_dict().items() if ".lora_" in key}


def adapted_share(stage: nn.Module) -> str:
    """How much is trained, for people."""
    trained = sum(p.numel() for p in stage.parameters() if p.requires_grad)
    fixed = sum(p.numel() for p in stage.parameters() if not p.requires_grad)
    return f"An add-on of {trained:,} weights is trained; the model's {fixed:,} of this stage stay as they are."


def base_of(config: TrainConfig) -> ModelInfo:
    """The model that the run makes an add-on for."""
    assert config.start_from is not None
    return find_model(config.start_from)


def save_addon(path: Path, config: TrainConfig, stage: nn.Module, training: dict[str, Any]) -> None:
    """Write the updates as an add-on. Raises: CannotWrite."""
    base = base_of(config)
    header = AddonHeader(
        name=config.name,
        base=base.name,
        base_sha256=base.sha256,
        domain=base.domain,
        rank=config.lora.rank,
        alpha=config.lora.alpha,
        licence=config.licence,
        attribution=config.attribution,
        summary=f"LoRA of rank {config.lora.rank} for {base.name}, trained on {config.data.train.name}.",
        training=training,
    )
    write_addon(path, header, adapter_tensors(stage))


def check_same_base(config: TrainConfig, saved: Path) -> None:
    """Make sure that a resumed run goes on beside the model that it began with.

    Raises:
        BadData: if that model has changed since `saved` was written.
    """
    base = base_of(config)
    if saved.is_file() and read_addon_header(saved).base_sha256 != base.sha256:
        raise BadData(
            f"The model {base.name} has changed since this run began, and its add-on belongs to the old one.",
            "Start a new run.",
        )
