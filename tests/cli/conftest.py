"""Calling the command line in this process, in a user's folder with one small model of each domain."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ddmi_models.cli import app as command_line
from ddmi_models.cli import session
from tests import models


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with one small model of each domain; the current folder is elsewhere and empty."""
    monkeypatch.setenv("DDMI_HOME", str(tmp_path / "home"))
    for domain in ("image", "shape"):
        models.write(tmp_path / "home" / "models", domain)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr(session, "_debug", False)
    return tmp_path


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Call the command line: (exit code, stdout, stderr)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ddmi", *map(str, arguments)])
        code = command_line.run()
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def ddmi(home: Path, command):
    """The command line, with the user's folder of `home`."""
    return command
