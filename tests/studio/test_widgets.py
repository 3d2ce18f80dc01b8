"""The reusable widgets, worked by hand: real clicks, drags, keys, and looks at what is painted."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QIcon, QPixmap, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QToolTip, QVBoxLayout, QWidget

from ddmi_studio import theme
from ddmi_studio.widgets import CardItem, CardPicker, Fold, LabelledSlider, SeedField, SegmentedButtons

LEFT = Qt.MouseButton.LeftButton


class Heard(list):
    """What a signal said."""

    def __init__(self, signal) -> None:
        super().__init__()
        signal.connect(self.append)


@pytest.fixture
def shown(qtbot):
    """Shows a widget in a window of the column's width."""

    windows: list[QWidget] = []

    def show(widget: QWidget, width: int = 280) -> None:
        window = QWidget()
        windows.append(window)
        qtbot.addWidget(window)
        layout = QVBoxLayout(window)
        layout.addWidget(widget)
        layout.addStretch(1)
        window.resize(width, 200)
        window.show()
        qtbot.waitExposed(window)
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)

    yield show
    windows.clear()


def on_bar(slider: LabelledSlider, fraction: float) -> QPoint:
    bar = slider.slider
    return QPoint(round(7 + fraction * (bar.width() - 14)), bar.height() // 2)


def turn_wheel(widget: QWidget, clicks: int) -> None:
    at = QPointF(widget.width() / 2, widget.height() / 2)
    none = Qt.MouseButton.NoButton
    event = QWheelEvent(
        at, widget.mapToGlobal(at), QPoint(), QPoint(0, 120 * clicks), none, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)


def test_dragging_says_every_value_and_then_that_the_hand_rests(shown):
    slider = LabelledSlider("Iso level", 0, 1, 0.5)
    shown(slider)
    changes, rests = Heard(slider.value_changed), Heard(slider.settled)
    QTest.mousePress(slider.slider, LEFT, pos=on_bar(slider, 0.5))
    QTest.mouseMove(slider.slider, on_bar(slider, 0.6))
    QTest.mouseMove(slider.slider, on_bar(slider, 0.8))
    assert rests == []
    assert changes[-1] == pytest.approx(0.8, abs=0.01)
    QTest.mouseRelease(slider.slider, LEFT, pos=on_bar(slider, 0.8))
    assert rests == [changes[-1]]
    assert slider.edit.text() == f"{slider.value():.2f}"


def test_a_logarithmic_slider_gives_equal_lengths_to_equal_factors(shown):
    slider = LabelledSlider("Resolution", 64, 8192, 64, log=True, integer=True)
    shown(slider)
    middle = on_bar(slider, 0.5)
    QTest.mousePress(slider.slider, LEFT, pos=middle)
    QTest.mouseRelease(slider.slider, LEFT, pos=middle)
    assert slider.value() == pytest.approx((64 * 8192) ** 0.5, rel=0.03)
    assert isinstance(slider.value(), int)


def test_the_bar_snaps_to_ticks_exactly(shown):
    slider = LabelledSlider("Resolution", 64, 8192, 64, log=True, integer=True, ticks=(256, 512, 1024))
    shown(slider)
    near = on_bar(slider, 3 / 7) + QPoint(4, 0)  # 512 is 3 of 7 doublings up
    QTest.mouseClick(slider.slider, LEFT, pos=near)
    assert slider.value() == 512


@pytest.mark.parametrize(("typed", "value"), [("100", 100), ("  300 cells", 300), ("9999", 512), ("1", 32)])
def test_a_typed_value_is_taken_within_the_range(shown, typed, value):
    slider = LabelledSlider("Mesh resolution", 32, 512, 128, log=True, integer=True, suffix="cells")
    shown(slider)
    rests = Heard(slider.settled)
    slider.edit.setFocus()
    slider.edit.selectAll()
    QTest.keyClicks(slider.edit, typed)
    QTest.keyClick(slider.edit, Qt.Key.Key_Return)
    assert slider.value() == value
    assert rests == [value]
    assert slider.edit.text() == f"{value} cells"


def test_nonsense_typed_brings_the_old_value_back(shown):
    slider = LabelledSlider("Steps", 1, 100, 20, integer=True)
    shown(slider)
    changes = Heard(slider.value_changed)
    slider.edit.setFocus()
    slider.edit.selectAll()
    QTest.keyClicks(slider.edit, "many")
    QTest.keyClick(slider.edit, Qt.Key.Key_Return)
    assert (slider.value(), slider.edit.text(), changes) == (20, "20", [])


def test_keys_step_and_settle_once_the_hand_rests(shown, qtbot):
    slider = LabelledSlider("Steps", 1, 100, 20, integer=True)
    shown(slider)
    changes, rests = Heard(slider.value_changed), Heard(slider.settled)
    slider.slider.setFocus()
    for _ in range(3):
        QTest.keyClick(slider.slider, Qt.Key.Key_Right)
    assert changes == [21, 22, 23]
    qtbot.waitUntil(lambda: rests == [23])
    QTest.keyClick(slider.slider, Qt.Key.Key_End)
    assert slider.value() == 100


def test_the_wheel_acts_only_with_the_focus(shown):
    slider = LabelledSlider("Steps", 1, 100, 20, integer=True)
    shown(slider)
    slider.edit.setFocus()
    turn_wheel(slider.slider, 2)
    assert slider.value() == 20
    slider.slider.setFocus()
    turn_wheel(slider.slider, 2)
    assert slider.value() == 22
    QTest.mouseDClick(slider.label, LEFT)
    assert slider.value() == 20


def test_setting_a_value_never_emits_and_moves_the_painted_handle(shown, qtbot):
    slider = LabelledSlider("Guidance", 0, 10, 0)
    shown(slider)
    changes = Heard(slider.value_changed)
    slider.set_value(10)
    assert changes == []
    painted = slider.slider.grab().toImage()
    y = slider.slider.height() // 2
    right = QColor(painted.pixel(round((slider.slider.width() - 7) * painted.devicePixelRatio()), y))
    assert right == QColor(theme.colors().handle)


def test_a_seed_is_typed_rolled_and_locked(shown):
    field = SeedField(7)
    shown(field)
    seeds, locks = Heard(field.seed_changed), Heard(field.locked_changed)
    field.edit.setFocus()
    field.edit.selectAll()
    QTest.keyClicks(field.edit, str(2**63 - 1))
    assert seeds[-1] == field.seed() == 2**63 - 1
    QTest.mouseClick(field.dice, LEFT)
    assert 0 <= seeds[-1] < 2**31
    assert field.edit.text() == str(seeds[-1])
    QTest.mouseClick(field.lock, LEFT)
    assert locks == [True]
    assert field.locked()


@pytest.mark.parametrize("typed", ["-1", "12a", str(2**63), ""])
def test_a_seed_that_is_none_is_marked_and_not_taken(shown, typed):
    field = SeedField(7)
    shown(field)
    field.edit.setFocus()
    field.edit.selectAll()
    QTest.keyClick(field.edit, Qt.Key.Key_Delete)
    before = field.seed()
    QTest.keyClicks(field.edit, typed)
    assert field.edit.property("invalid") is True
    assert 0 <= field.seed() < 2**63
    QTest.keyClick(field.edit, Qt.Key.Key_Return)
    assert field.edit.text() == str(field.seed())
    assert before == 7


def test_one_of_the_segments_is_down_and_arrows_move(shown):
    buttons = SegmentedButtons([("glb", "GLB"), ("obj", "OBJ"), ("ply", "PLY")], "glb", tooltips={"obj": "Text"})
    shown(buttons)
    picked = Heard(buttons.value_changed)
    QTest.mouseClick(buttons.button("ply"), LEFT)
    assert (buttons.value(), picked) == ("ply", ["ply"])
    QTest.keyClick(buttons.button("ply"), Qt.Key.Key_Right)
    assert (buttons.value(), picked) == ("glb", ["ply", "glb"])
    buttons.set_value("obj")
    assert picked == ["ply", "glb"]
    buttons.set_options([("png", "PNG"), ("obj", "OBJ")])
    assert buttons.value() == "obj"
    buttons.set_options([("mp4", "MP4")])
    assert buttons.value() == "mp4"
    assert picked == ["ply", "glb"]


def cards(sheet: Path | None = None) -> list[CardItem]:
    return [
        CardItem("furniture", "furniture", "Shape · text · 8.1 M", QIcon(), "<b>Furniture</b>", sheet),
        CardItem("avatars", "avatars", "Image · 5 M", QIcon(), "<b>Avatars</b>"),
    ]


def test_a_card_is_picked_from_the_list_by_mouse_and_by_keys(shown, qtbot):
    picker = CardPicker()
    shown(picker)
    picker.set_items(cards())
    assert picker.current() == "furniture"
    picked = Heard(picker.current_changed)
    QTest.mouseClick(picker, LEFT)
    qtbot.waitUntil(picker.popup.isVisible)
    row = picker.popup.list.visualItemRect(picker.popup.list.item(1))
    QTest.mouseClick(picker.popup.list.viewport(), LEFT, pos=row.center())
    assert (picker.current(), picked) == ("avatars", ["avatars"])
    assert not picker.popup.isVisible()
    QTest.keyClick(picker, Qt.Key.Key_Down)
    qtbot.waitUntil(picker.popup.isVisible)
    QTest.keyClick(picker.popup.list, Qt.Key.Key_Up)
    QTest.keyClick(picker.popup.list, Qt.Key.Key_Return)
    assert picked == ["avatars", "furniture"]
    picker.set_current("avatars")
    assert picked == ["avatars", "furniture"]
    with pytest.raises(KeyError):
        picker.set_current("nobody")


def test_a_card_shows_its_sheet_on_hover(shown, qtbot, tmp_path):
    sheet = QPixmap(64, 32)
    sheet.fill(QColor("#ff0000"))
    folder = tmp_path / "a & b"
    folder.mkdir()
    sheet.save(str(folder / "sheet.png"))
    picker = CardPicker()
    shown(picker)
    picker.set_items(cards(folder / "sheet.png"))
    QToolTip.showText(picker.mapToGlobal(QPoint(5, 5)), picker.toolTip(), picker)
    qtbot.waitUntil(QToolTip.isVisible)
    tip = next(w for w in QApplication.topLevelWidgets() if w.metaObject().className() == "QTipLabel")
    picture = tip.grab().toImage()
    red = sum(picture.pixelColor(x, picture.height() // 2) == QColor("#ff0000") for x in range(picture.width()))
    QToolTip.hideText()
    assert red > 300


def test_a_fold_opens_and_closes(shown):
    fold = Fold("Advanced")
    inside = QLabel("inside")
    fold.body.addWidget(inside)
    shown(fold)
    heard = Heard(fold.toggled)
    assert not inside.isVisible()
    QTest.mouseClick(fold.header, LEFT)
    assert inside.isVisible()
    QTest.keyClick(fold.header, Qt.Key.Key_Space)
    assert not inside.isVisible()
    assert heard == [True, False]
