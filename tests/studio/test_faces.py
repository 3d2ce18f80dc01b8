"""The field "Simplify": offered for meshes, goes into exports and estimates, and what was lost is said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_engine import TIMEOUT, FakeEngine
from PySide6.QtCore import Qt
from test_window import generate, open_studio, requests, shut

from ddmi_models.events import Notice, Result
from ddmi_models.requests import EstimateExport, Export
from ddmi_studio.studio import Studio


@pytest.fixture
def studio(qtbot, qapp, engine: FakeEngine) -> Iterator[Studio]:
    studio = open_studio(qtbot, qapp, engine)
    yield studio
    shut(qtbot, studio)


def typed(qtbot, studio: Studio, text: str) -> None:
    box = studio.create.inspector.faces.box
    box.lineEdit().selectAll()
    qtbot.keyClicks(box.lineEdit(), text)
    qtbot.keyClick(box.lineEdit(), Qt.Key.Key_Return)


def test_meshes_are_exported_with_the_chosen_faces(qtbot, studio, engine, tmp_path) -> None:
    engine.answers[Export] = lambda r, t: iter([Notice("Its form is lost."), Result(r.path)])
    generate(qtbot, studio, "furniture")
    field = studio.create.inspector.faces
    assert field.isVisibleTo(studio.create.inspector) and field.box.currentText() == "Keep all faces"
    typed(qtbot, studio, "2500")
    assert field.box.currentText() == "2,500 faces"
    qtbot.waitUntil(lambda: [r.faces for r in requests(engine, EstimateExport)][-1:] == [2500], timeout=TIMEOUT)
    studio.create.renders.export(tmp_path / "a.glb")
    studio.create.renders.export(tmp_path / "a.png", (64, 64))
    qtbot.waitUntil(lambda: len(requests(engine, Export)) == 2, timeout=TIMEOUT)
    assert [r.faces for r in requests(engine, Export)] == [2500, None]
    banner = studio.create.stage.banner
    qtbot.waitUntil(lambda: banner.title.text() == "Saved a.png", timeout=TIMEOUT)
    assert "Its form is lost." in banner.body.text()
    typed(qtbot, studio, "Keep all faces")
    assert studio.session.render.export("shape").faces is None


@pytest.mark.parametrize("text", ["3", "many", ""])
def test_what_is_no_number_of_faces_is_put_back(qtbot, studio, text) -> None:
    generate(qtbot, studio, "furniture")
    typed(qtbot, studio, "2500")
    typed(qtbot, studio, text or " ")
    assert studio.create.inspector.faces.box.currentText() == "2,500 faces"
    assert studio.session.render.export("shape").faces == 2500


def test_pictures_have_no_such_field(qtbot, studio) -> None:
    generate(qtbot, studio, "avatars")
    assert not studio.create.inspector.faces.isVisibleTo(studio.create.inspector)
