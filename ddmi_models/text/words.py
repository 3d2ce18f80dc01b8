"""What a small tower does with people's words: case, punctuation, misspellings, synonyms, words that it was never
taught."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ddmi_models.text.synonyms import PLAIN_WORDS, plain, read_as

WORD = re.compile(r"[^\W\d_]+|\d+|[\U0001f000-\U0001faff]+")
"""Letters of any script, numbers, or pictographs: whatever is unknown of them is said to be left out."""
SHORTEST_CORRECTED = 4
"""Shorter words are not corrected: one letter makes too many of them another word."""

TRAILING = ("with", "without", "on")
"""Readings that begin so are said behind the noun: "an armless chair" is read as "a chair without arms"."""

Synonyms = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class ReadPrompt:
    """A prompt as a tower reads it: `words` it knows, in order; `unknown` words left out; `corrected` misspellings
    and `synonyms` (as typed, as read)."""

    words: tuple[str, ...]
    unknown: tuple[str, ...]
    corrected: tuple[tuple[str, str], ...]
    synonyms: tuple[tuple[str, str], ...] = ()


def split_words(text: str) -> list[str]:
    """Lower-case words and numbers of a text; `multi-word` gives two."""
    return WORD.findall(text.lower())


class Vocabulary:
    """What a tower can make sense of: the words that it knows, and expressions that are read as such words.

    `words`: every single word of both.
    """

    def __init__(self, known: Sequence[str], synonyms: Synonyms | None = None) -> None:
        """`synonyms`: (expression, its reading in known words); None: the program's own table."""
        self._known = frozenset(known)
        table = read_as(self._known) if synonyms is None else synonyms
        self._readings = {tuple(plain(expression)): tuple(plain(reading)) for expression, reading in table}
        self._longest = max(map(len, self._readings), default=1)
        self.words: frozenset[str] = self._known.union(*self._readings)

    def read(self, prompt: str) -> ReadPrompt:
        """Keep the known words of a prompt, correct words that are one letter away from one, read expressions as
        their synonyms, set the rest aside."""
        typed = split_words(prompt)
        spelt = [_spelling(word, self.words) for word in typed]
        words: list[str] = []
        behind: list[str] = []
        unknown: list[str] = []
        corrected: list[tuple[str, str]] = []
        replaced: list[tuple[str, str]] = []
        for start, end, reading in self._expressions(spelt):
            if reading is None:
                unknown.append(typed[start])
                continue
            expression = tuple(spelt[start:end])
            corrected += [pair for pair in zip(typed[start:end], expression, strict=True) if pair[0] != pair[1]]
            if reading != expression:
                replaced.append((" ".join(expression), " ".join(reading)))
            (behind if reading != expression and reading[0] in TRAILING else words).extend(reading)
        once = dict.fromkeys
        return ReadPrompt((*words, *behind), tuple(once(unknown)), tuple(once(corrected)), tuple(once(replaced)))

    def _expressions(self, words: list[str]) -> Iterator[tuple[int, int, tuple[str, ...] | None]]:
        """(start, end, reading) of the words, the longest expressions first; None: a word that cannot be read."""
        start = 0
        while start < len(words):
            for length in range(min(self._longest, len(words) - start), 0, -1):
                reading = self._readings.get(tuple(words[start : start + length]))
                if reading is not None:
                    break
            else:
                length, reading = 1, (words[start],) if words[start] in self._known else None
            yield start, start + length, reading
            start += length


def _spelling(word: str, vocabulary: frozenset[str]) -> str:
    """The word, or the one of the vocabulary that it is one letter away from."""
    if word in vocabulary or word in PLAIN_WORDS:
        return word
    return _nearest(word, vocabulary) or word


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
