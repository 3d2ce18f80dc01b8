"""The fold "Levels" below the gains: the spectrum of each basis scale, weighted as the gains are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from ddmi_models.requests import LevelSpectrum
from ddmi_studio import theme
from ddmi_studio.pages.parts import label
from ddmi_studio.state.levels import Levels
from ddmi_studio.state.session import Session
from ddmi_studio.widgets import Fold

if TYPE_CHECKING:
    from ddmi_studio.widgets.spectra import SpectrumPlot

SCALES = {1: ("planes",), 2: ("coarse", "fine"), 3: ("coarse", "middle", "fine")}
ABOUT = "dB over cycles across a side, of the basis planes"


def scale_names(count: int) -> tuple[str, ...]:
    """What the basis scales are called, coarse to fine."""
    return SCALES.get(count) or tuple(f"scale {i + 1}" for i in range(count))


class LevelsFold(Fold):
    """Closed at first, and then nothing is measured."""

    def __init__(self, session: Session) -> None:
        super().__init__("Levels")
        self.setToolTip("What each basis scale holds: the power of its planes by frequency")
        self._session = session
        self._levels = Levels(session)
        self.plot: SpectrumPlot | None = None
        self.legend = label("", "hint", wrap=True)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.about = label(ABOUT, "hint", wrap=True)
        self.body.addWidget(self.legend)
        self.body.addWidget(self.about)
        self._spectra: tuple[LevelSpectrum, ...] = ()
        self.toggled.connect(self._open)
        self._levels.measured.connect(self._show)
        session.render.changed.connect(lambda _domain, _moving: self._weigh())
        theme.notifier().changed.connect(self._name)

    def _open(self, open: bool) -> None:
        if open and self.plot is None:
            from ddmi_studio.widgets.spectra import SpectrumPlot

            self.plot = SpectrumPlot()
            self.body.insertWidget(0, self.plot)
        self._levels.watch(open)

    def _show(self, spectra: tuple[LevelSpectrum, ...]) -> None:
        from ddmi_studio.widgets.spectra import Curve

        self._spectra = spectra
        names = scale_names(len(spectra))
        if self.plot is not None:
            curves = [Curve(n, s.frequencies, s.power) for n, s in zip(names, spectra, strict=True)]
            self.plot.set_curves(curves, self._gains())
        self._name()

    def _gains(self) -> tuple[float, ...]:
        settings = self._session.render.settings(self._session.domain)
        gains = settings.gains or ()
        return gains if len(gains) == len(self._spectra) else (1.0,) * len(self._spectra)

    def _weigh(self) -> None:
        if self.plot is not None and self._spectra:
            self.plot.set_weights(self._gains())

    def _name(self) -> None:
        if self.plot is None:
            return
        names = zip(scale_names(len(self._spectra)), self._spectra, strict=True)
        marks = [
            f'<span style="color:{self.plot.colour(n).name()}">●</span> {name} ({level.cells})'
            for n, (name, level) in enumerate(names)
        ]
        self.legend.setText("&nbsp;&nbsp; ".join(marks) or "Generate a sample to see its levels.")
