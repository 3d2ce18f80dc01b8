"""What fits into memory, asked before the work begins."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import psutil

from ddmi_models.errors import BadInput, OutOfMemory

LIMIT_VARIABLE = "DDMI_MEMORY_LIMIT"
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def available_memory() -> int:
    """Bytes that a piece of work may take: $DDMI_MEMORY_LIMIT (`2G`, `500M` or bytes), else what the system has free.

    Raises:
        BadInput: if the variable is not a size.
    """
    text = os.environ.get(LIMIT_VARIABLE)
    if not text:
        return int(psutil.virtual_memory().available)
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise BadInput(f"{LIMIT_VARIABLE}={text} is not a size.", "Write for instance 2G or 500M.")
    return int(float(match[1]) * UNITS[match[2].upper()])


def require_memory(bytes_for: Callable[[int], int], wanted: int, what: str) -> None:
    """Refuse a size whose work does not fit.

    Args:
        bytes_for: memory of a size; grows with it.
        wanted: the size asked for.
        what: the unit in the message, for instance "pixels a side".

    Raises:
        OutOfMemory: naming the largest size that fits.
    """
    free, needed = available_memory(), bytes_for(wanted)
    if needed <= free:
        return
    low, high = 0, wanted
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if bytes_for(middle) <= free else (low, middle)
    hint = f"The largest that fits is {low} {what}." if low else "Close other programs or raise the memory limit."
    raise OutOfMemory(f"{wanted} {what} need {readable(needed)} of memory; {readable(free)} are free.", hint)


def readable(count: int) -> str:
    """Bytes for people: 1.5 GB."""
    value = float(count)
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"
