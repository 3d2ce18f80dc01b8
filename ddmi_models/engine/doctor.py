"""A look at the machine: what is there, what works, and if not, why."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from typing import Any

import psutil

from ddmi_models.checkpoints.registry import home_dir, list_models, model_problems
from ddmi_models.rendering.memory import available_memory

PACKAGES = (
    "torch",
    "torchvision",
    "open_clip_torch",
    "diffusers",
    "numpy",
    "scikit-image",
    "trimesh",
    "embreex",
    "av",
    "PySide6-Essentials",
    "vispy",
)

OPENGL_PROBE = """
from PySide6.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext
app = QGuiApplication([])
surface, context = QOffscreenSurface(), QOpenGLContext()
surface.create()
assert context.create() and context.makeCurrent(surface), "no OpenGL context can be made"
found = context.format().version()
print(f"{found[0]}.{found[1]}")
"""
PROBE_SECONDS = 30


def examine() -> dict[str, Any]:
    """Plain values: program, system, packages, devices, memory, display, opengl, models, problems."""
    packages = {name: _version(name) for name in PACKAGES}
    opengl = _opengl()
    problems = [f"{name} is not installed: set the program up again." for name, v in packages.items() if v is None]
    problems += list(model_problems())
    if not opengl["works"]:
        problems.append(f"The window cannot draw shapes: {opengl['why']}. The command line works without.")
    models = list_models()
    if not any(model.source == "starter" for model in models):
        problems.append("No starter model is installed: set the program up again.")
    return {
        "program": _version("ddmi-studio") or "not installed as a package",
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": packages,
        "devices": _devices(),
        "memory": {"total": psutil.virtual_memory().total, "available": available_memory()},
        "opengl": opengl,
        "data_folder": str(home_dir()),
        "models": [{"name": m.name, "source": m.source, "domain": m.domain} for m in models],
        "problems": problems,
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _devices() -> list[dict[str, Any]]:
    import torch

    devices: list[dict[str, Any]] = [
        {"name": "cpu", "label": platform.processor() or platform.machine(), "threads": torch.get_num_threads()}
    ]
    for index in range(torch.cuda.device_count()):
        found = torch.cuda.get_device_properties(index)
        devices.append({"name": f"cuda:{index}", "label": found.name, "memory": found.total_memory})
    if torch.backends.mps.is_available():
        devices.append({"name": "mps", "label": "Apple GPU"})
    return devices


def _opengl() -> dict[str, Any]:
    """Whether a window could draw with OpenGL, tried in a process of its own: without a display Qt ends the process."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return {"works": False, "version": None, "why": "there is no display"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", OPENGL_PROBE], capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return {"works": False, "version": None, "why": "the display does not answer"}
    if done.returncode == 0:
        return {"works": True, "version": done.stdout.strip(), "why": None}
    lines = done.stderr.strip().splitlines()
    return {"works": False, "version": None, "why": lines[-1] if lines else f"Qt ended with {done.returncode}"}
