"""Work in several processes leaves nothing behind, however it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.waiting import wait_for

PROGRAM = """
from ddmi_models.training.workers import side_by_side
from tests.training.test_workers import slowly
if __name__ == "__main__":
    list(side_by_side(slowly, range(100), 2, lambda: None))
"""


def slowly(number: int) -> bytes:
    time.sleep(0.2)
    return bytes(1000)


def test_workers_of_a_killed_process_end_and_clear_its_folder(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, str(program)], env=environment) as process:
        wait_for(lambda: any(temporary.glob("*/*")))
        below = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    wait_for(lambda: not any(child.is_running() for child in below))
    assert len(below) >= 2 and not list(temporary.iterdir())
