"""The figures of a run as series over its steps, for plots."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

VALIDATION = "validation_"
SCORES = ("reconstruction", "error", "alignment")
"""The validation figure that is shown beside the loss: the first of these that there is."""
SPAN = 20
"""Rows over which the smoothed loss averages, the newest most."""
SMOOTH, RATE = "smoothed loss", "rate"

Row = Mapping[str, Any]
Points = tuple[list[int], list[float]]
"""Steps and values."""


class RunSeries:
    """The rows of figures of a run, as far as they are known; each row is looked at once.

    `batch` is the run's, for samples a second. `count` is how many rows are known.
    """

    def __init__(self, batch: int = 0) -> None:
        self.batch = batch
        self.count = 0
        self._points: dict[str, Points] = {}
        self._last: Row | None = None
        self._last_step: Row | None = None
        self._sum = self._weight = 0.0

    def known(self) -> int:
        """Row from which on to ask: the last known one again, so that a resumed run, which drops rows, is noticed."""
        return max(0, self.count - 1)

    def take(self, rows: Iterable[Row], start: int) -> bool:
        """Take in the rows from row `start` on, of which the last known one is the first; False where it is not."""
        found = list(rows)
        if self._last is not None:
            if start != self.known() or not found or found[0] != self._last:
                return False
            del found[0]
        for row in found:
            self._add(row)
        return True

    def _add(self, row: Row) -> None:
        self._last = row
        self.count += 1
        for key, value in row.items():
            if key not in ("step", "seconds", "time") and value is not None:
                self._put(key, row["step"], float(value))
        if row.get("loss") is not None:
            fade = 1 - 1 / SPAN
            self._sum, self._weight = fade * self._sum + row["loss"], fade * self._weight + 1
            self._put(SMOOTH, row["step"], self._sum / self._weight)
        if "loss" in row:
            self._add_rate(self._last_step, row)
            self._last_step = row

    def _add_rate(self, before: Row | None, row: Row) -> None:
        """Training time alone counts; it is known to a tenth of a second."""
        if before is not None and row["seconds"] > before["seconds"]:
            items = self.batch * (row["step"] - before["step"])
            self._put(RATE, row["step"], items / (row["seconds"] - before["seconds"]))

    def _put(self, key: str, step: int, value: float) -> None:
        if math.isfinite(value):
            steps, values = self._points.setdefault(key, ([], []))
            steps.append(step)
            values.append(value)

    def points(self, key: str) -> Points:
        """A figure by step, where it is a finite number."""
        return self._points.get(key, ([], []))

    def smoothed(self) -> Points:
        """The loss by step, each averaged with those before it."""
        return self.points(SMOOTH)

    def validation(self) -> Points:
        """The score of each validation."""
        return next((self._points[key] for name in SCORES if (key := VALIDATION + name) in self._points), ([], []))

    def rate(self) -> Points:
        """Samples a second between one row and the next."""
        return self.points(RATE)
