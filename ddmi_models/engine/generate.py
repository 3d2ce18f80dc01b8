"""Drawing samples."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from ddmi_models.cancel import CancelToken
from ddmi_models.diffusion.condition import Condition
from ddmi_models.diffusion.denoiser import Denoiser
from ddmi_models.diffusion.noise import candidate_seeds
from ddmi_models.diffusion.sampling import sample_latents
from ddmi_models.diffusion.steps import Step
from ddmi_models.engine.addons import with_addons
from ddmi_models.engine.workshop import Loaded, Workshop, loading, name_in_recipes
from ddmi_models.errors import BadInput
from ddmi_models.events import Event, Notice, Preview, Progress
from ddmi_models.model import Model
from ddmi_models.planes import Latents
from ddmi_models.recipes import AddonUse, SampledRecipe
from ddmi_models.rendering.renderers import Decoded
from ddmi_models.requests import MAX_SEED, Generate, Sample

BATCH = {"cpu": 4, "mps": 8, "cuda": 16}
"""Samples drawn together."""

MOST_CANDIDATES = 64

PREVIEW_SHARE = 0.15
"""Largest part of the time that previews may take."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A request with the model's defaults filled in and its texts encoded."""

    sampler: str
    steps: int
    guidance: float
    condition: Condition | None
    negative: Condition | None
    notices: tuple[str, ...]
    addons: tuple[AddonUse, ...] = ()


def generate(shop: Workshop, request: Generate, token: CancelToken) -> Generator[Event, None, tuple[Sample, ...]]:
    """Draw samples with consecutive seeds, some at a time."""
    _check(request)
    yield loading(request.model)
    loaded = shop.load(request.model, token)
    if loaded.model.denoiser is None:
        raise BadInput(f"{request.model} is an autoencoder without a diffusion model.", "Use it to train one.")
    loaded, addons = with_addons(shop, loaded, request.addons, token)
    denoiser = loaded.model.denoiser
    assert denoiser is not None
    _check_candidates(request, loaded)
    plan = replace(plan_of(request, loaded), addons=addons)
    yield from (Notice(line) for line in plan.notices)
    size = BATCH[loaded.model.device.type]
    wanted = [request.seed + offset for offset in range(request.count)]
    seeds = [seed for own in wanted for seed in candidate_seeds(own, request.candidates)]
    batches = [seeds[start : start + size] for start in range(0, len(seeds), size)]
    latents: list[torch.Tensor] = []
    for number, batch in enumerate(batches):
        steps = _steps(loaded, denoiser, plan, batch, token)
        latents.append((yield from _followed(loaded, steps, request, number, len(batches), token)))
    drawn = torch.cat(latents).float()
    if request.candidates == 1:
        return tuple(_samples(loaded, plan, request, seeds, drawn))
    scores = _scores(loaded.model, plan, drawn).reshape(request.count, request.candidates)
    yield from (Notice(_kept(own, row)) for own, row in zip(wanted, scores, strict=True))
    kept = scores.argmax(1) + request.candidates * torch.arange(request.count)
    return tuple(_samples(loaded, plan, request, [seeds[at] for at in kept.tolist()], drawn[kept.to(drawn.device)]))


def _scores(model: Model, plan: Plan, latents: torch.Tensor) -> torch.Tensor:
    """Cosine of the prompt with each latent [B, C, H, W]: [B] on the CPU."""
    assert model.ranking is not None and plan.condition is not None and plan.condition.pooled is not None
    with torch.inference_mode():
        return model.ranking.scores(plan.condition.pooled, latents)[0].cpu()


def _kept(seed: int, scores: torch.Tensor) -> str:
    best = int(scores.argmax())
    return (
        f"Seed {seed}: candidate {best + 1} of {len(scores)} fits the prompt best "
        f"({scores[best]:.3f}; the first: {scores[0]:.3f})."
    )


def _check_candidates(request: Generate, loaded: Loaded) -> None:
    if not 1 <= request.candidates <= MOST_CANDIDATES:
        raise BadInput(f"{request.candidates} candidates were asked for.", f"Ask for 1 to {MOST_CANDIDATES}.")
    if request.candidates == 1:
        return
    if loaded.model.ranking is None:
        raise BadInput(
            f"{request.model} cannot rank candidates: it was not trained to compare samples with texts.",
            "Ask for 1 candidate.",
        )
    if not request.prompt.strip():
        raise BadInput("Candidates are ranked by a prompt, and there is none.", "Give one, or ask for 1 candidate.")


def _check(request: Generate) -> None:
    largest = MAX_SEED - max(request.count, 1) + 1
    if not 0 <= request.seed <= largest:
        raise BadInput(f"The seed {request.seed} is out of range.", f"Use 0 to {largest}.")
    if request.count < 1:
        raise BadInput(f"{request.count} samples were asked for.", "Ask for at least 1.")


