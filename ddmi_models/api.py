"""The Python API: models, samples, their meshes, pictures and fields. Errors are `EngineError`s that say what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ddmi_models.cameras import Camera
from ddmi_models.cancel import CancelToken
from ddmi_models.engine import Engine
from ddmi_models.errors import BadInput
from ddmi_models.events import Failed, Notice, Result
from ddmi_models.recipes import Recipe, SampledRecipe
from ddmi_models.requests import (
    Addon,
    Clip,
    ClipView,
    Encode,
    Export,
    ExportPath,
    Generate,
    ImageView,
    Interpolate,
    ListModels,
    LoadModel,
    MeshView,
    Mix,
    ModelInfo,
    OpenExport,
    Picture,
    RadianceView,
    ReadField,
    Regenerate,
    Render,
    Request,
    Shows,
    Timing,
    Vary,
)
from ddmi_models.requests import Sample as Drawn

if TYPE_CHECKING:
    import trimesh
    from PIL import Image

DEFAULT_IMAGE, DEFAULT_CELLS = 256, 128


class Session:
    """An engine whose requests return their result or raise."""

    def __init__(self, device: str = "auto", threads: int | None = None, precision: str = "fp32") -> None:
        self.engine = Engine(device, threads, precision)
        self.notices: list[str] = []

    def ask(self, request: Request) -> Any:
        """Run a request to its end; what it says on the way is kept in `notices`.

        Raises:
            EngineError: if it failed.
        """
        self.notices = []
        with _cancelled_on_exit() as token:
            for event in self.engine.run(request, token):
                if isinstance(event, Result):
                    return event.value
                if isinstance(event, Failed):
                    raise event.error
                if isinstance(event, Notice):
                    self.notices.append(event.message)
        raise AssertionError("a run without cancellation ends with Result or Failed")


@contextmanager
def _cancelled_on_exit() -> Iterator[CancelToken]:
    token = CancelToken()
    try:
        yield token
    finally:
        token.cancel()


class Sample:
    """A sample: a function that can be looked at in any resolution.

    `error` holds, for an encoded signal, how near it came: `psnr` in dB, or `chamfer` (in units of the cube) and `iou`.
    """

    def __init__(self, session: Session, drawn: Drawn, error: Mapping[str, float] | None = None) -> None:
        self._session, self._drawn = session, drawn
        self.error: dict[str, float] = dict(error or {})

    @property
    def recipe(self) -> Recipe:
        """Everything that decided the sample."""
        return self._drawn.recipe

    @property
    def latent(self) -> np.ndarray:
        """The sampled planes, float32 [C, H, W]; of a mixed sample those of its first part."""
        return self._drawn.latents.packed

    def image(
        self, resolution: int | tuple[int, int] = DEFAULT_IMAGE, gains: tuple[float, ...] | None = None
    ) -> Image.Image:
        """A picture of resolution x resolution pixels, or (width, height): a centred window of the square field.

        Raises:
            EngineError: if the sample is not an image, or the size does not fit into memory.
        """
        from PIL import Image

        from ddmi_models.rendering.tiles import centred_window

        width, height = (resolution, resolution) if isinstance(resolution, int) else resolution
        window = centred_window(width, height) if min(width, height) > 0 else (-1.0, -1.0, 1.0, 1.0)
        picture = self._session.ask(Render(self._drawn, ImageView(width, height, window, gains)))
        assert isinstance(picture, Picture)
        return Image.fromarray(picture.pixels)

    def mesh(
        self,
        resolution: int = DEFAULT_CELLS,
        iso: float | None = None,
        gains: tuple[float, ...] | None = None,
        faces: int | None = None,
    ) -> trimesh.Trimesh:
        """The surface on `resolution` cells along each axis of the cube [-0.5, 0.5]^3, y up.

        Args:
            faces: simplify to about so many triangles; None: keep all.

        Raises:
            EngineError: if the sample is not a shape, nothing is inside, or the size does not fit into memory.
        """
        from ddmi_models.rendering.writers import as_trimesh

        return as_trimesh(self._session.ask(Render(self._drawn, MeshView(resolution, iso, gains, faces=faces))))

    def view(
        self,
        camera: Camera | np.ndarray | tuple[float, float] | None = None,
        size: int | tuple[int, int] = DEFAULT_IMAGE,
        shows: Shows = "colour",
        gains: tuple[float, ...] | None = None,
    ) -> Image.Image:
        """A radiance field as a camera sees it.

        Args:
            camera: a Camera, a 4x4 camera-to-world matrix (z up, looking along -z), (azimuth, elevation) in degrees, or
                None for the usual one.
            size: pixels a side, or (width, height).

        Raises:
            EngineError: if the sample is not a radiance field, or the size does not fit into memory.
        """
        from PIL import Image

        width, height = (size, size) if isinstance(size, int) else size
        if not isinstance(camera, Camera):
            known = camera is None or np.shape(camera) == (2,)
            camera = Camera(*(camera if camera is not None else ())) if known else Camera.at(np.asarray(camera))
        picture = self._session.ask(Render(self._drawn, RadianceView(width, height, camera, gains, shows)))
        assert isinstance(picture, Picture)
        return Image.fromarray(picture.pixels)

    def frames(
        self,
        size: int | tuple[int, int] = DEFAULT_IMAGE,
        fps: float | None = None,
        start: float = 0.0,
        stop: float | None = None,
        shutter: float = 0.0,
        gains: tuple[float, ...] | None = None,
    ) -> np.ndarray:
        """Frames of a video, uint8 [frames, height, width, 3]; frame k stands at `start` + k / `fps` seconds.

        Args:
            size: pixels a side, or (width, height): a centred window of the square field.
            fps: frames a second; None: the trained rate.
            start, stop: window in time, in seconds from the first trained frame; None: up to the last one.
            shutter: seconds around its instant over which each frame is averaged.

        Raises:
            EngineError: if the sample is not a video, the window lies outside the clip, or it does not fit into memory.
        """
        from ddmi_models.rendering.tiles import centred_window

        width, height = (size, size) if isinstance(size, int) else size
        window = centred_window(width, height) if min(width, height) > 0 else (-1.0, -1.0, 1.0, 1.0)
        view = ClipView(width, height, Timing(fps, start, stop, shutter), window=window, gains=gains)
        clip = self._session.ask(Render(self._drawn, view))
        assert isinstance(clip, Clip)
        return clip.frames

    def field(self, coords: np.ndarray) -> np.ndarray:
        """The field itself at points [..., D]: float32 [..., channels].

        Images: (x, y) in [-1, 1], y down, to colours in [-1, 1]. Shapes: (x, y, z) in the cube, y up, to logits.
        Videos: (x, y, t) in [-1, 1], y down, t over the trained clip, to colours.
        Radiance fields: (x, y, z) of the world, z up, to colour in [0, 1] and density, seen towards the middle.

        Raises:
            EngineError: if the points have another number of coordinates.
        """
        return self._session.ask(ReadField(self._drawn, np.asarray(coords, np.float32)))

    def export(
        self,
        path: str | Path,
        resolution: int | tuple[int, int] | None = None,
        iso: float | None = None,
        gains: tuple[float, ...] | None = None,
        views: int | None = None,
        camera: Camera | None = None,
        fps: float | None = None,
        start: float = 0.0,
        stop: float | None = None,
        shutter: float = 0.0,
        keyframes: Sequence[Camera] = (),
        seconds: float | None = None,
        shows: Shows = "colour",
        loop: bool = False,
    ) -> Path:
        """Write a file whose ending decides the format, with the recipe inside (or beside); returns its path.

        Args:
            views, camera: of a radiance field: frames of its turntable, and the first one's camera.
            keyframes, seconds: of a radiance field: cameras that a clip flies through, and how long it lasts.
            loop: the flight goes back to its first camera. shows: colour, depth or normals of a radiance field.
            fps, start, stop, shutter: of a video, as in `frames`.

        Raises:
            EngineError: for an unknown ending, a place that cannot be written, a size that does not fit.
        """
        size = (resolution, resolution) if isinstance(resolution, int) else resolution
        timing = Timing(fps, start, stop, shutter)
        seen: dict[str, Any] = {
            "views": views,
            "camera": camera,
            "keyframes": tuple(keyframes),
            "seconds": seconds,
            "closed": loop,
        }
        return self._session.ask(Export(self._drawn, Path(path), size, iso, gains, timing=timing, shows=shows, **seen))

    def save(self, path: str | Path) -> Path:
        """Keep the sample itself, to be rendered later: `path` ends in `.latent.safetensors`."""
        if not str(path).endswith(".latent.safetensors"):
            raise BadInput(f"{path} does not end in .latent.safetensors.", "Use export() for other formats.")
        return self.export(path)

    def interpolate(self, other: Sample, steps: int = 8) -> list[Sample]:
        """Samples on the way to another of the same model, spherical on their latents: `steps`, both ends included.

        Raises:
            EngineError: for samples of two models, a mixed one, fewer than 2 steps.
        """
        made = self._session.ask(Interpolate(self._drawn, other._drawn, steps))
        return [Sample(self._session, drawn) for drawn in made]

    def mix(self, fine: Sample, levels: Sequence[float] | None = None) -> Sample:
        """This sample's coarse basis planes with another's fine ones.

        Args:
            levels: this sample's share of each basis scale, coarse to fine; None: all of the coarsest alone.

        Raises:
            EngineError: for samples of two models, another number of levels than the model's, one outside 0 to 1.
        """
        shares = None if levels is None else tuple(map(float, levels))
        return Sample(self._session, self._session.ask(Mix(self._drawn, fine._drawn, shares)))

    def vary(
        self,
        seed: int = 0,
        strength: float = 0.5,
        prompt: str | None = None,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> Sample:
        """A neighbour: the latent noised up to the time that `strength` names and denoised again (SDEdit).

        Args:
            strength: 0 is the sample itself, 1 leaves nothing of it. prompt: None: the sample's own.

        Raises:
            EngineError: for a strength outside 0 to 1, or a model without a diffusion model.
        """
        return Sample(self._session, self._session.ask(Vary(self._drawn, seed, strength, prompt, steps, guidance)))

    def __repr__(self) -> str:
        recipe = self.recipe
        if isinstance(recipe, SampledRecipe):
            prompt = f" {recipe.prompt!r}" if recipe.prompt else ""
            return f"<Sample of {recipe.model}{prompt}, seed {recipe.seed}>"
        return f"<Sample of {recipe.model}, {recipe.kind}>"


class Model:
    """A model in memory."""

    def __init__(self, session: Session, name: str) -> None:
        self._session, self._name = session, name
        self.info: ModelInfo = session.ask(LoadModel(name))

    def sample(
        self,
        prompt: str = "",
        seed: int = 0,
        count: int = 1,
        steps: int | None = None,
        guidance: float | None = None,
        sampler: str | None = None,
        negative: str = "",
        candidates: int = 1,
        lora: Mapping[str, float] | None = None,
    ) -> list[Sample]:
        """Draw samples with the seeds seed, seed + 1, ...; None: the model's defaults.

        Args:
            candidates: how many to draw for each sample; the one is kept that fits the prompt best.
            lora: strength of each add-on, by its name or file: 0 is none of it, 1 as trained, at most 2.

        Raises:
            EngineError: for a prompt where the model takes none, an unknown sampler, steps out of range, candidates
                where the model cannot rank them, an add-on that is missing or of another model.
        """
        addons = tuple(Addon(str(name), float(strength)) for name, strength in (lora or {}).items())
        request = Generate(
            self._name, seed, count, prompt, negative, sampler, steps, guidance, candidates=candidates, addons=addons
        )
        return [Sample(self._session, drawn) for drawn in self._session.ask(request)]

    def encode(self, path: str | Path, up: str | None = None) -> Sample:
        """A sample of your own picture, mesh, point cloud, clip or posed pictures; its `error` says how near it came.

        Args:
            up: the axis that points up: y or z; None: y, of posed pictures z.

        Raises:
            EngineError: for a file that is missing, broken, or not of the model's kind.
        """
        made = self._session.ask(Encode(self._name, Path(path), up))
        return Sample(self._session, made.sample, made.figures)

    @property
    def notices(self) -> list[str]:
        """What the last call had to say, for instance words of a prompt that the model does not know."""
        return self._session.notices

    def __repr__(self) -> str:
        return f"<Model {self.info.name}: {self.info.domain_label}, {self.info.parameters:,} parameters>"


def load(name: str | Path, device: str = "auto", threads: int | None = None, precision: str = "fp32") -> Model:
    """A model by name (a starter, an imported one) or file.

    Raises:
        EngineError: if there is no such model, or its file is broken.
    """
    return Model(Session(device, threads, precision), str(name))


def encode(model: str | Path, path: str | Path, up: str | None = None) -> Sample:
    """A sample of a file of your own: `load(model).encode(path, up)`."""
    return load(model).encode(path, up)


def export_path(
    samples: Sequence[Sample],
    path: str | Path,
    resolution: int | None = None,
    columns: int | None = None,
    fps: int = 12,
) -> list[Path]:
    """Write samples of one model in a row: a picture (strip, or grid of `columns`), an .mp4 or .gif, or a folder.

    Args:
        resolution: pixels a side of each picture; for a folder, of its files.

    Raises:
        EngineError: for no samples, an unknown ending, a place that cannot be written.
    """
    if not samples:
        raise BadInput("No samples were given.", "Give at least one.")
    drawn = tuple(sample._drawn for sample in samples)
    return list(samples[0]._session.ask(ExportPath(drawn, Path(path), resolution, columns, fps)))


def models() -> tuple[ModelInfo, ...]:
    """The models on this machine, starters first."""
    return Session("cpu").ask(ListModels())


def open(path: str | Path, device: str = "auto") -> Sample:
    """The sample of an exported file or a latent: read where it is inside, else drawn again from its recipe.

    Raises:
        EngineError: if there is no recipe, or the model is not here.
    """
    session = Session(device)
    opened = session.ask(OpenExport(Path(path)))
    return Sample(session, opened.sample or session.ask(Regenerate(opened.recipe)))
