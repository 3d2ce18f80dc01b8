"""Whether a window can be opened here, asked before Qt is loaded: without a display Qt ends the whole process."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from pathlib import Path

COMMAND_LINE = '{ddmi} generate furniture --prompt "a round table with one central leg" --seed 7 --out table.glb'
WINDOWLESS_PLATFORMS = ("offscreen", "minimal", "vnc", "eglfs", "linuxfb", "wayland")
TIMEOUT = 1.0  # seconds to wait for a display on another machine


def missing_display() -> str | None:
    """One line that says why no window can be opened and what to do instead; None where a display answers."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM", "").startswith(WINDOWLESS_PLATFORMS):
        return None
    if os.environ.get("WAYLAND_DISPLAY"):
        return None
    display = os.environ.get("DISPLAY", "")
    if answers(display):
        return None
    reason = f"nothing answers at DISPLAY={display}" if display else "DISPLAY is not set"
    command = COMMAND_LINE.format(ddmi=ddmi_command())
    return f"No display: {reason}, so no window can be opened. The same without a window: {command}"


def ddmi_command() -> str:
    """How the command `ddmi` of this installation is typed here."""
    beside = Path(sys.executable).with_name("ddmi")
    return "ddmi" if shutil.which("ddmi") or not beside.exists() else os.path.relpath(beside)


def answers(display: str) -> bool:
    """Whether an X server listens at `display`, written "[host]:number[.screen]"."""
    host, _, number = display.rpartition(":")
    digits = number.partition(".")[0]
    if not digits.isdigit():
        return False
    if host in ("", "unix"):
        path = f"/tmp/.X11-unix/X{digits}"
        return connects(socket.AF_UNIX, path) or connects(socket.AF_UNIX, f"\0{path}")
    return connects(socket.AF_INET, (host, 6000 + int(digits)))


def connects(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(TIMEOUT)
            connection.connect(address)
    except OSError:
        return False
    return True
