"""The window on a fake engine: clicked, typed into and dragged as a person would."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_engine import TIMEOUT, FakeEngine
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QWidget

from ddmi_models.errors import OutOfMemory
from ddmi_models.requests import Export, Generate, ImportModel, MeshView, Render
from ddmi_studio.app import parse
from ddmi_studio.jobs import Priority
from ddmi_studio.pages import dialogs
from ddmi_studio.pages.settings import SettingsPage
from ddmi_studio.state import settings as stored
from ddmi_studio.state.messages import Message
from ddmi_studio.state.scene import Scene
from ddmi_studio.studio import Studio
from ddmi_studio.views import SCENES


def open_studio(
    qtbot, qapp, engine: FakeEngine, options: argparse.Namespace | None = None, scenes: dict[str, Scene] = SCENES
) -> Studio:
    studio = Studio(qapp, options or parse(["--theme", "dark"]), scenes, lambda: engine)
    studio.show()
    qtbot.waitExposed(studio.window)
    studio.window.activateWindow()
    qtbot.waitUntil(studio.window.isActiveWindow, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: bool(studio.session.models), timeout=TIMEOUT)
    return studio


def shut(qtbot, studio: Studio) -> None:
    studio.window.close()
    assert studio.ended
    studio.window.deleteLater()
    studio.deleteLater()


@pytest.fixture
def studio(qtbot, qapp, engine: FakeEngine) -> Iterator[Studio]:
    studio = open_studio(qtbot, qapp, engine)
    yield studio
    shut(qtbot, studio)


def click(qtbot, widget: QWidget) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def generate(qtbot, studio: Studio, model: str, count: int = 1) -> None:
    before = len(studio.session.samples.all)
    studio.session.pick_model(model)
    studio.session.form.set(count=count)
    click(qtbot, studio.create.recipe.generate)
    qtbot.waitUntil(lambda: len(studio.session.samples.all) == before + count, timeout=TIMEOUT)


def requests(engine: FakeEngine, kind: type) -> list:
    return [r for r in engine.seen if type(r) is kind]


def drop(window: QWidget, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(600, 300), Qt.DropAction.CopyAction, data, buttons, keys))


def test_the_welcome_makes_something_with_one_click(qtbot, studio, engine):
    welcome = studio.create.stage.welcome
    assert welcome.isVisible() and len(welcome.starters) == 2
    click(qtbot, welcome.starters[1])
    qtbot.waitUntil(lambda: bool(studio.session.samples.all), timeout=TIMEOUT)
    assert requests(engine, Generate)[0].prompt == "a round table with one central leg"
    assert not welcome.isVisible()
    view = studio.create.stage.current()
    qtbot.waitUntil(lambda: bool(requests(engine, Render)), timeout=TIMEOUT)
    assert isinstance(requests(engine, Render)[0].view, MeshView)
    assert view is studio.create.stage.views["shape"]


def test_a_typed_recipe_reaches_the_engine(qtbot, studio, engine):
    recipe = studio.create.recipe
    studio.session.pick_model("furniture")
    qtbot.keyClicks(recipe.prompt, "a square stool")
    qtbot.keyClicks(recipe.negative, "drawers")
    recipe.seed.edit.selectAll()
    qtbot.keyClicks(recipe.seed.edit, "123456789012")
    recipe.count.lineEdit().selectAll()
    qtbot.keyClicks(recipe.count, "2")
    recipe.sampler.setFocus()
    qtbot.keyClick(recipe.sampler, Qt.Key.Key_Down)
    qtbot.keyClick(recipe.prompt, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: len(studio.session.samples.all) == 2, timeout=TIMEOUT)
    request = requests(engine, Generate)[0]
    assert (request.prompt, request.negative, request.count) == ("a square stool", "drawers", 2)
    assert (request.seed, request.sampler) == (123456789012, "unipc")
    assert [s.sample.recipe.seed for s in studio.session.samples.all] == [123456789012, 123456789013]


def test_an_unlocked_seed_moves_on_and_a_locked_one_stays(qtbot, studio, engine):
    seed = studio.create.recipe.seed
    first = seed.seed()
    generate(qtbot, studio, "avatars")
    assert seed.seed() != first
    click(qtbot, seed.lock)
    kept = seed.seed()
    generate(qtbot, studio, "avatars")
    generate(qtbot, studio, "avatars")
    assert seed.seed() == kept
    assert [r.seed for r in requests(engine, Generate)] == [first, kept, kept]


def test_a_model_without_text_greys_the_prompt_and_says_why(qtbot, studio):
    recipe = studio.create.recipe
    studio.session.pick_model("furniture")
    qtbot.keyClicks(recipe.prompt, "a desk")
    studio.session.pick_model("avatars")
    assert not recipe.prompt.isEnabled() and not recipe.negative.isEnabled()
    assert "without text" in recipe.prompt.placeholderText()
    assert recipe.prompt.toPlainText() == ""
    studio.session.pick_model("furniture")
    assert recipe.prompt.toPlainText() == "a desk"


def test_unknown_words_are_named_while_typing(qtbot, studio):
    studio.session.pick_model("furniture")
    qtbot.keyClicks(studio.create.recipe.prompt, "a gothic tabel with shelves")
    assert studio.create.recipe.words.isVisible()
    assert studio.create.recipe.words.text().endswith(": gothic"), "words that are misspelt by a letter are read"


def test_escape_cancels_and_the_window_stays_usable(qtbot, studio, engine):
    engine.step_seconds = 0.01
    studio.session.pick_model("furniture")
    studio.session.form.set(steps=200)
    click(qtbot, studio.create.recipe.generate)
    rows = studio.create.queue
    qtbot.waitUntil(lambda: bool(rows.rows) and rows.rows[0].row.step > 2, timeout=TIMEOUT)
    assert studio.create.recipe.generate.text() == "Cancel"
    assert "steps/s" in studio.create.queue.rows[0].text()
    qtbot.keyClick(studio.create.recipe.prompt, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not studio.create.queue.rows, timeout=TIMEOUT)
    assert not studio.session.samples.all
    assert studio.create.recipe.generate.text() == "Generate"
    studio.session.form.set(steps=2)
    generate(qtbot, studio, "furniture")


def test_the_queue_is_paused_reordered_and_cancelled_by_its_buttons(qtbot, studio, engine):
    session, queue = studio.session, studio.create.queue
    session.pick_model("avatars")
    session.queue.set_paused(True)
    for seed in (1, 2, 3):
        session.form.set(seed=seed, seed_locked=True)
        click(qtbot, studio.create.recipe.queue)
    assert [row.row.job.request.seed for row in queue.rows] == [1, 2, 3]
    session.queue.move(queue.rows[2].row, -1)
    qtbot.waitUntil(lambda: [row.row.job.request.seed for row in queue.rows] == [1, 3, 2], timeout=TIMEOUT)
    click(qtbot, queue.rows[0].cancel)
    qtbot.waitUntil(lambda: len(queue.rows) == 2, timeout=TIMEOUT)
    click(qtbot, queue.hold)
    qtbot.waitUntil(lambda: len(session.samples.all) == 2, timeout=TIMEOUT)
    assert [r.seed for r in requests(engine, Generate)] == [3, 2]


def test_the_resolution_slider_evaluates_the_field_again(qtbot, studio, engine):
    generate(qtbot, studio, "avatars")
    qtbot.waitUntil(lambda: bool(requests(engine, Render)), timeout=TIMEOUT)
    view = studio.create.stage.current()
    before = view.picture()
    slider = studio.create.inspector.resolution
    bar = slider.slider
    at = QPoint(bar.width() // 2, bar.height() // 2)
    qtbot.mousePress(bar, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseMove(bar, QPoint(4, bar.height() // 2))
    qtbot.mouseRelease(bar, Qt.MouseButton.LeftButton, pos=QPoint(4, bar.height() // 2))
    assert slider.value() < 100
    qtbot.waitUntil(lambda: requests(engine, Render)[-1].view.width == slider.value(), timeout=TIMEOUT)
    qtbot.waitUntil(lambda: view.picture().width() == slider.value(), timeout=TIMEOUT)
    assert view.picture() != before


def test_gains_and_iso_reach_the_engine(qtbot, studio, engine):
    generate(qtbot, studio, "furniture")
    inspector = studio.create.inspector
    assert [g.text() if hasattr(g, "text") else "" for g in inspector.gains] and len(inspector.gains) == 3
    qtbot.keyClick(inspector.iso.slider, Qt.Key.Key_Right)
    qtbot.keyClick(inspector.gains[2].slider, Qt.Key.Key_Left)

    def settled() -> bool:
        views = [request.view for request in requests(engine, Render)]
        return any(v.iso is not None and v.iso > 0.5 and v.gains is not None and v.gains[2] < 1 for v in views)

    qtbot.waitUntil(settled, timeout=TIMEOUT)


def test_export_writes_the_chosen_format_and_size(qtbot, studio, engine, tmp_path, monkeypatch):
    generate(qtbot, studio, "furniture")
    inspector = studio.create.inspector
    click(qtbot, inspector.formats.button(".ply"))
    inspector.export_size.lineEdit().selectAll()
    qtbot.keyClicks(inspector.export_size.lineEdit(), "64")
    qtbot.keyClick(inspector.export_size.lineEdit(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "about" in inspector.estimate.text(), timeout=TIMEOUT)
    asked = []
    monkeypatch.setattr(dialogs, "save_path", lambda *arguments: asked.append(arguments) or tmp_path / "table.ply")
    qtbot.keyClick(studio.create.recipe.prompt, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: (tmp_path / "table.ply").exists(), timeout=TIMEOUT)
    request = requests(engine, Export)[0]
    assert (request.path.suffix, request.resolution, request.iso) == (".ply", (64, 64), 0.5)
    assert asked[0][1].suffix == ".ply"
    qtbot.waitUntil(lambda: studio.create.stage.banner.title.text() == "Saved table.ply", timeout=TIMEOUT)


def test_a_turntable_is_a_clip_of_pixels(qtbot, studio, engine, tmp_path, monkeypatch):
    generate(qtbot, studio, "furniture")
    monkeypatch.setattr(dialogs, "save_path", lambda *_: tmp_path / "table.mp4")
    studio.create.stage.current().spin_wanted.emit()
    qtbot.waitUntil(lambda: bool(requests(engine, Export)), timeout=TIMEOUT)
    assert requests(engine, Export)[0].path.name == "table.mp4"
    assert requests(engine, Export)[0].resolution == (512, 512)


def test_a_dropped_export_restores_its_recipe_and_shows_its_sample(qtbot, studio, engine, tmp_path):
    studio.session.form.set(prompt="a low desk")
    generate(qtbot, studio, "furniture")
    made = studio.session.samples.all[0].sample.recipe
    studio.create.renders.export(tmp_path / "desk.glb")
    qtbot.waitUntil(lambda: (tmp_path / "desk.glb").exists() and not studio.create.queue.rows, timeout=TIMEOUT)
    studio.session.form.set(prompt="something else", seed=1)
    studio.session.pick_model("avatars")
    drop(studio.window, tmp_path / "desk.glb")
    qtbot.waitUntil(lambda: len(studio.session.samples.all) == 2, timeout=TIMEOUT)
    assert studio.create.recipe.prompt.toPlainText() == "a low desk"
    assert studio.create.recipe.seed.seed() == made.seed and studio.create.recipe.seed.locked()
    assert studio.session.form.model.name == "furniture"
    assert "desk.glb" in studio.create.stage.banner.title.text()


def test_a_dropped_model_is_imported(qtbot, studio, engine, tmp_path):
    engine.answers[ImportModel] = lambda r, t: engine.answers[type(r)](r, t)
    engine.fail = lambda r: OutOfMemory("It does not fit.", "Close something.") if isinstance(r, ImportModel) else None
    drop(studio.window, tmp_path / "model.safetensors")
    qtbot.waitUntil(lambda: studio.create.stage.banner.isVisible(), timeout=TIMEOUT)
    assert requests(engine, ImportModel)[0].path == tmp_path / "model.safetensors"


def test_an_error_says_what_happened_what_was_kept_and_what_to_do(qtbot, studio, engine):
    error = OutOfMemory("16 samples do not fit in memory.", "Make 4 at a time.")
    engine.fail = lambda r: error if isinstance(r, Generate) else None
    studio.session.pick_model("avatars")
    click(qtbot, studio.create.recipe.generate)
    banner = studio.create.stage.banner
    qtbot.waitUntil(banner.isVisible, timeout=TIMEOUT)
    assert banner.title.text() == "16 samples do not fit in memory."
    assert "the recipe stands" in banner.body.text() and "Make 4 at a time." in banner.body.text()
    assert not banner.details.isVisible()
    click(qtbot, banner.show_details)
    click(qtbot, banner.copy)
    assert "Traceback" in QGuiApplication.clipboard().text()
    engine.fail = lambda r: None
    generate(qtbot, studio, "avatars")
    assert not banner.isVisible()


def test_the_filmstrip_shows_selects_and_gives_back_recipes(qtbot, studio):
    generate(qtbot, studio, "avatars", count=3)
    strip, samples = studio.create.filmstrip, studio.session.samples
    qtbot.waitUntil(lambda: all(e.thumbnail is not None for e in samples.all), timeout=TIMEOUT)
    assert samples.current is samples.all[0]
    center = strip.visualItemRect(strip.item(2)).center()
    qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=center)
    assert samples.current is samples.all[2]
    qtbot.mouseDClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=center)
    assert studio.create.recipe.seed.seed() == samples.all[2].sample.recipe.seed
    samples.remove(samples.all[2])
    assert strip.count() == 2 and samples.current is samples.all[1]


def test_copies_go_to_the_clipboard(qtbot, studio):
    generate(qtbot, studio, "avatars")
    click(qtbot, studio.create.inspector.copy_recipe)
    assert '"model": "avatars"' in QGuiApplication.clipboard().text()
    qtbot.waitUntil(lambda: not studio.create.stage.current().picture().isNull(), timeout=TIMEOUT)
    click(qtbot, studio.create.inspector.copy_image)
    assert QGuiApplication.clipboard().image().width() > 16


def test_previews_are_shown_while_sampling_only_if_wanted(qtbot, studio, engine):
    click(qtbot, studio.create.recipe.advanced.header)
    shown = []
    studio.session.preview.connect(shown.append)
    generate(qtbot, studio, "avatars")
    assert shown
    shown.clear()
    studio.create.recipe.previews.click()
    generate(qtbot, studio, "avatars")
    assert not shown and not requests(engine, Generate)[-1].previews


def test_a_sample_comes_on_the_screen_although_one_of_another_model_was_looked_at(qtbot, studio):
    generate(qtbot, studio, "furniture")
    generate(qtbot, studio, "avatars")
    shape, _ = studio.session.samples.all
    studio.session.samples.select(shape)
    assert studio.session.domain == "shape" and studio.session.form.model.name == "avatars"
    previews = []
    studio.session.preview.connect(previews.append)
    generate(qtbot, studio, "avatars")
    assert studio.session.samples.current is studio.session.samples.all[2] and studio.session.domain == "image"
    assert previews


def test_a_picture_that_nobody_sees_any_more_keeps_no_sample_waiting(qtbot, studio, engine):
    generate(qtbot, studio, "furniture")
    engine.render_seconds = 3600.0
    studio.session.render.set("shape", iso=0.4)
    qtbot.waitUntil(lambda: any(job.priority is Priority.VIEW for job in studio.session.lane._running), timeout=TIMEOUT)
    studio.session.pick_model("avatars")
    engine.render_seconds = 0.0
    generate(qtbot, studio, "avatars")


def test_a_message_lies_on_top_of_the_views(qtbot, studio):
    stage = studio.create.stage
    generate(qtbot, studio, "furniture")
    studio.session.message.emit(Message("Words were left out."))
    generate(qtbot, studio, "avatars")
    assert stage.banner.isHidden(), "a new sample has messages of its own"
    studio.session.message.emit(Message("Words were left out."))
    studio.session.pick_model("furniture")
    middle = stage.banner.geometry().center()
    seen = stage.stack.childAt(middle)
    assert seen is stage.banner or stage.banner.isAncestorOf(seen)


def test_the_cost_of_a_sample_that_is_gone_is_not_told(qtbot, studio):
    generate(qtbot, studio, "furniture")
    estimate = studio.create.inspector.estimate
    qtbot.waitUntil(lambda: estimate.text().startswith("about"), timeout=TIMEOUT)
    studio.create.renders.estimate()
    studio.create.renders._delay.timeout.emit()  # asked for, and on its way
    studio.session.samples.select(None)
    qtbot.wait(400)
    assert estimate.text() == "Generate a sample to export it."


def test_candidates_are_asked_for_where_a_prompt_ranks_them(qtbot, studio, engine):
    recipe = studio.create.recipe
    click(qtbot, recipe.advanced.header)
    studio.session.pick_model("avatars")
    assert not recipe.candidates.isVisible()
    studio.session.pick_model("furniture")
    recipe.prompt.setPlainText("")
    assert recipe.candidates.isVisible() and not recipe.candidates.isEnabled()
    qtbot.keyClicks(recipe.prompt, "an armless chair, purple")
    assert studio.session.form.unknown_words() == ["purple"]
    recipe.candidates.lineEdit().selectAll()
    qtbot.keyClicks(recipe.candidates, "4")
    click(qtbot, recipe.generate)
    qtbot.waitUntil(lambda: bool(requests(engine, Generate)), timeout=TIMEOUT)
    assert requests(engine, Generate)[-1].candidates == 4


def test_pages_and_themes_are_reached_by_keyboard_and_mouse(qtbot, studio):
    from ddmi_studio import theme

    qtbot.keyClick(studio.window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert studio.models.isVisible() and set(studio.models.cards) == {"avatars", "furniture"}
    click(qtbot, studio.models.cards["furniture"].use)
    assert studio.create.isVisible() and studio.session.form.model.name == "furniture"
    click(qtbot, studio.window.rail.buttons[-1])
    click(qtbot, studio.settings_page.theme.button("light"))
    assert not theme.is_dark()
    pixel = studio.window.grab().toImage().pixelColor(studio.window.width() - 20, 400)
    assert pixel.lightness() > 200
    click(qtbot, studio.settings_page.theme.button("dark"))
    assert theme.is_dark()


def test_the_window_closes_in_the_middle_of_everything(qtbot, qapp, engine):
    engine.step_seconds = 0.01
    studio = open_studio(qtbot, qapp, engine)
    generate(qtbot, studio, "furniture")
    engine.render_seconds = 30.0
    studio.session.form.set(steps=200)
    for _ in range(3):
        studio.session.generate()
    studio.create.inspector.resolution.settled.emit(200.0)
    studio.session.render.set("shape", False, resolution=200)
    qtbot.wait(100)
    shut(qtbot, studio)
    assert not studio.window.isVisible()


def test_options_and_the_last_session_are_taken_up(qtbot, qapp, engine):
    options = parse(["--model", "furniture", "--prompt", "a wide desk", "--seed", "42", "--theme", "light"])
    first = open_studio(qtbot, qapp, engine, options)
    qtbot.waitUntil(lambda: first.create.recipe.seed.seed() == 42, timeout=TIMEOUT)
    assert first.create.recipe.prompt.toPlainText() == "a wide desk"
    shut(qtbot, first)
    assert stored.load().model == "furniture" and stored.load().theme == "system", "options hold for one start only"
    second = open_studio(qtbot, qapp, engine)
    assert second.session.form.model.name == "furniture"
    shut(qtbot, second)


@pytest.mark.parametrize("text", ["", "[]", '{"theme": "pink", "threads": "two", "precision": "auto"}', '{"theme": 3'])
def test_broken_settings_are_no_obstacle(text):
    stored.settings_path().parent.mkdir(parents=True)
    stored.settings_path().write_text(text)
    assert stored.load() == stored.Settings()


def test_a_device_by_number_is_taken_up(qtbot, qapp, engine):
    studio = open_studio(qtbot, qapp, engine, parse(["--device", "cuda:1"]))
    assert studio.settings_page.device.value() == "cuda:1"
    shut(qtbot, studio)


def test_devices_that_are_not_here_cannot_be_picked(qtbot, studio, monkeypatch):
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    page = SettingsPage(stored.Settings())
    qtbot.addWidget(page)
    assert page.device.button("cpu").isEnabled()
    cuda = page.device.button("cuda")
    assert not cuda.isEnabled() and "driver" in cuda.toolTip()


def test_everything_fits_in_the_smallest_window(qtbot, studio):
    studio.window.resize(1100, 700)
    qtbot.waitUntil(lambda: studio.window.width() == 1100, timeout=TIMEOUT)
    for button in (studio.create.recipe.generate, studio.create.inspector.export):
        corner = button.mapTo(studio.window, QPoint(button.width(), button.height()))
        assert corner.x() <= 1100 and corner.y() <= 700
    assert studio.create.stage.stack.width() > 400
    generate(qtbot, studio, "furniture")
    clip, stage = studio.create.stage.current().clip, studio.create.stage
    assert clip.isVisible() and clip.mapTo(stage, QPoint(clip.width(), 0)).x() <= stage.width()
