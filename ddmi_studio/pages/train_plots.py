"""The plots of a run, and the choice of runs to compare it with."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from ddmi_models.requests import RunInfo
from ddmi_studio.pages.parts import column, set_role
from ddmi_studio.state.run_series import Points
from ddmi_studio.state.training import ShownRun, Training, distinct_names

PLOTS_HEIGHT = 290
"""At least; they take what room there is."""


class CompareButton(QPushButton):
    """Opens the list of the other runs; the losses of those that are ticked are shown too."""

    def __init__(self, training: Training) -> None:
        super().__init__("&Compare")
        self._training = training
        self.setToolTip("Show the loss of other runs beside that of this one")
        self.runs = QMenu(self)
        self.setMenu(self.runs)
        self.runs.aboutToShow.connect(self._fill)

    def offered(self) -> list[RunInfo]:
        """The other runs that have figures."""
        return [run for run in self._training.runs if run.path != self._training.current and run.loss is not None]

    def _fill(self) -> None:
        self.runs.clear()
        names = distinct_names([run.path for run in self._training.runs])
        for run in self.offered():
            action = self.runs.addAction(f"{names[run.path]}  ·  {run.stage}")
            action.setCheckable(True)
            action.setChecked(run.path in self._training.compared)
            action.toggled.connect(lambda on, path=run.path: self._training.compare(path, on))


class RunPlots(QWidget):
    """Loss at the left; learning rate, gradient norm and samples a second at the right."""

    def __init__(self) -> None:
        super().__init__()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(12)
        self._made = False
        self._known: tuple[object, int] | None = None
        self.setMinimumHeight(PLOTS_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return QSize(600, PLOTS_HEIGHT)

    def show_run(self, shown: ShownRun | None) -> None:
        """Show the figures of a run."""
        known = (shown.series, shown.series.count) if shown is not None else None
        if known == self._known:
            return
        self._known = known
        self._make()
        if shown is None:
            for plot in (self.loss, self.rate, self.norm, self.speed):
                plot.set_points(((), ()))
            return
        series = shown.series
        self.loss.set_points(series.smoothed(), series.points("loss"), series.validation())
        self.rate.set_points(series.points("learning_rate"))
        self.norm.set_points(series.points("gradient_norm"))
        self.speed.set_points(series.rate())

    def show_others(self, others: dict[str, Points]) -> None:
        """Show the losses of other runs, by name."""
        if self._made or others:
            self._make()
            self.loss.set_others(others)

    def _make(self) -> None:
        """The plots, when the first run is shown: their library takes a moment to load."""
        if self._made:
            return
        self._made = True
        from ddmi_studio.widgets.plots import LinePlot

        self.loss = LinePlot("Loss", points="validation", log=True)
        self.rate, self.norm = LinePlot("Learning rate", small=True), LinePlot("Gradient norm", small=True)
        self.speed = LinePlot("Samples a second", small=True)
        small, beside = column(8)
        for plot in (self.rate, self.norm, self.speed):
            beside.addWidget(_framed(plot), 1)
        self._row.addWidget(_framed(self.loss), 3)
        self._row.addWidget(small, 2)


def _framed(plot: QWidget) -> QFrame:
    card = QFrame()
    set_role(card, "card")
    layout = QVBoxLayout(card)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(plot)
    return card
