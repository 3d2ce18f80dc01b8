"""The session: models, recipe form, samples, what is on the screen; sends requests down the lane, takes in answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from ddmi_models.errors import NoRecipe
from ddmi_models.events import Cancelled, Event, Failed, Notice, Preview, Progress, Result
from ddmi_models.requests import (
    AddonInfo,
    Generate,
    ImportModel,
    ListAddons,
    ListModels,
    LoadModel,
    ModelInfo,
    OpenedExport,
    OpenExport,
    Recipe,
    Regenerate,
    RemoveModel,
    Request,
    SampledRecipe,
    Thumbnail,
    VerifyModel,
    describe,
)
from ddmi_studio.jobs import Job, Lane, Priority
from ddmi_studio.state.messages import Message, problem
from ddmi_studio.state.queue import Queue
from ddmi_studio.state.recipe_form import RecipeForm
from ddmi_studio.state.render import RenderState
from ddmi_studio.state.samples import Samples, SessionSample
from ddmi_studio.state.scene import Scene
from ddmi_studio.state.settings import Settings

THUMBNAIL = 160
"""Pixels a side: twice what the strip shows, for sharp screens."""
OFFICIAL_SUFFIXES = (".pt", ".pth", ".ckpt")
WARM_PARAMETERS = 100_000_000
"""Largest model that is loaded before it is asked for."""


class Session(QObject):
    """Everything that the Create page shows.

    Signals:
        models_changed: the list of models came. domain_changed: another domain's view is wanted (its name).
        generating: a generation was sent down the queue.
        preview: a picture (as in the event Preview) of the running generation; preview_ended: it is over.
        import_wanted: the Path of an official file, which has to be looked into first.
        plain_file: the Path of a file that was opened and carries no recipe.
        message: a Message for the banner. message_cleared: it no longer applies.
    """

    models_changed = Signal()
    domain_changed = Signal(str)
    generating = Signal()
    preview = Signal(object)
    preview_ended = Signal()
    import_wanted = Signal(object)
    plain_file = Signal(object)
    message = Signal(object)
    message_cleared = Signal()

    def __init__(
        self, lane: Lane, scenes: Mapping[str, Scene], settings: Settings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.lane = lane
        self.scenes = scenes
        self.settings = settings
        self.form = RecipeForm(self)
        self.samples = Samples(self)
        self.queue = Queue(lane, self)
        self.render = RenderState(scenes, self)
        self.models: tuple[ModelInfo, ...] = ()
        self.models_known = False
        self.domain = ""
        self._warming: Job | None = None
        self.form.model_changed.connect(self._on_model_picked)
        self.samples.selected.connect(self._on_sample_selected)

    # Models

    def load_models(self, then: Callable[[], object] | None = None) -> None:
        """Ask for the list of models; the last used one, or the first that can be sampled, is picked."""
        self._ask(ListAddons(), self.form.set_addons, Priority.EXPORT)
        self._ask(ListModels(), lambda models: self._set_models(models, then), Priority.EXPORT)

    def _set_models(self, models: tuple[ModelInfo, ...], then: Callable[[], object] | None) -> None:
        self.models = models
        first, self.models_known = not self.models_known, True
        names = [m.name for m in self.usable_models()]
        current = self.form.model.name if self.form.model else self.settings.model
        name = current if current in names else next(iter(names), None)
        self.models_changed.emit()
        if name is not None:
            self.pick_model(name)
        if then is not None:
            then()
        if first and self.form.model is not None and self.form.model.parameters <= WARM_PARAMETERS:
            # The engine starts and the model is loaded while the user still looks around.
            self._warming = self.lane.submit(LoadModel(self.form.model.name), lambda _event: None, Priority.BACKGROUND)

    def make_way(self) -> None:
        """Real work came: it goes on with what the warm-up has begun."""
        if self._warming is not None:
            self.lane.cancel(self._warming)
            self._warming = None

    def usable_models(self) -> list[ModelInfo]:
        """Models that can make samples which a view of this program shows."""
        return [m for m in self.models if m.can_sample and m.domain in self.scenes]

    def model(self, name: str) -> ModelInfo | None:
        return next((m for m in self.models if m.name == name), None)

    def pick_model(self, name: str) -> None:
        """Use a model for the next samples, or an add-on with its model; a model that makes none is left alone."""
        addon = next((info for info in self.form.addons if info.name == name), None)
        if addon is not None:
            self._pick_addon(addon)
            return
        model = self.model(name)
        if model is not None and model in self.usable_models():
            self.settings.model = name
            self.form.pick(model)

    def _pick_addon(self, addon: AddonInfo) -> None:
        base = self._base_of(addon)
        if base is None:
            self.message.emit(Message(f"{addon.name} belongs to {addon.base}, which is not here in the same version."))
            return
        self.pick_model(base.name)
        self.form.set_addon(addon.name, 1.0)

    def _base_of(self, addon: AddonInfo) -> ModelInfo | None:
        return next((model for model in self.usable_models() if model.sha256 == addon.base_sha256), None)

    def can_use(self, name: str) -> bool:
        """Whether samples can be made with a model, or with an add-on."""
        addons = [info for info in self.form.addons if info.name == name]
        models = [self._base_of(info) for info in addons] or [m for m in self.usable_models() if m.name == name]
        return any(models)

    def import_model(self, path: Path) -> None:
        """Import a model or an add-on of this program and pick it."""
        self.task(
            ImportModel(path),
            f"Importing {path.name}",
            self.imported,
            kept="The file itself was not touched.",
        )

    def imported(self, info: ModelInfo | AddonInfo) -> None:
        """Take in a new model or add-on."""
        self.load_models(lambda: self._announce_import(info))

    def _announce_import(self, info: ModelInfo | AddonInfo) -> None:
        self.pick_model(info.name)
        if isinstance(info, AddonInfo):
            self.message.emit(Message(f"{info.name} is ready.", f"An add-on for {info.base}: see Advanced."))
            return
        ready = "is ready" if info.can_sample else "is here; an autoencoder alone makes no samples"
        self.message.emit(Message(f"{info.name} {ready}.", info.summary))

    def verify_model(self, name: str) -> None:
        done = Message(f"{name} is intact.", "Its file is the one that its stored hash names.")
        self.task(VerifyModel(name), f"Verifying {name}", lambda _info: self.message.emit(done))

    def remove_model(self, name: str) -> None:
        self.task(RemoveModel(name), f"Removing {name}", lambda _name: self.load_models())

    # Sampling

    def generate(self) -> None:
        """Send the form's recipe down the queue."""
        request = self.form.request(self.settings.previews)
        if request is None:
            return
        self.make_way()
        self.message_cleared.emit()
        self._on_model_picked()  # an older sample of another model may be on the screen
        times: dict[str, float] = {}
        job = self.lane.submit(request, lambda event: self._on_generation(job, times, event), Priority.QUEUE)
        many = f" · {request.count} samples" if request.count > 1 else ""
        self.queue.add(job, f"{request.prompt or request.model} · seed {request.seed}{many}", movable=True)
        self.form.advance_seed()
        self.generating.emit()

    def cancel_generation(self) -> None:
        """Cancel the generation that runs."""
        row = self.queue.running_generation()
        if row is not None:
            self.queue.cancel(row)

    def _on_generation(self, job: Any, times: dict[str, float], event: Event) -> None:
        request: Generate = job.request
        times.setdefault("started", time.monotonic())
        if isinstance(event, Progress):
            self.queue.progress(job, event)
        elif isinstance(event, Preview):
            self._show_preview(request, event)
        elif isinstance(event, Notice):
            self.message.emit(Message(event.message))
        else:
            self.preview_ended.emit()
        if isinstance(event, Result):
            seconds = time.monotonic() - times["started"]
            entries = [SessionSample(sample, seconds / len(event.value)) for sample in event.value]
            self.add_samples(entries)
        elif isinstance(event, Failed):
            kept = "Nothing was lost: the recipe stands, and so do the samples made before."
            self.message.emit(problem(event, kept))

    def _show_preview(self, request: Generate, event: Preview) -> None:
        model = self.model(request.model)
        if event.index == 0 and model is not None and model.domain == self.domain:
            self.preview.emit(event.image)

    def add_samples(self, entries: list[SessionSample]) -> None:
        """Put samples on the strip; show the first, unless another domain was picked meanwhile."""
        for entry in entries:
            self.samples.add(entry)
        for entry in entries:
            self._ask(
                Thumbnail(entry.sample, THUMBNAIL), partial(self._on_thumbnail, entry), Priority.BACKGROUND, quiet=True
            )
        if entries and (entries[0].domain == self.domain or self.samples.current is None):
            self.samples.select(entries[0])

    def _on_thumbnail(self, entry: SessionSample, picture: Any) -> None:
        self.samples.set_thumbnail(entry, picture.pixels)

    # What is on the screen

    def _on_model_picked(self) -> None:
        model = self.form.model
        if model is None:
            return
        shown = self.samples.current
        if shown is None or shown.domain != model.domain:
            self.samples.select(self.samples.latest(model.domain))
        self._show_domain(model.domain)
        if self.samples.current is None:
            self.render.use_model(model)

    def _on_sample_selected(self, entry: SessionSample | None) -> None:
        if entry is not None:
            self._show_domain(entry.domain)
            model = self.model(entry.sample.recipe.model)
            if model is not None:
                self.render.use_model(model)

    def _show_domain(self, domain: str) -> None:
        if domain in self.scenes and domain != self.domain:
            self.domain = domain
            self.domain_changed.emit(domain)

    # Recipes

    def reuse(self, entry: SessionSample) -> None:
        """Put a sample's recipe into the form."""
        recipe = entry.sample.recipe
        self.form.restore(recipe, self.model(recipe.model))
        self.samples.select(entry)

    def open_file(self, path: Path) -> None:
        """Bring back the recipe, and the sample where it is inside, of an exported file; a model file is imported."""
        name = path.name.lower()
        if name.endswith(OFFICIAL_SUFFIXES):
            self.import_wanted.emit(path)
            return
        if name.endswith(".safetensors") and not name.endswith(".latent.safetensors"):
            self.import_model(path)
            return
        self.task(
            OpenExport(path),
            f"Opening {path.name}",
            partial(self._on_opened, path),
            kept="Nothing was changed.",
            without_recipe=lambda: self.plain_file.emit(path),
        )

    def _on_opened(self, path: Path, opened: OpenedExport) -> None:
        recipe = opened.recipe
        model = self.model(recipe.model)
        self.form.restore(recipe, model)
        drawn = isinstance(recipe, SampledRecipe)
        make = self.generate if drawn else partial(self.make_again, recipe)
        again = (("Generate it again" if drawn else "Make it again"), make) if model is not None else None
        if model is None:
            body = f"Its model, {recipe.model}, is not installed here: import it on the Models page."
        elif model.sha256 and recipe.model_hash and model.sha256 != recipe.model_hash:
            body = (
                f"The installed {recipe.model} is another version than the one that made it, so the result may differ."
            )
        elif drawn:
            body = "The recipe column holds everything that made it; the seed is locked."
        else:
            body = "Its recipe holds everything that it was made of."
        if opened.sample is not None:
            self.add_samples([SessionSample(opened.sample)])
            again = None
        self.message.emit(Message(f"Recipe restored from {path.name}: {describe_recipe(recipe)}.", body, action=again))

    def make_again(self, recipe: Recipe) -> None:
        """Put the sample of a recipe on the strip."""
        title = f"Making {describe(recipe)} again"
        self.task(Regenerate(recipe), title, lambda sample: self.add_samples([SessionSample(sample)]))

    # Requests in general

    def _ask(
        self,
        request: Request,
        done: Callable[[Any], object],
        priority: Priority,
        channel: str = "",
        quiet: bool = False,
    ) -> None:
        """Send a request whose result goes to `done`; a failure goes to the banner unless `quiet`."""

        def heard(event: Event) -> None:
            if isinstance(event, Result):
                done(event.value)
            elif isinstance(event, Failed) and not quiet:
                self.message.emit(problem(event))

        self.lane.submit(request, heard, priority, channel)

    def task(
        self,
        request: Request,
        title: str,
        done: Callable[[Any], object],
        kept: str = "",
        without_recipe: Callable[[], object] | None = None,
    ) -> None:
        """As `_ask`, with a row in the dock that shows its progress and can be cancelled.

        `without_recipe` is called in place of the banner where a file carries none.
        """

        def heard(event: Event) -> None:
            if isinstance(event, Progress):
                self.queue.progress(job, event)
            elif isinstance(event, Notice):
                self.message.emit(Message(event.message))
            elif isinstance(event, Result):
                done(event.value)
            elif isinstance(event, Failed) and without_recipe is not None and isinstance(event.error, NoRecipe):
                without_recipe()
            elif isinstance(event, Failed):
                self.message.emit(problem(event, kept))
            elif isinstance(event, Cancelled):
                self.message.emit(Message(f"{title}: cancelled.", "Nothing half-made was left."))

        self.make_way()
        job = self.lane.submit(request, heard, Priority.EXPORT)
        self.queue.add(job, title, movable=False)


def describe_recipe(recipe: Recipe) -> str:
    """A recipe in one line: "a round table" (furniture, seed 7)."""
    if not isinstance(recipe, SampledRecipe):
        return f"{describe(recipe)} ({recipe.model})"
    if recipe.prompt:
        return f"“{recipe.prompt}” ({recipe.model}, seed {recipe.seed})"
    return f"{recipe.model}, seed {recipe.seed}"
