"""The data of a new run: a folder is dropped or chosen, and what is in it is shown."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ddmi_models.requests import DataSummary
from ddmi_studio import theme
from ddmi_studio.pages.filmstrip import to_pixmap
from ddmi_studio.pages.parts import column, elided, label, set_role
from ddmi_studio.state.training_form import TrainingForm
from ddmi_studio.widgets import Fold

SIDE = 64
TOLD = 3
"""Problems that are told at once; the others fold out."""
EMPTY_HEIGHT = 150
LONGEST = 200
"""Problems that fold out at most."""


class Thumbnails(QWidget):
    """A row of small pictures, as many as there is room for."""

    def __init__(self) -> None:
        super().__init__()
        self._pixmaps: list[object] = []
        self.setFixedHeight(SIDE)

    def set_pictures(self, pictures: tuple[object, ...]) -> None:
        """Show these, uint8 [h, w, 3] each."""
        self._pixmaps = [to_pixmap(picture) for picture in pictures]
        self.setVisible(bool(pictures))
        self.setAccessibleName(f"{len(pictures)} examples")
        self.update()

    def count(self) -> int:
        return len(self._pixmaps)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        for at, pixmap in enumerate(self._pixmaps[: (self.width() + 8) // (SIDE + 8)]):
            path = QPainterPath()
            path.addRoundedRect(at * (SIDE + 8), 0, SIDE, SIDE, 7, 7)
            painter.setClipPath(path)
            painter.drawPixmap(at * (SIDE + 8), 0, SIDE, SIDE, pixmap)  # type: ignore[call-overload]
        painter.end()


def short_path(path: Path | None) -> str:
    """A path for people: their own folder is ~."""
    if path is not None and path.is_relative_to(Path.home()):
        return str(Path("~") / path.relative_to(Path.home()))
    return str(path or "")


class DropFrame(QFrame):
    """The card with a dashed edge while nothing is in it."""

    def __init__(self) -> None:
        super().__init__()
        self.empty = True
        self.setProperty("role", "card")
        theme.notifier().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.empty:
            super().paintEvent(event)
            return
        colors, painter = theme.colors(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colors.dim), 1.2, Qt.PenStyle.DashLine))
        painter.setBrush(QColor(colors.panel))
        painter.drawRoundedRect(self.rect().toRectF().adjusted(1, 1, -1, -1), 8, 8)
        painter.end()


class DataCard(DropFrame):
    """Shows the data set of a new run.

    Signals:
        browse_wanted: a folder is to be chosen.
    """

    browse_wanted = Signal()

    def __init__(self, form: TrainingForm) -> None:
        super().__init__()
        self._form = form
        self.icon = QLabel()
        self.title = label("", "subtitle", wrap=True)
        self.path = label("", "hint")
        self.facts = label("", "section", wrap=True)
        self.validation = label("", "section", wrap=True)
        self.browse = QPushButton("Choose a &folder…")
        self.bar = QProgressBar(textVisible=False)
        self.bar.setRange(0, 0)
        self.thumbnails = Thumbnails()
        self.problems = label("", "warning", wrap=True)
        self.more = Fold("")
        self._rest = label("", "hint", wrap=True)
        self.more.body.addWidget(self._rest)
        self._lay_out()
        self.browse.clicked.connect(self.browse_wanted)
        form.data_changed.connect(self._show)
        form.checked.connect(self._show_validation)
        theme.notifier().changed.connect(self._show)
        self._show()

    def _lay_out(self) -> None:
        texts, inside = column(4)
        inside.addWidget(self.title)
        inside.addWidget(self.path)
        inside.addWidget(self.facts)
        inside.addWidget(self.validation)
        top = QHBoxLayout()
        top.setSpacing(16)
        top.addWidget(self.icon, 0, Qt.AlignmentFlag.AlignTop)
        top.addWidget(texts, 1)
        top.addWidget(self.browse, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 16)
        layout.setSpacing(10)
        layout.addStretch(1)
        layout.addLayout(top)
        layout.addStretch(1)
        for widget in (self.bar, self.thumbnails, self.problems, self.more):
            layout.addWidget(widget)

    def _show(self) -> None:
        form = self._form
        self.empty = form.folder is None
        self.setMinimumHeight(EMPTY_HEIGHT if self.empty else 0)
        self.bar.setVisible(form.inspecting())
        self.path.setVisible(form.folder is not None)
        self.path.setText(elided(self.path, short_path(form.folder), 460))
        self.path.setToolTip(str(form.folder))
        self.browse.setText("Choose a &folder…" if form.folder is None else "Another &folder…")
        name, color = ("mdi6.folder-image", theme.colors().accent)
        if form.data_error:
            name, color = "mdi6.folder-alert-outline", theme.colors().danger
        self.icon.setPixmap(theme.icon(name, color).pixmap(40, 40))
        if form.summary is not None:
            self._show_summary(form.summary)
        else:
            self._show_none(form.folder)
        self._show_validation()
        self.update()

    def _show_validation(self) -> None:
        line = self._form.validation()
        self.validation.setText(line)
        self.validation.setVisible(bool(line))

    def _show_none(self, folder: Path | None) -> None:
        self.thumbnails.set_pictures(())
        self.more.hide()
        self.problems.setText(self._form.data_error)
        self.problems.setVisible(bool(self._form.data_error))
        set_role(self.problems, "problem")
        if self._form.inspecting():
            self.title.setText("Looking through the folder…")
            self.facts.setText("Every file is opened once, so that nothing stops the training later.")
        elif folder is None:
            self.title.setText("Drop a folder here")
            self.facts.setText(
                "Pictures of any size, meshes, posed pictures, films. They are looked through first, and never changed."
            )
        else:
            self.title.setText("This folder cannot be used")
            self.facts.setText("")

    def _show_summary(self, summary: DataSummary) -> None:
        bad = len(summary.problems)
        self.title.setText(summary.title[:1].upper() + summary.title[1:])
        usable = f"{summary.usable:,} of {summary.count:,}" if summary.usable != summary.count else f"{summary.count:,}"
        facts = [f"{usable} items can be used", *(f"{name} {value}" for name, value in summary.facts if name != "name")]
        self.facts.setText(" · ".join(facts))
        self.thumbnails.set_pictures(summary.thumbnails)
        set_role(self.problems, "warning")
        self.problems.setText("\n".join(summary.problems[:TOLD]))
        self.problems.setVisible(bool(bad))
        self.more.setVisible(bad > TOLD)
        self.more.header.setText(f"{bad - TOLD} more")
        self._rest.setText("\n".join(summary.problems[TOLD : TOLD + LONGEST]))
