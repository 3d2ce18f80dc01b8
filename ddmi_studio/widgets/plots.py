"""Plots of a figure over steps, in the theme's colours (pyqtgraph).

Importing this loads pyqtgraph: do so when the first plot is shown.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from html import escape
from itertools import cycle, islice

import pyqtgraph
from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from ddmi_studio import theme
from ddmi_studio.widgets.bare_plot import BarePlot
from ddmi_studio.widgets.base import set_role

Points = tuple[Sequence[float], Sequence[float]]
NONE: Points = ((), ())
FAINT = 0.55
AXIS_WIDTH = 46


def other_inks() -> tuple[str, ...]:
    """Colours of lines beside the main one, in the theme's order."""
    colors = theme.colors()
    return colors.warning, colors.danger, colors.success, colors.dim


def figure(value: float) -> str:
    """A value in four digits."""
    return f"{value:.4g}"


class LinePlot(QWidget):
    """One figure over steps: a line, a faint one behind it with the values before smoothing, and single points.

    The newest value stands in the corner; with the mouse over the plot, that of the step under it.

    Args:
        title: what is plotted. points: what the single points are; "" without any. log: offer a logarithmic scale.
        small: without the axis of the steps.
    """

    def __init__(
        self,
        title: str,
        *,
        points: str = "",
        log: bool = False,
        small: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._points_name, self._small = points, small
        self._line, self._raw, self._points = NONE, NONE, NONE
        self._others: dict[str, Points] = {}
        self._other_curves: list[pyqtgraph.PlotDataItem] = []
        self._hovered: int | None = None
        self.title, self.value = QLabel(title), QLabel()
        set_role(self.title, "section")
        set_role(self.value, "value")
        self.value.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.log = QToolButton()
        self.log.setText("log")
        self.log.setCheckable(True)
        self.log.setToolTip("Logarithmic scale")
        self.log.setVisible(log)
        self.log.setFixedHeight(20)
        set_role(self.log, "small")
        self.legend = QLabel()
        set_role(self.legend, "hint")
        self.legend.setVisible(False)
        self.plot = BarePlot(title, AXIS_WIDTH)
        self._raw_curve, self._curve = self.plot.plot(), self.plot.plot()
        self._marks = self.plot.plot(pen=None, symbol="o", symbolSize=7)
        self._cursor = pyqtgraph.InfiniteLine(angle=90)
        self._lay_out()
        self._set_up_plot()
        self.log.toggled.connect(self._show)
        theme.notifier().changed.connect(self._paint)
        self._paint()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.title)
        top.addWidget(self.log)
        top.addWidget(self.value, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot, 1)

    def _set_up_plot(self) -> None:
        item = self.plot.getPlotItem()
        item.setDownsampling(auto=True, mode="peak")
        item.setClipToView(True)
        item.addItem(self._cursor, ignoreBounds=True)
        self._cursor.hide()
        item.showAxis("bottom", not self._small)
        self.plot.setMinimumHeight(36)
        self.plot.viewport().setMouseTracking(True)
        self.plot.viewport().installEventFilter(self)

    def set_points(self, line: Points, raw: Points = NONE, points: Points = NONE) -> None:
        """Show these (steps, values)."""
        self._line, self._raw, self._points = line, raw, points
        self._show()

    def set_others(self, others: Mapping[str, Points]) -> None:
        """Show these lines of other things too, each with its name in a legend."""
        if others == self._others:
            return
        self._others = dict(others)
        while len(self._other_curves) > len(others):
            self.plot.removeItem(self._other_curves.pop())
        while len(self._other_curves) < len(others):
            self._other_curves.append(self.plot.plot())
        self._paint()
        self._show()

    def count(self) -> int:
        """How many values the line has."""
        return len(self._line[0])

    def _show(self) -> None:
        logarithmic = self.log.isChecked() and all(v > 0 for _, values in self._all() for v in values)
        self.plot.setLogMode(x=False, y=logarithmic)
        for curve, (steps, values) in ((self._curve, self._line), (self._raw_curve, self._raw)):
            curve.setData(list(steps), list(values))
        for curve, (steps, values) in zip(self._other_curves, self._others.values(), strict=True):
            curve.setData(list(steps), list(values))
        self._marks.setData(list(self._points[0]), list(self._points[1]))
        self._show_value()

    def _all(self) -> tuple[Points, ...]:
        return self._line, self._raw, self._points, *self._others.values()

    def _show_value(self) -> None:
        steps, values = self._line
        if not steps:
            self.value.setText("no figures yet")
            return
        at = len(steps) - 1 if self._hovered is None else min(self._hovered, len(steps) - 1)
        parts = [figure(values[at])]
        if self._hovered is not None:
            parts.insert(0, f"step {steps[at]:,.0f}")
        elif self._points[0]:
            parts.append(f"{self._points_name} {figure(self._points[1][-1])}")
        self.value.setText("  ·  ".join(parts))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._hover(None)
        elif isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            self._hover(event.position())
        return super().eventFilter(watched, event)

    def _hover(self, position: QPointF | None) -> None:
        steps = self._line[0]
        if position is None or not steps:
            self._hovered = None
        else:
            place = self.plot.getPlotItem().vb.mapSceneToView(self.plot.mapToScene(position.toPoint())).x()
            at = min(bisect_left(steps, place), len(steps) - 1)
            nearer = at > 0 and place - steps[at - 1] < steps[at] - place
            self._hovered = at - 1 if nearer else at
            self._cursor.setPos(steps[self._hovered])
        self._cursor.setVisible(self._hovered is not None)
        self._show_value()

    def _paint(self) -> None:
        colors = theme.colors()
        faint = QColor(colors.accent)
        faint.setAlphaF(FAINT)
        self._curve.setPen(pyqtgraph.mkPen(colors.accent, width=1.5 if self._small else 2))
        self._raw_curve.setPen(pyqtgraph.mkPen(faint, width=1))
        self._marks.setSymbolBrush(QColor(colors.success))
        self._marks.setSymbolPen(pyqtgraph.mkPen(colors.panel, width=1))
        self._cursor.setPen(pyqtgraph.mkPen(colors.dim, width=1, style=Qt.PenStyle.DashLine))
        inks = list(islice(cycle(other_inks()), len(self._others)))
        for curve, ink in zip(self._other_curves, inks, strict=True):
            curve.setPen(pyqtgraph.mkPen(ink, width=1.5))
        names = [
            f'<span style="color:{ink}">━</span> {escape(name)}' for name, ink in zip(self._others, inks, strict=True)
        ]
        self.legend.setText("&nbsp;&nbsp; ".join(names))
        self.legend.setVisible(bool(names))
