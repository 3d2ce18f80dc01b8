"""The command line as people start it: quick help, Ctrl-C at any moment, a full disk, a closed pipe."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ddmi_models.devices import SHORT_SPIN, share_processor
from tests import models
from tests.waiting import PATIENCE, wait_for

COMMAND = [sys.executable, "-c", "from ddmi_models.cli import main; main()"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DDMI_HOME", str(tmp_path / "home"))
    models.write(tmp_path / "home" / "models", "image")
    work = tmp_path / "work"
    work.mkdir()
    return work


def ddmi(work: Path, *arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=work, capture_output=True, text=True, timeout=PATIENCE, check=False, **options
    )


def test_command_is_installed_and_helps(tmp_path: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "ddmi", "--help"], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0 and done.stderr == ""
    for command in ("doctor", "models", "generate", "render", "data", "train"):
        assert command in done.stdout


def test_help_reads_neither_numpy_nor_rich(tmp_path: Path) -> None:
    code = "import sys; sys.argv = ['ddmi', '--help']\nfrom ddmi_models.cli import app\napp.run()\n"
    code += "print([m for m in ('numpy', 'pydantic', 'rich', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["at once", "while it samples"])
def test_interruption_leaves_nothing(number: int, moment: str, home: Path) -> None:
    arguments = ["generate", "small-image", "--sampler", "ddpm", "--steps", "1000", "--count", "400", "--out", "out/"]
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: (home / "out").exists())  # the signals are caught by now
    if moment == "while it samples":
        time.sleep(8)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number
    assert out == "" and err.splitlines()[-1] == "Interrupted." and "Traceback" not in err
    assert list(home.iterdir()) == []


def test_full_disk_is_one_line_and_leaves_nothing(home: Path) -> None:
    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    done = ddmi(home, "generate", "small-image", "--resolution", "300", "--out", "a.tiff", preexec_fn=small_files)
    assert done.returncode == 1 and done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1 and "a.tiff cannot be written" in done.stderr
    assert list(home.iterdir()) == []


def test_closed_pipe_is_no_traceback(home: Path) -> None:
    command = f"{sys.executable} -c 'from ddmi_models.cli import main; main()' models show small-image | true"
    done = subprocess.run(command, shell=True, cwd=home, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


@pytest.mark.parametrize(("said", "policy", "turns"), [(None, "PASSIVE", SHORT_SPIN), ("ACTIVE", "ACTIVE", None)])
def test_waiting_threads_sleep_soon_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, said: str | None, policy: str, turns: str | None
) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.setenv(name, "")  # so that it is as before afterwards
        monkeypatch.delenv(name)
    if said is not None:
        monkeypatch.setenv("OMP_WAIT_POLICY", said)
    share_processor()
    assert (os.environ["OMP_WAIT_POLICY"], os.environ.get("GOMP_SPINCOUNT")) == (policy, turns)
