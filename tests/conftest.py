"""For every test: private user folders, one torch thread, failure where threads, timers or windows are left behind.

Warnings fail tests through `filterwarnings`, Qt's log messages through `qt_log_level_fail` (both in pyproject.toml).
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from jaxtyping import install_import_hook

os.environ["QT_API"] = "pyside6"
if sys.platform.startswith("linux"):
    os.environ["QT_QPA_PLATFORM"] = "xcb"  # windows belong on the Xvfb display, also where Wayland runs

# Shapes written in signatures are checked wherever tensors are computed with.
install_import_hook(
    ["ddmi_models.planes", "ddmi_models.coords", "ddmi_models.nets", "ddmi_models.fields", "ddmi_models.diffusion"],
    "beartype.beartype",
)

hypothesis.settings.register_profile(
    "ddmi",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("ddmi")

USER_FOLDERS = {
    "DDMI_HOME": "ddmi",
    "XDG_DATA_HOME": "data",
    "XDG_CONFIG_HOME": "config",
    "XDG_CACHE_HOME": "cache",
    "XDG_STATE_HOME": "state",
    "HF_HOME": "huggingface",
}
PATIENCE = 2.0  # seconds that a thread or timer may take to end after its test
LIBRARY_THREADS = ("tqdm_monitor", "pydevd", "ptvsd")

failed = pytest.StashKey[bool]()


def set_user_folders(patch: pytest.MonkeyPatch, folder: Path) -> None:
    for variable, name in USER_FOLDERS.items():
        patch.setenv(variable, str(folder / name))
    patch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session", autouse=True)
def session_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """User folders for fixtures of wider scope than a test, and the private folder that Qt asks for."""
    folder = tmp_path_factory.mktemp("session")
    with pytest.MonkeyPatch.context() as patch:
        set_user_folders(patch, folder)
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700)
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        yield


@pytest.fixture(autouse=True)
def user_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty set of user folders for this test alone; not inside tmp_path."""
    folder = tmp_path_factory.mktemp("user")
    set_user_folders(monkeypatch, folder)
    return folder


@pytest.fixture(autouse=True)
def one_torch_thread() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != 1:
        torch.set_num_threads(1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    item.stash[failed] = item.stash.get(failed, False) or report.failed
    return report


@pytest.fixture(scope="session", autouse=True)
def started_in_qt() -> Iterator[list]:
    """Every QThread and QTimer that Python code started and that was not yet seen to be over."""
    from PySide6.QtCore import QThread, QTimer

    started: list = []
    with pytest.MonkeyPatch.context() as patch:
        for kind in (QThread, QTimer):
            patch.setattr(kind, "start", remember(kind.start, started))
        yield started


def remember(start, started: list):
    def start_and_remember(self, *args, **kwargs):
        if self not in started:
            started.append(self)
        return start(self, *args, **kwargs)

    return start_and_remember


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest, started_in_qt: list) -> Iterator[None]:
    """Fail a test that leaves a thread, a QThread, a running timer or a window behind."""
    threads = set(threading.enumerate())
    started_in_qt.clear()
    windows = set(open_windows())
    yield
    if request.node.stash.get(failed, False):  # its traceback holds on to everything
        return

    def leaks() -> list[str]:
        new_threads = [t for t in threading.enumerate() if t not in threads and not is_library_thread(t)]
        new_windows = [w for w in open_windows() if w not in windows]
        return [*map(repr, new_threads), *map(repr, still_active(started_in_qt)), *map(describe, new_windows)]

    if left := wait_until_gone(leaks):
        pytest.fail("left behind: " + ", ".join(left))


def wait_until_gone(leaks) -> list[str]:
    left = leaks()
    if left:
        gc.collect()
    end = time.monotonic() + PATIENCE
    while (left := leaks()) and time.monotonic() < end:
        flush_qt()
        time.sleep(0.01)
    return left


def is_library_thread(thread: threading.Thread) -> bool:
    # A dummy thread is one that Qt or a library runs and Python has merely seen.
    return isinstance(thread, threading._DummyThread) or any(name in thread.name for name in LIBRARY_THREADS)


def still_active(started: list) -> list:
    from PySide6.QtCore import QThread
    from shiboken6 import isValid

    alive = [thing for thing in started if isValid(thing)]
    return [thing for thing in alive if (thing.isRunning() if isinstance(thing, QThread) else thing.isActive())]


def application():
    widgets = sys.modules.get("PySide6.QtWidgets")
    return widgets.QApplication.instance() if widgets else None


def flush_qt() -> None:
    from PySide6.QtCore import QEvent

    if app := application():
        app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        app.processEvents()


def open_windows() -> list:
    """Top-level widgets that exist, tooltips aside; those asked to be deleted are deleted first."""
    app = application()
    if app is None:
        return []
    from PySide6.QtCore import QEvent

    app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return [w for w in app.topLevelWidgets() if w.parent() is None and w.metaObject().className() != "QTipLabel"]


def describe(widget) -> str:
    return f"{widget.metaObject().className()} {widget.objectName() or widget.windowTitle()!r}"
