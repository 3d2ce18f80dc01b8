"""What the program remembers from one start to the next, as JSON in the user's configuration folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import platformdirs

THEMES = ("system", "dark", "light")
PRECISIONS = ("fp32", "bf16", "fp16")


@dataclass
class Settings:
    """Values of the Settings page and of the last session.

    Attributes:
        theme: one of THEMES. device: as on the command line ("auto", "cpu", "cuda" ...). threads: 0 = automatic.
        precision: "fp32", "bf16" or "fp16". previews: show samples while they form. model: the last one used.
        folder: where the last export went. geometry: of the window, as Qt's base64.
    """

    theme: str = "system"
    device: str = "auto"
    threads: int = 0
    precision: str = "fp32"
    previews: bool = True
    model: str = ""
    folder: str = ""
    geometry: str = ""


def config_dir() -> Path:
    """The user's configuration folder; inside DDMI_HOME where that is set."""
    home = os.environ.get("DDMI_HOME")
    return Path(home, "config") if home else Path(platformdirs.user_config_dir("ddmi-studio", appauthor=False))


def settings_path() -> Path:
    return config_dir() / "settings.json"


def load() -> Settings:
    """The stored settings; values that are missing or of the wrong kind take their defaults."""
    try:
        values = json.loads(settings_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Settings()
    if not isinstance(values, dict):
        return Settings()
    defaults = asdict(Settings())
    kept = {f.name: values[f.name] for f in fields(Settings) if type(values.get(f.name)) is type(defaults[f.name])}
    settings = Settings(**kept)
    if settings.theme not in THEMES:
        settings.theme = "system"
    if settings.precision not in PRECISIONS:
        settings.precision = "fp32"
    settings.threads = max(0, settings.threads)
    return settings


def save(settings: Settings) -> None:
    """Store the settings: a temporary file in the same folder, then renamed.

    Raises:
        OSError: if the folder cannot be written.
    """
    path = settings_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(settings), indent=1, sort_keys=True), encoding="utf-8")
    os.replace(temporary, path)
