"""Samples made of other samples, and samples made again from their recipes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import torch

from ddmi_models.cancel import CancelToken
from ddmi_models.diffusion.sampling import vary_latents
from ddmi_models.engine.addons import addon_of, with_addons
from ddmi_models.engine.generate import Plan, generate, plan_of
from ddmi_models.engine.workshop import Loaded, Workshop, loading, model_of, name_in_recipes
from ddmi_models.errors import BadInput
from ddmi_models.events import Event, Notice, Progress
from ddmi_models.fields.paths import spherical
from ddmi_models.planes import Latents
from ddmi_models.recipes import (
    AddonUse,
    EncodedRecipe,
    InterpolatedRecipe,
    MixedRecipe,
    Recipe,
    SampledRecipe,
    VariedRecipe,
    check_size,
    text_of,
)
from ddmi_models.requests import Addon, Generate, Interpolate, Mix, Part, Regenerate, Sample, Vary

FEWEST_STEPS, MOST_STEPS = 2, 1000

Making: TypeAlias = Generator[Event, None, Sample]


# Interpolating


def interpolate(shop: Workshop, request: Interpolate, token: CancelToken) -> Generator[Event, None, tuple[Sample, ...]]:
    """Samples on the way between two; the ends are the two themselves."""
    first, second, steps = request.first, request.second, request.steps
    if not FEWEST_STEPS <= steps <= MOST_STEPS:
        raise BadInput(f"{steps} steps between two samples were asked for.", f"Ask for {FEWEST_STEPS} to {MOST_STEPS}.")
    _check_alike(first, second)
    yield loading(first.recipe.model)
    loaded = shop.load_for(first, token)
    between = []
    for index in range(1, steps - 1):
        token.check()
        between.append(between_samples(loaded, first, second, index / (steps - 1)))
        yield Progress(index, steps - 1, "Interpolating")
    return first, *between, second


def between_samples(loaded: Loaded, first: Sample, second: Sample, position: float) -> Sample:
    """The sample at a position of the great circle through two latents as the diffusion sees them.

    Raises:
        BadInput: if one of them is mixed.
    """
    if first.parts or second.parts:
        raise BadInput(
            "A mixed sample has no single latent, so nothing lies between it and another.",
            "Interpolate the samples that it was mixed of.",
        )
    recipe = InterpolatedRecipe(
        **_model_fields(loaded), first=first.recipe, second=second.recipe, position=float(position)
    )
    check_size(recipe)
    start, end = (torch.from_numpy(s.latents.packed.copy())[None].to(loaded.model.device) for s in (first, second))
    denoiser = loaded.model.denoiser
    with torch.inference_mode():
        if denoiser is None:
            latent = spherical(start, end, position)
        else:
            way = spherical(denoiser.normalise(start), denoiser.normalise(end), position)
            latent = denoiser.denormalise(way)
    return Sample(recipe, _latents(loaded, latent))


# Mixing


def mix(shop: Workshop, request: Mix, token: CancelToken) -> Making:
    """Basis planes of two samples, level by level."""
    _check_alike(request.coarse, request.fine)
    yield loading(request.coarse.recipe.model)
    return mixed(shop.load_for(request.coarse, token), request.coarse, request.fine, request.levels)


def mixed(loaded: Loaded, coarse: Sample, fine: Sample, levels: tuple[float, ...] | None) -> Sample:
    """Two samples in one; a sample that has no weight left is no part of it.

    Raises:
        BadInput: for another number of levels than the model has, or one outside 0 to 1.
    """
    scales = loaded.model.domain.scales
    shares = levels if levels is not None else (1.0, *[0.0] * (scales - 1))
    if len(shares) != scales:
        raise BadInput(
            f"{len(shares)} levels were given; the model has {scales} basis scales.", "Give one a scale, coarse first."
        )
    if not all(0 <= share <= 1 for share in shares):
        raise BadInput(f"The levels {', '.join(f'{s:g}' for s in shares)} are out of range.", "Use 0 to 1.")
    if len(set(shares)) == 1 and shares[0] in (0, 1):
        return coarse if shares[0] else fine
    recipe = MixedRecipe(**_model_fields(loaded), coarse=coarse.recipe, fine=fine.recipe, levels=shares)
    check_size(recipe)
    rest = tuple(1 - share for share in shares)
    parts = [
        Part(part.latents, tuple(own * share for own, share in zip(part.weights, weights, strict=True)))
        for sample, weights in ((coarse, shares), (fine, rest))
        for part in sample.parts or (Part(sample.latents, (1.0,) * scales),)
    ]
    kept = tuple(part for part in parts if any(part.weights))
    return Sample(recipe, kept[0].latents, kept)


# Varying


def vary(shop: Workshop, request: Vary, token: CancelToken) -> Making:
    """A neighbour of a sample."""
    if not 0 <= request.strength <= 1:
        raise BadInput(f"The strength {request.strength:g} is out of range.", "Use 0 to 1.")
    yield loading(request.sample.recipe.model)
    loaded = shop.load_for(request.sample, token)
    if request.strength == 0:
        return request.sample
    told = text_of(request.sample.recipe)
    asked = Generate(
        name_in_recipes(loaded.info),
        request.seed,
        prompt=request.prompt if request.prompt is not None else told.prompt if told else "",
        negative=told.negative if told else "",
        sampler="ddim",
        steps=request.steps,
        guidance=request.guidance if request.guidance is not None else told.guidance if told else None,
    )
    loaded, addons = yield from _same_addons(shop, loaded, told.addons if told else (), token)
    plan = replace(plan_of(asked, loaded), addons=addons)
    yield from (Notice(line) for line in plan.notices)
    return (yield from varied(loaded, request.sample, asked, plan, request.strength, token))


def varied(
    loaded: Loaded, source: Sample, asked: Generate, plan: Plan, strength: float, token: CancelToken
) -> Generator[Progress, None, Sample]:
    """Every latent of the source, noised with the same noise and denoised again."""
    denoiser = loaded.model.denoiser
    if denoiser is None:
        raise BadInput(f"{loaded.info.name} has no diffusion model, which is what varies a sample.")
    parts = [part.latents for part in source.parts] or [source.latents]
    packed = torch.from_numpy(np.stack([part.packed for part in parts])).to(loaded.model.device)
    steps = vary_latents(
        denoiser,
        packed,
        asked.seed,
        strength,
        plan.condition,
        plan.negative,
        plan.steps,
        1.0 if plan.negative is None else plan.guidance,
        token,
    )
    recipe = VariedRecipe(
        **_model_fields(loaded),
        source=source.recipe,
        seed=asked.seed,
        strength=strength,
        steps=plan.steps,
        guidance=plan.guidance,
        prompt=asked.prompt.strip(),
        negative=asked.negative.strip(),
        addons=plan.addons,
    )
    check_size(recipe)
    for step in steps:
        yield Progress(step.index, step.total, "Varying")
    made = [_latents(loaded, latent[None]) for latent in step.latent]
    weighted = tuple(Part(own, part.weights) for own, part in zip(made, source.parts, strict=False))
    return Sample(recipe, made[0], weighted)


# Making again


def regenerate(shop: Workshop, request: Regenerate, token: CancelToken) -> Making:
    """Make the sample of a recipe again, from its leaves up; equal parts once."""
    if request.addons is None:
        return (yield from _again(shop, request.recipe, {}, token))
    if not isinstance(request.recipe, SampledRecipe):
        raise BadInput(
            f"A sample that was {request.recipe.kind} is not drawn with add-ons.", "Give one that was drawn."
        )
    return (yield from _draw_with(shop, request.recipe, request.addons, token))


def _again(shop: Workshop, recipe: Recipe, made: dict[str, Sample], token: CancelToken) -> Making:
    key = recipe.to_json()
    if key not in made:
        made[key] = yield from MAKERS[type(recipe)](shop, recipe, made, token)
    return made[key]


def _draw(shop: Workshop, recipe: SampledRecipe, made: dict[str, Sample], token: CancelToken) -> Making:
    addons = yield from _named_again(recipe.addons)
    return (yield from _draw_with(shop, recipe, addons, token))


def _draw_with(shop: Workshop, recipe: SampledRecipe, addons: tuple[Addon, ...], token: CancelToken) -> Making:
    info = model_of(recipe)
    if info.sha256 != recipe.model_hash:
        yield Notice(f"The model {recipe.model} has changed since this was made: the sample may differ.")
    again = Generate(
        name_in_recipes(info),
        seed=recipe.seed,
        prompt=recipe.prompt,
        negative=recipe.negative,
        sampler=recipe.sampler,
        steps=recipe.steps,
        guidance=recipe.guidance,
        addons=addons,
    )
    return (yield from generate(shop, again, token))[0]


def _unpack(shop: Workshop, recipe: EncodedRecipe, made: dict[str, Sample], token: CancelToken) -> Making:
    yield from ()
    return Sample(recipe, recipe.latents())


def _interpolate(shop: Workshop, recipe: InterpolatedRecipe, made: dict[str, Sample], token: CancelToken) -> Making:
    first = yield from _again(shop, recipe.first, made, token)
    second = yield from _again(shop, recipe.second, made, token)
    _check_alike(first, second)
    return between_samples(shop.load_for(first, token), first, second, recipe.position)


def _mix(shop: Workshop, recipe: MixedRecipe, made: dict[str, Sample], token: CancelToken) -> Making:
    coarse = yield from _again(shop, recipe.coarse, made, token)
    fine = yield from _again(shop, recipe.fine, made, token)
    return (yield from mix(shop, Mix(coarse, fine, recipe.levels), token))


def _vary(shop: Workshop, recipe: VariedRecipe, made: dict[str, Sample], token: CancelToken) -> Making:
    source = yield from _again(shop, recipe.source, made, token)
    loaded = shop.load_for(source, token)
    asked = Generate(
        name_in_recipes(loaded.info),
        recipe.seed,
        prompt=recipe.prompt,
        negative=recipe.negative,
        sampler="ddim",
        steps=recipe.steps,
        guidance=recipe.guidance,
    )
    loaded, addons = yield from _same_addons(shop, loaded, recipe.addons, token)
    plan = replace(plan_of(asked, loaded), addons=addons)
    return (yield from varied(loaded, source, asked, plan, recipe.strength, token))


MAKERS: dict[type, Callable[[Workshop, Any, dict[str, Sample], CancelToken], Making]] = {
    SampledRecipe: _draw,
    EncodedRecipe: _unpack,
    InterpolatedRecipe: _interpolate,
    MixedRecipe: _mix,
    VariedRecipe: _vary,
}


# Common


def _named_again(uses: tuple[AddonUse, ...]) -> Generator[Event, None, tuple[Addon, ...]]:
    """The add-ons of a recipe as a request names them. Raises: UnknownModel, for one that is not here."""
    named = []
    for use in uses:
        addon, notices = addon_of(use)
        yield from notices
        named.append(addon)
    return tuple(named)


def _same_addons(
    shop: Workshop, loaded: Loaded, uses: tuple[AddonUse, ...], token: CancelToken
) -> Generator[Event, None, tuple[Loaded, tuple[AddonUse, ...]]]:
    """A model with the add-ons of a recipe. Raises: as `with_addons`."""
    return with_addons(shop, loaded, (yield from _named_again(uses)), token)


def _check_alike(first: Sample, second: Sample) -> None:
    """Refuse samples of two models."""
    if first.recipe.model_hash != second.recipe.model_hash:
        names = sorted({first.recipe.model, second.recipe.model})
        which = f"two models: {' and '.join(names)}" if len(names) > 1 else f"two versions of {names[0]}"
        raise BadInput(f"The samples come from {which}.", "Only samples of one model can be put together.")


def _model_fields(loaded: Loaded) -> dict[str, Any]:
    info = loaded.info
    return {"domain": info.domain, "model": name_in_recipes(info), "model_hash": info.sha256}


def _latents(loaded: Loaded, latent: torch.Tensor) -> Latents:
    """A latent [1, ...] on any device as it is kept."""
    return Latents(latent[0].float().cpu().numpy().copy(), loaded.model.domain.layout)
