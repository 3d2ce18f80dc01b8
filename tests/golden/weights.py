"""The rule by which the recorded numbers' weights were made: from names alone, so no weights are stored."""

from __future__ import annotations

import zlib

import numpy as np
import torch
from torch import nn

from ddmi_models.diffusion.schedule import SCHEDULE_BUFFERS

KEPT = ("inv_freqs", "scales")


def filled_weight(entry: str, key: str, shape: tuple[int, ...]) -> np.ndarray:
    """The float32 array of one tensor of a module that the published files call `entry`."""
    g = np.random.default_rng(zlib.crc32(f"{entry}/{key}".encode())).standard_normal(shape)
    last = key.rsplit(".", 1)[-1]
    if key == "mixing_logit":
        g = -2 + 0.5 * g
    elif last.endswith(("_token", "_pos_embedding")):
        g = 0.5 * g
    elif key.endswith("noise.weight"):
        g = 0.05 * g
    elif key.endswith("modulation.bias"):
        g = 1 + 0.05 * g
    elif last == "bias":
        g = 0.05 * g
    elif last == "weight" and g.ndim == 1:
        g = 1 + 0.05 * g
    elif last == "weight" and not (entry == "mlp" and is_equalised(key, g.ndim)):
        g = g / np.sqrt(np.prod(shape[1:]))
    return g.astype(np.float32)


def is_equalised(key: str, dimensions: int) -> bool:
    """Whether a weight of an image decoder is scaled when it is used, and so stored unscaled."""
    return (".conv.weight" in key and dimensions == 5) or "modulation.weight" in key or ".skip.0.weight" in key


def is_kept(entry: str, key: str) -> bool:
    """Whether a tensor is a constant that the rule leaves as it is."""
    return (entry == "diffusion" and key in SCHEDULE_BUFFERS) or key.rsplit(".", 1)[-1] in KEPT


def fill_weights(module: nn.Module, entry: str) -> nn.Module:
    """Overwrite a module's floating-point state by the rule; returns the module, in evaluation mode."""
    state = {
        key: torch.from_numpy(filled_weight(entry, key, tuple(value.shape)))
        for key, value in module.state_dict().items()
        if value.is_floating_point() and not is_kept(entry, key)
    }
    missing, extra = module.load_state_dict(state, strict=False)
    assert not extra
    assert all(is_kept(entry, key) for key in missing)
    return module.eval()
