"""One process or several (Hugging Face Accelerate): who does what part of a batch, and how results come together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist

from ddmi_models.devices import find_device
from ddmi_models.errors import BadConfig, EngineError
from ddmi_models.training.alive import launched_processes
from ddmi_models.training.config import TrainConfig

if TYPE_CHECKING:
    from accelerate import Accelerator

PATIENCE = timedelta(minutes=30)
"""How long the others wait for a process, for instance while the first one saves and validates."""

BUCKET = 2**22
"""Numbers that are sent at a time."""


def start_accelerator(config: TrainConfig) -> Accelerator:
    """The run's device and precision, and the group of its processes.

    Raises:
        BadConfig: for more processes than items, or a precision that the device lacks.
        BadInput, Unavailable: for a device that is not there.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState
    from accelerate.utils import InitProcessGroupKwargs

    if config.batch < launched_processes():
        raise BadConfig(
            f"batch: {config.batch} items cannot be shared by {launched_processes()} processes.", "Raise it."
        )
    if launched_processes() == 1:
        AcceleratorState._reset_state(reset_partial_state=True)  # an earlier run of this process had its own device
    waits = InitProcessGroupKwargs(timeout=PATIENCE)
    on_cpu = find_device(config.device).type == "cpu"
    with _device_named(config.device):
        try:
            return Accelerator(cpu=on_cpu, mixed_precision=config.precision, kwargs_handlers=[waits])
        except ValueError as error:
            raise BadConfig(f"precision: {config.precision} does not work here: {error}.") from None


@contextmanager
def _device_named(name: str) -> Iterator[None]:
    """Have Accelerate take this device; of several processes each takes its own."""
    variable = "ACCELERATE_TORCH_DEVICE"
    if launched_processes() > 1:
        yield
        return
    before = os.environ.get(variable)
    os.environ[variable] = str(find_device(name))
    try:
        yield
    finally:
        os.environ.pop(variable)
        if before is not None:
            os.environ[variable] = before


def shares(batch: int, processes: int, rank: int, pieces: int) -> list[slice]:
    """The parts of a batch that a process computes one after another: sizes differ by one at most, none is empty."""
    first, last = batch * rank // processes, batch * (rank + 1) // processes
    count = last - first
    pieces = min(pieces, count)
    return [slice(first + count * k // pieces, first + count * (k + 1) // pieces) for k in range(pieces)]


@contextmanager
def _together() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise EngineError(
            "Another process of the run has ended, so it cannot go on.",
            "Its own message says why, if it had time to; resume the run when that is mended.",
        ) from error


def sum_over_processes(tensors: Sequence[torch.Tensor]) -> None:
    """Replace tensors of one type by their sums over all processes, many at a time.

    Raises:
        EngineError: if another process has ended.
    """
    bucket: list[torch.Tensor] = []
    for tensor in tensors:
        bucket.append(tensor)
        if sum(t.numel() for t in bucket) >= BUCKET:
            _sum_bucket(bucket)
            bucket = []
    if bucket:
        _sum_bucket(bucket)


def _sum_bucket(bucket: list[torch.Tensor]) -> None:
    flat = torch.cat([t.reshape(-1) for t in bucket])
    with _together():
        dist.all_reduce(flat)
    for tensor, total in zip(bucket, flat.split([t.numel() for t in bucket]), strict=True):
        tensor.copy_(total.view_as(tensor))


def largest(values: Sequence[float], device: torch.device) -> list[float]:
    """The largest that any process has of each value.

    Raises:
        EngineError: if another process has ended.
    """
    tensor = torch.tensor(values, dtype=torch.float32, device=device)
    with _together():
        dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
    most: list[float] = tensor.tolist()
    return most


def any_process(flags: Sequence[bool], device: torch.device) -> list[bool]:
    """Which flags at least one process has set. Raises: EngineError, if another process has ended."""
    return [bool(value) for value in largest(flags, device)]
