"""The heading of the filmstrip and its buttons: own files as fields, neighbours, two samples combined."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from ddmi_studio.pages.filmstrip import Filmstrip
from ddmi_studio.pages.latent_dialogs import CombineDialog, VaryDialog
from ddmi_studio.pages.open_dialog import OpenFieldDialog
from ddmi_studio.pages.parts import label
from ddmi_studio.state.latent_tools import LatentTools
from ddmi_studio.state.messages import Message
from ddmi_studio.state.samples import SessionSample
from ddmi_studio.state.session import Session


class SessionTools(QWidget):
    """Opens the dialogs on what is chosen in the filmstrip."""

    def __init__(self, session: Session, filmstrip: Filmstrip) -> None:
        super().__init__()
        self._session, self._filmstrip = session, filmstrip
        self.tools = LatentTools(session)
        self.open = self._button("Open as field…", "Make a sample of your own picture, mesh, point cloud or clip")
        self.vary = self._button("Vary…", "Neighbours of the sample that is shown")
        self.combine = self._button(
            "Combine…", "The way between two samples, or a mixture of them (Ctrl+click a second)"
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(label("This session", "section"))
        layout.addStretch(1)
        for button in (self.open, self.vary, self.combine):
            layout.addWidget(button)
        self._connect()
        self._show()

    def _button(self, text: str, tooltip: str) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("role", "link")
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.setToolTip(tooltip)
        return button

    def _connect(self) -> None:
        samples = self._session.samples
        for signal in (samples.added, samples.removed, samples.selected, self._session.models_changed):
            signal.connect(self._show)
        self.open.clicked.connect(self.open_own)
        self.vary.clicked.connect(lambda: self.show_vary(samples.current))
        self.combine.clicked.connect(lambda: self.show_combine(samples.current))
        self._filmstrip.vary_wanted.connect(self.show_vary)
        self._filmstrip.combine_wanted.connect(self.show_combine)

    def _show(self) -> None:
        current = self._session.samples.current
        self.open.setEnabled(bool(self.tools.suffixes()))
        self.vary.setEnabled(current is not None)
        self.combine.setEnabled(current is not None and len(self._alike(current)) > 1)

    def _alike(self, entry: SessionSample) -> list[SessionSample]:
        """The samples of the same model, newest first, chosen ones before the others, this one first."""
        model = entry.sample.recipe.model_hash
        alike = [e for e in self._session.samples.all if e.sample.recipe.model_hash == model and e is not entry]
        chosen = [e for e in self._filmstrip.chosen() if e in alike]
        return [entry, *chosen, *[e for e in reversed(alike) if e not in chosen]]

    def open_own(self) -> None:
        """Ask for a file or folder of one's own."""
        folder = Path(self._session.settings.folder or Path.home())
        OpenFieldDialog(self.tools, folder, self.window()).open()

    def show_vary(self, entry: SessionSample | None) -> None:
        """Ask for the neighbours of a sample."""
        if entry is not None:
            VaryDialog(self.tools, entry, self.window()).open()

    def show_combine(self, entry: SessionSample | None) -> None:
        """Ask what is to be made of a sample and another."""
        if entry is None:
            return
        alike = self._alike(entry)
        if len(alike) < 2:
            self._session.message.emit(
                Message("There is no second sample of this model.", "Make another one, then combine the two.")
            )
            return
        model = self._session.model(entry.sample.recipe.model)
        scales = model.scales if model is not None else ()
        folder = Path(self._session.settings.folder or Path.home())
        CombineDialog(self.tools, alike, scales, folder, self.window()).open()
