"""The lane: one final event for every job, whatever happens; the urgent first; cancel and close at any moment."""

from __future__ import annotations

import threading

import pytest
from fake_engine import TIMEOUT, FakeEngine

from ddmi_models.cancel import CancelToken
from ddmi_models.errors import BadInput
from ddmi_models.events import Cancelled, Failed, Partial, Progress, Result
from ddmi_models.requests import Generate, ListModels, MeshView, Render
from ddmi_studio.jobs import JobState, Lane, Priority

LONG = Generate("furniture", steps=100_000)
SHORT = Generate("furniture", steps=3)


def test_a_job_reports_progress_and_one_result_on_the_gui_thread(qtbot, submit):
    threads = set()
    job, heard = submit(SHORT)
    heard_append = job.handler
    job.handler = lambda event: (threads.add(threading.get_ident()), heard_append(event))
    qtbot.waitUntil(lambda: bool(heard.finals), timeout=TIMEOUT)
    assert threads == {threading.get_ident()}
    assert any(isinstance(e, Progress) for e in heard)
    assert [type(e) for e in heard.finals] == [Result]
    assert heard.finals[0].value[0].recipe.steps == 3


@pytest.mark.parametrize("error", [RuntimeError("torch says no"), MemoryError(), KeyError("x")])
def test_an_unexpected_error_fails_the_job_and_not_the_lane(qtbot, engine, submit, error):
    def broken(_request, _token):
        yield Progress(1, 2, "Sampling")
        raise error

    engine.answers[Generate] = broken
    _, heard = submit(SHORT)
    _, after = submit(ListModels(), Priority.EXPORT)
    qtbot.waitUntil(lambda: bool(heard.finals and after.finals), timeout=TIMEOUT)
    assert [type(e) for e in heard.finals] == [Failed]
    assert type(error).__name__ in heard.finals[0].error.message
    assert "Traceback" in heard.finals[0].details
    assert isinstance(after.finals[0], Result)


def test_an_engine_that_ends_without_a_result_is_a_failure(qtbot, engine, submit):
    engine.answers[Generate] = lambda r, t: iter([Progress(1, 1, "Sampling")])
    _, heard = submit(SHORT)
    qtbot.waitUntil(lambda: bool(heard.finals), timeout=TIMEOUT)
    assert [type(e) for e in heard.finals] == [Failed]


def test_an_engine_that_cannot_be_made_fails_every_job(qtbot):
    def make_engine():
        raise BadInput("There is no such device.")

    lane = Lane(make_engine)
    heard = []
    lane.submit(SHORT, heard.append, Priority.QUEUE)
    lane.submit(SHORT, heard.append, Priority.QUEUE)
    lane.start()
    qtbot.waitUntil(lambda: len(heard) == 2, timeout=TIMEOUT)
    assert all(isinstance(e, Failed) and e.error.message == "There is no such device." for e in heard)
    assert lane.close()


def test_renders_are_served_while_a_generation_runs(qtbot, engine, submit):
    sample = engine.sample(engine.info("furniture"), SHORT, 1, 3)
    running, generated = submit(LONG)
    qtbot.waitUntil(lambda: bool(generated), timeout=TIMEOUT)
    _, rendered = submit(Render(sample, MeshView(32)), Priority.VIEW, "view")
    qtbot.waitUntil(lambda: bool(rendered.finals), timeout=TIMEOUT)
    assert isinstance(rendered.finals[0], Result)
    assert running.state is JobState.RUNNING and not generated.finals


def test_the_newest_wish_on_a_channel_wins(qtbot, engine: FakeEngine, submit):
    engine.render_seconds = 60.0
    sample = engine.sample(engine.info("furniture"), SHORT, 1, 3)
    _, first = submit(Render(sample, MeshView(32)), Priority.VIEW, "view")
    qtbot.waitUntil(lambda: bool(first), timeout=TIMEOUT)
    wishes = [submit(Render(sample, MeshView(n)), Priority.VIEW, "view")[1] for n in (40, 48, 56)]
    engine.render_seconds = 0.0
    qtbot.waitUntil(lambda: bool(wishes[-1].finals), timeout=TIMEOUT)
    assert [type(e) for e in first] == [Partial, Cancelled], "it is shown coarsely, then makes room"
    assert all([type(e) for e in heard] == [Cancelled] for heard in wishes[:2])
    assert wishes[-1].finals[0].value.cells == 56


