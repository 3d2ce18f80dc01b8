"""The twenty prompts that a text-conditioned furniture model is measured on, with the attributes that each names."""

from __future__ import annotations

from dataclasses import dataclass

from ddmi_models.evaluation.attributes import SOME, Value


@dataclass(frozen=True)
class Prompt:
    """A prompt, the kind that it names, and every attribute that it names (the kind among them)."""

    text: str
    kind: str
    named: tuple[tuple[str, Value], ...]


def _prompt(text: str, kind: str, **named: Value) -> Prompt:
    return Prompt(text, kind, (("kind", kind), *named.items()))


PROMPTS: tuple[Prompt, ...] = (
    _prompt("a round table with one central leg", "table", top="round", legs=1),
    _prompt("a rectangular dining table with four legs", "dining table", top="rectangular", legs=4),
    _prompt("a coffee table with a shelf", "coffee table", shelves=1),
    _prompt("a low round coffee table", "coffee table", top="round", height="low"),
    _prompt("a desk with drawers", "desk", drawers=SOME),
    _prompt("a wide desk", "desk", width="wide"),
    _prompt("a chair with a slatted back", "chair", back="slatted"),
    _prompt("a chair with a solid back and four legs", "chair", back="solid", legs=4),
    _prompt("a chair with armrests", "chair", arms=True),
    _prompt("an armchair on a pedestal base", "armchair", support="pedestal"),
    _prompt("a tall bar stool with three legs", "stool", height="tall", legs=3),
    _prompt("a round stool with one leg", "stool", top="round", legs=1),
    _prompt("a square stool with four legs", "stool", top="square", legs=4),
    _prompt("a bench with a backrest", "bench", back=SOME),
    _prompt("a bench without a back", "bench", back=""),
    _prompt("a wide couch", "sofa", width="wide"),
    _prompt("a bookcase with five shelves", "bookcase", shelves=5),
    _prompt("a narrow cabinet with two doors", "cabinet", width="narrow", doors=2),
    _prompt("a double bed with a headboard", "bed", bed="double", headboard=True),
    _prompt("a floor lamp with a wide shade", "floor lamp", shade="wide"),
)
