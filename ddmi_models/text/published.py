"""Published CLIP text towers of open_clip, by name and local weights. Nothing is downloaded."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ddmi_models.config import TextConfig
from ddmi_models.errors import BadCheckpoint, BadConfig, Unavailable
from ddmi_models.text.tower import TextFeatures, Tower
from ddmi_models.text.words import ReadPrompt, split_words

WEIGHT_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")
"""What open_clip calls the weights in a repository that names no file, in the order in which it looks for them."""

TEXT_KEYS = ("transformer.", "token_embedding.", "positional_embedding", "ln_final.", "text_projection")
"""Where a CLIP model keeps its text side when it has no part `text`."""


class PublishedTower(Tower):
    """The text side of a published CLIP model, read from its own file when it is first needed, never trained.

    Its weights are no part of the state dict: a model file names them instead.
    """

    def __init__(self, config: TextConfig) -> None:
        super().__init__(config)
        # Moves with the model, so that the tower is loaded where the model is.
        self.register_buffer("place", torch.zeros(1), persistent=False)

    def read(self, prompt: str) -> ReadPrompt:
        return ReadPrompt(tuple(split_words(prompt)), (), ())

    @torch.no_grad()
    def forward(self, prompts: Sequence[str]) -> TextFeatures:
        """Encode the prompts.

        Raises:
            Unavailable: if the weights are not on this machine. BadConfig, BadCheckpoint: if they are no such tower's.
        """
        device = self.get_buffer("place").device
        transformer, tokenizer = _load(self.config)
        rows = tokenizer(list(prompts)).to(device)
        pooled, tokens = transformer.to(device)(rows)
        ends = rows.argmax(dim=1, keepdim=True)  # the end token has the largest number
        mask = torch.arange(rows.shape[1], device=device) <= ends
        return TextFeatures(tokens, mask, pooled)


@lru_cache(maxsize=1)
def _load(config: TextConfig) -> tuple[nn.Module, Any]:
    """The tower in evaluation mode and its tokenizer."""
    from open_clip.tokenizer import SimpleTokenizer

    name = config.tower or ""
    path, quick = find_weights(name, config.weights or "")
    transformer, width = _transformer(name, quick)
    if width != config.width:
        raise BadConfig(f"The text tower {name} has {width} channels, not {config.width}.", f"Set text.width={width}.")
    tensors = _text_tensors(_read(path))
    try:
        transformer.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise BadCheckpoint(f"{path} holds other weights than those of {name}: {reason}.") from None
    return transformer.eval().requires_grad_(False), SimpleTokenizer(context_length=transformer.context_length)


def _transformer(name: str, quick: bool) -> tuple[Any, int]:
    """A published tower with fresh weights, and the width of its pooled features."""
    from open_clip import get_model_config, list_models
    from open_clip.model import CLIPTextCfg
    from open_clip.transformer import QuickGELU, TextTransformer

    config = get_model_config(name)
    if config is None:
        raise BadConfig(f"open_clip has no model {name!r}.", f"It has {', '.join(list_models()[:40])} and more.")
    text = {key: value for key, value in config["text_cfg"].items() if value is not None}
    takes = inspect.signature(TextTransformer).parameters
    foreign = sorted(set(text) - set(takes))
    if foreign:
        raise BadConfig(
            f"The text tower of {name} is not one of open_clip's own transformers ({', '.join(foreign)}).",
            "Use one such as ViT-B-32 or ViT-L-14.",
        )
    defaults = CLIPTextCfg()
    for key in ("context_length", "vocab_size", "width", "heads", "layers"):
        text.setdefault(key, getattr(defaults, key))
    if quick or config.get("quick_gelu"):
        text["act_layer"] = QuickGELU
    width = int(config["embed_dim"])
    return TextTransformer(**{**text, "output_dim": width, "output_tokens": True}), width


def find_weights(name: str, weights: str) -> tuple[Path, bool]:
    """File of a published tower's weights, and whether they were trained with the quick form of GELU.

    Args:
        weights: open_clip's name of the weights, or a path.

    Raises:
        BadConfig: if open_clip knows no such weights. Unavailable: if they are not on this machine.
    """
    from open_clip import get_pretrained_cfg, list_pretrained_tags_by_model

    if Path(weights).suffix or len(Path(weights).parts) > 1:
        path = Path(weights).expanduser()
        if not path.is_file():
            raise Unavailable(f"The weights of the text tower {name} are not at {path}.", "Correct text.weights.")
        return path, False
    published: Mapping[str, Any] = get_pretrained_cfg(name, weights)
    if not published:
        tags = ", ".join(list_pretrained_tags_by_model(name)) or "none"
        raise BadConfig(f"open_clip has no weights {weights!r} for {name}.", f"It has: {tags}. A file will do too.")
    found = _cached(published)
    if found is None:
        fetch = f"import open_clip; open_clip.create_model('{name}', pretrained='{weights}')"
        raise Unavailable(
            f"The text tower of this model is {name} with the weights {weights}, which are not on this machine.",
            f'Fetch them once: python -c "{fetch}"',
        )
    return found, bool(published.get("quick_gelu"))


def _cached(published: Mapping[str, Any]) -> Path | None:
    """The file where open_clip keeps published weights after a download, if it is there."""
    from huggingface_hub import try_to_load_from_cache

    repository, _, file = published.get("hf_hub", "").rpartition("/")
    stem = file.rpartition(".")[0]
    for name in (f"{stem}.safetensors", file) if file else WEIGHT_FILES:
        path = try_to_load_from_cache(repository, name) if repository else None
        if isinstance(path, str):
            return Path(path)
    url = published.get("url", "")
    kept = Path("~/.cache/clip").expanduser() / url.rpartition("/")[2]
    return kept if url and kept.is_file() else None


def _read(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a weights file; pickles are read as tensors only."""
    from open_clip.factory import load_state_dict
    from safetensors import SafetensorError

    broken = (OSError, RuntimeError, ValueError, EOFError, StopIteration, pickle.UnpicklingError, SafetensorError)
    try:
        tensors = load_state_dict(str(path), weights_only=True)
    except broken as error:
        reason = " ".join(str(error).split())[:200]
        raise BadCheckpoint(f"The weights {path} cannot be read: {reason}.", "Use a .safetensors file.") from None
    if not isinstance(tensors, dict):
        raise BadCheckpoint(f"{path} holds no weights.")
    return tensors


def _text_tensors(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The text side of a CLIP model's tensors, under the text transformer's own names."""
    part = {key.removeprefix("text."): value for key, value in tensors.items() if key.startswith("text.")}
    own = part or {key: value for key, value in tensors.items() if key.startswith(TEXT_KEYS)}
    return {key: value.float() for key, value in own.items() if key != "attn_mask"}
