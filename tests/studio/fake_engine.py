"""A scriptable engine without torch: fabricated pictures and meshes, small sleeps, and failures on demand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.errors import EngineError, NoRecipe, UnknownModel
from ddmi_models.events import Cancelled, Event, Failed, Partial, Preview, Progress, Result
from ddmi_models.planes import Latents, PlaneLayout, PlaneSpec
from ddmi_models.recipes import (
    AddonUse,
    InterpolatedRecipe,
    MixedRecipe,
    Recipe,
    SampledRecipe,
    VariedRecipe,
    encoded_recipe,
)
from ddmi_models.requests import (
    Addon,
    AddonInfo,
    Encode,
    Encoded,
    EstimateExport,
    Export,
    ExportEstimate,
    ExportPath,
    Generate,
    ImageView,
    Interpolate,
    ListAddons,
    ListModels,
    LoadModel,
    MeshData,
    MeshView,
    Mix,
    ModelInfo,
    OpenedExport,
    OpenExport,
    Picture,
    Regenerate,
    RemoveModel,
    Render,
    Request,
    Sample,
    Thumbnail,
    Vary,
    VerifyModel,
)

TIMEOUT = 30_000  # milliseconds that a slow machine may take
SAMPLERS = (("dpm++", "DPM-Solver++ (2M)"), ("unipc", "UniPC"), ("ddim", "DDIM"), ("euler", "Euler"), ("heun", "Heun"))
WORDS = tuple(
    "a an with and one two three four central leg legs round square rectangular table chair stool desk wide low tall "
    "drawers shelf shelves back slatted solid".split()
)


def model(name: str, domain: str, label: str, takes_text: bool, resolution: int) -> ModelInfo:
    return ModelInfo(
        name=name,
        source="starter",
        domain=domain,
        domain_label=label,
        path=Path(f"{name}.safetensors"),
        sha256="0" * 64,
        parameters=8_100_000,
        scales=(8, 16, 32),
        takes_text=takes_text,
        known_words=WORDS if takes_text else (),
        readings=(("armless", "without arms"),) if takes_text else (),
        can_rank=takes_text,
        sampler="dpm++",
        steps=20,
        guidance=3.0,
        samplers=SAMPLERS,
        trained_resolution=resolution,
        iso=0.5,
        licence="MIT",
        summary="Round tables, chairs and more." if takes_text else "Drawn faces.",
        card=f"# {name}\nA made-up model.",
    )


MODELS = (model("avatars", "image", "Image", False, 64), model("furniture", "shape", "Shape", True, 64))


class FakeEngine:
    """Engine.run with numpy only. `fail(request) -> EngineError | None` makes requests fail; `seen` records them.

    `step_seconds` and `render_seconds` are how long a sampling step and a render take.
    """

    def __init__(self, step_seconds: float = 0.002, render_seconds: float = 0.0) -> None:
        self.step_seconds = step_seconds
        self.render_seconds = render_seconds
        self.models: tuple[ModelInfo, ...] = MODELS
        self.addons: tuple[AddonInfo, ...] = ()
        self.seen: list[Request] = []
        self.fail: Callable[[Request], EngineError | None] = lambda _request: None
        self.files: dict[Path, OpenedExport] = {}
        self.answers: dict[type, Callable[[Any, CancelToken], Iterator[Event]]] = {
            ListAddons: lambda r, t: iter([Result(self.addons)]),
            ListModels: lambda r, t: iter([Result(self.models)]),
            LoadModel: lambda r, t: iter([Result(self.info(r.model))]),
            VerifyModel: lambda r, t: iter([Result(self.info(r.model))]),
            RemoveModel: self.remove,
            Generate: self.generate,
            Render: self.render,
            Thumbnail: lambda r, t: iter([Result(picture(r.sample.recipe, r.size, r.size))]),
            EstimateExport: lambda r, t: iter(
                [Result(ExportEstimate(r.resolution / 100, r.resolution**2, r.resolution**2))]
            ),
            Export: self.export,
            OpenExport: self.open,
            Encode: self.encode,
            Interpolate: self.interpolate,
            Mix: self.mix,
            Vary: self.vary,
            ExportPath: self.export_path,
            Regenerate: self.regenerate,
        }

    def run(self, request: Request, token: CancelToken) -> Iterator[Event]:
        self.seen.append(request)
        error = self.fail(request)
        if error is not None:
            yield Failed(error, "Traceback: made up")
            return
        try:
            yield from self.answers[type(request)](request, token)
        except WorkCancelled:
            yield Cancelled()

    def info(self, name: str) -> ModelInfo:
        for info in self.models:
            if info.name == name:
                return info
        raise UnknownModel(f"There is no model called {name}.", "Import it on the Models page.")

    def remove(self, request: RemoveModel, token: CancelToken) -> Iterator[Event]:
        self.models = tuple(m for m in self.models if m.name != request.model)
        yield Result(request.model)

    def generate(self, request: Generate, token: CancelToken) -> Iterator[Event]:
        info = self.info(request.model)
        steps = request.steps or info.steps
        samples = tuple(self.sample(info, request, request.seed + i, steps) for i in range(request.count))
        for step in range(1, steps + 1):
            token.check()
            time.sleep(self.step_seconds)
            yield Progress(step, steps, "Sampling", (steps - step) * self.step_seconds)
            if request.previews:
                yield Preview(0, picture(samples[0].recipe, 32, 32).pixels)
        yield Result(samples)

    def sample(self, info: ModelInfo, request: Generate, seed: int, steps: int) -> Sample:
        recipe = SampledRecipe(
            domain=info.domain,
            model=info.name,
            model_hash=info.sha256,
            seed=seed,
            sampler=request.sampler or info.sampler,
            steps=steps,
            guidance=info.guidance if request.guidance is None else request.guidance,
            prompt=request.prompt,
            negative=request.negative,
            addons=tuple(self.use(addon) for addon in request.addons),
        )
        layout = PlaneLayout((PlaneSpec("xy", 1, 2, 2),))
        return Sample(recipe, Latents(np.full((1, 2, 2), seed % 97, np.float32), layout))

    def use(self, addon: Addon) -> AddonUse:
        info = next(info for info in self.addons if info.name == addon.name)
        return AddonUse(name=info.name, sha256=info.sha256, strength=addon.strength)

    def open(self, request: OpenExport, token: CancelToken) -> Iterator[Event]:
        if request.path in self.files:
            yield Result(self.files[request.path])
        else:
            yield Failed(NoRecipe(f"{request.path} carries no recipe."))

    def encode(self, request: Encode, token: CancelToken) -> Iterator[Event]:
        info = self.info(request.model)
        latents = Latents(np.ones((1, 2, 2), np.float32), PlaneLayout((PlaneSpec("xy", 1, 2, 2),)))
        recipe = encoded_recipe(info.domain, info.name, info.sha256, request.path.name, "0" * 64, latents)
        yield Result(Encoded(Sample(recipe, latents), {"psnr": 30.0}, "PSNR 30.0 dB"))

    def interpolate(self, request: Interpolate, token: CancelToken) -> Iterator[Event]:
        first, second = request.first, request.second
        between = [
            InterpolatedRecipe(
                **tree(first), first=first.recipe, second=second.recipe, position=n / (request.steps - 1)
            )
            for n in range(1, request.steps - 1)
        ]
        yield Result((first, *(Sample(recipe, first.latents) for recipe in between), second))

    def mix(self, request: Mix, token: CancelToken) -> Iterator[Event]:
        coarse, fine = request.coarse.recipe, request.fine.recipe
        levels = request.levels or (1.0, 0.0, 0.0)
        recipe = MixedRecipe(**tree(request.coarse), coarse=coarse, fine=fine, levels=levels)
        yield Result(Sample(recipe, request.coarse.latents))

    def vary(self, request: Vary, token: CancelToken) -> Iterator[Event]:
        for step in range(1, 5):
            token.check()
            time.sleep(self.step_seconds)
            yield Progress(step, 4, "Varying")
        source = request.sample.recipe
        recipe = VariedRecipe(
            **tree(request.sample),
            source=source,
            seed=request.seed,
            strength=request.strength,
            steps=4,
            guidance=1.0,
        )
        yield Result(Sample(recipe, request.sample.latents))

    def export_path(self, request: ExportPath, token: CancelToken) -> Iterator[Event]:
        request.path.write_bytes(b"made up")
        yield Result((request.path,))

    def regenerate(self, request: Regenerate, token: CancelToken) -> Iterator[Event]:
        layout = PlaneLayout((PlaneSpec("xy", 1, 2, 2),))
        yield Result(Sample(request.recipe, Latents(np.zeros((1, 2, 2), np.float32), layout)))

    def render(self, request: Render, token: CancelToken) -> Iterator[Event]:
        view, recipe = request.view, request.sample.recipe
        if isinstance(view, MeshView):
            yield Partial(mesh(recipe, max(8, view.cells // 4)))
            self.work(token)
            yield Result(mesh(recipe, view.cells))
        elif isinstance(view, ImageView):
            self.work(token)
            yield Result(picture(recipe, view.width, view.height, view.window, view.gains))

    def work(self, token: CancelToken) -> None:
        end = time.monotonic() + self.render_seconds
        while time.monotonic() < end:
            token.check()
            time.sleep(0.002)

    def export(self, request: Export, token: CancelToken) -> Iterator[Event]:
        for step in range(1, 5):
            token.check()
            time.sleep(self.step_seconds)
            yield Progress(step, 4, "Writing")
        request.path.write_bytes(b"made up")
        self.files[request.path] = OpenedExport(request.sample.recipe, request.sample)
        yield Result(request.path)


def tree(sample: Sample) -> dict[str, Any]:
    """What a recipe made of others takes over from one of them."""
    recipe = sample.recipe
    return {"domain": recipe.domain, "model": recipe.model, "model_hash": recipe.model_hash}


def picture(
    recipe: Recipe,
    width: int,
    height: int,
    window: tuple[float, float, float, float] = (-1, -1, 1, 1),
    gains: tuple[float, ...] | None = None,
) -> Picture:
    """A smooth coloured pattern of the seed, evaluated at pixel centres."""
    left, top, right, bottom = window
    x = left + (np.arange(width) + 0.5) / width * (right - left)
    y = top + (np.arange(height) + 0.5) / height * (bottom - top)
    xx, yy = np.meshgrid(x, y)
    rng = np.random.default_rng(recipe.seed)
    fine = 1.0 if gains is None else gains[-1]
    channels = []
    for _ in range(3):
        a, b, c, d = rng.uniform(-3, 3, 4)
        channels.append(0.5 + 0.35 * np.sin(a * xx + b * yy + c) + 0.15 * fine * np.sin(9 * d * xx * yy))
    disc = np.clip((0.7 - np.hypot(xx, yy)) * 12, 0, 1)[..., None]
    image = np.stack(channels, -1) * disc + 0.93 * (1 - disc)
    return Picture((np.clip(image, 0, 1) * 255).astype(np.uint8))


def mesh(recipe: Recipe, cells: int) -> MeshData:
    """A round table on one leg as a surface of revolution; its width depends on the seed, its mesh on `cells`."""
    radius = 0.3 + 0.15 * np.random.default_rng(recipe.seed).random()
    profile = np.array(
        [
            (0, -0.45),
            (0.2, -0.45),
            (0.2, -0.42),
            (0.035, -0.4),
            (0.035, 0.05),
            (radius, 0.06),
            (radius, 0.11),
            (0, 0.11),
        ]
    )
    lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(profile, axis=0).T))])
    at = np.linspace(0, lengths[-1], max(8, cells // 2))
    r, y = np.interp(at, lengths, profile[:, 0]), np.interp(at, lengths, profile[:, 1])
    angles = np.linspace(0, 2 * np.pi, cells, endpoint=False)
    vertices = np.stack(
        [np.outer(r, np.cos(angles)), np.repeat(y[:, None], cells, 1), np.outer(r, np.sin(angles))], -1
    ).reshape(-1, 3)
    ring, spoke = np.meshgrid(np.arange(len(at) - 1), np.arange(cells), indexing="ij")
    a, b = ring * cells + spoke, ring * cells + (spoke + 1) % cells
    faces = np.concatenate([np.stack([a, a + cells, b], -1), np.stack([b, a + cells, b + cells], -1)]).reshape(-1, 3)
    normals = np.zeros_like(vertices)
    corners = vertices[faces]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    for corner in range(3):
        np.add.at(normals, faces[:, corner], flat)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    return MeshData(vertices.astype(np.float32), faces.astype(np.int32), normals.astype(np.float32), True, cells)
