"""Many samples into a folder: the same files from one process and from several, and going on where one stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ddmi_models.cli import bulk
from ddmi_models.cli.bulk import CHUNK, LEFTOVER_SECONDS, NOTE
from tests.addons import add

COUNT = 20
ARGUMENTS = ("generate", "small-image", "--seed", 7, "--steps", 2, "--resolution", 16, "--threads", 1)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != NOTE}


@pytest.fixture
def whole(ddmi, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some samples, drawn by this process; later ones are drawn in bulk only where that is asked for."""
    monkeypatch.setattr(bulk, "MANY", COUNT)
    code, out, err = ddmi(*ARGUMENTS, "--count", COUNT, "--out", "whole/", "--json")
    assert code == 0, err
    assert (json.loads(out)["written"], json.loads(out)["kept"]) == (COUNT, 0)
    monkeypatch.setattr(bulk, "MANY", 10**9)
    return home / "work" / "whole"


def test_several_processes_draw_the_same_files(ddmi, whole: Path) -> None:
    code, out, err = ddmi(*ARGUMENTS, "--count", COUNT, "--out", "side/", "--processes", 2)
    assert code == 0 and f"{COUNT} written, 0 were there" in out, err
    assert contents(whole.parent / "side") == contents(whole)
    assert set(contents(whole)) == {f"{seed}.png" for seed in range(7, 7 + COUNT)}


def test_launched_processes_share_a_folder(ddmi, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    for rank in (1, 0):
        for name, value in (("RANK", rank), ("LOCAL_RANK", rank), ("WORLD_SIZE", 2)):
            monkeypatch.setenv(name, str(value))
        code, out, err = ddmi(*ARGUMENTS, "--count", COUNT, "--out", "shared/", "--json")
        assert code == 0, err
        written.append(json.loads(out)["written"])
    assert written == [COUNT - CHUNK, CHUNK]  # chunks in turn
    assert contents(whole.parent / "shared") == contents(whole)


def test_a_killed_one_goes_on_with_what_is_missing(ddmi, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = whole.parent / "torn"
    code = "import sys; from ddmi_models.cli.app import run; sys.exit(run())"
    arguments = map(str, (*ARGUMENTS, "--count", COUNT, "--out", "torn/"))
    shared = {**os.environ, "RANK": "0", "WORLD_SIZE": "2"}
    child = subprocess.Popen([sys.executable, "-c", code, *arguments], env=shared)
    end = time.monotonic() + 300
    while len(list(folder.glob("*.png"))) < 5 and time.monotonic() < end:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    there = contents(folder)
    assert len(there) >= 5 and all(
        whole.joinpath(name).read_bytes() == data for name, data in there.items() if name[0] != "."
    )

    leftover, young = folder / ".ddmi-0123.png", folder / ".ddmi-4567.png"
    for path in (leftover, young):
        path.write_bytes(b"half")
    os.utime(leftover, (0, time.time() - LEFTOVER_SECONDS - 1))
    monkeypatch.setattr(bulk, "MANY", COUNT)
    code, out, err = ddmi(*ARGUMENTS, "--count", COUNT, "--out", "torn/", "--json")
    assert code == 0, err
    kept = sum(name[0] != "." for name in there)
    assert (json.loads(out)["written"], json.loads(out)["kept"]) == (COUNT - kept, kept)
    assert {name: data for name, data in contents(folder).items() if name[0] != "."} == contents(whole)
    assert not leftover.exists() and young.exists()


def test_other_settings_and_places_are_refused(ddmi, whole: Path) -> None:
    code, _, err = ddmi(*ARGUMENTS, "--count", 41, "--out", "whole/", "--processes", 2, "--steps", 3)
    assert code == 1 and "other settings" in err
    code, _, err = ddmi(*ARGUMENTS, "--count", 4, "--out", "one.png", "--processes", 2)
    assert code == 2 and "folder" in err
    code, _, err = ddmi(
        "generate", "small-image", "--prompt", "a cat", "--out", "texts/", "--processes", 2, "--count", 2
    )
    assert code == 1 and "does not take a prompt" in err


def test_a_changed_add_on_is_another_setting(ddmi, home: Path) -> None:
    add("hat", 1)
    asked = (*ARGUMENTS, "--count", 2, "--out", "hats/", "--processes", 2, "--lora", "hat")
    assert ddmi(*asked)[0] == 0
    assert ddmi(*asked)[0] == 0
    assert ddmi("models", "remove", "hat")[0] == 0
    add("hat", 2)
    code, _, err = ddmi(*asked)
    assert code == 1 and "another model or other settings" in err
