"""A plot without menus, buttons or zoom, whose axes and ground are in the theme's colours (pyqtgraph).

Importing this loads pyqtgraph: do so when the first plot is shown.
"""

from __future__ import annotations

import pyqtgraph
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont

from ddmi_studio import theme

AXIS_FONT, GRID = 10, 0.12


class BarePlot(pyqtgraph.PlotWidget):
    """Shows what it is given and takes no part in the keyboard's way; repaints its own parts when the theme changes.

    Args:
        title: its name for screen readers. axis_width: pixels of the left axis. upright: draw upright grid lines.
    """

    def __init__(self, title: str, axis_width: int, upright: bool = False) -> None:
        super().__init__(enableMenu=False)
        self._upright = upright
        self.setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        item = self.getPlotItem()
        item.ctrlMenu.setParent(self, item.ctrlMenu.windowFlags())  # or it outlives the plot
        item.setMenuEnabled(False)
        item.setMouseEnabled(False, False)
        item.hideButtons()
        font = QFont(self.font())
        font.setPixelSize(AXIS_FONT)
        for side in ("left", "bottom"):
            axis = item.getAxis(side)
            axis.enableAutoSIPrefix(False)
            axis.setTickFont(font)
        item.getAxis("left").setWidth(axis_width)
        theme.notifier().changed.connect(self.paint_frame)
        self.paint_frame()

    def paint_frame(self) -> None:
        """Take the theme's colours."""
        colors, item = theme.colors(), self.getPlotItem()
        self.setBackground(QColor(colors.panel))
        item.showGrid(x=self._upright, y=True, alpha=GRID)
        for side in ("left", "bottom"):
            axis = item.getAxis(side)
            axis.setPen(pyqtgraph.mkPen(colors.line))
            axis.setTextPen(pyqtgraph.mkPen(colors.dim))
