"""Videos in the real window on the real engine, with a small random model: made, played, saved, closed meanwhile."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from pixels import pixels_of
from PySide6.QtCore import Qt

from ddmi_models.cancel import CancelToken
from ddmi_models.checkpoints.registry import models_dir
from ddmi_models.engine import Engine
from ddmi_models.events import Result
from ddmi_models.requests import Clip, ClipView, ExportEstimate, Render, Timing
from ddmi_studio.app import parse
from ddmi_studio.pages import dialogs
from ddmi_studio.studio import Studio
from ddmi_studio.views import SCENES
from ddmi_studio.views.frame_store import Ready

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import models

TIMEOUT = 240_000  # milliseconds; torch may have to be imported first
LEFT = Qt.MouseButton.LeftButton
SIDE = 64


@pytest.fixture
def studio(qtbot, qapp) -> Iterator[Studio]:
    """The program with one video sample on the screen, at 64 px."""
    models.write(models_dir(), "video")
    studio = Studio(qapp, parse(["--threads", "1", "--theme", "dark"]), SCENES)
    studio.show()
    try:
        qtbot.waitUntil(lambda: studio.session.models_known, timeout=TIMEOUT)
        studio.session.pick_model("small-video")
        studio.session.render.set("video", resolution=SIDE)
        qtbot.mouseClick(studio.create.recipe.generate, LEFT)
        qtbot.waitUntil(lambda: len(studio.session.samples.all) > 0, timeout=TIMEOUT)
        yield studio
    finally:
        studio.window.close()
        studio.window.deleteLater()
        studio.deleteLater()
    assert studio.ended


def all_sharp(qtbot, view) -> None:
    qtbot.waitUntil(lambda: all(view.feed.ready(k) is Ready.SHARP for k in range(view.head.count)), timeout=TIMEOUT)


def engine_clip(studio: Studio, timing: Timing, **values: object) -> Clip:
    """What the engine makes of the sample that is shown."""
    request = Render(studio.session.samples.current.sample, ClipView(SIDE, SIDE, timing, **values))
    events = list(Engine(device="cpu", threads=1).run(request, CancelToken()))
    assert isinstance(events[-1], Result)
    return events[-1].value


def near(first: np.ndarray, second: np.ndarray) -> bool:
    return first.shape == second.shape and int(np.abs(first.astype(int) - second).max()) <= 1


def test_frames_on_the_screen_are_the_engines(qtbot, studio):
    view, inspector = studio.create.stage.current(), studio.create.inspector
    assert view.playing and inspector.clip.isVisible() and inspector.clip.rate.value() == 8
    all_sharp(qtbot, view)
    seen: dict[int, np.ndarray] = {}
    view._clock.timeout.connect(lambda: seen.update({view.head.index: pixels_of(view.picture())}))
    qtbot.waitUntil(lambda: len(seen) == 4, timeout=TIMEOUT)
    trained = engine_clip(studio, Timing())
    assert all(near(seen[k], trained.frames[k]) for k in range(4))
    assert len({frame.tobytes() for frame in trained.frames}) == 4, "it moves"
    view.step(1)
    edit = inspector.clip.rate.edit
    edit.setText("24")
    edit.editingFinished.emit()
    assert view.head.count == 10
    all_sharp(qtbot, view)
    finer = engine_clip(studio, Timing(24.0))
    frames = []
    for k in range(10):
        view.seek(k)
        frames.append(pixels_of(view.picture()))
        assert near(frames[k], finer.frames[k])
    assert all(near(frames[3 * k], trained.frames[k]) for k in range(4)), "a trained frame stays what it was"
    assert all(not np.array_equal(a, b) for a, b in pairwise(frames)), "none is repeated"
    studio.session.render.set("video", gains=(1.0, 1.0, 0.0))
    studio.session.render.set("video", clip=view.clip.from_instant(0.25))
    all_sharp(qtbot, view)
    view.seek(2)
    coarse = engine_clip(studio, Timing(24.0, start=0.25), gains=(1.0, 1.0, 0.0))
    assert near(pixels_of(view.picture()), coarse.frames[2])


def test_a_clip_is_saved_as_it_is_timed(qtbot, studio, tmp_path, monkeypatch):
    session, inspector = studio.session, studio.create.inspector
    clip = session.render.settings("video").clip
    session.render.set("video", clip=clip.to_instant(0.25))
    session.render.set_export("video", resolution=(48, 32))
    estimates: list = []
    studio.create.renders.estimated.connect(estimates.append)
    inspector.export_rate.box.setCurrentText("16 fps")
    inspector.export_rate.box.lineEdit().editingFinished.emit()
    qtbot.waitUntil(lambda: isinstance(next(reversed(estimates), None), ExportEstimate), timeout=TIMEOUT)
    path = tmp_path / "sky.mp4"
    monkeypatch.setattr(dialogs, "save_path", lambda *_: path)
    qtbot.mouseClick(inspector.export, LEFT)
    qtbot.waitUntil(lambda: path.exists() and not studio.create.queue.rows, timeout=TIMEOUT)
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate, stream.width, stream.height) == ("h264", 16, 48, 32)
        assert sum(1 for _ in film.decode(stream)) == 5, "0 to a quarter of a second"
    folder = tmp_path / "frames"
    monkeypatch.setattr(dialogs, "new_folder", lambda *_: folder)
    qtbot.mouseClick(inspector.formats.button(""), LEFT)
    qtbot.mouseClick(inspector.export, LEFT)
    qtbot.waitUntil(lambda: folder.exists() and not studio.create.queue.rows, timeout=TIMEOUT)
    names = sorted(file.name for file in folder.iterdir())
    assert names == ["0000.png", "0001.png", "0002.png", "0003.png", "0004.png", "recipe.json"]
    with Image.open(folder / "0003.png") as picture:
        assert picture.size == (48, 32)
    assert json.loads((folder / "recipe.json").read_text(encoding="utf-8"))


def test_another_domain_takes_the_screen_and_gives_it_back(qtbot, studio):
    models.write(models_dir(), "image")
    view = studio.create.stage.current()
    problems: list = []
    studio.session.message.connect(lambda message: problems.append(message) if message.error else None)
    studio.session.load_models()
    qtbot.waitUntil(lambda: studio.session.model("small-image") is not None, timeout=TIMEOUT)
    studio.session.pick_model("small-image")
    qtbot.mouseClick(studio.create.recipe.generate, LEFT)
    qtbot.waitUntil(lambda: studio.session.domain == "image" and len(studio.session.samples.all) == 2, timeout=TIMEOUT)
    assert not view._clock.isActive() and not studio.create.inspector.clip.isVisible()
    studio.session.samples.select(studio.session.samples.all[0])
    assert studio.create.stage.current() is view and view._clock.isActive()
    all_sharp(qtbot, view)
    assert not problems


def test_it_closes_while_frames_are_rendered(qtbot, studio):
    view = studio.create.stage.current()
    studio.session.render.set("video", resolution=1024)
    qtbot.waitUntil(lambda: view.picture().width() > SIDE, timeout=TIMEOUT)
    assert view._clock.isActive()
    studio.window.close()
    assert studio.ended and not view._clock.isActive() and view.feed.store.bytes == 0
