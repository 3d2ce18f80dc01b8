"""Frames of videos are the field evaluated at their own instants, at any rate and size, whatever else is made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.coords import clip_points, image_points
from ddmi_models.domains.base import CHUNK_POINTS, Query
from ddmi_models.domains.video import VideoDomain
from ddmi_models.errors import BadInput, OutOfMemory
from ddmi_models.events import Partial
from ddmi_models.rendering.clips import exposures, frame_instants, render_clip
from ddmi_models.rendering.metadata import read_recipe
from ddmi_models.rendering.renderers import RENDERERS, Decoded
from ddmi_models.rendering.tiles import to_bytes
from ddmi_models.requests import Clip, ClipView, Export, ImageView, Timing
from tests.rendering.solids import drained, sampled

TOKEN = CancelToken()
FRAMES, RATE = 4, 8.0
"""Of the small model."""

LAST = (FRAMES - 1) / RATE


@pytest.fixture(scope="module")
def decoded() -> Decoded:
    return sampled("video")[0]


def rendered(decoded: Decoded, view: ClipView) -> Clip:
    return drained(render_clip(decoded.domain, decoded.fields, view, TOKEN))[1]


def colours(decoded: Decoded, instants: np.ndarray, side: int = 6) -> torch.Tensor:
    """Colours [T, N, 3] at instants in seconds."""
    domain = decoded.domain
    assert isinstance(domain, VideoDomain)
    points = clip_points(image_points(side, side), domain.time(torch.from_numpy(instants)))
    with torch.inference_mode():
        return domain.evaluate(decoded.fields, Query(points))[0].reshape(len(instants), side * side, 3)


@pytest.mark.parametrize(("rate", "start", "count"), [(None, 0.0, 4), (16.0, 0.0, 7), (24.0, 0.125, 7), (3.0, 0.1, 1)])
def test_frame_k_stands_at_start_plus_k_over_the_rate(
    decoded: Decoded, rate: float | None, start: float, count: int
) -> None:
    clip = rendered(decoded, ClipView(8, 8, Timing(rate, start)))
    assert clip.rate == (rate or RATE) and len(clip.frames) == count
    assert clip.instants == pytest.approx([start + k / clip.rate for k in range(count)])
    assert clip.instants[-1] <= LAST + 1e-9 < clip.instants[-1] + 1 / clip.rate
    expected = to_bytes(colours(decoded, np.array(clip.instants), 8)).reshape(clip.frames.shape)
    assert np.abs(clip.frames.astype(int) - expected).max() <= 1


def test_trained_frames_are_the_centres_of_the_domains_grid(decoded: Decoded) -> None:
    with torch.inference_mode():
        values = decoded.domain.evaluate(decoded.fields, decoded.domain.grid(12))[0]
    clip = rendered(decoded, ClipView(12, 12))
    assert np.abs(clip.frames.astype(int) - to_bytes(values).reshape(clip.frames.shape)).max() <= 1
    assert np.abs(np.diff(clip.frames.astype(int), axis=0)).mean() > 1  # it moves


@pytest.mark.parametrize(("slow", "fast"), [(8, 24), (10, 30), (12, 30), (7, 29.97)])
def test_an_instant_of_two_rates_agrees(decoded: Decoded, slow: float, fast: float) -> None:
    a, b = (frame_instants(decoded.domain, Timing(rate)) for rate in (slow, fast))
    shared = [(i, j) for i, x in enumerate(a) for j, y in enumerate(b) if abs(x - y) < 1e-9]
    assert len(shared) >= (2 if fast != 29.97 else 1)
    first, second = colours(decoded, a), colours(decoded, b)
    for i, j in shared:
        assert float((first[i] - second[j]).abs().max()) <= 1e-5 * float(first.std())


@pytest.mark.parametrize(("side", "shutter"), [(66, 0.0), (34, 0.1)])  # several chunks a frame
def test_some_frames_at_a_time_equal_all(decoded: Decoded, side: int, shutter: float) -> None:
    timing = Timing(24.0, shutter=shutter)
    whole = rendered(decoded, ClipView(side, side, timing))
    parts = [
        rendered(decoded, ClipView(side, side, timing, first=first, count=min(4, 10 - first)))
        for first in range(0, 10, 4)
    ]
    assert np.array_equal(np.concatenate([part.frames for part in parts]), whole.frames)
    assert sum((part.instants for part in parts), ()) == whole.instants


def test_shutter_averages_around_the_instant(decoded: Decoded) -> None:
    instant, shutter = 0.15, 0.2
    view = ClipView(9, 9, Timing(start=instant, stop=instant, shutter=shutter))
    fine = instant + shutter * ((np.arange(400) + 0.5) / 400 - 0.5)
    expected = to_bytes(colours(decoded, fine, 9).clamp(-1, 1).mean(0)).reshape(9, 9, 3).astype(int)
    open_long = rendered(decoded, view).frames[0].astype(int)
    sharp = rendered(decoded, ClipView(9, 9, Timing(start=instant, stop=instant))).frames[0].astype(int)
    assert np.abs(open_long - expected).mean() < 0.1 * np.abs(sharp - expected).mean()


def test_a_window_is_a_part_of_the_same_frame(decoded: Decoded) -> None:
    whole = rendered(decoded, ClipView(40, 40)).frames.astype(int)
    part = rendered(decoded, ClipView(20, 10, window=(0.0, -0.5, 1.0, 0.0))).frames
    assert np.abs(part - whole[:, 10:20, 20:]).max() <= 1


def test_a_coarser_clip_comes_first(decoded: Decoded) -> None:
    seen, clip = drained(render_clip(decoded.domain, decoded.fields, ClipView(128, 64), TOKEN, partials=True))
    (coarse,) = [event.value for event in seen if isinstance(event, Partial)]
    assert coarse.frames.shape == (4, 16, 32, 3) and clip.frames.shape == (4, 64, 128, 3)
    assert coarse.instants == clip.instants


@pytest.mark.parametrize(("size", "shutter"), [((200, 150), 0.0), ((64, 64), 5.0)])
def test_pieces_are_bounded_whatever_the_size(
    decoded: Decoded, size: tuple[int, int], shutter: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def watched(self: VideoDomain, fields: object, query: Query) -> torch.Tensor:
        seen.append(len(query))
        return torch.zeros(1, len(query), 3)

    monkeypatch.setattr(VideoDomain, "evaluate", watched)
    rendered(decoded, ClipView(*size, Timing(shutter=shutter)))
    assert max(seen) <= CHUNK_POINTS
    assert sum(seen) == FRAMES * size[0] * size[1] * len(exposures(decoded.domain, 0.0, shutter))


def test_cancelling_stops_within_a_frame(decoded: Decoded, monkeypatch: pytest.MonkeyPatch) -> None:
    token, evaluate, seen = CancelToken(), VideoDomain.evaluate, []

    def watched(self: VideoDomain, fields: object, query: Query) -> torch.Tensor:
        seen.append(len(query))
        if len(seen) == 2:
            token.cancel()
        return evaluate(self, fields, query)

    monkeypatch.setattr(VideoDomain, "evaluate", watched)
    with pytest.raises(WorkCancelled):
        drained(render_clip(decoded.domain, decoded.fields, ClipView(256, 256), token))
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("timing", "message"),
    [
        (Timing(0.0), "0 frames a second"),
        (Timing(float("nan")), "nan frames a second"),
        (Timing(1e6), "frames a second"),
        (Timing(start=-0.1), "no window from -0.1"),
        (Timing(stop=9.0), "runs from 0 to 0.375 s"),
        (Timing(start=0.2, stop=0.1), "no window from 0.2 to 0.1"),
        (Timing(shutter=-1.0), "shutter of -1"),
    ],
)
def test_timings_that_make_no_sense(decoded: Decoded, timing: Timing, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        frame_instants(decoded.domain, timing)


def test_views_that_cannot_be_rendered(decoded: Decoded, monkeypatch: pytest.MonkeyPatch) -> None:
    renderer = RENDERERS["video"]
    with pytest.raises(BadInput, match="frames 0 to 3"):
        rendered(decoded, ClipView(8, 8, first=3, count=2))
    with pytest.raises(BadInput, match="videos: there is no picture"):
        renderer.check_view(ImageView(8, 8))
    monkeypatch.setenv("DDMI_MEMORY_LIMIT", "300M")
    with pytest.raises(OutOfMemory, match=r"largest that fits is \d+ frames"):
        renderer.render(decoded, ClipView(1024, 1024, Timing(1000.0)), TOKEN, partials=False)


@pytest.mark.parametrize(
    ("domain", "name", "size", "timing", "message"),
    [
        ("video", "a.mp4", (9, 8), Timing(), "even numbers"),
        ("video", "a.gif", (8, 8), Timing(60.0), "at most 50 frames"),
        ("video", "a.webm", (8, 8), Timing(stop=7.0), "runs from 0"),
        ("video", "a.png", (8, 8), Timing(), "not written as .png"),
        ("image", "a.png", (8, 8), Timing(30.0), "no frames to time"),
    ],
)
def test_exports_that_cannot_be_written(
    domain: str, name: str, size: tuple[int, int], timing: Timing, message: str
) -> None:
    made, sample = sampled(domain)
    with pytest.raises(BadInput, match=message):
        RENDERERS[domain].check(made.domain, Export(sample, Path(name), size, timing=timing), size)


@pytest.mark.parametrize(("suffix", "rate"), [(".mp4", 16.0), (".webm", 16.0), (".gif", 20.0), (".mp4", 29.97)])
def test_clips_have_their_frames_rate_and_recipe(suffix: str, rate: float, tmp_path: Path) -> None:
    made, sample = sampled("video")
    path, timing = tmp_path / f"a{suffix}", Timing(rate)
    renderer = RENDERERS["video"]
    drained(renderer.write(made, Export(sample, path, timing=timing), (32, 16), TOKEN))
    expected = rendered(made, ClipView(32, 16, timing, window=(-1.0, -0.5, 1.0, 0.5))).frames
    with av.open(str(path)) as clip:
        assert float(clip.streams.video[0].average_rate) == pytest.approx(rate, rel=1e-3)
        back = np.stack([frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)])
    assert back.shape == expected.shape
    assert np.abs(back.astype(int) - expected).mean() < 12
    assert read_recipe(path) == sample.recipe


def test_a_folder_holds_exact_frames(tmp_path: Path) -> None:
    made, sample = sampled("video")
    folder = tmp_path / "frames"
    drained(RENDERERS["video"].write(made, Export(sample, folder, timing=Timing(16.0)), (10, 6), TOKEN))
    names = sorted(path.name for path in folder.glob("*.png"))
    assert names == [f"{n:04d}.png" for n in range(7)]
    expected = rendered(made, ClipView(10, 6, Timing(16.0), window=(-1.0, -0.6, 1.0, 0.6))).frames
    assert all(np.array_equal(np.asarray(Image.open(folder / n)), f) for n, f in zip(names, expected, strict=True))
    assert read_recipe(folder) == sample.recipe == read_recipe(folder / names[3])


ENCODING = """
import sys
from pathlib import Path
import numpy as np
from ddmi_models.recipes import SampledRecipe
from ddmi_models.rendering.writers import write_clip
y, x = np.mgrid[:66, :96]
frames = [np.stack([5 * x + 7 * k, 9 * y + 3 * k, x + y + k], -1).astype(np.uint8) for k in range(8)]
recipe = SampledRecipe(
    domain="video", model="m", model_hash="0" * 64, seed=1, sampler="ddim", steps=1, guidance=1.0
)
for name in sys.argv[1:]:
    list(write_clip(Path(name), iter(frames), 8.0, recipe))
"""


def test_equal_frames_give_equal_bytes_whatever_memory_held_before(tmp_path: Path) -> None:
    contents = []
    for fill in ("1", "119"):  # what new memory is filled with
        names = [str(tmp_path / f"{fill}{suffix}") for suffix in (".mp4", ".webm", ".gif")]
        environment = {**os.environ, "MALLOC_PERTURB_": fill}
        subprocess.run([sys.executable, "-c", ENCODING, *names], check=True, env=environment)
        contents.append([Path(name).read_bytes() for name in names])
    assert contents[0] == contents[1]
