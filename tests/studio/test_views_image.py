"""The image view: what it asks for when the hand moves, and what is then seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from ddmi_models.requests import ImageView, MeshData, Picture
from ddmi_studio.state.scene import RenderSettings
from ddmi_studio.views.field_camera import FieldCamera
from ddmi_studio.views.image_view import COMPARE, EXACT, LIVE, ImageStage

LEFT = Qt.MouseButton.LeftButton
SIDE = 400  # of the whole field on the screen at zoom 1
WIDTH, HEIGHT = 640, SIDE + 80
MIDDLE = QPoint(WIDTH // 2, HEIGHT // 2)


def field(view: ImageView) -> Picture:
    """Red grows to the right, green downwards, blue in checks of 1/8."""
    left, top, right, bottom = view.window
    x = left + (np.arange(view.width) + 0.5) * (right - left) / view.width
    y = top + (np.arange(view.height) + 0.5) * (bottom - top) / view.height
    red, green = np.broadcast_arrays((x + 1) / 2, ((y + 1) / 2)[:, None])
    blue = (np.floor(x * 8) + np.floor(y * 8)[:, None]) % 2
    return Picture((np.stack([red, green, blue], axis=-1) * 255).round().astype(np.uint8))


class Asked(list):
    """What a view asked for, answered on demand."""

    def __init__(self, view: ImageStage) -> None:
        super().__init__()
        self._view = view
        view.render_wanted.connect(lambda wish, channel: self.append((wish, channel)))

    def on(self, channel: str) -> list[ImageView]:
        return [wish for wish, its in self if its == channel]

    def answer(self) -> None:
        for wish, _ in list(self):
            self._view.show_rendered(wish, field(wish), True)


@pytest.fixture
def view(qtbot):
    view = ImageStage()
    qtbot.addWidget(view)
    view.resize(WIDTH, HEIGHT)
    view.show()
    qtbot.waitExposed(view)
    view.set_settings(RenderSettings(resolution=64), moving=False)
    yield view
    view.release()


@pytest.fixture
def asked(view) -> Asked:
    asked = Asked(view)
    view.set_sample(object())
    asked.answer()
    return asked


def turn_wheel(view: ImageStage, at: QPoint, clicks: int) -> None:
    none = Qt.MouseButton.NoButton
    event = QWheelEvent(
        QPointF(at), view.mapToGlobal(QPointF(at)), QPoint(), QPoint(0, 120 * clicks), none,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def drag(view: ImageStage, start: QPoint, end: QPoint) -> None:
    QTest.mousePress(view, LEFT, pos=start)
    QTest.mouseMove(view, (start + end) / 2)
    QTest.mouseMove(view, end)
    QTest.mouseRelease(view, LEFT, pos=end)


def hover(view: ImageStage, at: QPoint) -> None:
    none = Qt.MouseButton.NoButton
    place = QPointF(at)
    move = QEvent.Type.MouseMove
    QApplication.sendEvent(
        view, QMouseEvent(move, place, view.mapToGlobal(place), none, none, Qt.KeyboardModifier.NoModifier)
    )


def pixel(view: ImageStage, x: int, y: int) -> QColor:
    return QColor(view.grab().toImage().pixel(x, y))


def test_a_sample_is_asked_for_whole_and_fills_the_middle(view, asked):
    assert ImageView(64, 64) in asked.on("view")
    left = pixel(view, MIDDLE.x() - SIDE // 2 + 3, MIDDLE.y() + 3)
    right = pixel(view, MIDDLE.x() + SIDE // 2 - 3, MIDDLE.y() + 3)
    assert left.red() < 10 < 240 < right.red()
    outside = pixel(view, MIDDLE.x() + SIDE // 2 + 20, MIDDLE.y())
    assert outside.red() < 100


def test_exact_size_shows_the_pixels_of_the_resolution_as_squares(view, asked):
    square = SIDE / 64
    row = view.grab().toImage()
    first = MIDDLE.x() - SIDE // 2 + round(10 * square)
    colors = {row.pixel(first + i, MIDDLE.y() + 1) for i in range(1, int(square) - 1)}
    assert len(colors) == 1
    assert row.pixel(first + round(2 * square) + 1, MIDDLE.y() + 1) not in colors


def test_the_resolution_slider_asks_the_field_again(view, asked, qtbot):
    view.set_settings(RenderSettings(resolution=200), moving=True)
    qtbot.waitUntil(lambda: ImageView(200, 200) in asked.on("view"))
    asked.answer()
    assert "200 × 200 px" in view.info.text()


def test_a_resolution_beyond_the_screen_is_asked_for_at_the_screens_own(view, asked, qtbot):
    view.set_settings(RenderSettings(resolution=4096), moving=False)
    ratio = view.devicePixelRatioF()
    qtbot.waitUntil(lambda: asked.on("view")[-1].width == round(SIDE * ratio))
    assert asked.on("view")[-1].window == (-1, -1, 1, 1)


def test_the_wheel_zooms_at_the_cursor_and_asks_for_what_is_in_sight(view, asked, qtbot):
    view.set_mode(LIVE)
    at = QPoint(MIDDLE.x() + 100, MIDDLE.y() - 60)
    point = view.camera.to_field(at.x(), at.y())
    count = len(asked.on("view"))
    turn_wheel(view, at, 6)
    qtbot.waitUntil(lambda: len(asked.on("view")) > count)
    assert view.camera.to_field(at.x(), at.y()) == pytest.approx(point)
    wish = asked.on("view")[-1]
    left, top, right, bottom = wish.window
    assert left <= point[0] <= right
    assert top <= point[1] <= bottom
    zoom = 1.25**6
    assert bottom - top == pytest.approx(2 * HEIGHT / SIDE / zoom, rel=0.02)
    assert wish.height / (bottom - top) == pytest.approx(wish.width / (right - left), rel=0.01)
    asked.answer()
    assert pixel(view, at.x(), at.y()).red() == pytest.approx((point[0] + 1) / 2 * 255, abs=3)


def test_a_drag_moves_the_picture_with_the_hand(view, asked, qtbot):
    view.set_mode(LIVE)
    turn_wheel(view, MIDDLE, 4)
    before = view.camera.to_field(MIDDLE.x(), MIDDLE.y())
    drag(view, MIDDLE, MIDDLE + QPoint(80, -40))
    assert view.camera.to_field(MIDDLE.x() + 80, MIDDLE.y() - 40) == pytest.approx(before)
    qtbot.waitUntil(lambda: asked.on("view")[-1].window[2] < 1)
    asked.answer()
    color = pixel(view, MIDDLE.x() + 80, MIDDLE.y() - 40)
    assert (color.red(), color.green()) == (pytest.approx(127, abs=3), pytest.approx(127, abs=3))


def test_keys_zoom_and_pan_and_home_shows_the_whole(view, asked):
    QTest.keyClick(view, Qt.Key.Key_Plus)
    assert view.camera.zoom > 1
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert view.camera.x < 0
    QTest.keyClick(view, Qt.Key.Key_Home)
    assert view.camera.is_home()
    QTest.keyClick(view, Qt.Key.Key_Minus)
    assert view.camera.zoom < 1
    QTest.mouseDClick(view, LEFT, pos=MIDDLE)
    assert view.camera.is_home()


def test_while_the_field_is_evaluated_the_last_picture_is_shown_scaled(view, asked):
    view.set_mode(LIVE)
    asked.answer()
    turn_wheel(view, MIDDLE, 3)
    x, _ = view.camera.to_field(MIDDLE.x() + 150, MIDDLE.y())
    assert pixel(view, MIDDLE.x() + 150, MIDDLE.y() + 1).red() == pytest.approx((x + 1) / 2 * 255, abs=4)


def test_a_new_sample_seen_in_part_is_asked_for_in_whole_too(view, asked):
    assert not asked.on("base")
    turn_wheel(view, MIDDLE, 8)
    view.set_sample(object())
    assert asked.on("base")[-1].window == (-1, -1, 1, 1)
    assert asked.on("view")[-1].window != (-1, -1, 1, 1)
    asked.answer()
    QTest.keyClick(view, Qt.Key.Key_Home)
    left = pixel(view, MIDDLE.x() - SIDE // 2 + 3, MIDDLE.y() + 3)
    assert left.red() < 12


def test_an_answer_to_an_older_wish_never_replaces_a_newer_one(view, asked, qtbot):
    old = asked.on("view")[-1]
    view.set_settings(RenderSettings(resolution=128), moving=False)
    qtbot.waitUntil(lambda: ImageView(128, 128) in asked.on("view"))
    new = asked.on("view")[-1]
    view.show_rendered(new, Picture(np.full((128, 128, 3), 200, np.uint8)), True)
    view.show_rendered(old, Picture(np.zeros((64, 64, 3), np.uint8)), True)
    assert pixel(view, MIDDLE.x(), MIDDLE.y()).red() == 200
    view.set_sample(object())
    view.show_rendered(new, Picture(np.zeros((128, 128, 3), np.uint8)), True)
    assert view.picture().isNull()


def test_compare_shows_the_field_left_of_the_line_and_the_enlarged_bitmap_right_of_it(view, asked, qtbot):
    tools = view.tools()
    qtbot.addWidget(tools)
    turn_wheel(view, MIDDLE, 8)
    view.modes.button(COMPARE).click()
    assert asked.on("bitmap")[-1] == ImageView(64, 64)
    asked.answer()
    drag(view, MIDDLE, QPoint(WIDTH // 4, MIDDLE.y()))
    assert view.split == pytest.approx(0.25, abs=0.01)
    assert view.camera.x == 0
    image = view.grab().toImage()
    row = [QColor(image.pixel(x, MIDDLE.y() + 30)).blue() for x in range(WIDTH)]
    assert set(row[5 : WIDTH // 4 - 5]) <= {0, 255}
    assert len(set(row[WIDTH // 4 + 5 : -5])) > 10


def test_the_readout_tells_place_and_colour(view, asked):
    hover(view, MIDDLE + QPoint(100, 50))
    assert "x +0.5" in view.readout.text().replace("&nbsp;", " ")
    assert "y +0.2" in view.readout.text().replace("&nbsp;", " ")
    hover(view, QPoint(3, 3))
    assert view.readout.text() == ""


def test_a_preview_covers_the_view_until_it_ends(view, asked):
    view.show_preview(np.full((16, 16, 3), (250, 10, 10), np.uint8))
    assert pixel(view, MIDDLE.x(), MIDDLE.y()).name() == "#fa0a0a"
    view.end_preview()
    assert pixel(view, MIDDLE.x(), MIDDLE.y()).name() != "#fa0a0a"


def test_without_a_sample_nothing_is_asked_and_no_picture_is_left(view, asked, qtbot):
    view.set_sample(None)
    count = len(asked)
    view.set_settings(RenderSettings(resolution=333), moving=False)
    turn_wheel(view, MIDDLE, 2)
    qtbot.wait(80)
    assert len(asked) == count
    assert view.picture().isNull()
    assert view.cover.isVisible()


def test_a_mesh_is_refused(view, asked):
    mesh = MeshData(np.zeros((0, 3)), np.zeros((0, 3), int), np.zeros((0, 3)), True, 8)
    with pytest.raises(TypeError):
        view.show_rendered(asked.on("view")[-1], mesh, True)


cameras = st.builds(
    FieldCamera,
    width=st.integers(200, 2000),
    height=st.integers(200, 1500),
    x=st.floats(-1, 1),
    y=st.floats(-1, 1),
    zoom=st.floats(0.25, 400),
    ratio=st.sampled_from([1.0, 1.25, 1.5, 2.0]),
)


@given(camera=cameras)
def test_what_is_asked_for_covers_what_is_in_sight_at_the_screens_density(camera):
    width, height, window = camera.screen_request()
    seen = camera.visible()
    assert all(w <= s + 1e-9 for w, s in zip(window[:2], seen[:2], strict=True))
    assert all(w >= s - 1e-9 for w, s in zip(window[2:], seen[2:], strict=True))
    assert -1 <= min(window) <= max(window) <= 1
    density = camera.scale * camera.ratio
    assert abs(width - (window[2] - window[0]) * density) <= 1
    assert abs(height - (window[3] - window[1]) * density) <= 1


@given(camera=cameras, resolution=st.integers(16, 8192))
def test_exact_windows_lie_on_the_pixels_of_the_resolution(camera, resolution):
    width, height, window = camera.grid_request(resolution)
    edges = [(edge + 1) / 2 * resolution for edge in window]
    assert edges == pytest.approx([round(edge) for edge in edges], abs=1e-6)
    assert (width, height) == (round(edges[2] - edges[0]), round(edges[3] - edges[1]))
    assert min(width, height) >= 1


def test_the_first_mode_is_exact_size(view):
    assert view.mode == EXACT
