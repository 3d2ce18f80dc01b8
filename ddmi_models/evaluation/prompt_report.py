"""How often the attributes named by prompts hold for generated meshes, attribute by attribute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import trimesh

from ddmi_models.errors import BadInput
from ddmi_models.evaluation.attributes import Value, judge_measured, measure
from ddmi_models.evaluation.prompts import PROMPTS, Prompt
from ddmi_models.evaluation.voxels import one_body


@dataclass(frozen=True)
class Judgement:
    """One mesh: which named attributes hold, and whether it is one body."""

    prompt: str
    seed: int
    held: tuple[tuple[str, Value, bool], ...]
    one_body: bool


@dataclass(frozen=True)
class Report:
    """Every judgement, and the rates over them."""

    judgements: tuple[Judgement, ...]

    @property
    def attribute_rate(self) -> float:
        """Share of the named attributes that hold."""
        held = [holds for judgement in self.judgements for _, _, holds in judgement.held]
        return sum(held) / len(held)

    @property
    def body_rate(self) -> float:
        """Share of the meshes that are one body."""
        return sum(judgement.one_body for judgement in self.judgements) / len(self.judgements)

    def by_attribute(self) -> dict[str, float]:
        """Rate of each attribute over all prompts that name it."""
        return _rates([(name, holds) for judgement in self.judgements for name, _, holds in judgement.held])

    def by_prompt(self) -> dict[str, dict[str, float]]:
        """Rate of each named attribute, prompt by prompt."""
        texts = dict.fromkeys(judgement.prompt for judgement in self.judgements)
        return {
            text: _rates([(n, holds) for each in self.judgements if each.prompt == text for n, _, holds in each.held])
            for text in texts
        }


def judge_prompts(
    generate: Callable[[str, int], trimesh.Trimesh], seeds: int = 5, prompts: Sequence[Prompt] = PROMPTS
) -> Iterator[tuple[Judgement, int]]:
    """Generate every prompt with seeds 0, 1, ... and judge the meshes: (judgement, how many there will be).

    A mesh without volume holds nothing.

    Raises:
        BadInput: no seeds or no prompts.
    """
    if seeds < 1 or not prompts:
        raise BadInput("There is nothing to evaluate.", "Give at least one prompt and one seed.")
    for prompt in prompts:
        for seed in range(seeds):
            yield judge_prompt(generate(prompt.text, seed), prompt, seed), seeds * len(prompts)


def judge_prompt(mesh: trimesh.Trimesh, prompt: Prompt, seed: int) -> Judgement:
    """Judge one mesh that was generated for a prompt."""
    if mesh.is_empty or abs(mesh.volume) < 1e-6:
        return Judgement(prompt.text, seed, tuple((name, value, False) for name, value in prompt.named), False)
    measured = measure(mesh)
    held = tuple(
        (name, value, judge_measured(measured, name, value, None if name == "kind" else prompt.kind))
        for name, value in prompt.named
    )
    return Judgement(prompt.text, seed, held, one_body(mesh))


def _rates(pairs: list[tuple[str, bool]]) -> dict[str, float]:
    asked, held = Counter(name for name, _ in pairs), Counter(name for name, holds in pairs if holds)
    return {name: held[name] / asked[name] for name in asked}
