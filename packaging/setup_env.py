"""Makes or mends .venv and installs system libraries; returns at once when everything stands. Standard library only.

Called by setup_env.sh (that is, by `make run` and `make test`) with a Python >= 3.11. A stamp inside .venv is written
last, so a .venv without a fitting stamp is unfinished, outdated or moved; what can be kept of it is kept.
"""

from __future__ import annotations

import csv
import ctypes.util
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "ddmi-setup.json"
INPUTS = ("pyproject.toml", "setup.py")
# What must import before the stamp is written: the pairs and native libraries that break first.
PROBE = "import torch, torchvision, numpy, PySide6.QtWidgets, vispy, ddmi_models"

# Shared libraries and programs that Qt and OpenGL need on Linux, and the Debian package of each.
LIBRARIES = {
    "GL": "libgl1",
    "EGL": "libegl1",
    "fontconfig": "libfontconfig1",
    "glib-2.0": "libglib2.0-0",
    "dbus-1": "libdbus-1-3",
    "xkbcommon-x11": "libxkbcommon-x11-0",
    "xcb-cursor": "libxcb-cursor0",
    "xcb-icccm": "libxcb-icccm4",
    "xcb-keysyms": "libxcb-keysyms1",
    "xcb-shape": "libxcb-shape0",
}
TEST_PROGRAMS = {"Xvfb": "xvfb", "xauth": "xauth"}


class SetupError(Exception):
    """Set-up cannot go on; the message is one line that says what to do."""


def main(extras: list[str]) -> int:
    try:
        provide_system_packages(extras)
        provide_environment(extras)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Set-up interrupted; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def provide_system_packages(extras: list[str]) -> None:
    """Install what is missing on Debian or Ubuntu as root; otherwise name it."""
    missing = missing_packages(extras)
    if not missing:
        return
    names = " ".join(missing)
    if shutil.which("apt-get") is None:
        if "venv" in names:
            raise SetupError(
                f"{sys.executable} lacks venv or ensurepip: install them, or set PYTHON= to another Python."
            )
        say(f"Not found on this system (Debian's names): {names}. The window needs them.")
        return
    if os.geteuid() != 0:
        command = f"sudo apt-get update && sudo apt-get install -y --no-install-recommends {names}"
        raise SetupError(f"System packages are missing. Run: {command}")
    say(f"Installing system packages: {names}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
        done = subprocess.run(["apt-get", "-q", *step], env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        if done.returncode:
            raise SetupError(f"apt-get {step[0]} failed (see above). Mend that, then run the same command again.")


def missing_packages(extras: list[str]) -> list[str]:
    missing = []
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        missing.append(f"python3.{sys.version_info.minor}-venv")
    if sys.platform.startswith("linux"):
        known = known_libraries()
        missing += [package for name, package in LIBRARIES.items() if f"lib{name}.so" not in known]
        if "test" in extras:
            missing += [package for program, package in TEST_PROGRAMS.items() if shutil.which(program) is None]
    return missing


def known_libraries() -> set[str]:
    """Names of the shared libraries that the loader knows, without version: "libGL.so"."""
    ldconfig = shutil.which("ldconfig", path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin")
    if ldconfig is None:  # not glibc, or libraries outside the usual places
        return {f"lib{name}.so" for name in LIBRARIES if ctypes.util.find_library(name)}
    listing = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=True).stdout
    words = (line.split() for line in listing.splitlines() if "=>" in line)
    return {name[0].partition(".so")[0] + ".so" for name in words}


def provide_environment(extras: list[str]) -> None:
    """Bring .venv to the state that the stamp describes."""
    version = interpreter_version()
    stamp = read_stamp()
    wanted = wanted_stamp(version, sorted({*extras, *stamp.get("extras", [])}))
    if version is not None and stamp == wanted:
        return
    STAMP.unlink(missing_ok=True)
    if version is not None and stamp.get("place", str(VENV)) == str(VENV):
        say("Mending .venv ..." if not stamp else "Bringing .venv up to date ...")
        forget_half_installed()
        if install(wanted["extras"]):
            write_stamp(wanted)
            return
        say("It cannot be mended; making it anew.")
    else:
        say("Making .venv; the first time this downloads some 3 GB and takes some minutes ...")
    make_environment()
    if not install(wanted["extras"]):
        raise SetupError("Installing into .venv failed (see above). Mend that, then run the same command again.")
    write_stamp(wanted_stamp(interpreter_version(), wanted["extras"]))


def interpreter() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def interpreter_version() -> str | None:
    """Version of the Python in .venv; None where it is missing, broken or has no pip."""
    code = (
        "import sys, importlib.util as u; sys.exit(1) if u.find_spec('pip') is None else print(sys.version.split()[0])"
    )
    try:
        done = subprocess.run([interpreter(), "-I", "-c", code], capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def wanted_stamp(version: str | None, extras: list[str]) -> dict[str, Any]:
    digest = hashlib.sha256(b"\0".join((ROOT / name).read_bytes() for name in INPUTS)).hexdigest()
    return {"inputs": digest, "python": version, "place": str(VENV), "extras": extras}


def read_stamp() -> dict[str, Any]:
    try:
        return json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}


def write_stamp(stamp: dict[str, Any]) -> None:
    unfinished = STAMP.with_suffix(".tmp")
    unfinished.write_text(json.dumps(stamp))
    unfinished.replace(STAMP)


def make_environment() -> None:
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    shutil.rmtree(VENV, ignore_errors=True)
    if subprocess.run([sys.executable, "-m", "venv", VENV]).returncode:
        raise SetupError(f"{sys.executable} -m venv failed (see above): mend that, or set PYTHON= to another Python.")


def install(extras: list[str]) -> bool:
    """One pip call for everything, so that torch and torchvision are resolved together; then a look at the result."""
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    quiet = ["--disable-pip-version-check", "--no-input"]
    pip = [str(interpreter()), "-m", "pip", "install", *quiet, "--editable", target]
    if subprocess.run(pip, stdin=subprocess.DEVNULL, stdout=sys.stderr, cwd=ROOT).returncode:
        return False
    return subprocess.run([interpreter(), "-c", PROBE], stdin=subprocess.DEVNULL, cwd=VENV).returncode == 0


def forget_half_installed() -> None:
    """Remove the records of packages whose files are not all there, so that pip installs these again.

    pip writes RECORD last and names half-removed packages "~name".
    """
    for site in (*VENV.glob("lib/python*/site-packages"), *VENV.glob("Lib/site-packages")):
        for leftover in site.glob("~*"):
            shutil.rmtree(leftover, ignore_errors=True)
        for record in site.glob("*.dist-info"):
            if not is_complete(record / "RECORD", site):
                say(f"Half-installed: {record.name.removesuffix('.dist-info')}")
                shutil.rmtree(record)


def is_complete(record: Path, site: Path) -> bool:
    """Whether RECORD exists and every file that it names (byte code aside) is there with the size that it names."""
    try:
        with record.open(newline="", encoding="utf-8") as lines:
            return all(is_there(site / row[0], row[2]) for row in csv.reader(lines) if not row[0].endswith(".pyc"))
    except (OSError, ValueError, IndexError):
        return False


def is_there(path: Path, size: str) -> bool:
    return path.exists() and (not size or path.stat().st_size == int(size))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
