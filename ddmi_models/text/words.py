"""What a small tower does with people's words: case, punctuation, misspellings, words that it was never taught."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

WORD = re.compile(r"[a-z]+|[0-9]+")
SHORTEST_CORRECTED = 4
"""Shorter words are not corrected: one letter makes too many of them another word."""


@dataclass(frozen=True)
class ReadPrompt:
    """A prompt as a tower reads it: `words` it knows, in order; `unknown` words left out; `corrected` misspellings
    (as typed, as read)."""

    words: tuple[str, ...]
    unknown: tuple[str, ...]
    corrected: tuple[tuple[str, str], ...]


def split_words(text: str) -> list[str]:
    """Lower-case words and numbers of a text; `multi-word` gives two."""
    return WORD.findall(text.lower())


def read_prompt(prompt: str, known: Sequence[str]) -> ReadPrompt:
    """Keep the known words of a prompt, correct words that are one letter away from a known one, set the rest aside."""
    vocabulary = frozenset(known)
    words, unknown, corrected = [], [], []
    for word in split_words(prompt):
        reading = word if word in vocabulary else _nearest(word, vocabulary)
        if reading is None:
            unknown.append(word)
            continue
        if reading != word:
            corrected.append((word, reading))
        words.append(reading)
    return ReadPrompt(tuple(words), tuple(dict.fromkeys(unknown)), tuple(dict.fromkeys(corrected)))


@lru_cache(maxsize=4096)
def _nearest(word: str, vocabulary: frozenset[str]) -> str | None:
    if len(word) < SHORTEST_CORRECTED or word.isdigit():
        return None
    candidates = sorted(v for v in vocabulary if len(v) >= SHORTEST_CORRECTED and one_edit_apart(word, v))
    same_start = [v for v in candidates if v[0] == word[0]]
    return next(iter(same_start or candidates), None)


def one_edit_apart(a: str, b: str) -> bool:
    """Whether one insertion, deletion, replacement or swap of neighbours turns one word into the other."""
    if abs(len(a) - len(b)) > 1 or a == b:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[start:], b[start:]
    if len(a) == len(b):
        swapped = len(rest_a) > 1 and rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:]
        return rest_a[1:] == rest_b[1:] or swapped
    return rest_a[1:] == rest_b or rest_a == rest_b[1:]
