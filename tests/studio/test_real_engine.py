"""The whole program on the real engine with small random models: a person makes, drags, saves and drops."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage
from PySide6.QtWidgets import QWidget

from ddmi_models.checkpoints.registry import models_dir
from ddmi_studio.app import parse
from ddmi_studio.pages import dialogs
from ddmi_studio.studio import Studio
from ddmi_studio.views import SCENES

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import models

TIMEOUT = 240_000  # milliseconds; torch may have to be imported first
IMAGE, SHAPE, FIELD = "small-image", "small-shape", "small-nerf"


@pytest.fixture
def studio(qtbot, qapp) -> Iterator[Studio]:
    for domain in ("image", "shape", "nerf"):
        models.write(models_dir(), domain)
    studio = Studio(qapp, parse(["--threads", "1", "--theme", "dark"]), SCENES)
    studio.show()
    studio.window.activateWindow()
    try:
        qtbot.waitUntil(lambda: studio.session.models_known, timeout=TIMEOUT)
        qtbot.waitUntil(studio.window.isActiveWindow, timeout=TIMEOUT)
        yield studio
    finally:
        studio.window.close()
        studio.window.deleteLater()
        studio.deleteLater()
    assert studio.ended


def generate(qtbot, studio: Studio, model: str, prompt: str = "") -> None:
    before = len(studio.session.samples.all)
    studio.session.pick_model(model)
    qtbot.keyClicks(studio.create.recipe.prompt, prompt)
    qtbot.mouseClick(studio.create.recipe.generate, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(studio.session.samples.all) > before, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: studio.session.samples.all[-1].thumbnail is not None, timeout=TIMEOUT)


def drag(qtbot, studio: Studio, fraction: float) -> None:
    bar = studio.create.inspector.resolution.slider
    middle = bar.height() // 2
    qtbot.mousePress(bar, Qt.MouseButton.LeftButton, pos=QPoint(bar.width() // 2, middle))
    end = QPoint(int(bar.width() * fraction), middle)
    qtbot.mouseMove(bar, end)
    qtbot.mouseRelease(bar, Qt.MouseButton.LeftButton, pos=end)


def export(qtbot, studio: Studio, monkeypatch, path: Path, button: QWidget | None = None) -> None:
    monkeypatch.setattr(dialogs, "save_path", lambda *_: path)
    qtbot.mouseClick(button or studio.create.inspector.export, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: path.exists() and not studio.create.queue.rows, timeout=TIMEOUT)


def drop(studio: Studio, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    studio.window.dropEvent(QDropEvent(QPointF(600, 300), copy, data, left, none))


def picture(qtbot, studio: Studio, side: int) -> QImage:
    """What the image view shows once it is rendered at a side in pixels."""
    view = studio.create.stage.current()
    qtbot.waitUntil(lambda: view.picture().width() == side, timeout=TIMEOUT)
    return view.picture()


def colors(image: QImage) -> set[int]:
    step = max(1, image.width() // 97)
    return {image.pixel(x, y) for x in range(0, image.width(), step) for y in range(0, image.height(), step)}


def test_an_image_from_seed_to_file_and_back(qtbot, studio, tmp_path, monkeypatch):
    generate(qtbot, studio, IMAGE)
    made = studio.session.samples.current.sample.recipe
    large = picture(qtbot, studio, studio.session.render.settings("image").resolution)
    assert len(colors(large)) > 20, "the view shows a picture"
    drag(qtbot, studio, 0.0)
    assert studio.session.render.settings("image").resolution == 64
    small = picture(qtbot, studio, 64)
    scaled = large.scaled(64, 64, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
    assert small.convertToFormat(scaled.format()) != scaled, "evaluated again, not a bitmap made smaller"
    studio.session.render.set_export("image", resolution=(96, 48))
    export(qtbot, studio, monkeypatch, tmp_path / "face.png")
    assert QImage(str(tmp_path / "face.png")).size().toTuple() == (96, 48)
    studio.session.form.set(seed=1, seed_locked=False, steps=9)
    drop(studio, tmp_path / "face.png")
    qtbot.waitUntil(lambda: studio.create.recipe.seed.seed() == made.seed, timeout=TIMEOUT)
    assert studio.session.form.values.steps == made.steps and studio.create.recipe.seed.locked()
    qtbot.mouseClick(studio.create.stage.banner.action, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(studio.session.samples.all) == 2, timeout=TIMEOUT)
    first, again = (entry.sample.latents.packed for entry in studio.session.samples.all)
    assert (first == again).all(), "the recipe gives the same bytes"


def test_a_shape_from_prompt_to_mesh(qtbot, studio, tmp_path, monkeypatch):
    generate(qtbot, studio, SHAPE, "a round table")
    assert studio.session.samples.current.sample.recipe.prompt == "a round table"
    rendered: list = []
    studio.create.renders.rendered.connect(lambda _view, mesh, final: rendered.append(mesh.cells) if final else None)
    drag(qtbot, studio, 0.0)
    qtbot.waitUntil(lambda: rendered[-1:] == [32], timeout=TIMEOUT)
    view = studio.create.stage.current()
    qtbot.waitUntil(lambda: len(colors(view.picture())) > 20, timeout=TIMEOUT)
    studio.session.render.set_export("shape", resolution=(16, 16))
    export(qtbot, studio, monkeypatch, tmp_path / "table.glb")
    assert (tmp_path / "table.glb").read_bytes()[:4] == b"glTF"


def turn(qtbot, view, by: QPoint) -> None:
    """Drag the view, and wait for the fine picture."""
    middle = QPoint(view.width() // 2, 100)
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(view, middle + by)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=middle + by)
    qtbot.waitUntil(lambda: view.info.text().endswith("moving"), timeout=TIMEOUT)
    qtbot.waitUntil(lambda: view.info.text().endswith("px"), timeout=TIMEOUT)


def test_a_radiance_field_is_turned_filmed_and_cancelled(qtbot, studio, tmp_path, monkeypatch):
    generate(qtbot, studio, FIELD)
    view, inspector, render = studio.create.stage.current(), studio.create.inspector, studio.session.render
    drag(qtbot, studio, 0.0)
    qtbot.waitUntil(lambda: min(view.picture().size().toTuple()) == 64, timeout=TIMEOUT)
    first = view.picture()
    assert len(colors(first)) > 20
    assert not inspector.motion.motion.button("fly").isEnabled(), "there is no path yet"
    qtbot.keyClick(view, Qt.Key.Key_K)
    turn(qtbot, view, QPoint(150, 20))
    assert view.picture() != first
    qtbot.keyClick(view, Qt.Key.Key_K)
    assert inspector.motion.motion.value() == "fly"
    shot = render.shot("nerf")
    assert len(shot.keyframes) == 2 and shot.keyframes[1] == shot.camera
    render.set_export("nerf", resolution=(16, 16))
    render.set_shot("nerf", seconds=1.0, rate=6)
    export(qtbot, studio, monkeypatch, tmp_path / "flight.mp4", view.path.save)
    with av.open(str(tmp_path / "flight.mp4")) as clip:
        frames = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
        assert (len(frames), frames[0].shape, clip.streams.video[0].average_rate) == (6, (16, 16, 3), 6)
    assert (frames[0] != frames[-1]).any()
    drop(studio, tmp_path / "flight.mp4")
    qtbot.waitUntil(lambda: "restored from flight.mp4" in studio.create.stage.banner.text(), timeout=TIMEOUT)
    film_and_cancel(qtbot, studio, monkeypatch, tmp_path / "long.mp4")
    qtbot.mouseClick(inspector.formats.button(".glb"), Qt.MouseButton.LeftButton)
    assert inspector.export_size.currentText() == "128 cells" and not inspector.motion.isVisible()
    qtbot.waitUntil(lambda: inspector.estimate.text().startswith("about"), timeout=TIMEOUT)


def film_and_cancel(qtbot, studio: Studio, monkeypatch, path: Path) -> None:
    """A long clip is begun and given up in the queue; the view goes on answering meanwhile."""
    studio.session.render.set_shot("nerf", seconds=30.0, rate=30)
    monkeypatch.setattr(dialogs, "save_path", lambda *_: path)
    qtbot.mouseClick(studio.create.inspector.export, Qt.MouseButton.LeftButton)
    rows = studio.create.queue
    qtbot.waitUntil(lambda: bool(rows.rows) and rows.rows[0].row.step > 1, timeout=TIMEOUT)
    turn(qtbot, studio.create.stage.current(), QPoint(-60, 0))
    assert rows.rows, "it is still being written"
    studio.session.queue.cancel(rows.rows[0].row)
    qtbot.waitUntil(lambda: not rows.rows, timeout=TIMEOUT)
    assert [file.name for file in path.parent.iterdir()] == ["flight.mp4"]


def test_opengl_may_come_before_torch():
    models.write(models_dir(), "shape")
    script = Path(__file__).with_name("shape_first.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, [SHAPE, "False"]), done.stderr


def test_a_long_generation_is_cancelled_and_another_survives_the_close(qtbot, studio):
    studio.session.pick_model(IMAGE)
    studio.session.form.set(steps=1000, count=8)
    for _ in range(2):
        studio.session.generate()
    rows = studio.create.queue
    qtbot.waitUntil(lambda: bool(rows.rows) and rows.rows[0].row.step > 1, timeout=TIMEOUT)
    first = rows.rows[0].row
    qtbot.keyClick(studio.create.recipe.seed.edit, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: len(rows.rows) == 1 and rows.rows[0].row is not first, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: rows.rows[0].row.step > 1, timeout=TIMEOUT)
    studio.window.close()
    assert studio.ended and not studio.session.samples.all
