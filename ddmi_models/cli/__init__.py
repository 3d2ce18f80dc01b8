"""The `ddmi` command. Exit 0: done; 1: it could not be done, one line says why; 2: wrong usage; 130: interrupted."""

from __future__ import annotations

from ddmi_models.cli.app import main

__all__ = ["main"]
