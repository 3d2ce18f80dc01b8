"""Latents of a data set, encoded once and kept for the stages that train on them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ddmi_models.domains import Domain
from ddmi_models.files import atomic_file, cannot_write
from ddmi_models.training.data import Batches

ENCODING_BATCH = 64


@dataclass(frozen=True, eq=False)
class EncodedSet:
    """Posteriors of every item: mean and standard deviation float16 [N, C, H, W]; they fill the memory of long runs."""

    mean: torch.Tensor
    std: torch.Tensor

    def __len__(self) -> int:
        return len(self.mean)

    def sample(self, items: np.ndarray, noise: torch.Tensor) -> torch.Tensor:
        """Latents float32 [B, C, H, W] of the items, drawn with standard normal noise of that shape."""
        return self.mean[items].float() + self.std[items].float() * noise

    def statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation [C] of the latents, a channel each, posterior noise included."""
        mean, std = (part.float().transpose(0, 1).flatten(1) for part in (self.mean, self.std))
        return mean.mean(1), (mean.var(1) + std.square().mean(1)).sqrt()


def encoded_set(domain: Domain, data: Batches, folder: Path | None) -> EncodedSet:
    """The latents of a data set, read from `folder` if this encoder has encoded the set before.

    Raises:
        CannotWrite: if the folder cannot be written to.
    """
    if folder is None:
        return _encode(domain, data)
    path = folder / f"latents-{_key(domain, data)}.npz"
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            return EncodedSet(torch.from_numpy(kept["mean"]), torch.from_numpy(kept["std"]))
    made = _encode(domain, data)
    _write(path, made)
    return made


def _write(path: Path, made: EncodedSet) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from None
    with atomic_file(path) as file:
        np.savez(file, mean=made.mean.numpy(), std=made.std.numpy())


def _key(domain: Domain, data: Batches) -> str:
    """Changes with the encoder's weights and the items."""
    digest = hashlib.sha256()
    for part in domain.frozen_parts():
        for name, tensor in part.state_dict().items():
            digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    for start in range(0, len(data), ENCODING_BATCH):
        for tensor in data.inputs(np.arange(start, min(start + 1, len(data)))).values():
            digest.update(tensor.numpy().tobytes())
    digest.update(str(len(data)).encode())
    return digest.hexdigest()[:16]


@torch.no_grad()
def _encode(domain: Domain, data: Batches) -> EncodedSet:
    domain.eval()
    device = next(domain.parameters()).device
    means, deviations = [], []
    for start in range(0, len(data), ENCODING_BATCH):
        items = np.arange(start, min(start + ENCODING_BATCH, len(data)))
        posterior = domain.encode({key: value.to(device) for key, value in data.inputs(items).items()})
        means.append(posterior.mean.half().cpu())
        deviations.append(posterior.std.half().cpu())
    # In the order in memory that a kept file has, so that both give the same sums.
    return EncodedSet(torch.cat(means).contiguous(), torch.cat(deviations).contiguous())
