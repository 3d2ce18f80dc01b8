"""The figures of a run as series over its steps, for plots."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

VALIDATION = "validation_"
SCORES = ("reconstruction", "error", "alignment")
"""The validation figure that is shown beside the loss: the first of these that there is."""
SPAN = 20
"""Rows over which the smoothed loss averages, the newest most."""

Row = Mapping[str, Any]
Points = tuple[list[int], list[float]]
"""Steps and values."""


class RunSeries:
    """The rows of figures of a run, as far as they are known.

    `batch` is the run's, for samples a second.
    """

    def __init__(self, batch: int = 0) -> None:
        self.batch = batch
        self.rows: list[Row] = []

    def known(self) -> int:
        """Row from which on to ask: the last known one again, so that a resumed run, which drops rows, is noticed."""
        return max(0, len(self.rows) - 1)

    def take(self, rows: Iterable[Row], start: int) -> bool:
        """Take in the rows from row `start` on; False where they do not go on from what is known."""
        found = list(rows)
        if start < len(self.rows) and (not found or found[0] != self.rows[start]):
            return False
        self.rows[start:] = found
        return True

    def points(self, key: str) -> Points:
        """A figure by step, where it is a finite number."""
        return _points((row["step"], row.get(key)) for row in self.rows)

    def smoothed(self, key: str) -> Points:
        """A figure by step, each value averaged with those before it."""
        steps, values = self.points(key)
        weight, average, total, smooth = 1 - 1 / SPAN, 0.0, 0.0, []
        for value in values:
            average, total = weight * average + value, weight * total + 1
            smooth.append(average / total)
        return steps, smooth

    def validation(self) -> Points:
        """The score of each validation."""
        keys = [f"{VALIDATION}{name}" for name in SCORES]
        key = next((key for key in keys if any(row.get(key) is not None for row in self.rows)), keys[0])
        return self.points(key)

    def rate(self) -> Points:
        """Samples a second between one row and the next; training time alone counts."""
        rows = [row for row in self.rows if "loss" in row]
        return _points(
            (after["step"], self.batch * (after["step"] - before["step"]) / (after["seconds"] - before["seconds"]))
            for before, after in pairwise(rows)
            if after["seconds"] > before["seconds"]
        )


def _points(pairs: Iterable[tuple[int, float | None]]) -> Points:
    kept = [(step, float(value)) for step, value in pairs if value is not None and math.isfinite(value)]
    return [step for step, _ in kept], [value for _, value in kept]
