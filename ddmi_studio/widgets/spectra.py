"""Spectra of several levels in one small plot, in the theme's colours (pyqtgraph).

Importing this loads pyqtgraph: do so when the first plot is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ddmi_studio import theme
from ddmi_studio.widgets.bare_plot import BarePlot

HEIGHT, AXIS_WIDTH = 150, 34
RANGE = 70
"""Decibels below the highest value that are shown."""

ROLES = ("accent", "success", "warning", "danger", "text")
"""Colours of the curves, by their role in the theme."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A level: its name, frequencies [n] (at least 1) and power [n] (above 0) at each."""

    name: str
    frequencies: np.ndarray
    power: np.ndarray


class SpectrumPlot(QWidget):
    """Power in decibels over logarithmic frequencies."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curves: tuple[Curve, ...] = ()
        self._weights: tuple[float, ...] = ()
        self.lines: list[pyqtgraph.PlotDataItem] = []
        self.plot = BarePlot("Spectra", AXIS_WIDTH, upright=True)
        self.plot.setFixedHeight(HEIGHT)
        self.plot.getPlotItem().setLogMode(x=True, y=False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        theme.notifier().changed.connect(self._paint)
        self._paint()

    def set_curves(self, curves: Sequence[Curve], weights: Sequence[float] = ()) -> None:
        """Show these; `weights` as in `set_weights`."""
        self._curves = tuple(curves)
        item = self.plot.getPlotItem()
        item.clear()
        self.lines = [item.plot() for _ in self._curves]
        self._show_ticks()
        self._paint()
        self.set_weights(weights or [1.0] * len(self._curves))

    def set_weights(self, weights: Sequence[float]) -> None:
        """Multiply what the curves are of by these, one a curve; a curve of weight 0 is taken away."""
        self._weights = tuple(weights)
        tops = []
        for line, curve, weight in zip(self.lines, self._curves, self._weights, strict=True):
            line.setVisible(weight > 0)
            if weight > 0:
                decibels = 10 * np.log10(curve.power) + 20 * np.log10(weight)
                line.setData(curve.frequencies, decibels)
                tops.append(float(decibels.max()))
        if tops:
            self.plot.getPlotItem().setYRange(max(tops) - RANGE, max(tops), padding=0.05)

    def _show_ticks(self) -> None:
        """Powers of two, at which the levels end."""
        if not self._curves:
            return
        highest = max(float(curve.frequencies[-1]) for curve in self._curves)
        ticks = [2**n for n in range(int(np.log2(highest)) + 1)]
        item = self.plot.getPlotItem()
        item.getAxis("bottom").setTicks([[(np.log10(tick), f"{tick}") for tick in ticks]])
        item.setXRange(0, np.log10(highest), padding=0.03)

    def colour(self, index: int) -> QColor:
        """The colour of a curve."""
        return QColor(getattr(theme.colors(), ROLES[index % len(ROLES)]))

    def _paint(self) -> None:
        for index, line in enumerate(self.lines):
            line.setPen(pyqtgraph.mkPen(self.colour(index), width=2))
