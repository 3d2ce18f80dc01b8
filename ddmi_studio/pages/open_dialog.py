"""The dialog "Open as field": a file or folder of one's own, the model that reads it, and the axis that points up."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ddmi_studio import theme
from ddmi_studio.pages import dialogs
from ddmi_studio.pages.latent_dialogs import WIDTH, buttons
from ddmi_studio.pages.parts import column, label, named
from ddmi_studio.state.latent_tools import LatentTools
from ddmi_studio.widgets import SegmentedButtons

UPS = (("", "As usual"), ("y", "y"), ("z", "z"))
UP_TIPS = {"": "y for meshes and clouds, z for posed pictures", "y": "As in glTF", "z": "As in CAD and Blender"}


class OpenFieldDialog(QDialog):
    """Asks what is to be opened, and sends it off."""

    def __init__(self, tools: LatentTools, folder: Path, parent: QWidget) -> None:
        """`folder`: where the file dialogs begin."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Open as field")
        self.setFixedWidth(WIDTH)
        self._tools, self._folder = tools, folder
        self.place = QLineEdit()
        self.place.setAccessibleName("File or folder")
        self.place.setPlaceholderText("A file, or a folder")
        self.file = QPushButton("File…")
        self.folder = QPushButton("Folder…")
        for button in (self.file, self.folder):
            button.setAutoDefault(False)  # Return opens what is named
        self.model = QComboBox()
        self.model.setAccessibleName("Model")
        self.up = SegmentedButtons(UPS, "", tooltips=UP_TIPS)
        self.note = label("", "hint", wrap=True)
        self.box = buttons(self, "Open")
        self._lay_out()
        self._connect()
        self._show()
        self.file.setFocus()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(8)
        layout.addWidget(label("Open your own as a field", "title"))
        about = "It is encoded by a model and decoded again: a sample like any other, as near as the model can come."
        layout.addWidget(label(about, "section", wrap=True))
        layout.addSpacing(4)
        layout.addWidget(named("File or folder", self.place))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.place, 1)
        row.addWidget(self.file)
        row.addWidget(self.folder)
        layout.addLayout(row)
        layout.addWidget(self.note)
        layout.addSpacing(4)
        layout.addWidget(named("Model", self.model))
        layout.addWidget(self.model)
        self._ups, box = column(8)
        box.addWidget(named("Axis that points up", self.up))
        box.addWidget(self.up)
        layout.addWidget(self._ups)
        layout.addSpacing(6)
        layout.addWidget(self.box)

    def _connect(self) -> None:
        self.place.textChanged.connect(self._show)
        self.model.currentIndexChanged.connect(lambda _at: self._show_up())
        self.file.clicked.connect(lambda: self._put(dialogs.own_path(self, self._folder, self._tools.suffixes())))
        self.folder.clicked.connect(lambda: self._put(dialogs.own_folder(self, self._folder)))
        self.accepted.connect(self._send)

    def path(self) -> Path | None:
        """What is to be opened; None before anything is named."""
        text = self.place.text().strip()
        return Path(text).expanduser() if text else None

    def _put(self, path: Path | None) -> None:
        if path is not None:
            self._folder = path.parent
            self.place.setText(str(path))
            self.box.button(QDialogButtonBox.StandardButton.Ok).setFocus()

    def _show(self) -> None:
        path = self.path()
        takers = self._tools.takers(path) if path is not None and path.exists() else []
        self.model.clear()
        for taker in takers:
            scene = self._tools.scene(taker)
            self.model.addItem(theme.icon(scene.icon, theme.colors().dim), f"{taker.name} · {scene.label}", taker)
        self.model.setEnabled(bool(takers))
        self.note.setText(self._why(path, bool(takers)))
        self.box.button(QDialogButtonBox.StandardButton.Ok).setEnabled(bool(takers))
        self._show_up()

    def _why(self, path: Path | None, taken: bool) -> str:
        if taken:
            return "How near its field comes to it is told when it is done."
        kinds = self._tools.kinds()
        if path is None:
            return f"Taken are {kinds}."
        return (
            f"There is nothing at this place. Taken are {kinds}." if not path.exists() else f"Taken are {kinds} only."
        )

    def _show_up(self) -> None:
        taker = self.model.currentData()
        self._ups.setEnabled(taker is not None and self._tools.scene(taker).upright)

    def _send(self) -> None:
        path, taker = self.path(), self.model.currentData()
        if path is not None and taker is not None:
            up = self.up.value() if self._ups.isEnabled() else ""
            self._tools.encode(path, taker, up or None)
