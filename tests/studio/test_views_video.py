"""The video view: what it asks for, what is seen while frames are missing, and how it plays."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pixels import pixels_of
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QImage

from ddmi_models.requests import Clip, ClipView, MeshData
from ddmi_studio.state.clip import ClipSettings
from ddmi_studio.state.scene import RenderSettings
from ddmi_studio.views.ahead import Plan, Speed
from ddmi_studio.views.frame_store import FrameStore, Ready
from ddmi_studio.views.playhead import Playhead
from ddmi_studio.views.video_view import VideoStage

LEFT = Qt.MouseButton.LeftButton
TRAINED = ClipSettings.trained(9, 8.0)  # one second
SIDE = 64
FRAME_BYTES = 3 * SIDE * SIDE


def frame_at(instant: float, side: int, gains: tuple[float, ...] | None = None) -> np.ndarray:
    """Red grows to the right, green with time, blue is the last gain: uint8 [side, side, 3]."""
    x = (np.arange(side) + 0.5) / side
    pixels = np.empty((side, side, 3))
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = x, instant, 0.5 * (gains[-1] if gains else 1.0)
    return (pixels * 255).round().clip(0, 255).astype(np.uint8)


def clip_of(view: ClipView) -> Clip:
    start, rate = view.timing.start, view.timing.rate
    instants = tuple(start + k / rate for k in range(view.first, view.first + view.count))
    return Clip(np.stack([frame_at(instant, view.width, view.gains) for instant in instants]), rate, instants)


class Asked(list):
    """What a view asked for, answered on demand."""

    def __init__(self, view: VideoStage) -> None:
        super().__init__()
        self._view, self._answered = view, 0
        view.render_wanted.connect(lambda wish, _channel: self.append(wish))

    def answer(self, most: int = 1000) -> list[ClipView]:
        """Answer what was asked for and what is then asked for; returns it."""
        answered = []
        while self._answered < len(self) and len(answered) < most:
            wish = self[self._answered]
            self._answered += 1
            self._view.show_rendered(wish, clip_of(wish), True)
            answered.append(wish)
        assert self._view.feed.store.bytes <= self._view.feed.store.limit
        return answered


def shows(view: VideoStage, instant: float, side: int = SIDE) -> bool:
    """Whether exactly the frame of an instant is seen."""
    return np.array_equal(pixels_of(view.picture()), frame_at(instant, side, view.feed.settings.gains))


@pytest.fixture
def make(qtbot):
    made = []

    def make(limit: int = 2**26, clip: ClipSettings = TRAINED, side: int = SIDE) -> tuple[VideoStage, Asked]:
        view = VideoStage(limit)
        qtbot.addWidget(view)
        view.resize(700, 560)
        view.show()
        qtbot.waitExposed(view)
        view.set_playing(False)
        view.set_settings(RenderSettings(side, gains=(1.0, 1.0), clip=clip), moving=False)
        # The page keeps what the view itself sets.
        view.clip_changed.connect(
            lambda clip, moving: view.set_settings(replace(view.feed.settings, clip=clip), moving)
        )
        made.append(view)
        asked = Asked(view)
        view.set_sample(object())
        return view, asked

    yield make
    for view in made:
        view.release()


def change(view: VideoStage, **values: object) -> None:
    view.set_settings(replace(view.feed.settings, **values), moving=False)


def test_the_frame_looked_at_comes_first_then_coarse_ones_then_sharp_ones(make):
    view, asked = make(side=128)
    asked.answer()
    first, second = asked[0], asked[1]
    assert (first.width, first.first, first.count) == (128, 0, 1)
    assert second.width == 32, "the whole clip can play before it is sharp"
    sides = [wish.width for wish in asked[1:]]
    assert sides == sorted(sides) and sides[-1] == 128
    assert all(view.feed.ready(index) is Ready.SHARP for index in range(9))
    assert [shows(view, index / 8, 128) for index in range(9) if not view.seek(index)] == [True] * 9
    before = len(asked)
    view.seek(0)
    assert len(asked) == before, "frames that are there are not rendered again"


def test_it_plays_all_frames_in_order_and_loops(make, qtbot):
    view, asked = make(clip=replace(TRAINED, rate=20.0))
    asked.answer()
    seen = []
    view._clock.timeout.connect(lambda: seen.append((view.head.index, pixels_of(view.picture())[0, 0, 1])))
    qtbot.mouseClick(view.transport.play, LEFT)
    qtbot.waitUntil(lambda: len({index for index, _ in seen}) == 21, timeout=60_000)
    qtbot.waitUntil(lambda: seen[-1][0] < seen[-2][0], timeout=20_000)
    assert all(green == round(255 * index / 20) for index, green in seen), "each is the frame of its own instant"
    steps = [(after - before) % 21 for (before, _), (after, _) in pairwise(seen)]
    assert max(steps) < 11, "on, and never back, however busy the machine is"


def test_the_play_head_never_waits(make, qtbot):
    view, asked = make(clip=replace(TRAINED, rate=30.0))
    asked.answer(most=1)
    assert shows(view, 0.0)
    view.set_playing(True)
    qtbot.waitUntil(lambda: view.head.index > 5, timeout=20_000)
    assert shows(view, 0.0), "the last frame before it stands in"
    assert view.feed.ready(view.head.index) is Ready.NOTHING
    qtbot.waitUntil(lambda: view.head.index < 5, timeout=20_000)


def test_the_sharp_part_grows_without_gaps_while_the_clip_runs_away(make, monkeypatch):
    monkeypatch.setattr(Speed, "frames", lambda _self, _side: 2)  # of a slice
    view, asked = make(side=128, clip=replace(TRAINED, rate=40.0))
    view.playing = True  # the clock is told by hand
    while asked[-1].width == 32 or len(asked) < 3:
        asked.answer(most=1)
    for _ in range(12):
        view.head.step(7)
        asked.answer(most=1)
        sharp = [view.feed.ready(index) is Ready.SHARP for index in range(view.head.count)]
        assert sum(b and not a for a, b in pairwise([sharp[-1], *sharp])) <= 2, "the first frame, and one run"
    assert sum(sharp) > 20


def test_without_a_loop_it_ends_on_its_last_frame(make, qtbot):
    view, asked = make(clip=replace(TRAINED, rate=30.0, stop=0.2))
    asked.answer()
    qtbot.keyClick(view, Qt.Key.Key_L)
    assert not view.transport.loop.isChecked()
    qtbot.keyClick(view, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not view.playing, timeout=20_000)
    assert shows(view, 0.2) and not view._clock.isActive()
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert view.head.index == 0 and view.playing, "from the beginning again"


def test_speed_is_of_the_clock_alone(make, qtbot):
    view, asked = make()
    asked.answer()
    before = len(asked)
    tools = view.tools()
    qtbot.addWidget(tools)
    view.speeds.button("2").click()
    view.set_playing(True)
    assert view.head.until_next() == pytest.approx(1 / 16, abs=0.01)
    assert len(asked) == before


def test_steps_ends_and_the_window_by_keys(make, qtbot):
    view, asked = make()
    asked.answer()
    view.set_playing(True)
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert not view.playing and shows(view, 1 / 8)
    for key, instant in ((Qt.Key.Key_Left, 0), (Qt.Key.Key_Left, 1), (Qt.Key.Key_Home, 0), (Qt.Key.Key_End, 1)):
        qtbot.keyClick(view, key)
        assert shows(view, instant)
    view.seek(2)
    qtbot.keyClick(view, Qt.Key.Key_I)
    view.seek(view.head.nearest(0.5))
    qtbot.keyClick(view, Qt.Key.Key_O)
    assert (view.clip.start, view.clip.stop, view.head.count) == (0.25, 0.5, 3)
    assert shows(view, 0.5), "the instant that is shown stays"
    asked.answer()
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert shows(view, 0.25)
    qtbot.keyClick(view, Qt.Key.Key_W)
    assert view.head.count == 9


def test_scrubbing_shows_what_is_under_the_hand(make, qtbot):
    view, asked = make()
    asked.answer(most=1)
    view.set_playing(True)
    line = view.transport.timeline

    def place(instant: float) -> QPoint:
        return QPoint(round(line.to_x(instant)), 12)

    qtbot.mousePress(line, LEFT, pos=place(0.75))
    assert asked[-1].first == 6 and asked[-1].count == 1, "this frame before all others"
    asked.answer()
    assert shows(view, 0.75) and not view._clock.isActive(), "the hand holds it"
    qtbot.mouseMove(line, place(0.25))
    assert shows(view, 0.25)
    qtbot.mouseRelease(line, LEFT, pos=place(0.25))
    assert view.playing and view._clock.isActive()


def test_the_window_is_dragged_on_the_timeline(make, qtbot):
    view, asked = make()
    asked.answer()
    line = view.transport.timeline
    bottom = line.height() - 4
    qtbot.mousePress(line, LEFT, pos=QPoint(round(line.to_x(0)), bottom))
    qtbot.mouseMove(line, QPoint(round(line.to_x(0.5)), bottom))
    qtbot.mouseRelease(line, LEFT, pos=QPoint(round(line.to_x(0.5)), bottom))
    assert view.clip.start == pytest.approx(0.5, abs=0.01) and view.clip.stop == 1.0


def test_a_higher_rate_brings_new_frames_and_keeps_the_others(make):
    view, asked = make()
    asked.answer()
    before = len(asked)
    view.seek(4)
    change(view, clip=replace(TRAINED, rate=32.0))
    assert shows(view, 0.5), "the instant stays, and so does its frame"
    asked.answer()
    sharp = [wish for wish in asked[before:] if wish.width == SIDE]
    made = [index for wish in sharp for index in range(wish.first, wish.first + wish.count)]
    assert sorted(made) == [k for k in range(33) if k % 4], "frames at known instants are not rendered again"
    frames = []
    for index in range(33):
        view.seek(index)
        assert shows(view, index / 32)
        frames.append(view.picture())
    assert all(a != b for a, b in pairwise(frames)), "no frame is repeated"


def test_another_size_is_evaluated_anew_while_the_old_frames_stand_in(make):
    view, asked = make()
    asked.answer()
    change(view, resolution=256)
    assert shows(view, 0, 64)
    asked.answer(most=1)
    assert shows(view, 0, 256)
    view.seek(5)
    assert not view.picture().isNull()
    asked.answer()
    assert shows(view, 5 / 8, 256)


def test_gains_and_shutter_restyle_every_frame(make):
    view, asked = make()
    asked.answer()
    before = len(asked)
    change(view, gains=(1.0, 0.0))
    assert not view.picture().isNull() and not shows(view, 0), "the old look stands in"
    asked.answer()
    assert SIDE // 4 in [wish.width for wish in asked[before:]], "coarse frames of the new look take its place"
    assert asked[-1].gains == (1.0, 0.0) and shows(view, 0)
    before = len(asked)
    change(view, clip=replace(TRAINED, shutter=0.5))
    asked.answer()
    made = sum(wish.count for wish in asked[before:] if wish.width == SIDE)
    assert made == 9 and all(wish.timing.shutter == 0.5 / 8 for wish in asked[before:])


def test_memory_stays_within_its_limit_and_the_view_rests(make, qtbot):
    view, asked = make(limit=5 * FRAME_BYTES, clip=replace(TRAINED, rate=32.0))
    asked.answer()
    total = sum(wish.count for wish in asked)
    assert total < 40, "what does not fit is not rendered over and over"
    assert view.feed.store.bytes <= 5 * FRAME_BYTES
    assert "fit into memory" in view.transport.state.text()
    for index in range(0, 33, 3):
        view.seek(index)
        asked.answer()
        assert shows(view, index / 32)
    view.set_playing(True)
    for _ in range(200):
        view.head.step(1)
        view._ask()
        asked.answer(most=3)


def test_what_fails_is_asked_for_once(make):
    view, asked = make()
    view.render_failed(asked[0])
    view.seek(3)
    assert len(asked) == 1
    change(view, resolution=128)
    assert len(asked) == 2


def test_a_newer_wish_is_not_undone_by_the_failure_of_an_older_one(make):
    view, asked = make()
    view.seek(5)
    view.render_failed(asked[0])
    asked.answer()
    assert shows(view, 5 / 8)


def test_nothing_is_rendered_or_played_where_nobody_looks(make, qtbot):
    view, asked = make()
    view.set_playing(True)
    view.show_preview(np.zeros((8, 8, 3), np.uint8))
    assert not view._clock.isActive()
    before = len(asked)
    change(view, resolution=128)
    assert len(asked) == before
    view.end_preview()
    assert view._clock.isActive() and len(asked) > before
    view.hide()
    before = len(asked)
    change(view, resolution=96)
    assert not view._clock.isActive() and len(asked) == before
    view.show()
    assert view._clock.isActive() and len(asked) > before


def test_it_plays_on_while_a_slider_moves(make, qtbot):
    view, _asked = make()
    view.set_playing(True)
    hand = QTimer(interval=5)
    hand.timeout.connect(lambda: change(view, resolution=64 + view.feed.settings.resolution % 64))
    hand.start()
    qtbot.waitUntil(lambda: view.head.index == 3, timeout=20_000)
    hand.stop()
    before = view.head.instant
    change(view, clip=replace(TRAINED, rate=60.0))
    assert before - 1 / 60 <= view.head.instant < before + 0.2


@given(st.integers(0, 15), st.lists(st.integers(2, 60), max_size=6))
def test_another_rate_and_back_is_the_same_frame(index, rates):
    def instants(rate: float) -> tuple[float, ...]:
        return ClipSettings(15 / 8, 8.0, rate, 0.0, 15 / 8).instants()

    head = Playhead(instants(8), 8.0)
    head.seek(index)
    for rate in rates:
        head.retime(instants(rate), rate)
        assert head.index in range(head.count) and abs(head.instant - index / 8) < 1 / rate
    head.retime(instants(8), 8)
    assert head.index == index or index == 15, "the last instant is not a frame at every rate"


def test_a_mesh_is_refused(make):
    view, asked = make()
    empty = np.zeros((0, 3), np.float32)
    with pytest.raises(TypeError):
        view.show_rendered(asked[0], MeshData(empty, empty.astype(np.int32), empty, True, 8), True)


@given(st.integers(1, 60), st.floats(0.25, 2), st.booleans(), st.lists(st.floats(0, 3), max_size=20))
def test_time_passes_in_any_steps(count, speed, looping, steps):
    head = Playhead(tuple(k / 8 for k in range(count)), 8.0, speed=speed, looping=looping)
    goes_on = all(head.advance(step) for step in steps)
    passed, tolerance = sum(steps) * 8 * speed, 1e-6
    assert 0 <= head.index < count
    if looping:
        off = abs(head.position - passed) % count
        assert goes_on and min(off, count - off) < tolerance
    elif passed < count - tolerance:
        assert goes_on and abs(head.position - passed) < tolerance
    elif passed > count + tolerance:
        assert not goes_on and head.at_end()


@settings(max_examples=40)
@given(st.data())
def test_a_plan_names_only_what_it_keeps(data):
    plan = Plan(
        count=data.draw(st.integers(1, 80)),
        side=data.draw(st.sampled_from((64, 128, 256))),
        head=0,
        limit=data.draw(st.integers(1, 4_000_000)),
        lead=data.draw(st.integers(0, 9)),
    )
    plan = replace(plan, head=data.draw(st.integers(0, plan.count - 1)))
    kept, coarse = plan.kept(), plan.kept_coarse()
    assert plan.head in kept and len(set(kept)) == len(kept) == plan.room()
    levels = {index: data.draw(st.sampled_from(list(Ready))) for index in range(plan.count)}
    part = plan.next_slice(lambda index: levels[index], Speed())
    if part is None:
        assert all(levels[index] is Ready.SHARP for index in kept)
    else:
        named = range(part.first, part.first + part.count)
        assert set(named) <= set(kept if part.side == plan.side else coarse)
        assert all(levels[index] is not Ready.SHARP for index in named)


class FrameStoreSizes:
    """Sizes in pixels of frames that are put at moments."""

    puts = st.lists(st.tuples(st.integers(0, 9), st.sampled_from((4, 8, 16)), st.booleans()), max_size=40)


@given(FrameStoreSizes.puts, st.integers(600, 3000), st.sampled_from(("resize", "restyle", "")))
def test_the_store_counts_its_bytes_and_keeps_its_limit(puts, limit, then):
    store = FrameStore(limit)
    for number, (at, side, sharp) in enumerate(puts):
        store.put(at, QImage(side, side, QImage.Format.Format_RGB888), sharp=sharp)
        if then and number % 7 == 6:
            getattr(store, then)()
        order = [at, *(other for other in range(10) if other != at)]
        store.trim(order[:3], order[:6])
        assert store.bytes <= max(limit, 3 * side * side * 2)
        assert store.best(at) is not None
    for at in range(10):
        store.put(at, QImage(4, 4, QImage.Format.Format_RGB888), sharp=True)
    assert store.bytes >= 10 * 48
    store.clear()
    assert store.bytes == 0 and len(store) == 0 and store.best(3) is None
