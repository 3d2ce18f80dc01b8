"""The Create page: recipe, view, render inspector, and the dock below."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ddmi_models.requests import SampledRecipe
from ddmi_studio.pages import dialogs
from ddmi_studio.pages.filmstrip import Filmstrip
from ddmi_studio.pages.inspector import Inspector
from ddmi_studio.pages.parts import rule
from ddmi_studio.pages.queue_rows import QueuePanel
from ddmi_studio.pages.recipe_column import RecipeColumn
from ddmi_studio.pages.session_tools import SessionTools
from ddmi_studio.pages.stage import Stage
from ddmi_studio.state.messages import Message
from ddmi_studio.state.renders import Renders
from ddmi_studio.state.samples import SessionSample
from ddmi_studio.state.session import Session

TURNTABLE_PIXELS = 512


class CreatePage(QWidget):
    """Puts the parts together and turns their signals into the session's verbs."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.renders = Renders(session)
        self.setProperty("role", "page")
        self.recipe = RecipeColumn(session)
        self.stage = Stage(session, self.renders)
        self.inspector = Inspector(session, self.renders)
        self.filmstrip = Filmstrip(session.samples)
        self.session_tools = SessionTools(session, self.filmstrip)
        self.queue = QueuePanel(session.queue)
        self._lay_out()
        self._connect()
        self._add_shortcuts()

    def _lay_out(self) -> None:
        dock = QWidget()
        dock.setProperty("role", "panel")
        dock.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        below = QVBoxLayout(dock)
        below.setContentsMargins(20, 10, 20, 12)
        below.setSpacing(6)
        below.addWidget(self.session_tools)
        below.addWidget(self.filmstrip)
        below.addWidget(self.queue)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.stage, 1)
        middle.addWidget(rule())
        middle.addWidget(dock)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.recipe)
        layout.addWidget(rule(vertical=True))
        layout.addLayout(middle, 1)
        layout.addWidget(rule(vertical=True))
        layout.addWidget(self.inspector)

    def _connect(self) -> None:
        session = self.session
        self.recipe.generate_wanted.connect(session.generate)
        self.recipe.queue_wanted.connect(session.generate)
        self.recipe.cancel_wanted.connect(session.cancel_generation)
        self.inspector.export_wanted.connect(self.export)
        self.inspector.copy_image_wanted.connect(self.copy_image)
        self.inspector.copy_recipe_wanted.connect(self.copy_recipe)
        self.filmstrip.reuse_wanted.connect(session.reuse)
        self.filmstrip.copy_wanted.connect(self.copy_recipe)
        self.filmstrip.export_wanted.connect(self._export_entry)
        self.stage.spin_wanted.connect(lambda: self.export_clip(flies=False))
        self.stage.flight_wanted.connect(lambda: self.export_clip(flies=True))
        self.stage.welcome.wanted.connect(self._make_first)
        self.stage.welcome.import_wanted.connect(self.open)

    def _add_shortcuts(self) -> None:
        for keys, call in (
            ("Ctrl+Return", self.session.generate),
            ("Ctrl+Enter", self.session.generate),
            ("Ctrl+Shift+Return", self.session.generate),
            ("Esc", self._escape),
            ("Ctrl+E", self.export),
            ("Ctrl+O", self.open),
            ("Ctrl+Shift+C", self.copy_image),
            ("Alt+Left", lambda: self.session.samples.step(-1)),
            ("Alt+Right", lambda: self.session.samples.step(1)),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(call)

    def _escape(self) -> None:
        """Cancel what runs; with nothing running, put the banner away."""
        if self.session.queue.running_generation() is not None:
            self.session.cancel_generation()
        else:
            self.stage.banner.dismiss()

    def _make_first(self, model: str, prompt: str) -> None:
        self.session.pick_model(model)
        if prompt:
            self.session.form.set(prompt=prompt)
        self.session.generate()

    def _export_entry(self, entry: SessionSample) -> None:
        self.session.samples.select(entry)
        self.export()

    def export(self) -> None:
        """Ask where to, then write the sample that is shown in the chosen format and size."""
        entry = self.session.samples.current
        if entry is None:
            return
        scene = self.session.scenes[entry.domain]
        choice = self.session.render.export(entry.domain)
        suggestion = self._suggestion(entry, choice.suffix)
        if choice.suffix:
            files = [known for known in scene.formats if known[0]]
            path = dialogs.save_path(self, suggestion, files, choice.suffix)
        else:
            path = dialogs.new_folder(self, suggestion)
        if path is not None:
            self.renders.export(path)

    def export_clip(self, flies: bool) -> None:
        """Ask where to, then write a clip of the sample turning once, or seen along the camera path."""
        entry = self.session.samples.current
        if entry is None:
            return
        formats = ((".mp4", "MP4"), (".gif", "GIF"))
        path = dialogs.save_path(self, self._suggestion(entry, ".mp4"), formats, ".mp4")
        if path is not None:
            chosen = self.session.scenes[entry.domain].sizes(self.session.render.export(entry.domain).suffix)
            size = None if chosen.unit == "px" else (TURNTABLE_PIXELS, TURNTABLE_PIXELS)
            self.renders.export(path, size, flies)

    def _suggestion(self, entry: SessionSample, suffix: str) -> Path:
        recipe = entry.sample.recipe
        if isinstance(recipe, SampledRecipe):
            name, number = recipe.prompt or recipe.model, recipe.seed
        else:
            name, number = f"{recipe.model} {recipe.kind}", entry.key
        words = "-".join(name.split()[:6])
        safe = "".join(c for c in words if c.isalnum() or c == "-") or recipe.model
        folder = Path(self.session.settings.folder or Path.home())
        return (folder if folder.is_dir() else Path.home()) / f"{safe}-{number}{suffix}"

    def open(self) -> None:
        """Ask for an exported file, a latent or a model."""
        path = dialogs.open_path(self, Path(self.session.settings.folder or Path.home()))
        if path is not None:
            self.session.open_file(path)

    def copy_image(self) -> None:
        """Put what the view shows on the clipboard."""
        view = self.stage.current()
        if view is not None and self.session.samples.current is not None and not view.picture().isNull():
            QGuiApplication.clipboard().setImage(view.picture())
            self.session.message.emit(Message("The picture is on the clipboard."))

    def copy_recipe(self, entry: SessionSample | None = None) -> None:
        """Put a recipe on the clipboard as one line of JSON."""
        entry = entry or self.session.samples.current
        if entry is not None:
            QGuiApplication.clipboard().setText(entry.sample.recipe.to_json())
            self.session.message.emit(Message("The recipe is on the clipboard."))

    def release(self) -> None:
        """Before the window closes."""
        self.renders.stop()
        self.stage.release()
