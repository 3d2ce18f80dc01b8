"""The first thing a newcomer sees: one click makes something."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ddmi_models.requests import ModelInfo
from ddmi_studio import theme
from ddmi_studio.pages.parts import label
from ddmi_studio.state.session import Session

EXAMPLE = "a round table with one central leg"


class Welcome(QWidget):
    """Offers each starter, and says where bigger models are.

    Signals:
        wanted: (model's name, prompt). import_wanted: the user has a model file.
    """

    wanted = Signal(str, str)
    import_wanted = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setProperty("role", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.starters: list[QPushButton] = []
        self._title = label("Make something", "hero")
        self._text = label("", "section", wrap=True)
        self._import = QPushButton("Import a model…")
        self._import.setProperty("role", "link")
        self._import.setCursor(Qt.CursorShape.PointingHandCursor)
        self._import.clicked.connect(self.import_wanted)
        self._box = QVBoxLayout()
        self._box.setSpacing(12)
        self._lay_out()
        session.models_changed.connect(self._show)
        theme.notifier().changed.connect(self._show)
        self._show()

    def _lay_out(self) -> None:
        inner = QWidget()
        inner.setMaximumWidth(460)
        layout = QVBoxLayout(inner)
        layout.setSpacing(14)
        layout.addWidget(self._title)
        layout.addWidget(self._text)
        layout.addLayout(self._box)
        more = label(
            "Bigger models: the authors' released checkpoints (.pt) and models in this program's own format. "
            "Drop one on this window or import it.",
            "hint",
            wrap=True,
        )
        layout.addWidget(more)
        layout.addWidget(self._import, 0, Qt.AlignmentFlag.AlignLeft)
        outer = QVBoxLayout(self)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(inner, 100)
        row.addStretch(1)
        outer.addStretch(2)
        outer.addLayout(row)
        outer.addStretch(3)

    def _show(self) -> None:
        for button in self.starters:
            self._box.removeWidget(button)
            button.hide()
            button.deleteLater()
        models = self._session.usable_models()
        starters = [m for m in models if m.source == "starter"] or models
        self.starters = [self._starter(model) for model in starters]
        for button in self.starters:
            self._box.addWidget(button)
        if starters:
            text = "A sample is a function, not a grid: make one, then drag its resolution on the right."
        elif self._session.models_known:
            text = "No model is installed yet. Import one to begin."
        else:
            text = "Looking for models…"
        self._text.setText(text)

    def _starter(self, model: ModelInfo) -> QPushButton:
        prompt = EXAMPLE if model.takes_text else ""
        button = QPushButton()
        button.setProperty("role", "starter")
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.setIcon(theme.icon(self._session.scenes[model.domain].icon, theme.colors().accent))
        button.setIconSize(QSize(30, 30))
        first = f"  “{prompt}”" if prompt else f"  {model.summary or model.name}"
        button.setText(f"{first}\n  {model.domain_label} · {model.name}")
        button.setToolTip(model.summary)
        button.clicked.connect(lambda: self.wanted.emit(model.name, prompt))
        return button
