"""File dialogs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget


def save_path(parent: QWidget, suggestion: Path, formats: Sequence[tuple[str, str]], suffix: str) -> Path | None:
    """Ask where to save; a name without one of the formats' suffixes gets the one of the chosen filter."""
    filters = {f"{label} (*{ending})": ending for ending, label in formats}
    chosen = next(text for text, ending in filters.items() if ending == suffix)
    name, used = QFileDialog.getSaveFileName(parent, "Export", str(suggestion), ";;".join(filters), chosen)
    if not name:
        return None
    path = Path(name)
    if path.suffix.lower() in filters.values():
        return path
    return path.with_name(path.name + filters.get(used, suffix))


def yaml_path(parent: QWidget, folder: Path) -> Path | None:
    """Ask for a configuration file."""
    name, _ = QFileDialog.getOpenFileName(parent, "Configuration", str(folder), "Configurations (*.yaml *.yml)")
    return Path(name) if name else None


def open_path(parent: QWidget, folder: Path) -> Path | None:
    """Ask for a file whose recipe is to be restored, or a model to import."""
    endings = "*.png *.jpg *.webp *.tiff *.glb *.obj *.ply *.stl *.mp4 *.webm *.gif *.safetensors *.pt *.pth"
    filters = f"Exports, latents and models ({endings});;All files (*)"
    name, _ = QFileDialog.getOpenFileName(parent, "Open", str(folder), filters)
    return Path(name) if name else None


def own_path(parent: QWidget, folder: Path, suffixes: Sequence[str]) -> Path | None:
    """Ask for a file of the user's own with one of the endings."""
    endings = " ".join(f"*{suffix}" for suffix in suffixes)
    filters = f"Your own files ({endings});;All files (*)"
    name, _ = QFileDialog.getOpenFileName(parent, "Open as a field", str(folder), filters)
    return Path(name) if name else None


def own_folder(parent: QWidget, folder: Path) -> Path | None:
    """Ask for a folder of the user's own."""
    name = QFileDialog.getExistingDirectory(parent, "Open as a field", str(folder))
    return Path(name) if name else None


def new_folder(parent: QWidget, suggestion: Path) -> Path | None:
    """Ask for the name of a new folder."""
    name, _ = QFileDialog.getSaveFileName(parent, "New folder", str(suggestion), "Folders (*)")
    return Path(name) if name else None


def data_folder(parent: QWidget, folder: Path) -> Path | None:
    """Ask for a folder that is there."""
    name = QFileDialog.getExistingDirectory(parent, "Folder", str(folder))
    return Path(name) if name else None


def any_file(parent: QWidget, folder: Path) -> Path | None:
    """Ask for a file that is there."""
    name, _ = QFileDialog.getOpenFileName(parent, "File", str(folder))
    return Path(name) if name else None
