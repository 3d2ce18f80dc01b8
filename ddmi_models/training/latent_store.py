"""Latents of a data set, encoded once and kept for the stages that train on them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from ddmi_models.domains import Domain
from ddmi_models.events import Progress
from ddmi_models.files import atomic_file
from ddmi_models.training.data import Batches
from ddmi_models.training.locks import acquiring, lock_beside
from ddmi_models.training.memory import halved

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


def encoding(
    domain: Domain, data: Batches, folder: Path | None, check: Callable[[], None]
) -> Generator[Progress, None, EncodedSet]:
    """Encode a data set; returns the latents. With a `folder` they are in files there, which are mapped, and found
    again if this encoder has encoded these items before.

    Args:
        check: called now and then; may raise to stop.

    Raises:
        CannotWrite: if the folder cannot be written to. OutOfMemory: if a single item does not fit.
    """
    said = partial(Progress, total=len(data), label="Encoding the data")
    if folder is None:
        parts, done = list[tuple[torch.Tensor, torch.Tensor]](), 0
        for part in _encode(domain, data):
            parts.append(part)
            done += len(part[0])
            check()
            yield said(done)
        means, deviations = zip(*parts, strict=True)
        return EncodedSet(torch.cat(means), torch.cat(deviations))
    key = _key(domain, data)
    paths = [folder / f"latents-{key}-{part}.npy" for part in ("std", "mean")]
    with lock_beside(folder, f"latents-{key}") as lock:
        for _ in acquiring(lock, check):
            yield said(0)
        if not all(path.is_file() for path in paths):
            for done in _write(paths, domain, data):
                check()
                yield said(done)
    std, mean = (torch.from_numpy(np.load(path, mmap_mode="c", allow_pickle=False)) for path in paths)
    return EncodedSet(mean, std)


def _write(paths: Sequence[Path], domain: Domain, data: Batches) -> Iterator[int]:
    """Write standard deviations and means as they come, so that memory does not grow with the set; yields how many."""
    done = 0
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
            done += len(mean)
            yield done


def _key(domain: Domain, data: Batches) -> str:
    """Changes with the encoder's weights and the items."""
    digest = hashlib.sha256()
    for part in domain.frozen_parts():
        for name, tensor in part.state_dict().items():
            digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    for start in range(0, len(data), ENCODING_BATCH):
        for tensor in data.inputs(np.arange(start, min(start + ENCODING_BATCH, len(data)))).values():
            digest.update(tensor.numpy().tobytes())
    digest.update(str(len(data)).encode())
    return digest.hexdigest()[:16]


def _encode(domain: Domain, data: Batches) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Means and standard deviations float16 [n, C, H, W] on the processor, some items at a time; fewer where memory
    does not suffice."""
    domain.eval()
    device = next(domain.parameters()).device
    start, at_once = 0, ENCODING_BATCH
    while start < len(data):
        items = np.arange(start, min(start + at_once, len(data)))
        try:
            with torch.no_grad():
                posterior = domain.encode({key: value.to(device) for key, value in data.inputs(items).items()})
        except (RuntimeError, MemoryError) as error:
            at_once = halved(at_once, error, "encode")
            continue
        yield posterior.mean.half().cpu().contiguous(), posterior.std.half().cpu().contiguous()
        start += len(items)
