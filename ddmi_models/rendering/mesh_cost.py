"""What a mesh of a number of cells takes: limits, memory, file size."""

from __future__ import annotations

from dataclasses import replace

from ddmi_models.errors import BadInput
from ddmi_models.rendering.memory import require_memory
from ddmi_models.rendering.renderer import BYTES_PER_FACE, WORKSPACE
from ddmi_models.requests import ExportEstimate

DEFAULT_CELLS, FEWEST_CELLS = 128, 2

FACES_PER_CELL_SQUARED = 3.5
"""Faces of typical furniture, divided by the square of the cells a side."""

SHELL_POINTS = 14
"""Field evaluations near the surface, divided by the square of the cells a side."""


def check_cells(cells: int) -> None:
    """Refuse a mesh that is too coarse, or too fine for the memory. Raises: BadInput, OutOfMemory."""
    if cells < FEWEST_CELLS:
        raise BadInput(f"A mesh of {cells} cells a side was asked for.", f"Ask for at least {FEWEST_CELLS}.")
    require_memory(mesh_bytes, cells, "cells a side")


def check_mesh_size(width: int, height: int) -> None:
    """Refuse a mesh whose resolution is not one number, or as `check_cells`."""
    if width != height:
        raise BadInput(f"A mesh of {width}x{height} cells was asked for.", "Give one number of cells.")
    check_cells(width)


def mesh_bytes(cells: int) -> int:
    """Memory that extracting a surface takes."""
    return WORKSPACE + 8 * (cells + 3) ** 3 + 1500 * cells**2


def surface_seconds(cells: int, point_seconds: float) -> float:
    """Time that extracting a surface takes, when one point of the field takes `point_seconds`."""
    points = min((cells + 1) ** 3, 64**3 + SHELL_POINTS * cells**2)
    return points * point_seconds + 3e-8 * cells**3


def estimate_mesh(suffix: str, cells: int, point_seconds: float) -> ExportEstimate:
    """Expected cost of a mesh file."""
    faces = FACES_PER_CELL_SQUARED * cells**2
    seconds = surface_seconds(cells, point_seconds) + 1e-6 * faces
    return ExportEstimate(seconds, int(faces * BYTES_PER_FACE[suffix]), mesh_bytes(cells))


def with_faces(estimate: ExportEstimate, suffix: str, faces: int | None) -> ExportEstimate:
    """The cost of a file of at most so many faces; None: of all."""
    if faces is None or suffix not in BYTES_PER_FACE:
        return estimate
    return replace(estimate, file_bytes=min(estimate.file_bytes, int(faces * BYTES_PER_FACE[suffix])))
