"""Where the files that ship with the program are: starters, icons, themes."""

from __future__ import annotations

from pathlib import Path


def assets_dir() -> Path:
    """The folder `assets`: inside the installed package, or beside it in a checkout.

    Both are plain folders, also in a frozen program that was built with `assets` added as `ddmi_models/assets`.
    """
    package = Path(__file__).resolve().parent
    installed = package / "assets"
    return installed if installed.is_dir() else package.parent / "assets"