def test_cancelling_a_running_job_ends_it_and_the_next_one_runs(qtbot, lane, submit):
    running, heard = submit(LONG)
    _, after = submit(SHORT)
    qtbot.waitUntil(lambda: bool(heard), timeout=TIMEOUT)
    lane.cancel(running)
    qtbot.waitUntil(lambda: bool(after.finals), timeout=TIMEOUT)
    assert [type(e) for e in heard.finals] == [Cancelled]
    assert isinstance(after.finals[0], Result)


def test_cancelling_a_waiting_job_never_starts_it(qtbot, lane, engine, submit):
    running, _ = submit(LONG)
    waiting, heard = submit(SHORT)
    lane.cancel(waiting)
    lane.cancel(running)
    qtbot.waitUntil(lambda: bool(heard.finals) and not lane.queue(), timeout=TIMEOUT)
    assert [type(e) for e in heard] == [Cancelled]
    assert SHORT not in engine.seen


def test_the_queue_is_reordered(qtbot, lane, engine, submit):
    running, _ = submit(LONG)
    jobs = [submit(Generate("furniture", seed=n, steps=1))[0] for n in (1, 2, 3)]
    lane.move(jobs[2], 0)
    assert [j.request.seed for j in lane.queue()[1:]] == [3, 1, 2] or lane.queue()[0] is not running
    lane.cancel(running)
    qtbot.waitUntil(lambda: all(j.state is JobState.DONE for j in jobs), timeout=TIMEOUT)
    assert [r.seed for r in engine.seen if isinstance(r, Generate) and r is not LONG] == [3, 1, 2]


def test_pausing_holds_the_generation_but_not_the_picture(qtbot, lane, engine, submit):
    sample = engine.sample(engine.info("furniture"), SHORT, 1, 3)
    _, generated = submit(LONG)
    qtbot.waitUntil(lambda: bool(generated), timeout=TIMEOUT)
    lane.set_paused(True)
    _, rendered = submit(Render(sample, MeshView(16)), Priority.VIEW, "view")
    qtbot.waitUntil(lambda: bool(rendered.finals), timeout=TIMEOUT)
    count = len(generated)
    qtbot.wait(100)
    assert len(generated) == count
    lane.set_paused(False)
    qtbot.waitUntil(lambda: len(generated) > count, timeout=TIMEOUT)


def test_a_paused_generation_can_be_cancelled(qtbot, lane, submit):
    job, heard = submit(LONG)
    qtbot.waitUntil(lambda: bool(heard), timeout=TIMEOUT)
    lane.set_paused(True)
    lane.cancel(job)
    qtbot.waitUntil(lambda: bool(heard.finals), timeout=TIMEOUT)
    assert [type(e) for e in heard.finals] == [Cancelled]


@pytest.mark.parametrize("paused", [False, True])
def test_closing_in_the_middle_ends_every_job_once(qtbot, engine, paused):
    lane = Lane(lambda: engine)
    lane.start()
    heard: dict[int, list] = {n: [] for n in range(3)}
    for n, events in heard.items():
        lane.submit(Generate("furniture", seed=n, steps=100_000), events.append, Priority.QUEUE)
    qtbot.waitUntil(lambda: bool(heard[0]), timeout=TIMEOUT)
    lane.set_paused(paused)
    assert lane.close()
    qtbot.waitUntil(lambda: all(e and isinstance(e[-1], Cancelled) for e in heard.values()), timeout=TIMEOUT)
    late: list = []
    lane.submit(SHORT, late.append, Priority.QUEUE)
    qtbot.waitUntil(lambda: bool(late), timeout=TIMEOUT)
    assert [type(e) for e in late] == [Cancelled]


def test_the_token_reaches_the_engine(qtbot, lane, engine, submit):
    tokens: list[CancelToken] = []

    def answer(_request, token):
        tokens.append(token)
        yield Result(())

    engine.answers[Generate] = answer
    job, heard = submit(SHORT)
    qtbot.waitUntil(lambda: bool(heard.finals), timeout=TIMEOUT)
    assert tokens == [job.token]
