"""The values of the recipe column: which model, with what prompt, seed and sampler."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal

from ddmi_models.requests import Addon, AddonInfo, Generate, ModelInfo, Recipe, SampledRecipe

MAX_COUNT = 64
MAX_CANDIDATES = 16
ROLL_BELOW = 2**31


@dataclass(frozen=True)
class FormValues:
    """What the user has set; sampler, steps, guidance and add-ons belong to the model in use."""

    prompt: str = ""
    negative: str = ""
    seed: int = 7
    seed_locked: bool = False
    count: int = 1
    candidates: int = 1
    sampler: str = ""
    steps: int = 20
    guidance: float = 3.0
    addons: tuple[Addon, ...] = ()


class RecipeForm(QObject):
    """Evented form values.

    Signals:
        changed: any value changed. model_changed: another model was picked (its defaults are in the values by then).
        addons_changed: the list of add-ons came.

    Attributes:
        addons: those on this machine, of any model.
        words_left_out: tells which words of a text a model can make nothing of; handed in by the composition root.
    """

    changed = Signal()
    model_changed = Signal()
    addons_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.values = FormValues()
        self.model: ModelInfo | None = None
        self.addons: tuple[AddonInfo, ...] = ()
        self.words_left_out: Callable[[ModelInfo, str], Sequence[str]] = lambda _model, _text: ()
        self._remembered: dict[str, FormValues] = {}

    def pick(self, model: ModelInfo) -> None:
        """Use a model, with the sampler settings last used with it, or its own."""
        if self.model is not None and self.model.name == model.name:
            self.model = model
            return
        if self.model is not None:
            self._remembered[self.model.name] = self.values
        self.model = model
        last = self._remembered.get(model.name)
        chosen = last or FormValues(sampler=model.sampler, steps=model.steps, guidance=model.guidance)
        self.values = replace(
            self.values,
            sampler=chosen.sampler,
            steps=chosen.steps,
            guidance=chosen.guidance,
            addons=chosen.addons,
            prompt=chosen.prompt or self.values.prompt,
        )
        self.model_changed.emit()
        self.changed.emit()

    def set(self, **values: object) -> None:
        """Change values by name."""
        new = replace(self.values, **values)  # type: ignore[arg-type]
        if new != self.values:
            self.values = new
            self.changed.emit()

    def restore(self, recipe: Recipe, model: ModelInfo | None) -> None:
        """Take over the recipe of a sample or a file; its seed is locked, so that Generate makes it again.

        Of a sample that was not drawn only the model is taken over.
        """
        if model is not None:
            self.pick(model)
        if not isinstance(recipe, SampledRecipe):
            return
        self.values = replace(
            self.values,
            prompt=recipe.prompt,
            negative=recipe.negative,
            seed=recipe.seed,
            seed_locked=True,
            count=1,
            candidates=1,
            sampler=recipe.sampler,
            steps=recipe.steps,
            guidance=recipe.guidance,
            addons=tuple(Addon(self._name_of(use.sha256, use.name), use.strength) for use in recipe.addons),
        )
        self.changed.emit()

    def _name_of(self, sha256: str, name: str) -> str:
        """What the add-on of a recipe is called here."""
        return next((info.name for info in self.addons if info.sha256 == sha256), name)

    def set_addons(self, addons: tuple[AddonInfo, ...]) -> None:
        """Take in which add-ons there are."""
        self.addons = addons
        self.addons_changed.emit()
        self.changed.emit()

    def offered(self) -> tuple[AddonInfo, ...]:
        """The add-ons of the model in use."""
        sha256 = self.model.sha256 if self.model is not None else None
        return tuple(info for info in self.addons if info.base_sha256 == sha256)

    def set_addon(self, name: str, strength: float) -> None:
        """Use an add-on with a strength; 0 leaves it out."""
        others = tuple(addon for addon in self.values.addons if addon.name != name)
        kept = (*others, Addon(name, strength)) if strength else others
        self.set(addons=tuple(sorted(kept, key=lambda addon: addon.name)))

    def request(self, previews: bool) -> Generate | None:
        """What Generate asks for now; None without a model that can sample."""
        if self.model is None or not self.model.can_sample:
            return None
        v, text = self.values, self.model.takes_text
        return Generate(
            self.model.name,
            seed=v.seed,
            count=v.count,
            prompt=v.prompt.strip() if text else "",
            negative=v.negative.strip() if text else "",
            sampler=v.sampler or None,
            steps=v.steps,
            guidance=v.guidance if text else None,
            previews=previews,
            candidates=v.candidates if self.ranks() else 1,
            addons=v.addons,
        )

    def ranks(self) -> bool:
        """Whether several candidates can be drawn for a sample: the model ranks them, and there is a prompt."""
        return self.model is not None and self.model.can_rank and bool(self.values.prompt.strip())

    def advance_seed(self) -> None:
        """After Generate: a fresh seed, unless it is locked."""
        if not self.values.seed_locked:
            self.set(seed=random.SystemRandom().randrange(ROLL_BELOW))

    def unknown_words(self) -> list[str]:
        """Words of the prompts that the model can make nothing of, in order; [] where it knows every word."""
        if self.model is None or not self.model.takes_text or not self.model.known_words:
            return []
        both = f"{self.values.prompt} {self.values.negative}"
        return list(self.words_left_out(self.model, both))
