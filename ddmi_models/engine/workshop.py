"""What stays between requests: the device, loaded models, decoded samples."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ddmi_models.cancel import CancelToken
from ddmi_models.checkpoints.registry import find_model, list_models
from ddmi_models.devices import find_device
from ddmi_models.diffusion.names import SAMPLER_LABELS
from ddmi_models.errors import BadInput, UnknownModel
from ddmi_models.events import Progress
from ddmi_models.recipes import Recipe
from ddmi_models.requests import AddonInfo, ModelInfo, Part, Sample

if TYPE_CHECKING:
    import torch

    from ddmi_models.model import Model
    from ddmi_models.rendering.renderers import Decoded, Renderer

MODELS_KEPT = 2
SAMPLES_KEPT = 8
PRECISIONS = ("fp32", "bf16", "fp16")
PROBE_POINTS = 4096


@dataclass(eq=False)
class Loaded:
    """A model in memory; `point_seconds` is how long one point of its field takes here, once measured."""

    info: ModelInfo
    model: Model
    renderer: Renderer
    point_seconds: float | None = None


class Workshop:
    """Loads models and decodes samples when they are needed, and keeps the last few."""

    def __init__(self, device: str, threads: int | None, precision: str) -> None:
        if precision not in PRECISIONS:
            raise BadInput(f"The precision {precision!r} is not known.", f"Use one of {', '.join(PRECISIONS)}.")
        if threads is not None and threads < 1:
            raise BadInput(f"{threads} threads were asked for.", "Ask for at least 1.")
        self._device_name, self._threads, self._precision = device, threads, precision
        self._device: torch.device | None = None
        self._models: OrderedDict[str, Loaded] = OrderedDict()
        self._varied: tuple[Hashable, Loaded] | None = None
        self._samples: OrderedDict[tuple[object, ...], tuple[Sample, Decoded]] = OrderedDict()

    @property
    def device(self) -> torch.device:
        """The device of all work; the first call also sets the threads.

        Raises:
            BadInput: for a device that does not exist anywhere. Unavailable: for one that this machine lacks.
        """
        import torch

        if self._device is None:
            self._device = find_device(self._device_name)
            if self._threads is not None:
                torch.set_num_threads(self._threads)
        return self._device

    def samplers(self) -> tuple[tuple[str, str], ...]:
        """(key, label) of every sampler."""
        return tuple(SAMPLER_LABELS.items())

    def find(self, name: str) -> ModelInfo:
        """A model's description, by name or path. Raises: UnknownModel, BadCheckpoint, BadInput."""
        return find_model(name, self.samplers())

    def load(self, name: str, token: CancelToken) -> Loaded:
        """A model in memory. Raises: as `find`, Unavailable."""
        return self._load(find_model(name), token)

    def load_for(self, sample: Sample, token: CancelToken) -> Loaded:
        """The very model that a sample was made with, under its name or another.

        Raises:
            UnknownModel: if it is not on this machine.
        """
        recipe = sample.recipe
        for loaded in self._models.values():
            if loaded.info.sha256 == recipe.model_hash:
                return loaded
        info = model_of(recipe)
        if info.sha256 == recipe.model_hash:
            return self._load(info, token)
        raise UnknownModel(
            f"The model {recipe.model!r} here is another version than the one that made this sample.",
            "Import that version, or generate the recipe again.",
        )

    def _load(self, info: ModelInfo, token: CancelToken) -> Loaded:
        loaded = self._models.pop(info.sha256, None)
        if loaded is None:
            from ddmi_models.model import load_model
            from ddmi_models.rendering.renderers import RENDERERS

            model = load_model(info.path, self.device, token.check)
            if model.denoiser is not None and self._precision != "fp32":
                model.denoiser.to(_dtype(self._precision))
            loaded = Loaded(info, model, RENDERERS[info.domain])
        else:
            loaded.info = info
        self._models[info.sha256] = loaded
        while len(self._models) > MODELS_KEPT:
            self._models.popitem(last=False)
        return loaded

    def varied(self, key: Hashable, loaded: Loaded, make: Callable[[], Loaded]) -> Loaded:
        """A changed copy of a model, made if it is not the last one that was asked for."""
        if self._varied is None or self._varied[0] != key:
            self._varied = None  # two copies at once may not fit
            self._varied = key, make()
        return self._varied[1]

    def decoded(self, sample: Sample, loaded: Loaded) -> Decoded:
        """A sample's basis fields. Raises: BadInput if its latent does not fit the model."""
        key = (id(sample.latents), *((id(part.latents), part.weights) for part in sample.parts))
        kept = self._samples.pop(key, None)
        if kept is None:
            kept = (sample, decode(loaded, sample))
        self._samples[key] = kept  # holds the sample too, so that the ids stay its latents' own
        while len(self._samples) > SAMPLES_KEPT:
            self._samples.popitem(last=False)
        return kept[1]

    def point_seconds(self, loaded: Loaded) -> float:
        """Seconds that one point of the model's fields takes on this machine."""
        if loaded.point_seconds is None:
            loaded.point_seconds = _measure(loaded)
        return loaded.point_seconds


def model_of(recipe: Recipe) -> ModelInfo:
    """The model of a recipe's hash if it is on this machine, else the one of its name.

    Raises:
        UnknownModel: if there is neither.
    """
    try:
        named = find_model(recipe.model)
    except UnknownModel:
        named = None
    for info in (*([named] if named else []), *list_models()):
        if info.sha256 == recipe.model_hash:
            return info
    if named is None:
        raise UnknownModel(f"The model {recipe.model!r} of this recipe is not here.", "Import it first.")
    return named


def name_in_recipes(info: ModelInfo | AddonInfo) -> str:
    """What a recipe calls a model or an add-on: its name, or the path of a file that is no installed one."""
    return info.name if info.source != "file" else str(info.path)


def decode(loaded: Loaded, sample: Sample) -> Decoded:
    """Basis fields of a sample's latent, or of its parts together."""
    import torch

    from ddmi_models.fields.mixing import mixed_fields
    from ddmi_models.rendering.renderers import Decoded

    domain = loaded.model.domain
    parts = sample.parts or (Part(sample.latents, (1.0,) * domain.scales),)
    if any(p.latents.layout.shape != domain.layout.shape or len(p.weights) != domain.scales for p in parts):
        raise BadInput("This latent does not fit the model that its recipe names.", "The file may have been changed.")
    with torch.inference_mode():
        packed = [torch.from_numpy(part.latents.packed.copy())[None].to(loaded.model.device) for part in parts]
        fields = mixed_fields([domain.decode(latent) for latent in packed], [part.weights for part in parts])
    return Decoded(domain, fields, sample.recipe.seed)


def _measure(loaded: Loaded) -> float:
    import torch

    from ddmi_models.domains.base import Query

    model = loaded.model
    points = torch.rand(PROBE_POINTS, model.domain.point_dimensions, device=model.device) - 0.5
    best = float("inf")
    with torch.inference_mode():
        fields = model.domain.decode(torch.zeros(1, *model.domain.layout.shape, device=model.device))
        for _ in range(3):
            start = time.perf_counter()
            model.domain.evaluate(fields, Query(points)).sum().item()
            best = min(best, time.perf_counter() - start)
    return best / PROBE_POINTS


def _dtype(precision: str) -> torch.dtype:
    import torch

    return {"bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def loading(name: str) -> Progress:
    """What is said while a model is loaded."""
    return Progress(0, 1, f"Loading {name}")
