"""Latents of a data set, encoded once and kept for the stages that train on them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
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
    """Posteriors of every item: mean and standard deviation float16 [N, C, H, W], in memory or mapped from files."""

    mean: torch.Tensor
    std: torch.Tensor

    def __len__(self) -> int:
        return len(self.mean)

    def sample(self, items: np.ndarray, noise: torch.Tensor) -> torch.Tensor:
        """Latents float32 [B, C, H, W] of the items, drawn with standard normal noise of that shape."""
        return self.mean[items].float() + self.std[items].float() * noise

    def statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation [C] of the latents, a channel each, posterior noise included."""
        sums = torch.zeros(3, self.mean.shape[1], dtype=torch.float64)
        for mean, std in zip(self.mean.split(ENCODING_BATCH), self.std.split(ENCODING_BATCH), strict=True):
            values, noise = (part.double().transpose(0, 1).flatten(1) for part in (mean, std))
            sums += torch.stack([values.sum(1), values.square().sum(1), noise.square().sum(1)])
        count = self.mean.numel() // self.mean.shape[1]
        centre, squares, noise = sums / count
        spread = (squares - centre.square()).clamp(min=0) * count / max(1, count - 1)
        return centre.float(), (spread + noise).sqrt().float()


def encoded_set(domain: Domain, data: Batches, folder: Path | None) -> EncodedSet:
    """The latents of a data set; with a `folder`, in files there, which are mapped, and read again if this encoder has
    encoded the set before.

    Raises:
        CannotWrite: if the folder cannot be written to.
    """
    if folder is None:
        means, deviations = zip(*_encode(domain, data), strict=True)
        return EncodedSet(torch.cat(means), torch.cat(deviations))
    key = _key(domain, data)
    paths = [folder / f"latents-{key}-{part}.npy" for part in ("std", "mean")]
    if not all(path.is_file() for path in paths):
        _write(paths, domain, data)
    std, mean = (torch.from_numpy(np.load(path, mmap_mode="c", allow_pickle=False)) for path in paths)
    return EncodedSet(mean, std)


def _write(paths: Sequence[Path], domain: Domain, data: Batches) -> None:
    """Write standard deviations and means as they come, so that memory does not grow with the set."""
    try:
        paths[0].parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(paths[0], error) from None
    with ExitStack() as stack:
        files = [stack.enter_context(atomic_file(path)) for path in paths]
        for number, (mean, std) in enumerate(_encode(domain, data)):
            for file, part in zip(files, (std, mean), strict=True):
                if number == 0:
                    shape = (len(data), *part.shape[1:])
                    header = {
                        "descr": np.lib.format.dtype_to_descr(np.dtype(np.float16)),
                        "fortran_order": False,
                        "shape": shape,
                    }
                    np.lib.format.write_array_header_1_0(file, header)
                file.write(part.numpy().tobytes())


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


def _encode(domain: Domain, data: Batches) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Means and standard deviations float16 [n, C, H, W] on the processor, some items at a time."""
    domain.eval()
    device = next(domain.parameters()).device
    for start in range(0, len(data), ENCODING_BATCH):
        items = np.arange(start, min(start + ENCODING_BATCH, len(data)))
        with torch.no_grad():
            posterior = domain.encode({key: value.to(device) for key, value in data.inputs(items).items()})
        yield posterior.mean.half().cpu().contiguous(), posterior.std.half().cpu().contiguous()
