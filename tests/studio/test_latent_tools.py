"""Own files as fields, neighbours, two samples combined: through the window, as a person would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_engine import TIMEOUT, FakeEngine
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialog
from test_window import click, drop, generate, open_studio, requests, shut

from ddmi_models.errors import BadInput
from ddmi_models.events import Failed
from ddmi_models.inputs import INPUTS
from ddmi_models.requests import Encode, Export, ExportPath, OpenExport, Regenerate, Thumbnail, Vary
from ddmi_studio.pages import dialogs
from ddmi_studio.pages.latent_dialogs import CombineDialog, VaryDialog
from ddmi_studio.studio import Studio
from ddmi_studio.views import SCENES


@pytest.fixture
def studio(qtbot, qapp, engine: FakeEngine) -> Iterator[Studio]:
    studio = open_studio(qtbot, qapp, engine)
    yield studio
    shut(qtbot, studio)


def dialog(qtbot, kind: type) -> QDialog:
    def found() -> list[QDialog]:
        return [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]

    qtbot.waitUntil(lambda: bool(found()), timeout=TIMEOUT)
    return found()[0]


def until_samples(qtbot, studio: Studio, count: int) -> None:
    qtbot.waitUntil(lambda: len(studio.session.samples.all) == count, timeout=TIMEOUT)


def combine(qtbot, studio: Studio) -> CombineDialog:
    click(qtbot, studio.create.session_tools.combine)
    return dialog(qtbot, CombineDialog)


def test_scenes_take_what_the_engine_reads() -> None:
    for domain, scene in SCENES.items():
        assert set(scene.takes) == set(INPUTS[domain].suffixes) if domain in INPUTS else not scene.takes


@pytest.mark.parametrize(("name", "model"), [("me.jpg", "avatars"), ("chair.stl", "furniture")])
def test_a_dropped_file_without_a_recipe_becomes_a_field(qtbot, studio, engine, tmp_path, name, model) -> None:
    (tmp_path / name).write_bytes(b"made up")
    drop(studio.window, tmp_path / name)
    until_samples(qtbot, studio, 1)
    assert [(r.model, r.path) for r in requests(engine, Encode)] == [(model, tmp_path / name)]
    assert studio.session.samples.current.sample.recipe.source == name
    assert studio.session.form.model.name == model
    assert name in studio.create.stage.banner.title.text()


def test_a_file_that_no_model_takes_is_said(qtbot, studio, engine, tmp_path) -> None:
    drop(studio.window, tmp_path / "song.ogg")
    banner = studio.create.stage.banner
    qtbot.waitUntil(banner.isVisible, timeout=TIMEOUT)
    assert "song.ogg carries no recipe" in banner.title.text() and ".png" in banner.body.text()
    assert requests(engine, Encode) == [] and studio.session.samples.all == []


def test_a_broken_file_is_no_field(qtbot, studio, engine, tmp_path) -> None:
    engine.answers[OpenExport] = lambda r, t: iter([Failed(BadInput("me.png is not readable."))])
    drop(studio.window, tmp_path / "me.png")
    qtbot.waitUntil(studio.create.stage.banner.isVisible, timeout=TIMEOUT)
    assert studio.create.stage.banner.title.text() == "me.png is not readable." and requests(engine, Encode) == []


def test_vary_makes_neighbours_of_the_shown_sample(qtbot, studio, engine) -> None:
    assert not studio.create.session_tools.vary.isEnabled()
    generate(qtbot, studio, "avatars")
    click(qtbot, studio.create.session_tools.vary)
    shown = dialog(qtbot, VaryDialog)
    shown.strength.set_value(0.3)
    shown.seed.set_seed(11)
    shown.count.setValue(3)
    qtbot.keyClick(shown, Qt.Key.Key_Return)
    until_samples(qtbot, studio, 4)
    source = studio.session.samples.all[0].sample
    assert [(r.sample is source, r.seed, r.strength) for r in requests(engine, Vary)] == [
        (True, seed, 0.3) for seed in (11, 12, 13)
    ]


def test_cancelling_a_dialog_makes_nothing(qtbot, studio, engine) -> None:
    generate(qtbot, studio, "avatars", 2)
    click(qtbot, studio.create.session_tools.vary)
    qtbot.keyClick(dialog(qtbot, VaryDialog), Qt.Key.Key_Escape)
    qtbot.keyClick(combine(qtbot, studio), Qt.Key.Key_Escape)
    assert requests(engine, Vary) == [] and len(studio.session.samples.all) == 2


def test_a_neighbour_is_cancelled_like_a_generation(qtbot, studio, engine) -> None:
    generate(qtbot, studio, "avatars")
    engine.step_seconds = 0.5
    studio.create.session_tools.tools.vary(studio.session.samples.current.sample, 1, 0.5, 1)
    qtbot.waitUntil(lambda: studio.create.recipe.generate.text() == "Cancel", timeout=TIMEOUT)
    qtbot.keyClick(studio.create.recipe.seed.edit, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: studio.create.recipe.generate.text() == "Generate", timeout=TIMEOUT)
    assert len(studio.session.samples.all) == 1


def test_two_samples_are_mixed_level_by_level(qtbot, studio, engine) -> None:
    generate(qtbot, studio, "avatars", 2)
    shown = combine(qtbot, studio)
    shown.mode.button("mix").click()
    shown.levels[1].set_value(25)
    qtbot.waitUntil(lambda: not shown.preview.pixmap().isNull(), timeout=TIMEOUT)
    click(qtbot, shown.swap)
    pair = shown.pair()
    shown.accept()
    until_samples(qtbot, studio, 3)
    recipe = studio.session.samples.all[2].sample.recipe
    assert recipe.levels == (1, 0.25, 0) and (recipe.coarse, recipe.fine) == (pair[0].recipe, pair[1].recipe)
    assert pair[0] is studio.session.samples.all[1].sample


def test_the_way_between_two_chosen_samples_comes_on_the_strip(qtbot, studio) -> None:
    generate(qtbot, studio, "avatars", 3)
    studio.create.filmstrip.item(2).setSelected(True)
    shown = combine(qtbot, studio)
    everything = studio.session.samples.all
    assert shown.pair() == (everything[0].sample, everything[2].sample)
    shown.steps.set_value(4)
    shown.accept()
    until_samples(qtbot, studio, 5)
    assert [e.sample.recipe.position for e in everything[3:]] == [pytest.approx(1 / 3), pytest.approx(2 / 3)]


@pytest.mark.parametrize(("output", "name"), [("strip", "way.png"), ("clip", "way.gif")])
def test_the_way_between_two_samples_is_written(qtbot, studio, engine, tmp_path, monkeypatch, output, name) -> None:
    monkeypatch.setattr(dialogs, "save_path", lambda *a: tmp_path / name)
    generate(qtbot, studio, "avatars", 2)
    shown = combine(qtbot, studio)
    shown.output.button(output).click()
    shown.accept()
    qtbot.waitUntil(lambda: bool(requests(engine, ExportPath)), timeout=TIMEOUT)
    (request,) = requests(engine, ExportPath)
    assert request.path == tmp_path / name and len(request.samples) == 8
    qtbot.waitUntil(lambda: f"Saved {name}" in studio.create.stage.banner.title.text(), timeout=TIMEOUT)


def test_samples_of_two_models_are_not_offered_together(qtbot, studio) -> None:
    generate(qtbot, studio, "avatars")
    assert not studio.create.session_tools.combine.isEnabled()
    studio.create.session_tools.show_combine(studio.session.samples.current)
    assert "no second sample" in studio.create.stage.banner.title.text()


def test_an_export_of_a_mixture_is_made_again_on_demand(qtbot, studio, engine, tmp_path: Path) -> None:
    generate(qtbot, studio, "avatars", 2)
    first, second = (e.sample for e in studio.session.samples.all)
    studio.create.session_tools.tools.mix(first, second, (1, 0, 0))
    until_samples(qtbot, studio, 3)
    studio.session.samples.select(studio.session.samples.all[2])
    studio.create.renders.export(tmp_path / "mixed.png")
    qtbot.waitUntil(lambda: bool(requests(engine, Export)) and not studio.create.queue.rows, timeout=TIMEOUT)
    mixed = engine.files[tmp_path / "mixed.png"].recipe
    engine.files[tmp_path / "mixed.png"] = type(engine.files[tmp_path / "mixed.png"])(mixed, None)
    drop(studio.window, tmp_path / "mixed.png")
    banner = studio.create.stage.banner
    qtbot.waitUntil(lambda: "Recipe restored" in banner.title.text(), timeout=TIMEOUT)
    click(qtbot, banner.action)
    until_samples(qtbot, studio, 4)
    assert requests(engine, Regenerate)[0].recipe == mixed


def test_the_way_is_shown_as_a_strip_of_its_own(qtbot, studio, engine) -> None:
    generate(qtbot, studio, "avatars", 3)
    shown = combine(qtbot, studio)
    qtbot.waitUntil(lambda: shown.strip.filled() == 7, timeout=TIMEOUT)
    positions = [getattr(r.sample.recipe, "position", None) for r in requests(engine, Thumbnail) if r.size == 64]
    assert positions[1:-1] == [pytest.approx(n / 6) for n in range(1, 6)]
    qtbot.mouseClick(shown.strip, Qt.MouseButton.LeftButton, pos=shown.strip.rect().center())
    assert shown.look_at.value() == 50
    qtbot.mouseClick(shown.strip, Qt.MouseButton.LeftButton, pos=shown.strip.rect().topRight())
    assert shown.look_at.value() == 100
    click(qtbot, shown.swap)
    assert shown.strip.filled() == 0
    qtbot.waitUntil(lambda: shown.strip.filled() == 7, timeout=TIMEOUT)
    shown.mode.button("mix").click()
    assert not shown.strip.isVisible()
