"""Captions said in other words, drawn anew each step, so that a tower hears more than the captions' own grammar."""

from __future__ import annotations

import re

import numpy as np

from ddmi_models.text.synonyms import SYNONYMS, plain

SYNONYM_SHARE, ADJECTIVE_SHARE, BARE_SHARE, TURNED_SHARE = 0.3, 0.3, 0.15, 0.1
"""How often a synonym replaces an expression, an adjective a phrase; articles are left out; the last phrase leads."""

ADJECTIVES = {
    "armless": r"(?:without|with no|no) (?:arms|armrests|arm rests)",
    "backless": r"(?:without a|with no|no) (?:back|backrest|back rest)",
    "legless": r"(?:without|with no|no) legs",
    "four-legged": r"(?:with|on) (?:four|4) legs",
    "three-legged": r"(?:with|on) (?:three|3) legs",
    "one-legged": r"(?:with|on) (?:one|a single) leg",
}
EXPRESSIONS = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, SYNONYMS), key=len, reverse=True))})\b")
ARTICLE = re.compile(r"^(?:(?:an?|the) )?")


def rephrased(caption: str, rng: np.random.Generator) -> str:
    """The same said otherwise, or the caption itself; as true as the caption."""
    text = caption
    for adjective, phrase in ADJECTIVES.items():
        if rng.random() < ADJECTIVE_SHARE:
            text = _as_adjective(text, adjective, phrase)
    text = EXPRESSIONS.sub(lambda found: _synonym(found[0], rng), text)
    if rng.random() < TURNED_SHARE:
        text = re.sub(r"^(.*?[^,]) (with(?:out)? .*)$", r"\2, \1", text)
    if rng.random() < BARE_SHARE:
        text = re.sub(r"\b(?:an?|the) ", "", text)
    return text


def _synonym(expression: str, rng: np.random.Generator) -> str:
    if rng.random() >= SYNONYM_SHARE:
        return expression
    options = SYNONYMS[expression]
    return options[int(rng.integers(len(options)))]


def _as_adjective(text: str, adjective: str, phrase: str) -> str:
    """Take a phrase out and put an adjective in front: "a bench without a back" is "a backless bench"."""
    told = re.search(rf"(?:,| and)? {phrase}\b(?: and\b|,)?", text)
    if told is None or adjective in text:
        return text
    rest = text[: told.start()] + text[told.end() :]
    return ARTICLE.sub(lambda article: f"{article[0]}{adjective} ", rest, count=1)


def rephrasing_words() -> frozenset[str]:
    """Every word that `rephrased` may bring in."""
    expressions = [*SYNONYMS, *(text for options in SYNONYMS.values() for text in options), *ADJECTIVES]
    return frozenset(word for expression in expressions for word in plain(expression))
