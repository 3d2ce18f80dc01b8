"""How well samples fit their prompts in the eyes of the model's own contrastive pair; needs nothing but the model.

The pair was trained on the data set's captions, so the figures compare samples of one model, settings and versions of
it; they are no substitute for the geometric checker (`attributes`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ddmi_models.evaluation.prompts import PROMPTS
from ddmi_models.evaluation.study import Figures, Study, Work
from ddmi_models.events import Progress


def text_fit(scores: torch.Tensor, own: Sequence[int]) -> dict[str, float]:
    """Figures of samples against prompts.

    Args:
        scores: cosines [T, N] of T texts with N samples. own: which text each sample was made for.
    """
    rows = torch.as_tensor(own)
    mine = scores[rows, torch.arange(scores.shape[1])]
    others = (scores.sum(0) - mine) / (len(scores) - 1)
    return {
        "cosine with the own prompt": float(mine.mean()),
        "cosine with the other prompts": float(others.mean()),
        f"own prompt first of {len(scores)}": float((scores.argmax(0) == rows).float().mean()),
    }


def measure_text(study: Study) -> Work:
    """The twenty prompts, some seeds each: cosine of samples and prompts, and how often the own prompt stands first;
    the same for held-out items and their fullest captions."""
    texts, seeds = [prompt.text for prompt in PROMPTS], study.settings.seeds
    latents = []
    for number, text in enumerate(texts):
        yield Progress(number, len(texts), "Sampling prompts")
        latents.append(study.draw(list(range(seeds)), [text] * seeds))
    own = [number for number in range(len(texts)) for _ in range(seeds)]
    figures: Figures = {**text_fit(_scores(study, texts, torch.cat(latents)), own), "samples": len(own)}
    captions = study.held_out.items.captions(study.chosen) if study.data is not None else None
    if captions:
        fullest = [options[-1] for options in captions]
        found = text_fit(_scores(study, fullest, study.means), range(len(fullest)))
        figures |= {f"held-out items: {name.replace('prompt', 'caption')}": value for name, value in found.items()}
    return figures


def _scores(study: Study, texts: list[str], latents: torch.Tensor) -> torch.Tensor:
    """Cosines [T, N] on the CPU."""
    model = study.model
    assert model.ranking is not None and model.text is not None
    with torch.inference_mode():
        return model.ranking.scores(model.text(texts).pooled, latents.float().to(model.device)).cpu()
