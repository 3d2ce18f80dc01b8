"""The engine's libraries: loaded in steps before they are needed, without stopping the window."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.events import Event, Progress, Result
from ddmi_models.requests import ListModels, LoadModel, Request
from ddmi_studio.jobs.preload import PreparedEngine

CODE = """
import sys
from ddmi_studio.jobs.preload import preload_torch
preload_torch()
assert "torch" not in sys.modules
print("libtorch_cpu" in open("/proc/self/maps").read())
"""
MODULES = ("ddmi_preload_one", "ddmi_preload_two")


class Plain:
    """An engine that answers everything."""

    def run(self, request: Request, token: CancelToken) -> Iterator[Event]:
        yield Result(type(request))


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two modules that say whether garbage was collected while they were imported."""
    for name in MODULES:
        (tmp_path / f"{name}.py").write_text("import gc\nCOLLECTED = gc.isenabled()\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    gc.unfreeze()
    for name in MODULES:
        sys.modules.pop(name, None)


def test_the_libraries_are_loaded_and_torch_is_not_imported():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]


def test_models_are_listed_before_anything_is_loaded(modules):
    engine = PreparedEngine(Plain(), MODULES)
    assert list(engine.run(ListModels(), CancelToken())) == [Result(ListModels)]
    assert not set(MODULES) & set(sys.modules)
    first, second, last = engine.run(LoadModel("x"), CancelToken())
    assert isinstance(first, Progress) and isinstance(second, Progress) and last == Result(LoadModel)
    assert (first.step, second.step, second.total) == (1, 2, 2)
    assert list(engine.run(LoadModel("x"), CancelToken())) == [Result(LoadModel)], "only once"


def test_the_collector_rests_meanwhile_and_works_again_afterwards(modules):
    interval = sys.getswitchinterval()
    list(PreparedEngine(Plain(), MODULES).run(LoadModel("x"), CancelToken()))
    assert not any(sys.modules[name].COLLECTED for name in MODULES)
    assert gc.isenabled() and gc.get_freeze_count() > 0
    assert sys.getswitchinterval() == interval


def test_loading_is_cancelled_between_two_libraries_and_goes_on_later(modules):
    engine, token = PreparedEngine(Plain(), MODULES), CancelToken()
    steps = engine.run(LoadModel("x"), token)
    next(steps)
    token.cancel()
    with pytest.raises(WorkCancelled):
        next(steps)
    assert gc.isenabled() and MODULES[1] not in sys.modules
    again = list(engine.run(LoadModel("x"), CancelToken()))
    assert [type(event) for event in again] == [Progress, Result] and MODULES[1] in sys.modules


def test_a_request_inside_the_loading_finishes_it(modules):
    engine = PreparedEngine(Plain(), MODULES)
    outer = engine.run(LoadModel("outer"), CancelToken())
    next(outer)
    assert list(engine.run(LoadModel("inner"), CancelToken()))[-1] == Result(LoadModel)
    assert list(outer) == [Result(LoadModel)]
    assert gc.isenabled()


WATCH = """
import gc, sys, threading, time
from ddmi_studio.jobs.preload import PreparedEngine
from ddmi_models.cancel import CancelToken
from ddmi_models.requests import LoadModel
longest = {}
started = [0.0]
def watch(phase, info):
    if phase == "start":
        started[0] = time.thread_time()
    else:
        longest[info["generation"]] = max(longest.get(info["generation"], 0.0), time.thread_time() - started[0])
gc.callbacks.append(watch)
class Nothing:
    def run(self, request, token):
        yield from ()
engine = PreparedEngine(Nothing(), ("torch", "scipy.sparse.csgraph"))
loading = threading.Thread(target=lambda: list(engine.run(LoadModel("x"), CancelToken())))
loading.start()
loading.join()
print("torch" in sys.modules, 2 in longest, gc.isenabled())
"""


def test_no_full_collection_holds_the_lock_while_torch_is_imported():
    done = subprocess.run([sys.executable, "-c", WATCH], capture_output=True, text=True)
    assert done.stdout.split() == ["True", "False", "True"], done.stderr
