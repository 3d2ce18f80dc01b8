"""Pictures of what a run makes: the same items and seeds each time, with the averaged weights."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from ddmi_models.cancel import CancelToken
from ddmi_models.diffusion.sampling import sample_latents
from ddmi_models.rendering.renderers import RENDERERS, Decoded
from ddmi_models.rendering.stills import contact_sheet
from ddmi_models.training.objectives import Objective, to_device
from ddmi_models.training.run import Run

COUNT, SIDE = 4, 96


def picture_of(run: Run) -> np.ndarray | None:
    """Reconstructions of the first held-out items, or samples of the seeds 0, 1, ...: a row of pictures, uint8
    [h, w, 3]. None for a stage that makes neither."""
    show = SHOWN.get(run.config.stage)
    if show is None:
        return None
    domain = run.parts.domain
    device = next(domain.parameters()).device
    with run.averaged(), torch.no_grad():
        run.parts.eval()
        latents = show(run, run.objective).to(device)
        renderer = RENDERERS[domain.name]
        pictures = [
            renderer.thumbnail(Decoded(domain, domain.decode(latent[None]), seed), SIDE, CancelToken())
            for seed, latent in enumerate(latents)
        ]
    return contact_sheet(pictures, len(pictures))


def png(picture: np.ndarray) -> bytes:
    """A picture as a PNG file's bytes."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def _reconstructed(run: Run, objective: Objective) -> torch.Tensor:
    data = objective.validation or objective.train
    batch = data.inputs(np.arange(min(COUNT, len(data))))
    return run.parts.domain.encode(to_device(batch, run.accelerator.device)).mean


def _sampled(run: Run, objective: Objective) -> torch.Tensor:
    parts, config = run.parts, run.parts.config.diffusion
    assert parts.diffusion is not None
    condition = negative = None
    if parts.text is not None:
        data = objective.validation or objective.train
        captions = data.captions(np.arange(COUNT) % len(data)) or [[""]] * COUNT
        condition, negative = parts.encode_text([options[-1] for options in captions]), parts.encode_text([""])
    steps = sample_latents(
        parts.diffusion,
        parts.domain.layout.shape,
        range(COUNT),
        condition,
        negative,
        sampler=config.sampler,
        steps=config.steps,
        guidance=1.0 if parts.text is None else config.guidance,
        device=run.accelerator.device,
    )
    return list(steps)[-1].latent


SHOWN: dict[str, Callable[[Run, Objective], torch.Tensor]] = {"autoencoder": _reconstructed, "diffusion": _sampled}
