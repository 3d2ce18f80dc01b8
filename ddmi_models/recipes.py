"""Recipes: everything that decides a sample, as plain data that goes into every export.

A recipe is a small tree. Its leaves are samples drawn by diffusion, which can be drawn again, and signals encoded from
a file, which may be gone: those carry their latent. Above them stand interpolations, mixtures and variations.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, TypeAlias

import numpy as np
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_serializer,
)

from ddmi_models.config import StrictConfig
from ddmi_models.errors import BadInput
from ddmi_models.planes import Latents, PlaneLayout, PlaneSpec

SAMPLED_VERSION: Final = 1
RECIPE_VERSION: Final = 2
"""Of recipes other than sampled ones, which older versions of the program do not know."""

ADDONS_VERSION: Final = 3
"""What the text of a recipe with add-ons says, so that versions that know none refuse it."""

STRONGEST_ADDON = 2.0

MOST_OPERATIONS = 100
"""Operations in one recipe: beyond this, files would be more recipe than sample."""

LARGEST_LATENT = 2**26
"""Bytes of a latent inside a recipe, unpacked."""

PROBLEMS_SHOWN = 4
EDITED = "The file may have been edited by another program."


class RecipeNode(StrictConfig):
    """What every recipe says: which model its latents belong to."""

    domain: str
    model: str = Field(description="Name of the model.")
    model_hash: str = Field(description="SHA-256 of the model file, to tell whether it is the same model.")

    def to_json(self) -> str:
        """One line of JSON, keys sorted."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)


class AddonUse(StrictConfig):
    """An add-on (LoRA) that was in the model when a sample was drawn."""

    name: str
    sha256: str = Field(description="SHA-256 of the add-on's file.")
    strength: float = Field(gt=0, le=STRONGEST_ADDON, description="1: as it was trained.")


