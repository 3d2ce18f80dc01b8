"""Torch's libraries are loaded ahead of the import, and torch itself is not imported."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from ddmi_studio.jobs.preload import preload_torch
preload_torch()
assert "torch" not in sys.modules
print("libtorch_cpu" in open("/proc/self/maps").read())
"""


def test_the_libraries_are_loaded_and_torch_is_not_imported():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]
