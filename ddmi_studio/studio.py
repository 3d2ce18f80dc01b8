"""Everything that the program is made of, put together once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from ddmi_models.requests import ModelInfo
from ddmi_models.text.words import Vocabulary
from ddmi_studio import theme
from ddmi_studio.jobs import Lane
from ddmi_studio.jobs.job import EngineLike
from ddmi_studio.jobs.preload import PreparedEngine
from ddmi_studio.pages.create import CreatePage
from ddmi_studio.pages.models import ModelsPage
from ddmi_studio.pages.settings import SettingsPage
from ddmi_studio.pages.train import TrainPage
from ddmi_studio.pages.window import Page, Window
from ddmi_studio.state import settings as stored
from ddmi_studio.state.messages import Message
from ddmi_studio.state.scene import Scene
from ddmi_studio.state.session import Session
from ddmi_studio.state.settings import Settings
from ddmi_studio.state.training import Training
from ddmi_studio.state.training_form import TrainingForm


def engine_maker(settings: Settings, scenes: Mapping[str, Scene]) -> Callable[[], EngineLike]:
    """Makes the real engine; called on the lane's thread, where torch is imported before the first work."""
    device, threads, precision = settings.device, settings.threads, settings.precision
    views = [name for scene in scenes.values() for name in scene.modules]

    def make() -> EngineLike:
        from ddmi_models.engine import HEAVY_MODULES, Engine

        engine = Engine(device=device, threads=threads or None, precision=precision)
        return PreparedEngine(engine, (*views, *HEAVY_MODULES))

    return make


def reading_engine() -> EngineLike:
    """An engine for what computes nothing: looking at runs and data."""
    from ddmi_models.engine import Engine

    return Engine(device="cpu")


@lru_cache(maxsize=4)
def vocabulary(known: tuple[str, ...], readings: tuple[tuple[str, str], ...]) -> Vocabulary:
    """What a model's text tower can make sense of."""
    return Vocabulary(known, readings)


def words_left_out(model: ModelInfo, text: str) -> tuple[str, ...]:
    """Words that a model can make nothing of, as the engine reads its prompts: misspellings and synonyms are known."""
    return vocabulary(model.known_words, model.readings).read(text).unknown


class Studio(QObject):
    """The running program: window, session, lane and settings.

    Args:
        options: the command line's. make_engine: stands in for the real engine in tests. scenes: the table of views.
    """

    def __init__(
        self,
        app: QApplication,
        options: argparse.Namespace,
        scenes: Mapping[str, Scene],
        make_engine: Callable[[], EngineLike] | None = None,
    ) -> None:
        super().__init__()
        self._app, self._options, self._make_engine = app, options, make_engine
        self.ended = True
        self.settings = stored.load()
        self._overridden = {
            n: v for n in ("theme", "device", "threads") if (v := getattr(options, n, None)) is not None
        }
        self._before = {name: getattr(self.settings, name) for name in self._overridden}
        for name, value in self._overridden.items():
            setattr(self.settings, name, value)
        theme.set_font(app)
        theme.apply(app, self.settings.theme)  # type: ignore[arg-type]
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_theme)
        self.lane = Lane(make_engine or engine_maker(self.settings, scenes), self)
        self.session = Session(self.lane, scenes, self.settings, self)
        self.session.form.words_left_out = words_left_out
        self.desk, self.inspection = Lane(reading_engine, self), Lane(reading_engine, self)
        self.training = Training(self.session, self.desk, self)
        self.create = CreatePage(self.session)
        self.models = ModelsPage(self.session)
        self.training_form = TrainingForm(self.training, self.inspection)
        self.train = TrainPage(self.training, self.training_form)
        self.settings_page = SettingsPage(self.settings)
        self.window = self._make_window()
        self._connect()

    def _make_window(self) -> Window:
        pages = [
            Page("Create", "mdi6.creation-outline", self.create),
            Page("Models", "mdi6.cube-outline", self.models),
            Page("Train", "mdi6.chart-line", self.train),
            Page("Settings", "mdi6.cog-outline", self.settings_page, low=True),
        ]
        window = Window(
            pages, self.session.open_file, self._close, lambda text: setattr(self.settings, "geometry", text)
        )
        window.restore(self.settings.geometry)
        return window

    def _connect(self) -> None:
        self.settings_page.theme_changed.connect(self._apply_theme)
        self.settings_page.machine_changed.connect(self._renew_engine)
        self.models.create_wanted.connect(self._use_model)
        self.training.model_wanted.connect(self._use_model)
        self.session.import_wanted.connect(self._import_model)

    def show(self) -> None:
        """Show the window; the engine starts right after the first picture of it."""
        self.window.show()
        QTimer.singleShot(0, self, self._start)

    def _start(self) -> None:
        for lane in self._lanes():
            lane.start()
        self.session.load_models(self._take_options)
        self.training.look()

    def _lanes(self) -> tuple[Lane, ...]:
        return self.lane, self.desk, self.inspection

    def _take_options(self) -> None:
        options, form = self._options, self.session.form
        if options.model is not None:
            if self.session.model(options.model) is None:
                names = ", ".join(m.name for m in self.session.models)
                message = f"There is no model called {options.model}."
                self.session.message.emit(Message(message, f"Installed: {names or 'none'}.", error=True))
            self.session.pick_model(options.model)
        if options.prompt is not None:
            form.set(prompt=options.prompt)
        if options.seed is not None:
            form.set(seed=max(0, options.seed), seed_locked=True)
        recipe = self.create.recipe
        (recipe.prompt if recipe.prompt.isEnabled() else recipe.generate).setFocus()
        if options.file is not None:
            self.session.open_file(options.file)

    def _apply_theme(self) -> None:
        self._overridden.pop("theme", None)  # picked by hand, so it is kept
        theme.apply(self._app, self.settings.theme)  # type: ignore[arg-type]

    def _on_system_theme(self) -> None:
        if self.settings.theme == "system":
            theme.apply(self._app, "system")

    def _renew_engine(self) -> None:
        if self._make_engine is None:
            self.lane.use_engine(engine_maker(self.settings, self.session.scenes))

    def _import_model(self, path: Path) -> None:
        self.window.rail.show_page(1)
        self.models.show_import(path)

    def _use_model(self, name: str) -> None:
        self.session.pick_model(name)
        self.window.rail.show_page(0)

    def _close(self) -> None:
        """The window closes: stop what moves, end the lane, keep the settings."""
        self.create.release()
        self.training.stop()
        ends = [lane.close() for lane in self._lanes()]
        self.ended = all(ends)
        for name in self._overridden:
            setattr(self.settings, name, self._before[name])
        try:
            stored.save(self.settings)
        except OSError as error:
            print(f"The settings could not be saved: {error}", file=sys.stderr)
