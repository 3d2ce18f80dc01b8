"""The Models page: a card a model and add-on; import, verify, remove."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMessageBox, QPushButton, QVBoxLayout, QWidget

from ddmi_models.requests import AddonInfo, ModelInfo
from ddmi_studio import theme
from ddmi_studio.pages import dialogs
from ddmi_studio.pages.banner import Banner
from ddmi_studio.pages.import_dialog import ImportDialog
from ddmi_studio.pages.parts import column, label, scrolled
from ddmi_studio.pages.recipe_column import millions
from ddmi_studio.state.importing import Importing
from ddmi_studio.state.messages import Message
from ddmi_studio.state.session import Session

SHEET = 132
WIDTH = 860


class ModelsPage(QWidget):
    """Shows every model that is installed.

    Signals:
        create_wanted: the name of a model to make something with.
    """

    create_wanted = Signal(str)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setProperty("role", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.cards: dict[str, ModelCard] = {}
        self.dialog: ImportDialog | None = None
        self.banner = Banner(self)
        self.import_button = QPushButton("&Import a model…")
        self.import_button.setToolTip(
            "An official checkpoint (.pt) or a model in this program's own format (.safetensors)"
        )
        self.import_button.clicked.connect(self._import)
        content, layout = column(14)
        layout.setContentsMargins(32, 28, 32, 28)
        top = QHBoxLayout()
        top.addWidget(label("Models", "hero"))
        top.addStretch(1)
        top.addWidget(self.import_button)
        head = QWidget()
        head.setMaximumWidth(WIDTH)
        head.setLayout(top)
        top.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(head)
        self._hint = label("", "section", wrap=True)
        layout.addWidget(self._hint)
        self._box = QVBoxLayout()
        self._box.setSpacing(14)
        layout.addLayout(self._box)
        layout.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(content))
        session.models_changed.connect(self._show)
        session.form.addons_changed.connect(self._show)
        session.message.connect(self._show_message)
        theme.notifier().changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        for card in self.cards.values():
            self._box.removeWidget(card)
            card.hide()
            card.deleteLater()
        shown: tuple[ModelInfo | AddonInfo, ...] = (*self._session.models, *self._session.form.addons)
        self.cards = {info.name: ModelCard(info, self._session) for info in shown}
        for card in self.cards.values():
            card.create_wanted.connect(self.create_wanted)
            self._box.addWidget(card)
        self._hint.setVisible(not self.cards)
        known = self._session.models_known
        self._hint.setText(
            "No model is installed. Import one, or drop its file on the window." if known else "Looking…"
        )

    def _show_message(self, message: Message) -> None:
        if self.isVisible():
            self.banner.show_message(message)

    def _import(self) -> None:
        path = dialogs.open_path(self, Path(self._session.settings.folder or Path.home()))
        if path is not None:
            self.show_import(path)

    def show_import(self, path: Path) -> None:
        """Look into a model file and ask what is to become of it."""
        self.dialog = ImportDialog(Importing(self._session, path), self)
        self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.dialog.open()


class ModelCard(QFrame):
    """One model or add-on: what it is, where it comes from, what can be done with it."""

    create_wanted = Signal(str)

    def __init__(self, model: ModelInfo | AddonInfo, session: Session) -> None:
        super().__init__()
        self._model, self._session = model, session
        self.setProperty("role", "card")
        self.setMaximumWidth(WIDTH)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 16, 16, 16)
        row.setSpacing(18)
        row.addWidget(self._picture(), 0, Qt.AlignmentFlag.AlignTop)
        texts = QVBoxLayout()
        texts.setSpacing(6)
        texts.addWidget(label(model.name, "title"))
        texts.addWidget(label(self._facts(), "section", wrap=True))
        texts.addWidget(label(model.summary or "No description.", "value", wrap=True))
        texts.addWidget(label(f"SHA-256 {model.sha256[:16]}… · {model.path.name}", "hint", wrap=True))
        texts.addStretch(1)
        texts.addLayout(self._buttons())
        row.addLayout(texts, 1)

    def _picture(self) -> QLabel:
        model = self._model
        picture = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        picture.setFixedSize(SHEET, SHEET)
        picture.setStyleSheet(f"background: {theme.colors().raised}; border-radius: 8px;")
        if model.sheet is not None:
            pixmap = QPixmap(str(model.sheet))
            side = SHEET * self.devicePixelRatioF()
            pixmap = pixmap.scaled(
                int(side), int(side), Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            pixmap.setDevicePixelRatio(self.devicePixelRatioF())
            picture.setPixmap(pixmap)
        else:
            scene = self._session.scenes.get(model.domain)
            name = scene.icon if scene is not None else "mdi6.help-circle-outline"
            picture.setPixmap(theme.icon(name, theme.colors().accent).pixmap(48, 48))
        return picture

    def _facts(self) -> str:
        model = self._model
        size = f"{millions(model.parameters)} parameters"
        licence = f"licence: {model.licence or 'not stated'}"
        if isinstance(model, AddonInfo):
            return " · ".join([f"Add-on for {model.base}", f"rank {model.rank}", size, licence])
        parts = [
            model.domain_label,
            "from text" if model.takes_text else "unconditional",
            size,
            f"planes {', '.join(map(str, model.scales))}",
            model.source,
            licence,
        ]
        return " · ".join(parts)

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        name = self._model.name
        self.use = QPushButton("Use")
        self.use.setEnabled(self._session.can_use(name))
        self.use.clicked.connect(lambda: self.create_wanted.emit(name))
        self.verify = QPushButton("Verify")
        self.verify.setToolTip("Check the file against its stored hash")
        self.verify.clicked.connect(lambda: self._session.verify_model(name))
        row.addWidget(self.use)
        row.addWidget(self.verify)
        if self._model.source == "imported":
            self.remove = QPushButton("Remove…")
            self.remove.clicked.connect(self._remove)
            row.addWidget(self.remove)
        row.addStretch(1)
        return row

    def _remove(self) -> None:
        name = self._model.name
        kept = "" if isinstance(self._model, AddonInfo) else "; the file that it was imported from is not touched"
        text = f"Remove {name}? Its file is deleted{kept}."
        if QMessageBox.question(self, "Remove model", text) == QMessageBox.StandardButton.Yes:
            self._session.remove_model(name)
