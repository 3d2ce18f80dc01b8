"""How well an autoencoder gives back what it never saw."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from ddmi_models.domains.base import Query
from ddmi_models.errors import BadData
from ddmi_models.evaluation.distances import f_score, overlap, psnr
from ddmi_models.evaluation.items import SolidTruth
from ddmi_models.evaluation.study import Figures, Study, Work
from ddmi_models.evaluation.subjects import mesh_of, surface_points, values_at
from ddmi_models.evaluation.true_pictures import COMPARED
from ddmi_models.events import Progress
from ddmi_models.planes import BasisFields
from ddmi_models.rendering.isosurface import logit

QUERIES = 16_384
EXTENT = 0.55
"""Half the side of the cube whose points the IoU takes."""

DENSE = 100_000
"""Points on a surface: about 0.006 apart on furniture, well within the threshold."""

THRESHOLD = 0.01
"""Of the F-score: 1 % of the cube's side."""


def reconstruct(study: Study, label: str) -> Iterator[tuple[Progress, int, BasisFields]]:
    """Every chosen item after the autoencoder: (how far it is, its number in the data, its fields)."""
    count = len(study.chosen)
    for done, (item, latent) in enumerate(zip(study.chosen, study.means, strict=True)):
        study.token.check()
        yield Progress(done, count, label), int(item), study.fields(latent)


def measure_psnr(study: Study) -> Work:
    """PSNR in dB by size, see `true_pictures`."""
    compared = COMPARED[study.model.config.domain]
    found: dict[str, list[float]] = {}
    for progress, item, fields in reconstruct(study, "Comparing pictures"):
        yield progress
        for resolution, values, truth in compared(study, item, fields):
            found.setdefault(f"{resolution} px, dB", []).append(psnr(values, truth, 2.0))
    return {key: float(np.mean(values)) for key, values in found.items()}


def measure_iou(study: Study) -> Work:
    """IoU and accuracy at the stored points (two thirds near the surface), and where the solids are known the IoU at
    points spread evenly over the cube."""
    found: dict[str, list[float]] = {}
    level = logit(study.model.config.iso)
    for progress, item, fields in reconstruct(study, "Comparing solids"):
        yield progress
        for key, points, inside in _true_solids(study, item):
            said = values_at(study.model.domain, fields, Query(torch.from_numpy(points)), study.token)[:, 0] > level
            found.setdefault(f"IoU, {key}", []).append(overlap(inside, said))
            if key == "stored points":
                found.setdefault("accuracy, stored points", []).append(float((inside == said).mean()))
    return {key: float(np.mean(values)) for key, values in found.items()}


def _true_solids(study: Study, item: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(which points, points float32 [N, 3], occupancy bool [N])."""
    data = study.held_out
    arrays = data.items.arrays
    points = arrays["points"][item].astype(np.float32)
    yield "stored points", points, np.unpackbits(arrays["occupancy"][item])[: len(points)].astype(bool)
    if data.truth is not None:
        solid: SolidTruth = data.truth(item)
        spread = np.random.default_rng(item).uniform(-EXTENT, EXTENT, (QUERIES, 3)).astype(np.float32)
        yield "whole cube", spread, solid.contains(spread)


def measure_f_score(study: Study) -> Work:
    """F-score of the surfaces with a threshold of 1 % of the cube's side."""
    if study.held_out.truth is None:
        raise BadData(
            f"Of the shapes in {study.held_out.name} only some points of the surface are known: too few.",
            "Give data that this version's `ddmi data make` made, or leave f-score out.",
        )
    scores = []
    for progress, item, fields in reconstruct(study, "Comparing surfaces"):
        yield progress
        solid: SolidTruth = study.held_out.truth(item)
        mesh = mesh_of(study.model.domain, fields, study.settings.cells, study.token)
        if not len(mesh.faces):
            scores.append((0.0, 0.0, 0.0))
            continue
        scores.append(f_score(surface_points(mesh, DENSE), solid.surface(DENSE, item), THRESHOLD))
    f, precision, recall = (float(value) for value in np.mean(scores, axis=0))
    figures: Figures = {"F-score": f, "precision": precision, "recall": recall}
    return figures
