"""A run's folder: its files, written whole or not at all, and read by whoever follows the run.

| file | what it holds |
|---|---|
| config.yaml | the run's configuration |
| environment.json, data.json | versions and device of the last start; what the training set was |
| metrics.jsonl, tensorboard/ | figures, one JSON object a line; the same for TensorBoard |
| log.txt | what happened, with times |
| samples/ | pictures of fixed seeds, by step |
| state.pt | everything that an exact resumption needs |
| model.safetensors, best.safetensors | averaged weights: the last ones, and those best in validation |
| status.json | where the run stands; the process that trains rewrites it |
| control/ | requests to that process, see `control` |

Nothing here imports torch, so that lists of runs are quick.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from ddmi_models.errors import BadConfig, BadData, CannotWrite, EngineError
from ddmi_models.files import TEMPORARY_PREFIX, atomic_file, cannot_write
from ddmi_models.requests import RunInfo
from ddmi_models.training import control
from ddmi_models.training.alive import is_alive, own_process
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.tensorboard import EventFile

CONFIG_FILE, OLDER_CONFIG_FILE = "config.yaml", "config.json"
ENVIRONMENT_FILE, DATA_FILE = "environment.json", "data.json"
METRICS_FILE, TENSORBOARD, LOG_FILE, SAMPLES = "metrics.jsonl", "tensorboard", "log.txt", "samples"
STATE_FILE, MODEL_FILE, BEST_FILE = "state.pt", "model.safetensors", "best.safetensors"
STATUS_FILE, LOCK_FILE = "status.json", "run.lock"
RUN_FILES = (
    CONFIG_FILE, OLDER_CONFIG_FILE, ENVIRONMENT_FILE, DATA_FILE, METRICS_FILE, TENSORBOARD, LOG_FILE, SAMPLES,
    STATE_FILE, MODEL_FILE, BEST_FILE, STATUS_FILE, LOCK_FILE, control.CONTROL,
)  # fmt: skip
"""Everything that a run writes into its folder."""

STATUS_SECONDS = 2.0
"""Shortest time between two writings of the status while a run goes on."""

LOCK_SECONDS = 5.0
UNFINISHED = {"waiting", "running"}
"""States in which a process works on the run; without one it has crashed."""


class RunFolder:
    """The folder of a run.

    Args:
        writes: whether this process writes. Of several processes only the first does; in the others every method that
            writes does nothing.
    """

    def __init__(self, path: Path, writes: bool = True) -> None:
        self.path, self.writes = path, writes
        self._events: EventFile | None = None
        self._told = 0.0

    @property
    def model(self) -> Path:
        return self.path / MODEL_FILE

    @property
    def state(self) -> Path:
        return self.path / STATE_FILE

    @property
    def config_path(self) -> Path | None:
        """The run's configuration, also of runs of older versions; None where there is no run."""
        return next((p for name in (CONFIG_FILE, OLDER_CONFIG_FILE) if (p := self.path / name).is_file()), None)

    def create(self, config: TrainConfig) -> None:
        """Make the folder with the run's configuration, nothing more.

        Raises:
            CannotWrite: if it cannot be made.
        """
        if not self.writes:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self.path, error) from None
        text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
        self._write(CONFIG_FILE, text)

    def config_values(self) -> dict[str, Any]:
        """The run's configuration as plain values, also where another version of the program wrote it.

        Raises:
            BadData: if there is no run here. BadConfig: if its configuration is not readable.
        """
        path = self.config_path
        if path is None:
            raise BadData(f"There is no run in {self.path}.", "`ddmi runs list` names those that there are.")
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise BadConfig(f"{path} cannot be read: {' '.join(str(error).split())}.") from None
        if not isinstance(values, dict):
            raise BadConfig(f"{path} holds no configuration.")
        return values

    def config(self) -> TrainConfig:
        """The run's configuration. Raises: as `config_values`, and BadConfig if it is not valid."""
        values = self.config_values()
        if isinstance(values.get("data"), dict):
            values["data"].setdefault("validation_share", 0)  # older versions held out nothing
        return TrainConfig.parse(values)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training in this folder while the block runs.

        Raises:
            EngineError: if one does already.
        """
        if not self.writes:
            yield
            return
        try:
            lock = FileLock(self.path / LOCK_FILE)
            lock.acquire(timeout=LOCK_SECONDS)
        except Timeout:
            raise EngineError(f"Another process trains in {self.path} already.", "Wait for it or stop it.") from None
        except OSError as error:
            raise cannot_write(self.path / LOCK_FILE, error) from None
        try:
            yield
        finally:
            lock.release()

    def clean(self) -> None:
        """Remove what a killed process left half-written."""
        if not self.writes:
            return
        for pattern in (f"**/{TEMPORARY_PREFIX}*", f".{STATE_FILE}.*"):
            for path in self.path.glob(pattern):
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()

    # Figures

    def start_metrics(self, step: int) -> None:
        """Keep only the figures up to a step, so that a resumed run repeats none; anew for TensorBoard."""
        if not self.writes:
            return
        path = self.path / METRICS_FILE
        rows = [row for row in read_metrics(self.path) if row["step"] <= step]
        kept = "".join(json.dumps(row) + "\n" for row in rows)
        if path.is_file() and path.read_bytes() != kept.encode():
            self._write(METRICS_FILE, kept)
        self._events = EventFile.start(self.path / TENSORBOARD, rows)

    def add_metrics(self, step: int, seconds: float, figures: dict[str, float]) -> None:
        """Append one line of figures; those that are no finite numbers become null. Raises: CannotWrite."""
        if not self.writes:
            return
        finite = {key: value if math.isfinite(value) else None for key, value in figures.items()}
        row = {"step": step, "seconds": round(seconds, 3), "time": round(time.time(), 1), **finite}
        self._append(METRICS_FILE, json.dumps(row) + "\n")
        if self._events is not None:
            self._events.add(row)

    def flush_metrics(self) -> None:
        """Make sure that the figures are on the disk, before a state that counts on them is."""
        path = self.path / METRICS_FILE
        if self.writes and path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())

    def log(self, line: str) -> None:
        """Add a line with the time to the log. Raises: CannotWrite."""
        if self.writes:
            self._append(LOG_FILE, f"{datetime.now():%Y-%m-%d %H:%M:%S}  {line}\n")

    # Status

    def tell(self, now: bool = True, **changes: Any) -> None:
        """Change the status; with `now` false only if the last such change is a while ago. Raises: CannotWrite."""
        if not self.writes or (not now and time.monotonic() - self._told < STATUS_SECONDS):
            return
        if not now:
            self._told = time.monotonic()
        status = replace(read_status(self.path), updated=time.time(), **changes)
        values = asdict(status)
        values.pop("path")
        self._write(STATUS_FILE, json.dumps(values, indent=1))

    def claim(self, state: str, **changes: Any) -> None:
        """Say that this process works on the run now."""
        pid, started, host = own_process()
        self.tell(state=state, pid=pid, process_started=started, host=host, message="", **changes)

    def end(self, state: str, message: str = "") -> None:
        """Say how the run ended; where the disk is full the log or the process' end have to tell it."""
        with contextlib.suppress(CannotWrite):
            self.log(message or state.capitalize())
        with contextlib.suppress(CannotWrite):
            self.tell(state=state, message=message, seconds_left=None)

    def end_as_asked(self, state: str) -> None:
        """Say that the run ended as it was asked to: paused or stopped; nothing is asked of it any more."""
        self.end(state)
        if self.writes:
            control.done(self.path, *control.ACTIONS)

    def write_json(self, name: str, values: Any) -> None:
        """Write a JSON file of the folder. Raises: CannotWrite."""
        self._write(name, json.dumps(values, indent=1, default=str))

    def write_sample(self, step: int, png: bytes) -> Path | None:
        """Keep a picture of a step; returns its path. Raises: CannotWrite."""
        if not self.writes:
            return None
        path = self.path / SAMPLES / f"step-{step:08}.png"
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_write(path.parent, error) from None
        with atomic_file(path) as file:
            file.write(png)
        return path

    def _write(self, name: str, text: str) -> None:
        if self.writes:
            with atomic_file(self.path / name) as file:
                file.write(text.encode())

    def _append(self, name: str, text: str) -> None:
        path = self.path / name
        try:
            with path.open("a", encoding="utf-8", errors="backslashreplace") as file:  # names of files may be no text
                file.write(text)
        except OSError as error:
            raise cannot_write(path, error) from None


