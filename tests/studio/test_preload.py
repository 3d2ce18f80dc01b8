"""Torch's libraries are loaded ahead of the import, and the import then works."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from ddmi_studio.jobs.preload import preload_torch
preload_torch()
assert "torch" not in sys.modules
print("libtorch_cpu" in open("/proc/self/maps").read())
import torch
print(float(torch.ones(3).sum()))
"""


def test_the_libraries_are_there_before_the_import():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "3.0"]
