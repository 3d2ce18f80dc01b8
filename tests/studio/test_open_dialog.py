"""The dialog "Open as field": what is taken, by which model, with which axis up; in the window, with a fake engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_engine import FakeEngine, model
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox
from test_latent_tools import dialog, until_samples
from test_window import click, drop, open_studio, requests, shut

from ddmi_models.requests import Encode
from ddmi_studio.pages import dialogs
from ddmi_studio.pages.open_dialog import OpenFieldDialog
from ddmi_studio.studio import Studio
from ddmi_studio.views import SCENES

CARS = replace(
    SCENES["shape"], domain="posed", takes=(".json",), folder_marks=("transforms.json",), own="posed pictures"
)
CLIPS = replace(SCENES["image"], domain="clips", takes=(".mp4",), folder_marks=(), own="clips")


@pytest.fixture
def studio(qtbot, qapp, engine: FakeEngine) -> Iterator[Studio]:
    studio = open_studio(qtbot, qapp, engine)
    yield studio
    shut(qtbot, studio)


@pytest.fixture
def shown(qtbot, studio: Studio) -> OpenFieldDialog:
    click(qtbot, studio.create.session_tools.open)
    return dialog(qtbot, OpenFieldDialog)


def ok(shown: OpenFieldDialog):
    return shown.box.button(QDialogButtonBox.StandardButton.Ok)


def test_a_mesh_is_opened_with_the_axis_that_is_chosen(qtbot, studio, engine, shown, tmp_path, monkeypatch) -> None:
    (tmp_path / "chair.stl").write_bytes(b"made up")
    asked: list = []
    monkeypatch.setattr(dialogs, "own_path", lambda *a: asked.append(a[2]) or tmp_path / "chair.stl")
    assert not ok(shown).isEnabled() and "meshes and point clouds" in shown.note.text()
    click(qtbot, shown.file)
    assert {".png", ".stl"} <= set(asked[0]) and shown.path() == tmp_path / "chair.stl"
    assert shown.model.currentText() == "furniture · Shape" and shown.up.isEnabled()
    shown.up.button("z").click()
    click(qtbot, ok(shown))
    until_samples(qtbot, studio, 1)
    assert [(r.model, r.path, r.up) for r in requests(engine, Encode)] == [("furniture", tmp_path / "chair.stl", "z")]
    assert studio.session.settings.folder == str(tmp_path)


def test_pictures_have_no_axis(qtbot, studio, engine, shown, tmp_path) -> None:
    (tmp_path / "me.png").write_bytes(b"made up")
    qtbot.keyClicks(shown.place, str(tmp_path / "me.png"))
    assert shown.model.currentText() == "avatars · Image" and not shown.up.isEnabled()
    qtbot.keyClick(shown.place, Qt.Key.Key_Return)
    until_samples(qtbot, studio, 1)
    assert requests(engine, Encode)[0].up is None


@pytest.mark.parametrize(
    ("name", "said"), [("nothing.stl", "nothing at this place"), ("a.ogg", "Taken are"), ("folder", "Taken are")]
)
def test_what_no_model_takes_is_not_sent(qtbot, studio, engine, shown, tmp_path, name, said) -> None:
    (tmp_path / "a.ogg").touch()
    (tmp_path / "folder").mkdir()
    shown.place.setText(str(tmp_path / name))
    assert not ok(shown).isEnabled() and said in shown.note.text()
    qtbot.keyClick(shown.place, Qt.Key.Key_Return)
    assert shown.isVisible() and requests(engine, Encode) == []


def test_folders_go_to_the_models_that_know_them(qtbot, qapp, engine, tmp_path: Path, monkeypatch) -> None:
    mine = (model("skies", "clips", "Video", False, 64), model("cars", "posed", "Radiance field", False, 64))
    engine.models = (*engine.models, *mine)
    studio = open_studio(qtbot, qapp, engine, scenes={**SCENES, "posed": CARS, "clips": CLIPS})
    click(qtbot, studio.create.session_tools.open)
    shown = dialog(qtbot, OpenFieldDialog)
    offered: list[list[str]] = []
    (tmp_path / "frames").mkdir()
    (tmp_path / "car").mkdir()
    (tmp_path / "car" / "transforms.json").touch()
    for name in ("frames", "car"):
        monkeypatch.setattr(dialogs, "own_folder", lambda *a, name=name: tmp_path / name)
        click(qtbot, shown.folder)
        offered.append([shown.model.itemData(at).name for at in range(shown.model.count())])
    assert offered == [["skies"], ["cars", "skies"]] and shown.up.isEnabled() and shown.model.isEnabled()
    shown.place.setText(str(tmp_path / "car" / "transforms.json"))
    click(qtbot, ok(shown))
    until_samples(qtbot, studio, 1)
    drop(studio.window, tmp_path / "car")
    until_samples(qtbot, studio, 2)
    asked = [(r.model, r.path.name) for r in requests(engine, Encode)]
    assert asked == [("cars", "transforms.json"), ("cars", "car")]
    shut(qtbot, studio)
