"""The samples of this session and which of them is shown."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QObject, Signal

from ddmi_models.requests import Sample

_keys = itertools.count(1)


@dataclass(eq=False)
class SessionSample:
    """A sample and what the window keeps beside it: a thumbnail (uint8 [h, w, 3]) and the seconds of sampling."""

    sample: Sample
    seconds: float | None = None
    thumbnail: np.ndarray | None = None
    key: int = field(default_factory=lambda: next(_keys))

    @property
    def domain(self) -> str:
        return self.sample.recipe.domain


class Samples(QObject):
    """The samples in the order in which they were made.

    Signals:
        added, thumbnail_changed, removed: a SessionSample. selected: a SessionSample or None.
    """

    added = Signal(object)
    removed = Signal(object)
    thumbnail_changed = Signal(object)
    selected = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.all: list[SessionSample] = []
        self.current: SessionSample | None = None

    def add(self, entry: SessionSample) -> None:
        self.all.append(entry)
        self.added.emit(entry)

    def select(self, entry: SessionSample | None) -> None:
        if entry is not self.current:
            self.current = entry
            self.selected.emit(entry)

    def remove(self, entry: SessionSample) -> None:
        """Take a sample off the strip; its neighbour is shown instead."""
        at = self.all.index(entry)
        self.all.remove(entry)
        if entry is self.current:
            self.select(self.all[min(at, len(self.all) - 1)] if self.all else None)
        self.removed.emit(entry)

    def step(self, by: int) -> None:
        """Select a neighbour of the current sample."""
        if self.all:
            at = self.all.index(self.current) if self.current in self.all else -1
            self.select(self.all[max(0, min(len(self.all) - 1, at + by))])

    def set_thumbnail(self, entry: SessionSample, pixels: np.ndarray) -> None:
        entry.thumbnail = pixels
        self.thumbnail_changed.emit(entry)

    def latest(self, domain: str) -> SessionSample | None:
        """The newest sample of a domain."""
        return next((e for e in reversed(self.all) if e.domain == domain), None)
