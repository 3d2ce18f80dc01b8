"""How people's words are read: known words, misspellings, synonyms, strangers."""

from __future__ import annotations

import string
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddmi_models.checkpoints.store import read_header
from ddmi_models.evaluation.prompts import PROMPTS
from ddmi_models.resources import assets_dir
from ddmi_models.text.synonyms import NEAREST, SYNONYMS, plain, read_as
from ddmi_models.text.words import Vocabulary, one_edit_apart, split_words
from ddmi_models.training import rephrasing
from ddmi_models.training.rephrasing import rephrased, rephrasing_words

KNOWN = ("a", "table", "round", "with", "one", "leg", "legs", "chair", "slatted", "back", "without", "arms", "four")
PEOPLE = (
    "couch", "sofa", "settee", "loveseat", "a love seat", "bureau", "nightstand", "end table", "side table",
    "bar stool", "cupboard", "wardrobe", "closet", "bookshelf", "shelving unit", "ottoman", "recliner",
    "a swivel chair", "a rocking chair", "an armless chair", "a backless bench", "a three-legged stool",
    "a table with four legs", "a table with 4 legs", "a circular table", "an oval table", "a square table",
    "a rectangular table", "a high table", "a short table", "a broad desk", "a long bench", "a slim cabinet",
    "a small table", "a large sofa", "Chair", "TABLE, ROUND, ONE LEG", "1 leg round table",
)  # fmt: skip


@cache
def furniture() -> Vocabulary:
    """What the starter's tower makes sense of."""
    text = read_header(assets_dir() / "starters" / "furniture" / "model.safetensors").config.text
    assert text is not None
    return Vocabulary(text.words, text.synonyms)


@given(st.text(alphabet="abcdefgh", min_size=4, max_size=9), st.data())
def test_one_edit_is_recognised(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(word) - 1))
    removed = word[:place] + word[place + 1 :]
    replaced = word[:place] + "z" + word[place + 1 :]
    assert one_edit_apart(word, removed) and one_edit_apart(removed, word) and one_edit_apart(word, replaced)
    assert not one_edit_apart(word, word) and not one_edit_apart(word, word + "zz")


def test_prompts_are_read_with_typos_and_unknown_words_set_aside() -> None:
    read = Vocabulary(KNOWN).read("A ROUND tabel, with one purple leg!")
    assert read.words == ("a", "round", "table", "with", "one", "leg")
    assert read.unknown == ("purple",)
    assert read.corrected == (("tabel", "table"),)


def test_words_of_every_script_are_said_to_be_left_out() -> None:
    read = Vocabulary(KNOWN).read("椅子 стул 🪑, a Rücken chair")
    assert read.unknown == ("椅子", "стул", "🪑", "rücken") and read.words == ("a", "chair")


@given(st.data())
def test_a_typo_is_read_as_its_word_or_reported(data: st.DataObject) -> None:
    vocabulary = furniture()
    word = data.draw(st.sampled_from(sorted(w for w in vocabulary.words if len(w) >= 5 and w.isalpha())))
    place = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from(string.ascii_lowercase))
    swapped = word[:place] + word[place : place + 2][::-1] + word[place + 2 :]
    deleted, added = word[:place] + word[place + 1 :], word[:place] + letter + word[place:]
    typed = data.draw(st.sampled_from([swapped, deleted, added, word[:place] + letter + word[place + 1 :]]))
    read, right = vocabulary.read(f"a {typed}"), vocabulary.read(f"a {word}")
    reported = {*read.unknown, *(pair[0] for pair in (*read.corrected, *read.synonyms))}
    assert read.words == right.words or typed in reported or typed in vocabulary.words
    assert typed in vocabulary.words or typed in reported


@pytest.mark.parametrize("prompt", [prompt.text for prompt in PROMPTS])
def test_the_measured_prompts_hold_known_words_only(prompt: str) -> None:
    read = furniture().read(prompt)
    assert read.words == tuple(split_words(prompt)) and not read.unknown


@pytest.mark.parametrize("prompt", PEOPLE)
def test_words_of_people_are_known_or_read_as_known_ones(prompt: str) -> None:
    read = furniture().read(prompt)
    assert read.words and not read.unknown


def test_synonyms_are_reported_and_stand_where_they_make_sense() -> None:
    read = Vocabulary(KNOWN).read("an armless chair with four legs")
    assert read.words == ("chair", "with", "four", "legs", "without", "arms")
    assert read.synonyms == (("armless", "without arms"),) and read.unknown == ("an",)
    assert Vocabulary(KNOWN).read("circular table").synonyms == (("circular", "round"),)


def test_other_words_are_no_misspellings() -> None:
    read = Vocabulary(KNOWN).read("a black chair, a cable")
    assert read.words == ("a", "chair", "a") and read.unknown == ("black", "cable") and not read.corrected


def test_a_table_of_the_models_own_stands_for_the_programs() -> None:
    own = Vocabulary(KNOWN, (("pillar", "leg"),))
    assert own.read("a round pillar").words == ("a", "round", "leg")
    assert own.read("circular").unknown == ("circular",)


def test_every_reading_is_made_of_words_that_training_teaches() -> None:
    taught = frozenset(word for text in PEOPLE for word in split_words(text)) | rephrasing_words()
    assert not {reading for _, reading in read_as(taught) if not taught.issuperset(plain(reading))}
    assert all(expression not in SYNONYMS[first] for first in SYNONYMS for expression in (first,))
    assert all(read_as(frozenset(plain(first))) for first in NEAREST if first != "no")


@given(st.integers(0, 2**32 - 1))
def test_rephrased_captions_bring_in_no_other_words(seed: int) -> None:
    caption = "a wide desk with drawers and without arms, on four legs"
    assert set(split_words(rephrased(caption, np.random.default_rng(seed)))) <= {
        *split_words(caption),
        *rephrasing_words(),
    }


@pytest.mark.parametrize(
    ("caption", "said"),
    [
        ("a bench without a back", "a backless bench"),
        ("a stool with four legs and without a backrest", "a four-legged backless stool"),
        ("chair, without arms, a round seat", "armless chair a round seat"),
        ("a sofa with four short legs", "a sofa with four short legs"),
    ],
)
def test_phrases_become_adjectives(caption: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for share, value in (("ADJECTIVE", 1.0), ("SYNONYM", 0.0), ("BARE", 0.0), ("TURNED", 0.0)):
        monkeypatch.setattr(rephrasing, f"{share}_SHARE", value)
    assert rephrased(caption, np.random.default_rng(0)) == said
