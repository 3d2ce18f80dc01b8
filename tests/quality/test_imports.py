"""What starting costs: the engine never loads the window's libraries, and help never loads torch."""

from __future__ import annotations

import json
import subprocess
import sys

WINDOW = {"PySide6", "shiboken6", "vispy", "pyqtgraph", "superqt", "qtawesome"}
HEAVY = {"torch", "torchvision", "open_clip", "diffusers", "accelerate", "trimesh", "skimage", "scipy", "av"}


def modules_after(code: str) -> set[str]:
    """Top-level modules loaded in a fresh interpreter by `code`."""
    report = "import json, sys; print('\\n' + json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_engine_loads_neither_window_nor_torch() -> None:
    loaded = modules_after("import ddmi_models")
    assert "ddmi_models" in loaded
    assert not loaded & (WINDOW | HEAVY)


def test_help_is_there_without_torch() -> None:
    code = """
import sys
from ddmi_models.cli import main
sys.argv = ["ddmi", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""
    loaded = modules_after(code)
    assert "typer" in loaded
    assert not loaded & (WINDOW | HEAVY)


def test_models_are_listed_without_torch() -> None:
    code = """
from ddmi_models.engine import Engine
from ddmi_models.events import Result
from ddmi_models.requests import ListModels
*_, last = Engine().run(ListModels())
assert isinstance(last, Result)
assert [(model.name, len(model.samplers)) for model in last.value] == [
    ("avatars", 6), ("cars", 6), ("furniture", 6), ("skies", 6)
], last
"""
    assert not modules_after(code) & (WINDOW | HEAVY)


def test_every_engine_module_stays_free_of_the_window() -> None:
    code = """
import importlib, pkgutil, ddmi_models
for module in pkgutil.walk_packages(ddmi_models.__path__, "ddmi_models."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
    loaded = modules_after(code)
    assert "torch" in loaded
    assert not loaded & WINDOW
