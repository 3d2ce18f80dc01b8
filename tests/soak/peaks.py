"""The most memory that a process has had."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PROGRAM = "{program}\nimport tests.soak.peaks as peaks\nprint(peaks.highest_memory())"


def highest_memory() -> int:
    """Bytes that this process has had at most since it began; `getrusage` also counts its parent's before the start."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return 1024 * int(found[1])


def peak_of(program: str, *arguments: object) -> list[int]:
    """Run a program in a process of its own; returns the whole numbers that it prints, and last its peak."""
    command = [sys.executable, "-c", PROGRAM.format(program=program), *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [int(line) for line in done.stdout.splitlines() if line.isdigit()]
