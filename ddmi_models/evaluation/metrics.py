"""The table of metrics: what `ddmi evaluate` can measure, of which domains, and what it needs for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ddmi_models.errors import BadInput
from ddmi_models.evaluation.generation import (
    measure_attributes,
    measure_frechet,
    measure_mmd_cov,
    measure_neighbours,
    measure_precision_recall,
    measure_sizes,
)
from ddmi_models.evaluation.reconstruction import measure_f_score, measure_iou, measure_psnr
from ddmi_models.evaluation.study import Study, Work
from ddmi_models.evaluation.text_score import measure_text

SAMPLES, TEXT, DATA, TRAIN, RANKING = "samples", "text", "data", "train", "ranking"
"""Needs: a diffusion model, a text tower, held-out data, the training data, a head that ranks samples by a text."""

ANY = "image shape nerf video"
"""Domains whose samples the encoder can look at."""


@dataclass(frozen=True)
class Metric:
    """One line of the table.

    Attributes:
        name: what the user types. domains: keys of DOMAINS. needs: without them there is nothing to measure.
        measure: yields Progress, returns figures by name. label: one line for people.
    """

    name: str
    label: str
    domains: tuple[str, ...]
    needs: frozenset[str]
    measure: Callable[[Study], Work]


def _metric(name: str, label: str, domains: str, needs: Sequence[str], measure: Callable[[Study], Work]) -> Metric:
    return Metric(name, label, tuple(domains.split()), frozenset(needs), measure)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _metric("psnr", "reconstruction, dB at several sizes", "image nerf video", (DATA,), measure_psnr),
        _metric("iou", "reconstruction, overlap of solids", "shape", (DATA,), measure_iou),
        _metric("f-score", "reconstruction, surfaces within 1 % of the cube", "shape", (DATA,), measure_f_score),
        _metric("frechet", "Frechet distance of samples", ANY, (DATA, SAMPLES), measure_frechet),
        _metric(
            "precision-recall",
            "samples among the data, data among the samples",
            ANY,
            (DATA, SAMPLES),
            measure_precision_recall,
        ),
        _metric("mmd-cov", "Chamfer matching and coverage of samples", "shape", (DATA, SAMPLES), measure_mmd_cov),
        _metric(
            "neighbours",
            "distance of samples to the training data",
            ANY,
            (DATA, TRAIN, SAMPLES),
            measure_neighbours,
        ),
        _metric("sizes", "one picture at two sizes", "image", (SAMPLES,), measure_sizes),
        _metric("attributes", "named attributes of the 20 prompts", "shape", (SAMPLES, TEXT), measure_attributes),
        _metric("text-fit", "samples and prompts in the model's own eyes", "shape", (SAMPLES, RANKING), measure_text),
    )
}


def metrics_named(names: Sequence[str], model: str, domain: str, given: frozenset[str]) -> tuple[Metric, ...]:
    """The metrics of these names; none: all that can be measured with what is given.

    Args:
        model: name for messages. given: which needs are met.

    Raises:
        BadInput: for an unknown metric, one of another domain, or one that lacks what it needs.
    """
    fitting = [metric for metric in METRICS.values() if domain in metric.domains]
    known = ", ".join(metric.name for metric in fitting)
    choice = f"For {domain} models there are {known}." if fitting else f"There are none for {domain} models yet."
    for name in names:
        if name not in METRICS:
            raise BadInput(f"There is no metric {name!r}.", choice)
        if METRICS[name] not in fitting:
            raise BadInput(f"The metric {name} is not for {domain} models such as {model}.", choice)
        for need in sorted(METRICS[name].needs - given):
            raise BadInput(f"The metric {name} needs {_LACKS[need][0]}.", _LACKS[need][1])
    chosen = [METRICS[name] for name in dict.fromkeys(names)] or [each for each in fitting if each.needs <= given]
    if not chosen:
        raise BadInput(f"Nothing of {model} can be measured with what is given. {choice}", "Give --data DIR.")
    return tuple(chosen)


_LACKS = {
    SAMPLES: ("samples, and this model is an autoencoder without a diffusion model", "Leave it out."),
    TEXT: ("a model that takes prompts", "Leave it out."),
    RANKING: ("a model that ranks samples by a prompt", "Leave it out."),
    DATA: ("data that the model never saw", "Give it with --data DIR."),
    TRAIN: ("the data that the model was trained on", "Give it with --train DIR."),
}
