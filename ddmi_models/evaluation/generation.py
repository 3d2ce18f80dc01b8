"""How good, how varied and how new samples are, measured against data that the model never saw."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from ddmi_models.errors import BadInput
from ddmi_models.evaluation.distances import (
    averaged,
    chamfer_distances,
    frechet_distance,
    matching_and_coverage,
    nearest_distances,
    precision_and_recall,
    psnr,
)
from ddmi_models.evaluation.items import PictureTruth
from ddmi_models.evaluation.prompt_report import Judgement, Report, judge_prompts
from ddmi_models.evaluation.study import BATCH, FEATURE_SPACE, Seen, Study, Work
from ddmi_models.evaluation.subjects import mesh_of, picture_of
from ddmi_models.events import Progress

FEWEST = 4
"""Things to be seen below which a distribution is not measured."""

SIZES_COUNT, LARGEST, REDUCTION = 16, 1024, 16
"""Pictures, pixels and reduction when a picture is compared with itself at another size."""


def several(seen: Seen) -> Seen:
    """The same, if there is enough of it for a distribution. Raises: BadInput."""
    if len(seen.inputs) < FEWEST:
        raise BadInput(
            f"Only {len(seen.inputs)} samples have anything to be seen, too few to measure a distribution.",
            f"Ask for a --count of {FEWEST} or more, or train the model further.",
        )
    return seen


def measure_frechet(study: Study) -> Work:
    """Frechet distance of samples, and of the held-out items after the autoencoder: no second stage can do better."""
    real = study.features(study.means)
    again = several((yield from study.reconstructions()))
    seen = several((yield from study.samples()))
    return {
        "samples": frechet_distance(study.features(seen.means), real),
        "reconstructions": frechet_distance(study.features(again.means), real),
        "feature space": f"{FEATURE_SPACE}, {real.shape[1]} numbers",
        "empty samples": seen.empty,
    }


def measure_precision_recall(study: Study) -> Work:
    """Share of samples among the data, share of the data among the samples."""
    seen = several((yield from study.samples()))
    precision, recall = precision_and_recall(study.features(seen.means), study.features(study.means))
    return {"precision": precision, "recall": recall, "feature space": FEATURE_SPACE, "empty samples": seen.empty}


def measure_mmd_cov(study: Study) -> Work:
    """MMD and COV with the Chamfer distance of 2,048 surface points, and both for the held-out items after the
    autoencoder."""
    references = [cloud.numpy().astype(np.float64) for cloud in study.held_out.items.inputs(study.chosen)["cloud"]]
    figures: dict[str, Any] = {}
    looks = {"samples": study.samples, "reconstructions": study.reconstructions}
    for name, look in looks.items():
        seen = several((yield from look()))
        yield Progress(0, 1, f"Chamfer distances of {name}")
        clouds = [each["cloud"][0].numpy().astype(np.float64) for each in seen.inputs]
        matching, coverage = matching_and_coverage(chamfer_distances(clouds, references, study.token.check))
        figures[name] = {"MMD": matching, "COV": coverage}
    return {**figures, "empty samples": study.settings.count - len((yield from study.samples()).inputs)}


def measure_neighbours(study: Study) -> Work:
    """Distance of samples to the nearest training item, beside that of held-out items treated in the same way (decoded
    and encoded again): a model that copies its training data gives a ratio well below 1."""
    train = study.train
    assert train is not None
    yield Progress(0, 1, f"Encoding {len(train.items)} training items")
    known = study.encoded(train, np.arange(len(train.items))).flatten(1).numpy()
    new = several((yield from study.samples())).means.flatten(1).numpy()
    unseen = several((yield from study.reconstructions())).means.flatten(1).numpy()
    ours, theirs = nearest_distances(new, known), nearest_distances(unseen, known)
    return {
        "samples to training, median": float(np.median(ours)),
        "held-out to training, median": float(np.median(theirs)),
        "ratio of the medians": float(np.median(ours) / np.median(theirs)),
        "samples closer than any held-out item": float((ours < theirs.min()).mean()),
        "training items": len(train.items),
    }


def measure_attributes(study: Study) -> Work:
    """The twenty prompts: how often the named attributes hold, and how many meshes are one body."""

    def generate(prompt: str, seed: int) -> Any:
        latent = study.draw([seed], [prompt])[0]
        return mesh_of(study.model.domain, study.fields(latent), study.settings.cells, study.token)

    judged: list[Judgement] = []
    for judgement, total in judge_prompts(generate, study.settings.seeds):
        judged.append(judgement)
        yield Progress(len(judged), total, "Judging prompts")
    report = Report(tuple(judged))
    return {
        "attributes that hold": report.attribute_rate,
        "meshes of one body": report.body_rate,
        "meshes": len(judged),
        "by attribute": report.by_attribute(),
        "by prompt": report.by_prompt(),
    }


def measure_sizes(study: Study) -> Work:
    """Whether samples are the same picture at every size: rendered large and averaged down against rendered small, and
    the same figure for true drawings."""
    anchor = study.model.config.anchor_resolution
    large = anchor * max(2, min(REDUCTION, LARGEST // anchor))
    count = min(SIZES_COUNT, study.settings.count)
    own = yield from _own_sizes(study, count, anchor, large)
    figures: dict[str, Any] = {f"samples, {large} px averaged to {anchor}, median dB": float(np.median(own))}
    if study.data is not None and study.data.truth is not None:
        true = []
        for item in study.chosen[:count]:
            study.token.check()
            drawing: PictureTruth = study.data.truth(int(item))
            fine, coarse = (drawing.picture(size).astype(float) for size in (large, anchor))
            true.append(psnr(averaged(fine, anchor), coarse, 255.0))
        figures["true drawings, the same"] = float(np.median(true))
    return figures


def _own_sizes(study: Study, count: int, anchor: int, large: int) -> Generator[Progress, None, list[float]]:
    found: list[float] = []
    seeds = [study.settings.seed + k for k in range(count)]
    for start in range(0, count, BATCH):
        for latent in study.draw(seeds[start : start + BATCH], None):
            yield Progress(len(found), count, "Comparing sizes")
            fields = study.fields(latent)
            small, full = (picture_of(study.model.domain, fields, size, study.token) for size in (anchor, large))
            found.append(psnr(averaged(full, anchor), small, 2.0))
    return found
