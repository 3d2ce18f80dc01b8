"""The import of official files by hand: looked into, asked about, converted, cancelled; errors in words."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest

from ddmi_models.checkpoints.registry import models_dir
from ddmi_models.checkpoints.store import read_header
from ddmi_studio.app import parse
from ddmi_studio.pages import dialogs
from ddmi_studio.pages.import_dialog import ImportDialog
from ddmi_studio.state.importing import Phase
from ddmi_studio.studio import Studio
from ddmi_studio.views import SCENES

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from checkpoints.helpers import PARITY, unpack

TIMEOUT = 240_000  # milliseconds; torch may have to be imported first


@pytest.fixture
def studio(qtbot, qapp) -> Iterator[Studio]:
    studio = Studio(qapp, parse(["--threads", "1", "--theme", "dark"]), SCENES)
    studio.show()
    studio.window.activateWindow()
    try:
        qtbot.waitUntil(lambda: studio.session.models_known, timeout=TIMEOUT)
        yield studio
    finally:
        studio.window.close()
        studio.window.deleteLater()
        studio.deleteLater()
    assert studio.ended


def opened(qtbot, studio: Studio, monkeypatch, path: Path) -> ImportDialog:
    """The dialog of a file that was picked with the page's button, once the file has been looked into."""
    studio.window.rail.show_page(1)
    monkeypatch.setattr(dialogs, "open_path", lambda *_: path)
    qtbot.mouseClick(studio.models.import_button, Qt.MouseButton.LeftButton)
    dialog = studio.models.dialog
    assert dialog is not None and dialog.isVisible()
    qtbot.waitUntil(lambda: dialog.importing.phase is Phase.DECIDING, timeout=TIMEOUT)
    return dialog


def choose(qtbot, dialog: ImportDialog, text: str) -> None:
    """Pick a configuration by its keys, as a person does, and wait for the answer."""
    box = dialog.configs
    box.showPopup()
    place = box.view().visualRect(box.model().index(box.findText(text), 0)).center()
    qtbot.mouseClick(box.view().viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: dialog.importing.phase is Phase.DECIDING, timeout=TIMEOUT)


def test_a_second_stage_is_recognised_and_converted_in_half_precision(qtbot, studio, monkeypatch, tmp_path):
    dialog = opened(qtbot, studio, monkeypatch, unpack("image-tiny", tmp_path))
    assert "Image" in dialog.facts.text() and "0.6 M" in dialog.facts.text() and "EMA" in dialog.facts.text()
    assert not dialog.configs.isVisible()
    dialog.name.selectAll()
    QTest.keyClicks(dialog.name, "avatars")
    assert dialog.taken.isVisible() and not dialog.start.isEnabled()
    dialog.name.selectAll()
    QTest.keyClicks(dialog.name, "mine")
    qtbot.mouseClick(dialog.precision.button("fp16"), Qt.MouseButton.LeftButton)
    assert "1.2 MB" in dialog.bytes.text()
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "mine" in studio.models.cards, timeout=TIMEOUT)
    assert studio.models.banner.isVisible() and studio.models.banner.title.text() == "mine is ready."
    assert studio.session.form.model.name == "mine"
    assert studio.session.model("mine").path.stat().st_size < 1_400_000


def test_what_a_file_leaves_open_is_asked_for(qtbot, studio, monkeypatch, tmp_path):
    dialog = opened(qtbot, studio, monkeypatch, unpack("occupancy-tiny-stage1", tmp_path))
    assert dialog.configs.isVisible() and "ddconfig.resolution" in dialog.question.text()
    assert not dialog.start.isEnabled()
    choose(qtbot, dialog, "celebahq")
    assert dialog.error_frame.isVisible() and "not the file's" in dialog.error.text()
    assert not dialog.start.isEnabled()
    monkeypatch.setattr(dialogs, "yaml_path", lambda *_: PARITY / "checkpoints" / "occupancy-tiny.yaml")
    choose(qtbot, dialog, "A YAML file…")
    assert not dialog.error_frame.isVisible() and "Shape" in dialog.facts.text()
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "occupancy-tiny-stage1" in studio.models.cards, timeout=TIMEOUT)
    assert "makes no samples" in studio.models.banner.title.text()
    assert read_header(models_dir() / "occupancy-tiny-stage1" / "model.safetensors").stage == "autoencoder"


def test_a_conversion_is_cancelled_and_leaves_nothing(qtbot, studio, monkeypatch, tmp_path):
    dialog = opened(qtbot, studio, monkeypatch, unpack("image-tiny", tmp_path))
    dialog.importing.changed.connect(  # at the first tensor, so that it surely still runs
        lambda: dialog.importing.progress and dialog.importing.phase is Phase.CONVERTING and dialog.importing.cancel()
    )
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.importing.phase is Phase.DECIDING, timeout=TIMEOUT)
    assert dialog.isVisible() and "Cancelled" in dialog.status.text()
    assert not list(models_dir().iterdir())
    assert dialog.start.isEnabled(), "it can be tried again"
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_a_foreign_file_is_refused_in_words(qtbot, studio, monkeypatch, tmp_path):
    (tmp_path / "letter.pt").write_bytes(b"Dear Sir, this is no model." * 9)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "letter.pt"))])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    studio.window.dropEvent(QDropEvent(QPointF(600, 300), copy, data, left, none))
    dialog = studio.models.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.importing.phase is Phase.DECIDING, timeout=TIMEOUT)
    assert dialog.kind.text() == "This file cannot be imported"
    assert "letter.pt is not a checkpoint" in dialog.error.text()
    assert not dialog.start.isEnabled() and not dialog.name.isEnabled()
    qtbot.mouseClick(dialog.close_button, Qt.MouseButton.LeftButton)
