"""Work on many things in several processes, which may be stopped at any moment."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from ddmi_models.errors import EngineError
from ddmi_models.files import TEMPORARY_PREFIX, cannot_write

WAIT = 0.1
"""Seconds between two looks at whether the work is still wanted."""

Asked = TypeVar("Asked")
Made = TypeVar("Made")

_given: list[Any] = []
"""In a worker: what to do, on what, and the folder for what comes of it."""


def side_by_side(
    work: Callable[[Asked], Made], jobs: Sequence[Asked], workers: int, check: Callable[[], None]
) -> Iterator[Made]:
    """What `work` (picklable) makes of each job, in order, in so many processes; with one or none, in this one.

    Pipes between the processes carry numbers only: a worker that is ended in the middle of a larger message would leave
    the reader waiting for its rest. What the jobs make goes through a folder that is gone afterwards.

    Args:
        check: called several times a second (before each job with one worker); may raise to stop.

    Raises:
        EngineError: a worker was ended from outside. CannotWrite: no space for what the jobs make.
    """
    if workers <= 1:
        for job in jobs:
            check()
            yield work(job)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the locks of this process's threads
    reader, writer = context.Pipe(duplex=False)
    with (
        tempfile.TemporaryDirectory(prefix=TEMPORARY_PREFIX) as folder,
        reader,
        writer,
        ProcessPoolExecutor(workers, context, _begin, (reader, work, jobs, folder)) as pool,
    ):
        try:
            for index, future in enumerate([pool.submit(_do, index) for index in range(len(jobs))]):
                _await(future, check, Path(folder))
                yield _taken(Path(folder, str(index)))
        except BaseException:
            writer.close()
            raise


def _await(future: Future[None], check: Callable[[], None], folder: Path) -> None:
    while True:
        check()
        try:
            return future.result(WAIT)
        except TimeoutError:
            continue
        except BrokenProcessPool:
            raise EngineError(
                "A process was ended from outside, perhaps for lack of memory.",
                "Run it again with fewer of them (--workers, --processes); what is ready is kept.",
            ) from None
        except OSError as error:
            raise cannot_write(folder, error) from None


def _taken(path: Path) -> Any:
    with path.open("rb") as file:
        made = pickle.load(file)
    path.unlink()
    return made


def _begin(reader: Connection, *given: Any) -> None:
    """Ready a worker, which lives until the pipe's other end is closed, by the parent or by the parent's death."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    _given.extend(given)

    def watch() -> None:
        reader.poll(None)
        shutil.rmtree(given[-1], ignore_errors=True)  # a parent that was killed has left it
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _do(index: int) -> None:
    work, jobs, folder = _given
    made = work(jobs[index])
    with Path(folder, str(index)).open("wb") as file:
        pickle.dump(made, file, pickle.HIGHEST_PROTOCOL)
