"""Add-ons in the recipe column: shown where the model has some, sent with the recipe, brought back by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_engine import TIMEOUT, FakeEngine
from PySide6.QtCore import Qt

from ddmi_models.requests import Addon, AddonInfo, Generate
from ddmi_studio.app import parse
from ddmi_studio.studio import Studio
from ddmi_studio.views import SCENES


@pytest.fixture
def studio(qtbot, qapp, engine: FakeEngine) -> Iterator[Studio]:
    engine.models = (replace(engine.info("avatars"), sha256="ef"), engine.info("furniture"))
    hat = AddonInfo("hat", "imported", Path("hat"), "ab", "avatars", "ef", "image", 4, 1000, summary="Hats.")
    engine.addons = (hat, replace(hat, name="tie", sha256="cd"))
    studio = Studio(qapp, parse(["--theme", "dark"]), SCENES, lambda: engine)
    studio.show()
    qtbot.waitExposed(studio.window)
    qtbot.waitUntil(lambda: bool(studio.session.models), timeout=TIMEOUT)
    yield studio
    studio.window.close()
    assert studio.ended
    studio.window.deleteLater()
    studio.deleteLater()


def made(qtbot, studio: Studio, engine: FakeEngine) -> Generate:
    before = len(studio.session.samples.all)
    qtbot.mouseClick(studio.create.recipe.generate, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(studio.session.samples.all) > before, timeout=TIMEOUT)
    return [request for request in engine.seen if isinstance(request, Generate)][-1]


def test_add_ons_are_offered_for_their_model_only(qtbot, studio, engine):
    session, rows = studio.session, studio.create.recipe.addons
    studio.create.recipe.advanced.set_open(True)
    session.pick_model("avatars")
    assert rows.isVisible() and list(rows.sliders) == ["hat", "tie"]
    assert [model.name for model in session.usable_models()] == ["avatars", "furniture"]
    rows.sliders["tie"].edit.setText("0.5")
    rows.sliders["tie"].edit.editingFinished.emit()
    assert made(qtbot, studio, engine).addons == (Addon("tie", 0.5),)
    session.pick_model("furniture")
    assert not rows.isVisible() and made(qtbot, studio, engine).addons == ()
    session.pick_model("avatars")
    assert rows.sliders["tie"].value() == 0.5


def test_the_models_page_shows_and_uses_them(qtbot, studio, engine):
    cards = studio.models.cards
    assert list(cards) == ["avatars", "furniture", "hat", "tie"]
    studio.window.rail.show_page(1)
    engine.addons = (*engine.addons, replace(engine.addons[0], name="old", base_sha256="gone"))
    studio.session.load_models()
    qtbot.waitUntil(lambda: "old" in studio.models.cards, timeout=TIMEOUT)
    assert not studio.models.cards["old"].use.isEnabled()
    qtbot.mouseClick(studio.models.cards["tie"].use, Qt.MouseButton.LeftButton)
    assert studio.session.form.request(False).addons == (Addon("tie", 1.0),)
    assert studio.session.form.request(False).model == "avatars"


def test_a_recipe_brings_its_add_ons_back(qtbot, studio, engine):
    session, rows = studio.session, studio.create.recipe.addons
    session.pick_model("hat")  # its model comes with it
    assert session.form.model.name == "avatars" and rows.sliders["hat"].value() == 1.0
    made(qtbot, studio, engine)
    entry = session.samples.all[-1]
    session.form.set_addon("hat", 0.0)
    assert made(qtbot, studio, engine).addons == ()
    engine.addons = (replace(engine.addons[0], name="cap"),)
    session.load_models()
    qtbot.waitUntil(lambda: list(rows.sliders) == ["cap"], timeout=TIMEOUT)
    session.reuse(entry)
    assert made(qtbot, studio, engine).addons == (Addon("cap", 1.0),)
    engine.addons = ()
    session.load_models()
    qtbot.waitUntil(lambda: list(rows.sliders) == ["cap"] and not session.form.addons, timeout=TIMEOUT)
    assert rows.sliders["cap"].label.text() == "cap (not here)"
    session.form.set_addon("cap", 0.0)
    assert not rows.sliders and not rows.isVisible()