def plan_of(request: Generate, loaded: Loaded) -> Plan:
    """A request with the model's defaults filled in and its texts encoded.

    Raises:
        BadInput: for a prompt where the model takes none.
    """
    config = loaded.model.config.diffusion
    sampler, steps = request.sampler or config.sampler, request.steps if request.steps is not None else config.steps
    if loaded.model.text is None:
        if request.prompt.strip() or request.negative.strip():
            raise BadInput(f"{request.model} does not take a prompt: it was trained without text.", "Leave it out.")
        ignored = (
            (f"{request.model} takes no text, so guidance does nothing.",)
            if request.guidance not in (None, 1.0)
            else ()
        )
        return Plan(sampler, steps, 1.0, None, None, ignored)
    guidance = config.guidance if request.guidance is None else request.guidance
    return _text_plan(request, loaded.model, Plan(sampler, steps, guidance, None, None, ()))


def _text_plan(request: Generate, model: Model, plan: Plan) -> Plan:
    assert model.text is not None
    notices = [*_word_notices(model, request.prompt), *_word_notices(model, request.negative)]
    negative = request.negative.strip()
    with torch.no_grad():
        condition = model.parts.encode_text([request.prompt])
        other = model.parts.encode_text([negative])
    if not request.prompt.strip():
        notices.append("No prompt: the samples are unconditional.")
        if not negative:  # the empty text is the condition, one pass a step
            return Plan(plan.sampler, plan.steps, plan.guidance, condition, None, tuple(notices))
    return Plan(plan.sampler, plan.steps, plan.guidance, condition, other, tuple(notices))


def _word_notices(model: Model, text: str) -> Iterator[str]:
    assert model.text is not None
    read = model.text.read(text)
    if read.unknown:
        yield f"Words that the model does not know and that are left out: {', '.join(read.unknown)}."
    if read.corrected or read.synonyms:
        pairs = (*read.corrected, *read.synonyms)
        yield "Read as: " + ", ".join(f"{typed} = {known}" for typed, known in pairs) + "."


def _steps(loaded: Loaded, denoiser: Denoiser, plan: Plan, seeds: list[int], token: CancelToken) -> Iterator[Step]:
    return sample_latents(
        denoiser,
        loaded.model.domain.layout.shape,
        seeds,
        plan.condition,
        plan.negative,
        sampler=plan.sampler,
        steps=plan.steps,
        guidance=1.0 if plan.negative is None else plan.guidance,
        token=token,
        device=loaded.model.device,
    )


def _followed(
    loaded: Loaded, steps: Iterator[Step], request: Generate, number: int, batches: int, token: CancelToken
) -> Generator[Event, None, torch.Tensor]:
    """Run a batch to its end; returns the latents [B, C, H, W]."""
    budget = _PreviewBudget()
    first = number * BATCH[loaded.model.device.type]
    for step in steps:
        yield Progress(number * step.total + step.index, batches * step.total, "Sampling")
        if request.previews and not step.finished and budget.allows():
            with budget:
                for index in range(len(step.x0)):
                    sample, candidate = divmod(first + index, request.candidates)
                    if candidate == 0:
                        yield Preview(sample, _preview(loaded, step.x0[index : index + 1], token))
    return step.latent


def _preview(loaded: Loaded, latent: torch.Tensor, token: CancelToken) -> np.ndarray:
    domain = loaded.model.domain
    with torch.inference_mode():
        fields = domain.decode(latent)
    return loaded.renderer.preview(Decoded(domain, fields), token)


@dataclass
class _PreviewBudget:
    """Keeps previews to their share of the time."""

    start: float = field(default_factory=time.monotonic)
    spent: float = 0.0
    last: float = 0.0
    entered: float = 0.0

    def allows(self) -> bool:
        return self.spent + self.last <= PREVIEW_SHARE * (time.monotonic() - self.start)

    def __enter__(self) -> None:
        self.entered = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.last = time.monotonic() - self.entered
        self.spent += self.last


def _samples(loaded: Loaded, plan: Plan, request: Generate, seeds: list[int], latent: torch.Tensor) -> Iterator[Sample]:
    layout = loaded.model.domain.layout
    for seed, packed in zip(seeds, latent.float().cpu().numpy(), strict=True):
        recipe = SampledRecipe(
            domain=loaded.info.domain,
            model=name_in_recipes(loaded.info),
            model_hash=loaded.info.sha256,
            seed=seed,
            sampler=plan.sampler,
            steps=plan.steps,
            guidance=plan.guidance,
            prompt=request.prompt.strip(),
            negative=request.negative.strip(),
            addons=plan.addons,
        )
        yield Sample(recipe, Latents(packed.copy(), layout))
