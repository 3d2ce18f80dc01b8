"""Recipes as trees: every one comes back from its text, whatever its shape; old and broken ones are read or refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddmi_models.errors import BadInput
from ddmi_models.planes import Latents, PlaneLayout, PlaneSpec
from ddmi_models.recipes import (
    ADDONS_VERSION,
    AddonUse,
    InterpolatedRecipe,
    MixedRecipe,
    SampledRecipe,
    VariedRecipe,
    brief,
    encoded_recipe,
    recipe_from_json,
    text_of,
)

MODEL = {"domain": "image", "model": "small", "model_hash": "f" * 64}
LAYOUT = PlaneLayout((PlaneSpec("xy", 2, 3, 4), PlaneSpec("xz", 1, 3, 4)))

OLD = (
    '{"domain": "shape", "guidance": 3.0, "kind": "sampled", "model": "furniture", "model_hash": "ab", "negative": "", '
    '"prompt": "a round table", "sampler": "dpm++2m", "seed": 7, "steps": 25, "version": 1}'
)
"""As the first version of the program wrote it."""

sampled = st.builds(
    SampledRecipe,
    **{key: st.just(value) for key, value in MODEL.items()},
    seed=st.integers(0, 2**63 - 1),
    sampler=st.just("ddim"),
    steps=st.integers(1, 1000),
    guidance=st.floats(0, 20),
    prompt=st.text(max_size=20),
    addons=st.lists(
        st.builds(AddonUse, name=st.text(max_size=9), sha256=st.just("a" * 64), strength=st.floats(0.01, 2)), max_size=2
    ).map(tuple),
)
share = st.floats(0, 1)


def encoding(seed: int):
    values = np.random.default_rng(seed).normal(size=LAYOUT.shape).astype(np.float32)
    return encoded_recipe(*MODEL.values(), "me.png", "0" * 64, Latents(values, LAYOUT))


encoded = st.sampled_from([encoding(1), encoding(2)])


def grown(parts):
    return (
        st.builds(lambda a, b, t: InterpolatedRecipe(**MODEL, first=a, second=b, position=t), parts, parts, share)
        | st.builds(
            lambda a, b, w: MixedRecipe(**MODEL, coarse=a, fine=b, levels=w), parts, parts, st.tuples(share, share)
        )
        | st.builds(
            lambda a, s: VariedRecipe(**MODEL, source=a, seed=s, strength=0.5, steps=9, guidance=1.0),
            parts,
            st.integers(0, 99),
        )
    )


@given(st.recursive(sampled | encoded, grown, max_leaves=8))
def test_every_tree_comes_back_from_its_text(recipe) -> None:
    assert recipe_from_json(recipe.to_json()) == recipe
    assert '"latent"' not in json.dumps(brief(recipe))


@pytest.mark.parametrize("seed", range(3))
def test_an_encoded_latent_comes_back_to_the_bit(seed: int) -> None:
    kept = recipe_from_json(encoding(seed).to_json()).latents()
    values = np.random.default_rng(seed).normal(size=LAYOUT.shape).astype(np.float32)
    assert np.array_equal(kept.packed, values) and kept.layout == LAYOUT


def test_recipes_of_the_first_version_are_read() -> None:
    recipe = recipe_from_json(OLD)
    assert isinstance(recipe, SampledRecipe) and recipe.prompt == "a round table" and recipe.seed == 7
    without_kind = {key: value for key, value in json.loads(OLD).items() if key != "kind"}
    assert recipe_from_json(json.dumps(without_kind)) == recipe


def test_only_recipes_with_add_ons_are_for_newer_versions() -> None:
    plain = recipe_from_json(OLD)
    assert isinstance(plain, SampledRecipe) and plain.to_json() == OLD
    varied = VariedRecipe(**MODEL, source=plain, seed=1, strength=0.5, steps=9, guidance=1.0)
    assert (json.loads(varied.to_json())["version"], "addons" in varied.to_json()) == (2, False)
    use = AddonUse(name="hat", sha256="a" * 64, strength=0.5)
    for recipe in (plain, varied):
        values = json.loads(recipe.model_copy(update={"addons": (use,)}).to_json())
        assert values["version"] == ADDONS_VERSION and values["addons"][0]["name"] == "hat"
        assert recipe_from_json(json.dumps(values)).addons == (use,)


def test_the_prompt_of_a_tree_is_its_first_samples() -> None:
    first, second = (SampledRecipe(**MODEL, seed=1, sampler="ddim", steps=3, guidance=2, prompt=p) for p in "ab")
    mixed = MixedRecipe(**MODEL, coarse=encoding(1), fine=first, levels=(1, 0))
    assert text_of(InterpolatedRecipe(**MODEL, first=mixed, second=second, position=0.5)) == first
    assert text_of(encoding(1)) is None


def test_newer_parts_of_a_tree_are_named() -> None:
    varied = VariedRecipe(**MODEL, source=recipe_from_json(OLD), seed=1, strength=0.5, steps=9, guidance=1.0)
    values = json.loads(varied.to_json())
    values["source"]["version"] = 9
    with pytest.raises(BadInput, match="newer version"):
        recipe_from_json(json.dumps(values))


def changed(**values: object) -> str:
    return json.dumps({**json.loads(encoding(1).to_json()), **values})


@pytest.mark.parametrize(
    "text",
    [
        changed(latent="not base64!"),
        changed(latent="AAAA"),
        changed(planes=[["xy", 200, 300, 400]]),
        changed(latent=encoding(1).latent[:-8]),
    ],
)
def test_a_broken_latent_is_said(text: str) -> None:
    with pytest.raises(BadInput, match="is not readable"):
        recipe_from_json(text).latents()


@pytest.mark.parametrize(
    "text",
    [
        '{"a":' * 50_000 + "{}" + "}" * 50_000,
        changed(kind="painted"),
        changed(planes=[]),
        changed(extra=1),
        '{"kind": "varied", "version": 2, "source": ' * 300 + OLD + "}" * 300,
    ],
)
def test_what_is_no_recipe_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        recipe_from_json(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000
