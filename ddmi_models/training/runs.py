"""The runs on this machine: finding them, starting them as processes of their own, asking them for something."""

from __future__ import annotations

import difflib
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from ddmi_models.checkpoints.registry import home_dir
from ddmi_models.errors import BadInput, EngineError
from ddmi_models.events import Event, Progress
from ddmi_models.files import atomic_file, cannot_write
from ddmi_models.requests import RunInfo
from ddmi_models.training import control
from ddmi_models.training.folder import (
    CONFIG_FILE,
    LOG_FILE,
    OLDER_CONFIG_FILE,
    RUN_FILES,
    UNFINISHED,
    RunFolder,
    read_log,
    run_info,
)

ELSEWHERE = ".elsewhere"
START_SECONDS = 120.0
"""How long a process may take to say its first word."""

POLL_SECONDS = 0.2

_started: list[subprocess.Popen[bytes]] = []
"""Processes that this one started; kept so that their ends are noticed by the system."""


def runs_dir() -> Path:
    """Where runs are unless they were given a folder; need not exist."""
    return home_dir() / "runs"


def list_runs() -> tuple[RunInfo, ...]:
    """All runs, those that were given a folder of their own too, by name."""
    _reap()
    return tuple(sorted((run_info(folder) for folder in _folders()), key=lambda run: (run.name, str(run.path))))


def _folders() -> list[Path]:
    try:
        inside = [path for path in runs_dir().iterdir() if not path.name.startswith(".")]
    except OSError:
        inside = []
    notes = (runs_dir() / ELSEWHERE).glob("*")
    outside = [Path(note.read_text(encoding="utf-8", errors="replace")) for note in notes]
    return [folder for folder in inside + outside if RunFolder(folder).config_path is not None]


def remember_run(folder: Path) -> None:
    """Have a run listed that is not in the runs' own folder. Raises: CannotWrite."""
    folder = folder.resolve()
    if folder.parent == runs_dir().resolve():
        return
    note = _note(folder)
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(note.parent, error) from None
    with atomic_file(note) as file:
        file.write(str(folder).encode())


def _note(folder: Path) -> Path:
    """The note of a run that is not in the runs' own folder; need not exist."""
    return runs_dir() / ELSEWHERE / hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]


def find_run(name: str | Path) -> Path:
    """The folder of a run, by name or path.

    Raises:
        BadInput: if there is none, with the nearest names.
    """
    if RunFolder(Path(name)).config_path is not None:
        return Path(name)
    folders = {folder.name: folder for folder in reversed(_folders())}
    if str(name) in folders:
        return folders[str(name)]
    near = difflib.get_close_matches(str(name), folders, cutoff=0.5)
    known = f"There are: {', '.join(sorted(folders))}." if folders else "Start one with `ddmi train`."
    raise BadInput(f"There is no run {name}.", f"Did you mean {' or '.join(near)}?" if near else known)


def remove_run(folder: Path) -> str:
    """Delete a run's files, the configuration last, so that what is half removed can be removed again; and its folder,
    if nothing else is in it. Returns its name.

    Raises:
        EngineError: if a process works on it. CannotWrite: if something cannot be deleted.
    """
    folder = folder.absolute()
    refuse_if_active(folder)
    files = sorted(RUN_FILES, key=lambda name: name in (CONFIG_FILE, OLDER_CONFIG_FILE))
    try:
        for path in (folder / name for name in files):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        _note(folder).unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise cannot_write(folder, error) from None
    return folder.name


def start_process(folder: Path) -> Generator[Event, None, RunInfo]:
    """Start or go on with a run in a process of its own, which outlives this one; yields while waiting for it, and
    returns once it is under way.

    Raises:
        EngineError: if the run is under way already, or its process ends at once.
    """
    _reap()
    folder = folder.absolute()
    refuse_if_active(folder)
    moment = time.time()
    command = [sys.executable, "-m", "ddmi_models.training", "--resume", str(folder), "--quiet"]
    with (folder / LOG_FILE).open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **_own_session())
    _started.append(process)
    while time.time() < moment + START_SECONDS:
        yield Progress(0, 1, f"Starting {folder.name}")
        ended = process.poll() is not None
        info = run_info(folder)
        if info.updated >= moment and (info.state in UNFINISHED or (ended and info.state in ("finished", "paused"))):
            return info
        if ended:
            raise EngineError(f"The run {folder.name} did not start: {_last_words(info)}", "Its log.txt says more.")
        time.sleep(POLL_SECONDS)
    raise EngineError(f"The process of {folder.name} does not say anything.", "Look into its log.txt.")


def _own_session() -> dict[str, Any]:
    """Arguments that keep the process alive when this one, or its terminal, goes."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _reap() -> None:
    _started[:] = [process for process in _started if process.poll() is None]


def refuse_if_active(folder: Path) -> None:
    """Raises: EngineError if a process other than this one works on the run."""
    info = run_info(folder)
    if info.state in UNFINISHED and info.pid != os.getpid():
        raise EngineError(
            f"The run {folder.name} is {info.state} already (process {info.pid}).", "Follow it or stop it."
        )


def ask_run(folder: Path, action: str) -> Generator[Event, None, RunInfo]:
    """Ask a run to save, sample, pause or stop; yields until that is done.

    Raises:
        BadInput: for an action that there is not. EngineError: if the run is not under way, or dies.
    """
    if action not in control.ACTIONS:
        raise BadInput(f"A run cannot {action}.", f"It can {', '.join(control.ACTIONS)}.")
    info = run_info(folder)
    if info.state not in UNFINISHED:
        return _ask_resting(folder, info, action)
    if info.state == "waiting" and info.message and action in ("save", "sample"):  # without one it is about to begin
        raise EngineError(f"There is nothing to {action} yet: {folder.name} waits for its device.", info.message)
    control.ask(folder, action)
    while (info := run_info(folder)).state in UNFINISHED:
        yield Progress(0, 1, f"Asking {folder.name} to {action}")
        if action not in control.asked(folder):
            return info
        _reap()
        time.sleep(POLL_SECONDS)
    control.done(folder, action)
    if action in ("pause", "stop") and info.state in ("paused", "stopped", "finished"):
        return info
    raise EngineError(f"The run {folder.name} {info.state} before it could {action}.", info.message)


def _ask_resting(folder: Path, info: RunInfo, action: str) -> RunInfo:
    """What can be asked of a run without a process: to count as stopped."""
    if action == "stop" and info.state in ("paused", "crashed", "failed"):
        RunFolder(folder).end("stopped")
        return run_info(folder)
    raise EngineError(
        f"The run {folder.name} is {info.state}, so it cannot {action}.",
        f"Go on with it: ddmi runs resume {folder.name}",
    )


def _last_words(info: RunInfo) -> str:
    lines = read_log(info.path, 1)
    return info.message or (lines[0] if lines else "it left no word.")