def read_metrics(folder: Path, start: int = 0) -> list[dict[str, Any]]:
    """The figures of a run from row `start` on; a last line that is not whole does not count."""
    try:
        lines = (folder / METRICS_FILE).read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    except OSError:
        return []
    rows = []
    for line in lines[start:]:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if line.endswith("\n") and isinstance(row, dict) and isinstance(row.get("step"), int):
            rows.append(row)
    return rows


def read_log(folder: Path, lines: int) -> tuple[str, ...]:
    """The last lines of a run's log."""
    try:
        text = (folder / LOG_FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    return tuple(text.splitlines()[-lines:])


def read_status(folder: Path) -> RunInfo:
    """Where a run stands, as its process said last."""
    try:
        values = json.loads((folder / STATUS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        values = {}
    known = {field.name for field in fields(RunInfo)} - {"path"}
    return RunInfo(path=folder, **{key: value for key, value in values.items() if key in known})


def run_info(folder: Path) -> RunInfo:
    """Where a run stands: as `read_status`, and crashed where its process has died without a word."""
    status = replace(read_status(folder), name=folder.name)
    if status.state in UNFINISHED and not is_alive(status):
        last = read_log(folder, 1)
        return replace(status, state="crashed", message=last[0] if last else "", seconds_left=None)
    return status
