"""Devices by name."""

from __future__ import annotations

import ctypes.util
import os
import sys
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from ddmi_models.errors import BadInput, Unavailable

if TYPE_CHECKING:
    import torch

SHORT_SPIN = "10000"
"""Turns of a loop, some ten microseconds."""
KINDS = ("auto", "cpu", "cuda", "mps")


def share_processor() -> None:
    """Let threads that wait for each other soon sleep, unless the user says otherwise. Before torch is imported.

    Beside another busy program threads that spin keep each other from the processor: several times as slow. Those that
    sleep at once are a quarter slower where the processor is free (docs/measurements.md).
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
        os.environ.setdefault("GOMP_SPINCOUNT", SHORT_SPIN)


@cache
def missing_devices() -> dict[str, str]:
    """Kinds of device that this machine cannot have, and why, found without loading torch."""
    missing = {}
    drivers = ("nvcuda", "amdhip64") if sys.platform == "win32" else ("cuda", "amdhip64")  # torch calls AMD's cuda too
    if not any(map(ctypes.util.find_library, drivers)):
        missing["cuda"] = "No driver of a graphics card (NVIDIA, or AMD's ROCm) is installed here."
    if sys.platform != "darwin":
        missing["mps"] = "Metal is part of macOS."
    return missing


def device_kind(name: str) -> str:
    """Kind of device that a name asks for: one of KINDS.

    Raises:
        BadInput: for an unknown name.
    """
    kind, _, number = name.partition(":")
    if kind not in KINDS or (number and (kind == "auto" or not number.isdecimal())):
        raise BadInput(f"There is no kind of device {name!r}.", "Use auto, cpu, cuda, cuda:N or mps.")
    return kind


def find_device(name: str) -> torch.device:
    """The device of a name; auto: the best there is.

    Raises:
        BadInput: for an unknown name. Unavailable: if the machine has no such device.
    """
    import torch

    kind = device_kind(name)
    if kind == "auto":
        found = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(found)
    number = name.partition(":")[2]
    checks: dict[str, Callable[[], bool]] = {
        "cpu": lambda: number in ("", "0"),
        "mps": lambda: number in ("", "0") and torch.backends.mps.is_available(),
        "cuda": lambda: torch.cuda.is_available() and int(number or 0) < torch.cuda.device_count(),
    }
    if not checks[kind]():
        raise Unavailable(f"This machine has no device {name}.", "Use --device auto.")
    return torch.device(name)
