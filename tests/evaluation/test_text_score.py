"""Figures of how well samples fit their prompts."""

from __future__ import annotations

import pytest
import torch

from ddmi_models.errors import BadInput
from ddmi_models.evaluation.metrics import SAMPLES, TEXT, metrics_named
from ddmi_models.evaluation.text_score import text_fit


def test_figures_of_samples_against_prompts() -> None:
    scores = torch.tensor([[0.9, 0.1, 0.2], [0.3, 0.5, 0.6], [0.0, 0.6, 0.1]])
    found = text_fit(scores, [0, 1, 1])
    assert found["cosine with the own prompt"] == pytest.approx((0.9 + 0.5 + 0.6) / 3)
    assert found["cosine with the other prompts"] == pytest.approx((0.3 + 0.0 + 0.1 + 0.6 + 0.2 + 0.1) / 6)
    assert found["own prompt first of 3"] == pytest.approx(2 / 3)


def test_a_model_that_does_not_rank_is_refused() -> None:
    with pytest.raises(BadInput, match="ranks samples"):
        metrics_named(["text-fit"], "furniture", "shape", frozenset({SAMPLES, TEXT}))
