"""The shape view: what is drawn, how the hand moves the camera, what is asked for while a slider moves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from ddmi_models.requests import ImageView, MeshData, MeshView, Picture
from ddmi_studio.state.scene import RenderSettings
from ddmi_studio.views import mesh_canvas, shaders
from ddmi_studio.views.footprint import SIDE, footprint
from ddmi_studio.views.mesh_canvas import OpenGL, find_opengl
from ddmi_studio.views.mesh_scene import edges_of
from ddmi_studio.views.scale_shift import partial_gains, share, shifts
from ddmi_studio.views.shape_view import ShapeStage
from ddmi_studio.views.soft_canvas import SoftCanvas
from ddmi_studio.views.turntable import Turntable

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
SHIFT = Qt.KeyboardModifier.ShiftModifier
WIDTH, HEIGHT = 480, 400
MIDDLE = QPoint(WIDTH // 2, HEIGHT // 2)


def ball(cells: int, radius: float = 0.4) -> MeshData:
    """A sphere of cells x 2 cells quadrilaterals, wound outward."""
    polar, around = np.linspace(0, math.pi, cells + 1), np.linspace(0, 2 * math.pi, 2 * cells + 1)
    p, a = np.meshgrid(polar, around, indexing="ij")
    normals = np.stack([np.sin(p) * np.sin(a), np.cos(p), np.sin(p) * np.cos(a)], axis=-1).reshape(-1, 3)
    index = np.arange(len(normals)).reshape(p.shape)
    a00, a01, a10, a11 = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    faces = np.concatenate([np.stack(t, axis=-1).reshape(-1, 3) for t in ((a00, a10, a01), (a01, a10, a11))])
    return MeshData(
        (radius * normals).astype(np.float32), faces.astype(np.int32), normals.astype(np.float32), True, cells
    )


def box() -> MeshData:
    """A box that is wide along x and thin along z: it looks different from every side."""
    mesh = ball(24)
    stretch = np.array([1.0, 0.5, 0.25], np.float32)
    return MeshData(mesh.vertices * stretch, mesh.faces, mesh.normals, True, 24)


class Asked(list):
    def __init__(self, view: ShapeStage) -> None:
        super().__init__()
        self._view = view
        view.render_wanted.connect(lambda wish, channel: self.append(wish))

    def answer(self, mesh: MeshData, final: bool = True) -> None:
        self._view.show_rendered(self[-1], mesh, final)


def shown(qtbot):
    view = ShapeStage()
    qtbot.addWidget(view)
    view.resize(WIDTH, HEIGHT)
    view.show()
    qtbot.waitExposed(view)
    view.set_settings(RenderSettings(resolution=64, iso=0.5), moving=False)
    return view


@pytest.fixture
def view(qtbot):
    view = shown(qtbot)
    yield view
    view.release()


@pytest.fixture
def soft_view(qtbot, monkeypatch):
    monkeypatch.setattr(mesh_canvas, "find_opengl", lambda: OpenGL("OpenGL is away."))
    view = shown(qtbot)
    yield view
    view.release()


@pytest.fixture
def asked(view) -> Asked:
    asked = Asked(view)
    view.set_sample(object())
    asked.answer(box())
    return asked


def pixels(view: ShapeStage) -> np.ndarray:
    """What the window shows: uint8 [height, width, 3]."""
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def wooden(picture: np.ndarray) -> np.ndarray:
    """Where the material is seen: warm and bright."""
    red, green, blue = np.moveaxis(picture.astype(int), -1, 0)
    return (red > 80) & (red > green + 10) & (green > blue + 5)


def drag(view: ShapeStage, by: QPoint, button=LEFT, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    QTest.mousePress(view, button, modifier, MIDDLE)
    for part in (0.5, 1.0):
        QTest.mouseMove(view, MIDDLE + by * part)
    QTest.mouseRelease(view, button, modifier, MIDDLE + by)


def turn_wheel(view: ShapeStage, clicks: int) -> None:
    none = Qt.MouseButton.NoButton
    at = QPointF(MIDDLE)
    event = QWheelEvent(
        at, view.mapToGlobal(at), QPoint(), QPoint(0, 120 * clicks), none,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def test_this_machine_draws_with_opengl(qapp):
    assert find_opengl().problem is None


def test_a_shape_is_seen_in_its_material_in_the_middle(view, asked):
    seen = wooden(pixels(view))
    rows, columns = np.nonzero(seen)
    assert seen[MIDDLE.y(), MIDDLE.x()]
    assert rows.mean() == pytest.approx(MIDDLE.y(), abs=25)
    assert columns.mean() == pytest.approx(MIDDLE.x(), abs=25)
    assert not seen[:40].any()
    assert view.info.text().startswith("24 cells · 2,304 triangles · watertight")


def test_light_comes_from_above(view, asked):
    asked.answer(ball(32))
    picture = pixels(view)
    column = picture[:, MIDDLE.x()].astype(int).sum(axis=1)[wooden(picture)[:, MIDDLE.x()]]
    assert column[: len(column) // 4].mean() > 1.4 * column[-len(column) // 4 :].mean()


def test_a_drag_orbits_and_home_brings_the_first_view_back(view, asked, qtbot):
    first = pixels(view)
    drag(view, QPoint(120, 30))
    qtbot.waitUntil(lambda: not view.canvas.moving)
    turned = pixels(view)
    assert (np.abs(first.astype(int) - turned).max(axis=-1) > 30).mean() > 0.01
    QTest.keyClick(view, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: not view.canvas.moving)
    again = pixels(view)
    assert np.array_equal(first, again)


def test_wheel_and_right_drag_zoom(view, asked):
    size = wooden(pixels(view)).sum()
    turn_wheel(view, 3)
    larger = wooden(pixels(view)).sum()
    assert larger > 1.5 * size
    drag(view, QPoint(0, 80), RIGHT)
    assert wooden(pixels(view)).sum() < 0.7 * larger


def test_shift_drag_moves_the_shape_with_the_hand(view, asked):
    asked.answer(ball(32, 0.2))
    before = [axis.mean() for axis in np.nonzero(wooden(pixels(view)))]
    drag(view, QPoint(60, -40), LEFT, SHIFT)
    after = [axis.mean() for axis in np.nonzero(wooden(pixels(view)))]
    assert after[1] - before[1] == pytest.approx(60, abs=6)
    assert after[0] - before[0] == pytest.approx(-40, abs=6)


def test_arrow_keys_orbit(view, asked):
    azimuth = view.camera.azimuth
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert view.camera.azimuth != azimuth
    elevation = view.camera.elevation
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert view.camera.elevation > elevation


def test_modes_change_the_look(view, asked, qtbot):
    tools = view.tools()
    qtbot.addWidget(tools)
    shaded = pixels(view)
    view.modes.button("normals").click()
    normals = pixels(view)
    view.modes.button("wire").click()
    wire = pixels(view)
    assert wooden(shaded).sum() > 2000
    assert wooden(wire).sum() < 50
    backward = view.camera.axes()[2]
    seen = normals[MIDDLE.y(), MIDDLE.x()] / 255 * 2 - 1
    assert np.linalg.norm(seen) == pytest.approx(1, abs=0.05)
    assert seen @ backward > 0.2


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


def test_a_moving_slider_asks_for_a_coarse_mesh_and_a_resting_one_for_the_fine(view, asked):
    view.set_settings(RenderSettings(resolution=128, iso=0.4), moving=True)
    assert asked[-1].cells < 128
    assert asked[-1].iso == 0.4
    view.set_settings(RenderSettings(resolution=128, iso=0.4), moving=False)
    assert asked[-1] == MeshView(128, 0.4)


def test_a_finer_mesh_keeps_the_camera_and_another_sample_too_once_it_was_moved(view, asked):
    drag(view, QPoint(50, 10))
    camera = view.camera
    view.set_settings(RenderSettings(resolution=96, iso=0.5), moving=False)
    asked.answer(ball(48))
    assert view.camera == camera
    view.set_sample(object())
    asked.answer(ball(12, 0.1))
    assert view.camera == camera


def test_an_untouched_camera_frames_every_new_sample(view, asked):
    asked_before = wooden(pixels(view)).sum()
    view.set_sample(object())
    asked.answer(ball(24, 0.1))
    small_but_near = wooden(pixels(view)).sum()
    assert small_but_near > asked_before


def test_a_coarse_answer_is_replaced_by_the_fine_one_but_not_the_other_way_round(view, asked):
    coarse = asked[-1]
    view.set_settings(RenderSettings(resolution=96, iso=0.5), moving=False)
    asked.answer(ball(8), final=False)
    assert view.info.text().startswith("8 cells")
    asked.answer(ball(40))
    view.show_rendered(coarse, ball(5), True)
    assert view.info.text().startswith("40 cells")


def test_no_surface_is_said_and_shown_empty(view, asked):
    empty = MeshData(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), np.zeros((0, 3), np.float32), True, 64)
    asked.answer(empty)
    assert "no surface" in view.info.text()
    assert not wooden(pixels(view)).any()


def test_a_long_description_stays_within_a_narrow_view(view, asked):
    view.resize(300, 300)
    view.info.setText("at most 160 cells on the screen here · " * 3)
    view.set_timing("meshed in 2 s")
    assert view.rect().contains(view.info.geometry()) and view.info.height() > 2 * view.timing.height() - 8
    assert view.timing.geometry().top() >= view.info.geometry().bottom()


def test_a_preview_covers_the_shape_and_then_it_is_seen_again(view, asked):
    view.show_preview(np.full((16, 16, 3), (20, 200, 20), np.uint8))
    assert tuple(pixels(view)[MIDDLE.y(), MIDDLE.x()]) == (20, 200, 20)
    view.end_preview()
    assert wooden(pixels(view))[MIDDLE.y(), MIDDLE.x()]


def test_the_copied_picture_shows_the_shape(view, asked):
    picture = view.picture()
    color = picture.pixelColor(picture.width() // 2, picture.height() // 2)
    assert color.red() > color.blue() + 20


def test_without_opengl_it_says_so_and_still_draws_and_orbits(soft_view):
    view, asked = soft_view, Asked(soft_view)
    assert isinstance(view.canvas, SoftCanvas)
    assert view.hint.text().startswith("OpenGL is away.")
    view.set_sample(object())
    view.set_settings(RenderSettings(resolution=256), moving=False)
    assert asked[-1].cells == view.canvas.most_cells
    asked.answer(box())
    first = pixels(view)
    assert wooden(first)[MIDDLE.y(), MIDDLE.x()]
    drag(view, QPoint(120, 30))
    assert (np.abs(first.astype(int) - pixels(view)).max(axis=-1) > 30).mean() > 0.01


def test_a_picture_is_refused(view, asked):
    with pytest.raises(TypeError):
        view.show_rendered(asked[-1], Picture(np.zeros((4, 4, 3), np.uint8)), True)


def test_edges_are_listed_once():
    faces = np.array([[0, 1, 2], [2, 1, 3]], np.int32)
    edges = {tuple(edge) for edge in edges_of(faces).reshape(-1, 2).tolist()}
    assert edges == {(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)}
    assert len(edges_of(faces)) == 10


def test_the_shadow_lies_under_what_stands_on_the_ground():
    leg = np.array([[0.2, y, -0.3] for y in np.linspace(-0.5, 0.4, 50)])
    shadow = footprint(leg)
    row, column = np.unravel_index(shadow.argmax(), shadow.shape)
    assert column / SIDE == pytest.approx((0.2 / 0.8 + 1) / 2, abs=0.03)
    assert row / SIDE == pytest.approx((-0.3 / 0.8 + 1) / 2, abs=0.03)


angles = st.builds(Turntable, azimuth=st.floats(0, 360), elevation=st.floats(-89, 89), distance=st.floats(1, 5))


@given(camera=angles)
def test_the_target_is_seen_in_the_middle_and_up_is_up(camera):
    clip = camera.projection(1.3) @ camera.view()
    target = clip @ [*camera.target, 1]
    above = clip @ [camera.target[0], camera.target[1] + 0.1, camera.target[2], 1]
    assert target[:2] / target[3] == pytest.approx([0, 0], abs=1e-9)
    assert above[1] / above[3] > 0
    assert above[0] / above[3] == pytest.approx(0, abs=1e-9)
    assert -1 < target[2] / target[3] < 1


def test_scales_colours_the_part_that_the_fine_level_moves(view, asked):
    """The fine level swells one side of a ball; that side turns orange, the other stays plain."""
    view.set_settings(RenderSettings(resolution=64, iso=0.5, gains=(1.0, 1.0, 1.0)), moving=False)
    view.camera = view.camera.home()
    plain = ball(40)
    swell = np.where(plain.vertices[:, :1] > 0.1, 1.2, 1.0).astype(np.float32)
    wanted: list[tuple[MeshView, str]] = []
    view.render_wanted.connect(lambda wish, channel: wanted.append((wish, channel)))
    asked.answer(MeshData(plain.vertices * swell, plain.faces, plain.normals, True, 40))
    view.set_mode("scales")
    assert [wish.gains for wish, _ in wanted] == [(1.0, 1.0, 0.0), (1.0, 0.0, 0.0)]
    for wish, _ in wanted:
        view.show_rendered(wish, plain, True)
    picture = pixels(view).astype(int)
    orange = picture[..., 0] > picture[..., 2] + 80
    grey = (picture.min(axis=-1) > 90) & (np.ptp(picture, axis=-1) < 40)
    assert orange.sum() > 1000
    assert grey.sum() > 1000
    assert np.nonzero(orange)[1].mean() > np.nonzero(grey)[1].mean()


def test_scales_are_told_apart_by_how_far_they_move_the_surface():
    fine, middle, coarse = ball(48, 0.42), ball(48, 0.40), ball(48, 0.39)
    both = shifts(fine, (middle, coarse))
    assert both[:, 1] == pytest.approx(np.full(len(both), share(0.02)), abs=0.05)
    assert both[:, 0] == pytest.approx(np.full(len(both), share(0.01)), abs=0.05)
    assert partial_gains((1.0, 0.8, 0.6)) == ((1.0, 0.8, 0.0), (1.0, 0.0, 0.0))
    assert partial_gains((1.0, 0.8)) == ((1.0, 0.0),)
    assert partial_gains((1.0,)) == ()


def test_the_clip_button_asks_for_a_turntable(view, asked, qtbot):
    tools = view.tools()
    qtbot.addWidget(tools)
    view.resize(900, 400)
    with qtbot.waitSignal(view.spin_wanted):
        QTest.mouseClick(view.clip, LEFT)


def test_texts_never_overlap_in_a_narrow_view(view, asked):
    view.set_timing("sampled in 4.2 s · meshed in 0.6 s")
    view.resize(300, 300)
    assert not view.info.geometry().intersects(view.timing.geometry())
    assert not view.hint.isVisible()
    view.resize(700, 300)
    assert view.hint.isVisible()
    assert not view.hint.geometry().intersects(view.axes.geometry())


def test_the_tool_bar_leaves_out_what_has_a_key_where_it_is_narrow(view, asked, qtbot):
    tools = view.tools()
    qtbot.addWidget(tools)
    view.resize(900, 400)
    assert not view.home.isHidden()
    view.resize(420, 400)
    assert view.home.isHidden()
    assert view.spin.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonIconOnly
    drag(view, QPoint(20, 5))
    QTest.keyClick(view, Qt.Key.Key_Home)
    assert view.camera.is_home()


def test_what_another_view_asked_for_is_left_alone(view, asked):
    view.show_rendered(ImageView(8, 8), Picture(np.zeros((8, 8, 3), np.uint8)), True)
    assert view.info.text().startswith("24 cells")


def test_a_large_mesh_is_coloured_at_fewer_cells(view, asked):
    view.set_settings(RenderSettings(resolution=150, iso=0.5, gains=(1.0, 1.0)), moving=False)
    assert asked[-1].cells == 150
    view.set_mode("scales")
    assert asked[-1].cells == 128
    view.set_mode("shaded")
    assert asked[-1].cells == 150


def test_a_driver_that_refuses_the_shaders_is_replaced_at_once(qtbot, monkeypatch):
    monkeypatch.setattr(shaders, "MESH_FRAGMENT", shaders.MESH_FRAGMENT.replace("gl_FragColor", "nonsense"))
    view = shown(qtbot)
    assert isinstance(view.canvas, SoftCanvas)
    assert view.hint.text().startswith("OpenGL cannot draw shapes on this machine.")
    view.release()
