"""What is done where memory runs out."""

from __future__ import annotations

import gc

import torch

from ddmi_models.errors import OutOfMemory, is_out_of_memory


def halved(at_once: int, error: Exception, work: str) -> int:
    """How many items to try together next, after an error with `at_once` of them; memory is freed for it.

    Args:
        work: what was tried, as in "validate".

    Raises:
        OutOfMemory: if it was a single item. The error itself, if it is none of memory.
    """
    if not is_out_of_memory(error):
        raise error
    if at_once == 1:
        raise OutOfMemory(
            f"There is not enough memory to {work} a single item.",
            "Make the pictures, the points or the model smaller, or free memory.",
        ) from None
    free_memory()
    return at_once // 2


def free_memory() -> None:
    """Give back what nothing refers to any more, on graphics cards too."""
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
