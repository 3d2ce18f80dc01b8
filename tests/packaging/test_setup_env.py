"""The set-up script: what it installs, when it does nothing, and how it mends a broken .venv."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, for a project in an empty folder, with pip and venv replaced by notes in `calls`."""
    spec = importlib.util.spec_from_file_location("setup_env", ROOT / "packaging" / "setup_env.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in module.INPUTS:
        (tmp_path / name).write_text("first")
    venv = tmp_path / ".venv"
    calls: list[str] = []

    def make_environment() -> None:
        calls.append("venv")
        (venv / "bin").mkdir(parents=True, exist_ok=True)
        python = venv / "bin" / "python"
        python.unlink(missing_ok=True)
        python.write_text("#!/bin/sh\necho 3.11.2\n")
        python.chmod(0o755)

    def install(extras: list[str]) -> bool:
        calls.append("install " + ",".join(extras))
        return True

    for name, value in {
        "ROOT": tmp_path,
        "VENV": venv,
        "STAMP": venv / "ddmi-setup.json",
        "make_environment": make_environment,
        "install": install,
        "calls": calls,
    }.items():
        monkeypatch.setattr(module, name, value, raising=False)
    return module


def test_a_missing_environment_is_made_and_a_second_call_does_nothing(setup: ModuleType) -> None:
    setup.provide_environment([])
    assert setup.calls == ["venv", "install "]
    setup.provide_environment([])
    assert setup.calls == ["venv", "install "]


def test_the_test_group_is_added_once_and_kept(setup: ModuleType) -> None:
    setup.provide_environment([])
    setup.provide_environment(["test"])
    setup.provide_environment([])
    assert setup.calls == ["venv", "install ", "install test"]


def test_a_changed_project_file_brings_it_up_to_date(setup: ModuleType) -> None:
    setup.provide_environment([])
    (setup.ROOT / "pyproject.toml").write_text("second")
    setup.provide_environment([])
    assert setup.calls == ["venv", "install ", "install "]


def test_an_interrupted_installation_goes_on(setup: ModuleType) -> None:
    setup.make_environment()
    setup.provide_environment([])
    assert setup.calls == ["venv", "install "]


def test_a_vanished_interpreter_means_a_new_environment(setup: ModuleType) -> None:
    setup.provide_environment(["test"])
    python = setup.VENV / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    setup.provide_environment([])
    assert setup.calls == ["venv", "install test", "venv", "install test"]


def test_a_moved_folder_means_a_new_environment(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    setup.provide_environment([])
    moved = setup.ROOT / "elsewhere"
    setup.VENV.rename(moved)
    monkeypatch.setattr(setup, "VENV", moved)
    monkeypatch.setattr(setup, "STAMP", moved / "ddmi-setup.json")
    setup.calls.clear()
    setup.provide_environment([])
    assert setup.calls[0] == "venv"


def test_what_cannot_be_mended_is_made_anew(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    setup.make_environment()
    monkeypatch.setattr(setup, "install", lambda extras: setup.calls.count("venv") == 2)
    setup.provide_environment([])
    assert setup.calls == ["venv", "venv"]
    assert setup.STAMP.exists()


def test_a_failing_installation_leaves_no_stamp(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "install", lambda extras: False)
    with pytest.raises(setup.SetupError):
        setup.provide_environment([])
    assert not setup.STAMP.exists()


def test_half_installed_packages_are_forgotten_and_whole_ones_kept(setup: ModuleType) -> None:
    site = setup.VENV / "lib" / "python3.11" / "site-packages"
    for name, record in {
        "whole": "whole.py,sha256=x,4\nwhole-1.dist-info/RECORD,,\n",
        "shortened": "shortened.py,sha256=x,99\n",
        "vanished": "nowhere.py,sha256=x,4\n",
        "unrecorded": None,
    }.items():
        info = site / f"{name}-1.dist-info"
        info.mkdir(parents=True)
        (site / f"{name}.py").write_text("pass")
        if record is not None:
            (info / "RECORD").write_text(record)
    (site / "~eftover").mkdir()
    setup.forget_half_installed()
    assert {path.name for path in site.iterdir() if path.is_dir()} == {"whole-1.dist-info"}


def missing_all(setup: ModuleType, monkeypatch: pytest.MonkeyPatch, user: int, apt: bool) -> list[list[str]]:
    """Pretend that no library is there; returns the commands that are run."""
    commands: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(setup, "known_libraries", lambda: set())
    monkeypatch.setattr(setup.sys, "platform", "linux")
    monkeypatch.setattr(setup.os, "geteuid", lambda: user)
    monkeypatch.setattr(setup.shutil, "which", lambda name: f"/usr/bin/{name}" if apt else None)
    monkeypatch.setattr(setup.subprocess, "run", run)
    return commands


def test_root_on_debian_installs_the_libraries(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = missing_all(setup, monkeypatch, user=0, apt=True)
    setup.provide_system_packages([])
    assert commands[0] == ["apt-get", "-q", "update"]
    assert {"libgl1", "libegl1", "libxcb-cursor0", "libxcb-shape0"} <= set(commands[1])


def test_others_are_given_the_line_to_run(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = missing_all(setup, monkeypatch, user=1000, apt=True)
    with pytest.raises(setup.SetupError, match="sudo apt-get update && sudo apt-get install") as caught:
        setup.provide_system_packages([])
    assert "\n" not in str(caught.value)
    assert commands == []


def test_other_systems_are_told_and_go_on(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = missing_all(setup, monkeypatch, user=1000, apt=False)
    setup.provide_system_packages([])
    assert commands == []
    assert "libxcb-cursor0" in capsys.readouterr().err


def test_an_unsuitable_interpreter_is_refused_in_one_line() -> None:
    environment = {**os.environ, "PYTHON": "/nowhere/python3"}
    script = ROOT / "packaging" / "setup_env.sh"
    done = subprocess.run(["sh", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("PYTHON=/nowhere/python3 is not")
    assert done.stderr.count("\n") == 1