class DrawnRecipe(RecipeNode):
    """What is drawn by diffusion, with the model as it is or with add-ons. Without any, its text names none."""

    addons: tuple[AddonUse, ...] = ()

    @field_validator("version", mode="before", check_fields=False)
    @classmethod
    def _known_version(cls, value: Any) -> Any:
        return cls.model_fields["version"].default if value == ADDONS_VERSION else value

    @model_serializer(mode="wrap")
    def _named_addons(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = plain(self)
        if self.addons:
            return {**values, "version": ADDONS_VERSION}
        del values["addons"]
        return values


class SampledRecipe(DrawnRecipe):
    """A sample drawn by diffusion. The same recipe, versions, device and thread count give the same bytes."""

    kind: Literal["sampled"] = "sampled"
    version: Literal[1] = SAMPLED_VERSION
    seed: int = Field(ge=0, lt=2**63)
    sampler: str
    steps: int = Field(gt=0)
    guidance: float = Field(ge=0)
    prompt: str = ""
    negative: str = ""


class EncodedRecipe(RecipeNode):
    """A signal of the user's own, encoded by the D2C-VAE. The file may be gone, so the latent stands here."""

    kind: Literal["encoded"] = "encoded"
    version: Literal[2] = RECIPE_VERSION
    source: str = Field(description="Name of the file, without its folder.")
    source_hash: str = Field(description="SHA-256 of the file; of a folder: of its files in the order of their names.")
    planes: tuple[tuple[str, int, int, int], ...] = Field(
        min_length=1, description="Name, channels, height and width of each plane, in packed order."
    )
    latent: str = Field(description="float32 [C, H, W], little-endian, zlib, base64.", repr=False)

    @property
    def seed(self) -> int:
        """Of noise that a render may ask for; nothing random made the latent."""
        return 0

    def latents(self) -> Latents:
        """The latent.

        Raises:
            BadInput: if it is not readable.
        """
        layout = PlaneLayout(tuple(PlaneSpec(*plane) for plane in self.planes))
        try:
            raw = zlib.decompressobj().decompress(base64.b64decode(self.latent, validate=True), LARGEST_LATENT)
            packed = np.frombuffer(raw, "<f4").reshape(layout.shape).astype(np.float32)
        except (binascii.Error, zlib.error, ValueError):
            raise BadInput(f"The latent of {self.source} in this recipe is not readable.", EDITED) from None
        return Latents(packed, layout)


class InterpolatedRecipe(RecipeNode):
    """A point on the way between two samples; a strip or clip of the way carries the one of its middle."""

    kind: Literal["interpolated"] = "interpolated"
    version: Literal[2] = RECIPE_VERSION
    first: Recipe
    second: Recipe
    position: float = Field(ge=0, le=1, description="0: the first sample, 1: the second.")

    @property
    def seed(self) -> int:
        """Of noise that a render may ask for."""
        return self.first.seed


class MixedRecipe(RecipeNode):
    """Basis planes of two samples, level by level."""

    kind: Literal["mixed"] = "mixed"
    version: Literal[2] = RECIPE_VERSION
    coarse: Recipe
    fine: Recipe
    levels: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(
        min_length=1, description="Share of `coarse` in each level, coarse to fine; the rest is of `fine`."
    )

    @property
    def seed(self) -> int:
        """Of noise that a render may ask for."""
        return self.coarse.seed


class VariedRecipe(DrawnRecipe):
    """A neighbour of a sample: noised up to a time, and denoised again."""

    kind: Literal["varied"] = "varied"
    version: Literal[2] = RECIPE_VERSION
    source: Recipe
    seed: int = Field(ge=0, lt=2**63)
    strength: float = Field(gt=0, le=1)
    steps: int = Field(gt=0, description="Of a whole sampling; a variation takes the share that its strength names.")
    guidance: float = Field(ge=0)
    prompt: str = ""
    negative: str = ""


Recipe: TypeAlias = Annotated[
    SampledRecipe | EncodedRecipe | InterpolatedRecipe | MixedRecipe | VariedRecipe, Field(discriminator="kind")
]
for node in (InterpolatedRecipe, MixedRecipe, VariedRecipe):
    node.model_rebuild()
_ADAPTER: TypeAdapter[Recipe] = TypeAdapter(Recipe)


def encoded_recipe(
    domain: str, model: str, model_hash: str, source: str, source_hash: str, latents: Latents
) -> EncodedRecipe:
    """The recipe of an encoded signal, its latent inside."""
    raw = np.ascontiguousarray(latents.packed, "<f4").tobytes()
    planes = tuple((p.name, p.channels, p.height, p.width) for p in latents.layout.planes)
    return EncodedRecipe(
        domain=domain,
        model=model,
        model_hash=model_hash,
        source=source,
        source_hash=source_hash,
        planes=planes,
        latent=base64.b64encode(zlib.compress(raw, 6)).decode(),
    )


def sources_of(recipe: Recipe) -> tuple[Recipe, ...]:
    """The recipes that a recipe is made of; () for a leaf."""
    if isinstance(recipe, InterpolatedRecipe):
        return recipe.first, recipe.second
    if isinstance(recipe, MixedRecipe):
        return recipe.coarse, recipe.fine
    return (recipe.source,) if isinstance(recipe, VariedRecipe) else ()


def nodes_of(recipe: Recipe) -> Iterator[Recipe]:
    """A recipe and everything that it is made of, the first sources first."""
    yield recipe
    for source in sources_of(recipe):
        yield from nodes_of(source)


def text_of(recipe: Recipe) -> SampledRecipe | VariedRecipe | None:
    """The part of a recipe whose prompt and guidance speak for all of it; None where no text ever did."""
    for node in nodes_of(recipe):
        if isinstance(node, SampledRecipe | VariedRecipe):
            return node
    return None


def describe(recipe: Recipe) -> str:
    """A recipe in a few words: its prompt, or its model, and its seed; or what it was made of."""
    if isinstance(recipe, EncodedRecipe):
        return f"{recipe.source} as a field"
    if isinstance(recipe, InterpolatedRecipe):
        return f"{describe(recipe.first)} → {describe(recipe.second)} · {100 * recipe.position:.0f} %"
    if isinstance(recipe, MixedRecipe):
        return f"{describe(recipe.coarse)} + {describe(recipe.fine)}"
    if isinstance(recipe, VariedRecipe):
        return f"{describe(recipe.source)} · varied {100 * recipe.strength:.0f} %, seed {recipe.seed}"
    return f"{recipe.prompt or recipe.model} · seed {recipe.seed}"


def check_size(recipe: Recipe) -> None:
    """Refuse a recipe of too many operations.

    Raises:
        BadInput: saying how many there may be.
    """
    if sum(1 for _ in nodes_of(recipe)) > MOST_OPERATIONS:
        raise BadInput(
            f"This sample would be made of more than {MOST_OPERATIONS} operations.",
            "Export it, and open the picture or mesh as a sample of its own.",
        )


def brief(recipe: Recipe) -> dict[str, Any]:
    """Plain values of a recipe for people: without the latents inside."""
    values = recipe.model_dump(mode="json")
    _drop_latents(values)
    return values


def _drop_latents(values: dict[str, Any]) -> None:
    values.pop("latent", None)
    for part in values.values():
        if isinstance(part, dict):
            _drop_latents(part)


def recipe_from_json(text: str) -> Recipe:
    """Read a recipe back.

    Raises:
        BadInput: if the text is not a recipe, or one of a newer version.
    """
    try:
        values: Any = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raise BadInput("The recipe in this file is not readable.", EDITED) from None
    if not isinstance(values, dict):
        raise BadInput("The recipe in this file is not readable.", EDITED)
    if _newest(values) > ADDONS_VERSION:
        raise BadInput("The recipe was written by a newer version of DDMI Studio.", "Update the program to open it.")
    try:
        recipe: Recipe = _ADAPTER.validate_python({"kind": "sampled", **values})
    except ValidationError as error:
        shown = error.errors()[:PROBLEMS_SHOWN]
        problems = "; ".join(f"{'.'.join(map(str, e['loc'][-2:]))}: {e['msg']}" for e in shown)
        raise BadInput(f"The recipe in this file is not valid: {problems}.", EDITED) from None
    check_size(recipe)
    return recipe


def _newest(values: dict[str, Any]) -> int:
    """The highest version that a recipe or a part of it names."""
    newest, waiting = 0, [values]
    while waiting:
        part = waiting.pop()
        version = part.get("version")
        newest = max(newest, version if isinstance(version, int) else 0)
        waiting += [value for value in part.values() if isinstance(value, dict)]
    return newest
