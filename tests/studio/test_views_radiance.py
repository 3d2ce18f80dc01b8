"""The view of radiance fields: what is drawn, quick pictures on the way and fine ones at rest, the camera path."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from ddmi_models.cancel import CancelToken
from ddmi_models.events import Partial, value_of
from ddmi_models.rendering import radiance
from ddmi_models.rendering.renderers import RENDERERS
from ddmi_models.requests import Camera, MeshView, Picture, RadianceView
from ddmi_studio.state.scene import RenderSettings
from ddmi_studio.state.shot import Shot, widened
from ddmi_studio.views.frame_pace import CEILING, FLOOR, HYSTERESIS, TARGET, FramePace
from ddmi_studio.views.orbit_camera import camera_of, home_of
from ddmi_studio.views.radiance_view import RadianceStage
from ddmi_studio.views.turntable import Turntable
from tests.rendering.fields import ball

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
WIDTH, HEIGHT = 480, 400
MIDDLE = QPoint(WIDTH // 2, HEIGHT // 2)
SAMPLES = 40  # on a ray of the pictures here
USUAL = Camera(distance=2.0, angle=0.69)
SETTINGS = RenderSettings(resolution=96, gains=(1.0, 1.0, 1.0), camera=USUAL)


class Asked(list):
    """The pictures that the view asks for, and an engine that makes them when told to: of a ball coloured by place."""

    def __init__(self, view: RadianceStage) -> None:
        super().__init__()
        self._view, self._ball = view, ball()
        self._answered = 0
        view.render_wanted.connect(lambda wish, channel: self.append(wish))

    def picture(self, wish: RadianceView) -> Picture:
        quicker = replace(wish, samples=SAMPLES)
        made = value_of(RENDERERS["nerf"].render(self._ball, quicker, CancelToken(), False))
        assert isinstance(made, Picture)
        return made

    def answer(self) -> None:
        """Answer the newest wish."""
        self._answered = len(self)
        self._view.show_rendered(self[-1], self.picture(self[-1]), True)

    def answer_all(self) -> None:
        """Answer until nothing more is asked for."""
        while len(self) > self._answered:
            self.answer()


@pytest.fixture
def view(qtbot):
    view = RadianceStage()
    qtbot.addWidget(view)
    view.set_settings(SETTINGS, moving=False)
    view.resize(WIDTH, HEIGHT)
    view.show()
    qtbot.waitExposed(view)
    yield view
    view.release()


@pytest.fixture
def told(view) -> dict:
    """What the view says of its shot."""
    told: dict = {}
    view.shot_changed.connect(told.update)
    return told


@pytest.fixture
def asked(view, told) -> Asked:
    asked = Asked(view)
    view.set_sample(object())
    asked.answer_all()
    return asked


def settle(qtbot, view: RadianceStage, asked: Asked) -> None:
    """Wait until the hand counts as resting and the fine picture is there."""
    asked.answer_all()
    qtbot.waitUntil(lambda: not view._rest.isActive())
    asked.answer_all()


def pixels(view: RadianceStage) -> np.ndarray:
    """What the window shows, without its texts: uint8 [height, width, 3]."""
    for label in (*view.overlays(), view.axes):
        label.hide()
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def seen(picture: np.ndarray) -> np.ndarray:
    """Where the ball is: in colours, before the grey backdrop."""
    return np.ptp(picture.astype(int), axis=-1) > 40


def middle_of(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(columns.mean()), float(rows.mean())


def drag(view: RadianceStage, by: QPoint, button=LEFT, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    QTest.mousePress(view, button, modifier, MIDDLE)
    for part in (0.5, 1.0):
        QTest.mouseMove(view, MIDDLE + by * part)
    QTest.mouseRelease(view, button, modifier, MIDDLE + by)


def turn_wheel(view: RadianceStage, clicks: int) -> None:
    none, at = Qt.MouseButton.NoButton, QPointF(MIDDLE)
    event = QWheelEvent(
        at, view.mapToGlobal(at), QPoint(), QPoint(0, 120 * clicks), none,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def test_the_field_is_seen_on_the_backdrop_in_place_and_colour(view, asked):
    shown = pixels(view)
    mask, plain = seen(shown), asked.picture(asked[-1])
    scale = HEIGHT / len(plain.pixels)
    at = middle_of(seen(plain.pixels))
    assert middle_of(mask) == pytest.approx([(part + 0.5) * scale for part in at], abs=3)
    column, row = (round(part) for part in middle_of(mask))
    ours = plain.pixels[round(row / scale - 0.5), round(column / scale - 0.5)]
    assert np.abs(shown[row, column].astype(int) - ours).max() < 12
    assert shown[0, 0].max() < 100, "no white frame in the dark theme"
    assert view.info.text() == "115x96 px"


def test_a_drag_orbits_and_home_brings_the_first_view_back(view, asked, told, qtbot):
    first, camera = pixels(view), camera_of(view.camera)
    drag(view, QPoint(120, 30))
    settle(qtbot, view, asked)
    turned = pixels(view)
    assert (np.abs(first.astype(int) - turned).max(axis=-1) > 30).mean() > 0.02
    assert told["camera"] == camera_of(view.camera) != camera
    QTest.keyClick(view, Qt.Key.Key_Home)
    settle(qtbot, view, asked)
    assert np.array_equal(first, pixels(view))


def test_the_ball_follows_the_hand(view, asked, qtbot):
    """A drag to the right turns what is nearer to the right; up shows it from below."""
    QTest.keyClick(view, Qt.Key.Key_Right)
    asked.answer_all()
    assert asked[-1].camera.azimuth > USUAL.azimuth
    elevation = asked[-1].camera.elevation
    QTest.keyClick(view, Qt.Key.Key_Down)
    asked.answer_all()
    assert asked[-1].camera.elevation > elevation


def test_wheel_and_right_drag_zoom_and_shift_drag_pans(view, asked, qtbot):
    size, at = seen(pixels(view)).sum(), middle_of(seen(pixels(view)))
    drag(view, QPoint(60, -40), LEFT, SHIFT)
    settle(qtbot, view, asked)
    moved = middle_of(seen(pixels(view)))
    assert (moved[0] - at[0], moved[1] - at[1]) == pytest.approx((60, -40), abs=6)
    turn_wheel(view, -2)
    settle(qtbot, view, asked)
    smaller = seen(pixels(view)).sum()
    assert smaller < 0.75 * size
    drag(view, QPoint(0, -60), RIGHT)
    settle(qtbot, view, asked)
    assert seen(pixels(view)).sum() > 1.3 * smaller


def test_moving_pictures_are_small_and_the_resting_one_is_whole(view, asked, qtbot):
    rested = asked[-1]
    assert (rested.width, rested.height, rested.samples) == (115, 96, None)
    before = len(asked)
    drag(view, QPoint(40, 0))
    quick = asked[-1]
    assert (len(asked), quick.height) == (before + 1, 64), "one at a time, whatever the hand does meanwhile"
    assert quick.samples < 256 and quick.camera != rested.camera
    asked.answer()
    assert len(asked) == before + 2 and asked[-1].camera != quick.camera, "then where the hand is now"
    asked.answer()
    assert view.info.text().endswith("px · moving")
    qtbot.waitUntil(lambda: len(asked) == before + 3)
    assert (asked[-1].height, asked[-1].samples) == (96, None)
    assert asked[-1].camera.matrix(1.0) == pytest.approx(asked[-2].camera.matrix(1.0))
    asked.answer()
    assert view.info.text() == "115x96 px"


def test_new_motion_interrupts_a_fine_picture_and_its_late_answer_changes_nothing(view, asked, qtbot):
    drag(view, QPoint(40, 0))
    asked.answer_all()
    qtbot.waitUntil(lambda: asked[-1].height == 96)
    fine = asked[-1]
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert asked[-1] is not fine and asked[-1].samples is not None, "it is asked for at once"
    asked.answer()
    shown = pixels(view)
    view.show_rendered(fine, asked.picture(fine), True)
    view.render_failed(fine)
    assert np.array_equal(pixels(view), shown)
    settle(qtbot, view, asked)
    assert asked[-1].height == 96


def test_a_coarser_picture_of_the_same_view_is_not_shown(view, asked, qtbot):
    drag(view, QPoint(40, 0))
    asked.answer_all()
    qtbot.waitUntil(lambda: asked[-1].height == 96)
    fine, shown = asked[-1], pixels(view)
    coarse = asked.picture(RadianceView(30, 24, fine.camera))
    view.show_rendered(fine, coarse, False)
    assert np.array_equal(pixels(view), shown)
    half = asked.picture(RadianceView(96, 80, fine.camera))
    view.show_rendered(fine, half, False)
    assert view.info.text() == "96x80 px · refining"


def test_the_engine_refines_over_the_quick_picture(view, asked, monkeypatch):
    monkeypatch.setattr(radiance, "SWEEP_SECONDS", 0.0)  # however quick the machine is
    view.set_settings(RenderSettings(resolution=256, gains=SETTINGS.gains, camera=USUAL), moving=False)
    asked.answer()
    fine = asked[-1]
    assert fine.height == 256
    heights = []
    work = RENDERERS["nerf"].render(asked._ball, replace(fine, samples=SAMPLES), CancelToken(), True)
    for event in work:
        if isinstance(event, Partial):
            view.show_rendered(fine, event.value, False)
            heights.append(view._plain.height())
    assert heights[0] == 64 and heights[-1] == 256


def test_depth_and_normals_are_toggled(view, asked, told, qtbot):
    tools = view.tools()
    qtbot.addWidget(tools)
    colour = pixels(view)
    view.maps.button("depth").click()
    asked.answer_all()
    depth = pixels(view)
    assert seen(colour).sum() > 5000 and seen(depth).sum() < 50
    assert (asked[-1].shows, told["shows"]) == ("depth", "depth")
    view.maps.button("normals").click()
    asked.answer_all()
    assert (np.abs(pixels(view).astype(int) - colour).max(axis=-1) > 40).sum() > 5000


def test_gains_and_resolution_are_followed(view, asked):
    changed = RenderSettings(resolution=72, gains=(1.0, 0.5, 0.0), camera=USUAL)
    view.set_settings(changed, moving=True)
    assert asked[-1].gains == (1.0, 0.5, 0.0) and asked[-1].samples is not None
    view.set_settings(changed, moving=False)
    asked.answer_all()
    assert (asked[-1].height, asked[-1].gains, asked[-1].samples) == (72, (1.0, 0.5, 0.0), None)


def test_spinning_turns_until_it_is_stopped(view, asked, qtbot):
    tools = view.tools()
    qtbot.addWidget(tools)
    azimuth = view.camera.azimuth
    QTest.mouseClick(view.spin, LEFT)
    qtbot.waitUntil(lambda: view.camera.azimuth != azimuth)
    drag(view, QPoint(10, 0))
    assert not view.spin.isChecked()
    azimuth = view.camera.azimuth
    qtbot.wait(100)
    assert view.camera.azimuth == azimuth
    with qtbot.waitSignal(view.spin_wanted):
        QTest.mouseClick(view.clip, LEFT)


def test_in_a_narrow_window_everything_still_fits(view, asked, qtbot):
    tools = view.tools()
    qtbot.addWidget(tools)
    view.resize(900, 400)
    assert not view.clip.isHidden()
    view.resize(438, 400)
    assert view.clip.isHidden() and view.home.isHidden(), "both are elsewhere too: Export, the Home key"
    assert tools.minimumSizeHint().width() < 285
    view.add_keyframe()
    assert view.path.keyframes.width() > 150


def test_a_preview_covers_the_field_and_then_it_is_seen_again(view, asked):
    view.show_preview(np.full((16, 16, 3), (20, 200, 20), np.uint8))
    assert tuple(pixels(view)[MIDDLE.y(), MIDDLE.x()]) == (20, 200, 20)
    view.end_preview()
    assert tuple(pixels(view)[MIDDLE.y(), MIDDLE.x()]) != (20, 200, 20)


def test_a_preview_without_a_background_lies_on_the_view_s_own(view, asked):
    picture = np.zeros((16, 16, 4), np.uint8)
    picture[6:10, 6:10] = (20, 200, 20, 255)
    view.show_preview(picture)
    seen, rect = pixels(view), view.cover.image_rect().toRect()
    assert tuple(seen[rect.center().y(), rect.center().x()]) == (20, 200, 20)
    assert seen[rect.top() + 4, rect.left() + 4].max() < 90, "dark, as the view is"


def test_another_model_s_camera_is_taken_over(view, asked, told):
    view.set_settings(RenderSettings(resolution=96, camera=Camera(10, 50, 1.3, 0.4)), moving=False)
    assert asked[-1].camera.matrix(1) == pytest.approx(Camera(10, 50, 1.3).matrix(1))
    assert told["camera"].angle == pytest.approx(0.4)


def test_a_hidden_view_asks_for_nothing_until_it_is_shown(view, asked, qtbot):
    make_path(qtbot, view, asked)
    view.set_playing(True)
    QTest.keyClick(view, Qt.Key.Key_Right)
    view.set_playing(True)
    view.hide()
    before = len(asked)
    view.set_settings(RenderSettings(resolution=80, camera=USUAL), moving=False)
    qtbot.waitUntil(lambda: not view._rest.isActive() and not view._play.isActive())
    assert len(asked) == before
    view.show()
    asked.answer_all()
    assert asked[-1].height == 80 and len(asked) == before + 2


def test_what_is_no_picture_is_refused(view, asked):
    with pytest.raises(TypeError):
        view.show_rendered(asked[-1], MeshView(8), True)


def test_the_copied_picture_is_on_white(view, asked):
    assert view.picture().size().toTuple() == (115, 96)
    assert view.picture().pixelColor(0, 0).name() == "#ffffff"


# The camera path


def make_path(qtbot, view: RadianceStage, asked: Asked) -> list[Turntable]:
    """Three keyframes, by the keyboard."""
    cameras = []
    for turn in (0, 100, 80):
        if turn:
            drag(view, QPoint(turn, 15))
        settle(qtbot, view, asked)
        QTest.keyClick(view, Qt.Key.Key_K)
        cameras.append(view.camera)
        settle(qtbot, view, asked)
    return cameras


def test_keyframes_are_kept_reordered_and_taken_away(view, asked, told, qtbot):
    view.shot_changed.connect(lambda values: told.update(values))
    cameras = make_path(qtbot, view, asked)
    row = view.path.keyframes
    assert view.path.isVisible() and told["keyframes"] == tuple(map(camera_of, cameras)) and told["flies"]
    pictures = [keyframe.picture.toImage() for keyframe in row.keyframes()]
    assert pictures[0] != pictures[1] != pictures[2], "each shows what its camera saw"
    QTest.keyClick(row, Qt.Key.Key_Left, CONTROL)
    assert told["keyframes"] == tuple(camera_of(cameras[n]) for n in (0, 2, 1))
    QTest.mouseClick(row.viewport(), LEFT, pos=row.visualItemRect(row.item(0)).center())
    assert view.camera == cameras[0], "a click looks from there"
    QTest.keyClick(row, Qt.Key.Key_Delete)
    assert told["keyframes"] == tuple(camera_of(cameras[n]) for n in (2, 1))
    QTest.mouseClick(view.path.clear, LEFT)
    assert told["keyframes"] == () and not view.path.save.isEnabled()


def test_the_bar_leaves_the_field_its_room_and_drags_on_it_do_not_turn_it(view, asked, qtbot):
    make_path(qtbot, view, asked)
    assert middle_of(seen(pixels(view)[: view.room().height()]))[1] < view.room().height()
    assert asked[-1].height == 96 and asked[-1].width > 115, "the room is wider than before"
    camera = view.camera
    QTest.mousePress(view.path, LEFT, pos=QPoint(2, 2))
    QTest.mouseMove(view.path, QPoint(60, 2))
    QTest.mouseRelease(view.path, LEFT, pos=QPoint(60, 2))
    assert view.camera == camera


def test_the_path_is_played_and_the_camera_comes_back(view, asked, qtbot):
    cameras = make_path(qtbot, view, asked)
    view.set_shot(Shot(seconds=1.0))
    before = len(asked)
    QTest.mouseClick(view.path.play, LEFT)
    while view._play.isActive():
        qtbot.wait(5)
        asked.answer_all()
    asked.answer_all()
    flown = [np.array(wish.camera.matrix(1.0))[:3, 3] for wish in asked[before:]]
    ends = [np.array(camera_of(camera).matrix(1.0))[:3, 3] for camera in cameras]
    assert min(np.linalg.norm(eye - ends[1]) for eye in flown) < 0.35, "it came by the second keyframe"
    assert flown[-1] == pytest.approx(ends[-1]) and asked[-1].samples is None, "a fine picture of the own camera"


def test_the_path_is_saved_with_one_click(view, asked, told, qtbot):
    make_path(qtbot, view, asked)
    with qtbot.waitSignal(view.flight_wanted):
        QTest.mouseClick(view.path.save, LEFT)
    view.path.seconds.value_changed.emit(7.0)
    assert told["seconds"] == 7.0


# Without a window


def test_moving_pictures_get_smaller_where_they_are_slow_and_larger_where_they_are_quick():
    pace = FramePace()
    for _ in range(20):
        pace.learn(pace.side, TARGET * (pace.side / 200) ** 2)
    assert pace.side == pytest.approx(200, rel=HYSTERESIS)
    kept = pace.side
    pace.learn(kept, TARGET * 1.3)
    assert pace.side == kept, "small changes are not worth the flicker"
    pace.learn(kept, 100.0)
    assert pace.side == kept / 2, "a single slow picture does not ruin it"
    for _ in range(9):
        pace.learn(pace.side, 5.0)
    assert pace.side == FLOOR
    for _ in range(9):
        pace.learn(pace.side, 1e-6)
    assert pace.side == CEILING


usual_cameras = st.builds(Camera, st.floats(-180, 180), st.floats(-80, 80), st.floats(0.5, 5), st.floats(0.2, 1.5))


@given(usual=usual_cameras)
def test_home_is_where_the_model_is_usually_seen_from(usual):
    camera = camera_of(home_of(usual))
    assert camera.matrix(1.0) == pytest.approx(usual.matrix(1.0), abs=1e-9)
    assert camera.angle == pytest.approx(usual.angle)


def test_a_moved_camera_is_the_orbit_s_seen_from_the_side():
    home = home_of(USUAL)
    moved = camera_of(home.panned(30, -20, 400))
    plain = np.array(camera_of(home).matrix(1.0))
    offset = np.array(moved.matrix(1.0)) - plain
    assert np.allclose(offset[:, :3], 0) and np.linalg.norm(offset[:3, 3]) > 0.05
    assert offset[:3, 3] @ plain[:3, 2] == pytest.approx(0, abs=1e-9), "not nearer"


@pytest.mark.parametrize(("width", "height"), [(300, 200), (200, 300), (100, 100)])
def test_the_shorter_side_sees_what_a_square_picture_does(width, height):
    made = widened(USUAL, width, height)
    focal = width / 2 / math.tan(made.angle / 2)
    assert 2 * math.atan(min(width, height) / 2 / focal) == pytest.approx(USUAL.angle)


def test_exports_are_told_how_the_camera_moves():
    path, square = (Camera(0, angle=0.5), Camera(90, angle=0.5)), (64, 64)
    shot = Shot(path[0], "depth", path, flies=True, seconds=2.0, rate=10, views=36)
    told = shot.arguments(".mp4", square)
    assert (told["shows"], told["views"], told["seconds"]) == ("depth", 20, 2.0)
    assert [camera.azimuth for camera in told["keyframes"]] == [0, 90]
    assert told["camera"].angle == pytest.approx(0.5)
    assert shot.arguments(".mp4", (128, 64))["camera"] == widened(path[0], 128, 64), "wider, not cropped"
    assert (shot.arguments("", square)["views"], shot.arguments("", square)["seconds"]) == (36, None)
    assert shot.arguments(".png", square)["keyframes"] == () and shot.arguments(".glb", square)["views"] is None
