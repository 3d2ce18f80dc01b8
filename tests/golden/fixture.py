"""One file of recorded numbers, with a count of what was used."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

TOLERANCE = 1e-4
"""Largest difference allowed, in standard deviations of the recorded array."""

ROUNDING = 1e-6
"""Spread, relative to the size, below which an array is one number repeated."""

METADATA = frozenset({"config_json", "meta_json"})
DOMAIN_NAMES = {"occupancy": "shape"}
"""Names of domains in the recorded files where ours differ."""


def parity_folder() -> Path:
    """Folder of the recorded numbers: DDMI_PARITY_DIR, or those in the repository."""
    default = Path(__file__).resolve().parents[1] / "data" / "parity"
    return Path(os.environ.get("DDMI_PARITY_DIR", default))


def fixture_files(folder: Path) -> list[Path]:
    """Every fixture below a folder; `*-expected.npz` belong to the checkpoints beside them."""
    return sorted(path for path in folder.rglob("*.npz") if not path.name.endswith("-expected.npz"))


class Fixture:
    """Arrays of a file. Each must be compared or used as an input in the course of a test."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as stored:
            self._arrays = {key: stored[key] for key in stored.files}
        self.name = path.stem
        self._used: set[str] = set(METADATA)

    @cached_property
    def config(self) -> dict[str, Any]:
        return json.loads(str(self._arrays["config_json"]))

    @property
    def domain(self) -> str:
        """Our name of the file's domain; `extra` for the file that covers what all have in common."""
        name = self.config.get("domain", "extra")
        return DOMAIN_NAMES.get(name, name)

    def __contains__(self, key: str) -> bool:
        return key in self._arrays

    def keys(self, pattern: str) -> Iterator[tuple[str, re.Match[str]]]:
        """The keys that match a pattern as a whole, with the match."""
        for key in self._arrays:
            if match := re.fullmatch(pattern, key):
                yield key, match

    def array(self, key: str) -> np.ndarray:
        """An array that serves as an input."""
        self._used.add(key)
        return self._arrays[key]

    def tensor(self, key: str) -> torch.Tensor:
        """An array that serves as an input, as a tensor."""
        return torch.from_numpy(self.array(key))

    def compare(self, key: str, value: Any, tolerance: float = TOLERANCE) -> None:
        """Assert that a value agrees with a recorded array; whole numbers must be equal.

        The tolerance is relative to the array's standard deviation, to its size where it holds one number, or the same
        one throughout but for rounding.
        """
        expected = self.array(key)
        actual = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        assert actual.shape == expected.shape, f"{key}: shape {actual.shape} instead of {expected.shape}"
        if expected.dtype.kind in "iub":
            assert np.array_equal(actual, expected), f"{key} differs"
            return
        assert np.isfinite(actual).all(), f"{key} is not finite"
        size, spread = float(np.abs(expected).max()), float(expected.astype(np.float64).std())
        scale = spread if spread > ROUNDING * size else size
        error = float(np.abs(actual.astype(np.float64) - expected).max()) / scale
        assert error <= tolerance, f"{key}: off by {error:.2e} of its scale"

    def unused(self) -> list[str]:
        """Arrays that were neither compared nor used as an input."""
        return sorted(set(self._arrays) - self._used)
