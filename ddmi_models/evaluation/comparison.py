"""Several models of one domain against the same held-out data, in one feature space that favours none of them.

Feature space: those of all the models' own encoders (see `study`) side by side.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import torch

from ddmi_models.cancel import CancelToken
from ddmi_models.errors import BadInput
from ddmi_models.evaluation.distances import frechet_distance
from ddmi_models.evaluation.generation import several
from ddmi_models.evaluation.items import DataSet
from ddmi_models.evaluation.reconstruction import measure_iou, measure_psnr
from ddmi_models.evaluation.study import Figures, Settings, Study
from ddmi_models.events import Progress
from ddmi_models.model import Model

RECONSTRUCTION = {"image": measure_psnr, "shape": measure_iou}
"""What is measured of reconstructions, by domain."""


def compare(
    models: Sequence[Model], data: DataSet, settings: Settings, token: CancelToken
) -> Generator[Progress, None, list[Figures]]:
    """Figures of each model: those of its reconstructions, and Frechet distances of its reconstructions and samples.

    Raises:
        BadInput: for models of different domains or of one that cannot be compared, or too few items.
    """
    domains = {model.config.domain for model in models}
    if len(domains) != 1 or not domains <= set(RECONSTRUCTION):
        raise BadInput("Only models of one domain are compared.", f"Use {' or '.join(RECONSTRUCTION)} models.")
    studies = [Study(model, settings, token, data) for model in models]
    real = np.concatenate([study.features(study.means) for study in studies], axis=1)
    found = []
    for study in studies:
        figures: Figures = yield from RECONSTRUCTION[study.model.config.domain](study)
        again, seen = (yield from study.reconstructions()), (yield from study.samples())
        for name, looks in (("frechet, reconstructions", again), ("frechet, samples", seen)):
            figures[name] = frechet_distance(_features(studies, several(looks).inputs), real)
        found.append({**figures, "empty samples": seen.empty})
    return found


def _features(judges: Sequence[Study], inputs: Sequence[dict[str, torch.Tensor]]) -> np.ndarray:
    """Features [N, D] of things as the encoders of all models see them."""
    return np.concatenate([judge.features(judge.means_of(inputs)) for judge in judges], axis=1)
