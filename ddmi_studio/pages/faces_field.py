"""The inspector's field "Simplify": how many faces an exported mesh may have."""

from __future__ import annotations

import re

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ddmi_studio.pages.parts import choice_box, named
from ddmi_studio.state.render import FEWEST_FACES, MESHES
from ddmi_studio.state.session import Session

USUAL = (2_000, 10_000, 50_000, 200_000)
ALL = "Keep all faces"
NUMBER = re.compile(r"^\s*([\d,]+)\s*(?:faces)?\s*$")


class FacesField(QWidget):
    """Shown where the chosen format is one of meshes."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.box = choice_box("Simplify", self._set, (ALL, *(f"{faces:,} faces" for faces in USUAL)))
        self.box.setToolTip("About how many triangles the file is to have; a closed surface stays closed where it can")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(named("Simplif&y", self.box))
        layout.addWidget(self.box)
        session.render.export_changed.connect(lambda _domain: self.show_faces())
        session.domain_changed.connect(lambda _domain: self.show_faces())
        self.hide()

    def _set(self) -> None:
        domain, text = self._session.domain, self.box.currentText().strip()
        found = NUMBER.match(text)
        faces = int(found[1].replace(",", "")) if found else None
        known = text == ALL or (faces is not None and faces >= FEWEST_FACES)
        if known and faces != self._session.render.export(domain).faces:
            self._session.render.set_export(domain, faces=faces)
        self.show_faces()

    def show_faces(self) -> None:
        """Take on the choice of the current domain."""
        if not self._session.domain:
            return
        choice = self._session.render.export(self._session.domain)
        self.setVisible(choice.suffix in MESHES)
        with QSignalBlocker(self.box):
            self.box.setCurrentText(ALL if choice.faces is None else f"{choice.faces:,} faces")
