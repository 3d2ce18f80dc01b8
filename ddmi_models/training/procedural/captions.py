"""Captions: a small grammar over the attributes, with synonyms and free word order; every phrase is true."""

from __future__ import annotations

import random
from itertools import pairwise

from ddmi_models.evaluation.vocabulary import Attributes

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

NOUNS: dict[str, tuple[str, ...]] = {
    "chair": ("chair", "chair", "chair", "seat"),
    "armchair": ("armchair", "armchair", "arm chair", "easy chair", "lounge chair", "chair with arms"),
    "stool": ("stool", "stool", "stool", "stool", "backless stool"),
    "bench": ("bench", "bench"),
    "sofa": ("sofa", "couch", "couch", "settee"),
    "dining table": ("table", "dining table", "dining table", "kitchen table"),
    "round table": ("table", "table", "dining table"),
    "coffee table": ("coffee table", "coffee table", "coffee table", "cocktail table"),
    "side table": ("side table", "end table", "small table", "bedside table", "table"),
    "desk": ("desk", "desk", "desk", "writing desk", "office desk"),
    "bookcase": ("bookcase", "bookshelf", "shelf unit", "bookcase", "bookcase"),
    "cabinet": ("cabinet", "cabinet", "cabinet", "cupboard"),
    "dresser": ("dresser", "chest of drawers", "dresser", "drawer unit"),
    "bed": ("bed",),
    "floor lamp": ("floor lamp", "floor lamp", "standing lamp", "lamp"),
    "table lamp": ("table lamp", "desk lamp", "bedside lamp", "lamp"),
}
WIDTH_WORDS = {
    "wide": ("wide", "wide", "broad"),
    "narrow": ("narrow", "narrow", "slim"),
}
LONG_KINDS = ("bench", "sofa", "dining table", "coffee table")
HEIGHT_WORDS = {"low": ("low", "low", "short"), "tall": ("tall", "tall", "high")}
FEET = {
    "disc": ("a round base", "a disc base", "a flat round foot"),
    "cone": ("a round base", "a conical base", "a trumpet foot"),
    "cross": ("a cross base", "a four-pronged base", "a crossed foot"),
    "star": ("a star base", "a five star base", "a five-pronged base"),
}

PEDESTALS = (
    *("one central leg",) * 3,
    *("one leg",) * 3,
    *("a pedestal base",) * 2,
    "a pedestal",
    "a single leg",
    "a central column",
)


def number(rng: random.Random, count: int) -> str:
    """A count as a word or in digits."""
    return NUMBERS[count] if rng.random() < 0.75 else str(count)


def captions_for(attributes: Attributes, rng: random.Random, count: int = 6) -> tuple[str, ...]:
    """Distinct captions of a shape: the bare noun first, then ever fuller ones (fewer where little can be said)."""
    captions = [_sentence(rng, attributes, 0, 0)]
    plan = [(1, 0), (0, 1), (1, 1), (0, 2), (2, 0), (2, 2), (1, 2), (2, 1), (0, 3), (3, 3)]
    for adjectives, phrases in plan[:4] + rng.sample(plan, 6):
        sentence = _sentence(rng, attributes, adjectives, phrases)
        if sentence not in captions:
            captions.append(sentence)
    return tuple(captions[:count])


def _sentence(rng: random.Random, attributes: Attributes, most_adjectives: int, most_phrases: int) -> str:
    noun = _noun(rng, attributes)
    told = {noun[1]} if noun[1] else set()
    adjectives = _pick(rng, _adjectives(rng, attributes), most_adjectives, told)
    phrases = _pick(rng, _phrases(rng, attributes), most_phrases, told)
    words = " ".join([*adjectives, noun[0]])
    article = "" if rng.random() < 0.35 else ("an " if words[0] in "aeiou" else "a ")
    text = article + words
    if not phrases:
        return text
    if most_adjectives == 0 and rng.random() < 0.15:
        return f"{words}, {', '.join(phrase.removeprefix('with ') for phrase in phrases)}"
    return f"{text} {_joined(rng, phrases)}"


def _joined(rng: random.Random, phrases: list[str]) -> str:
    """Phrases in a row; a repeated "with" becomes "and"."""
    text = phrases[0]
    for previous, phrase in pairwise(phrases):
        if previous.startswith("with ") and phrase.startswith("with "):
            text += " and " + (phrase.removeprefix("with ") if rng.random() < 0.8 else phrase)
        else:
            text += (" and " if rng.random() < 0.5 else " ") + phrase
    return text


def _pick(rng: random.Random, options: list[tuple[str, str]], most: int, told: set[str]) -> list[str]:
    """Up to `most` texts about different attributes, none already told; `told` grows."""
    rng.shuffle(options)
    chosen: list[str] = []
    for topic, text in options:
        if len(chosen) < most and topic not in told:
            told.add(topic)
            chosen.append(text)
    return chosen


def _noun(rng: random.Random, a: Attributes) -> tuple[str, str]:
    """The noun and the attribute that it already tells ("" for none)."""
    if a.kind == "chair" and a.arms and rng.random() < 0.2:
        return "armchair", "arms"
    if a.kind == "stool" and a.height == "tall" and rng.random() < 0.6:
        return rng.choice(("bar stool", "bar stool", "barstool", "counter stool")), ""
    if a.kind == "sofa" and a.width == "narrow" and rng.random() < 0.3:
        return rng.choice(("loveseat", "two-seat sofa")), "width"
    if a.kind == "round table" and rng.random() < 0.35:
        return rng.choice(("round table", "round dining table", "circular table")), "top"
    if a.kind == "side table" and a.drawers and rng.random() < 0.3:
        return "nightstand", ""
    if a.bed and rng.random() < 0.3:
        return f"{a.bed} bed", "bed"
    if a.kind == "coffee table" and a.height == "low" and rng.random() < 0.1:
        return "low table", "height"
    noun = rng.choice(NOUNS[a.kind])
    return noun, {"chair with arms": "arms", "backless stool": "back"}.get(noun, "")


def _adjectives(rng: random.Random, a: Attributes) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if a.height:
        found.append(("height", rng.choice(HEIGHT_WORDS[a.height])))
    if a.width:
        words = WIDTH_WORDS[a.width] + (("long",) if a.width == "wide" and a.kind in LONG_KINDS else ())
        words += ("short",) if a.width == "narrow" and a.kind == "bench" else ()
        found.append(("width", rng.choice(words)))
    if a.top and a.kind not in ("chair", "armchair", "bench"):
        outlines = {"round": ("round", "round", "circular"), "rectangular": ("rectangular", "rectangular", "oblong")}
        found.append(("top", rng.choice(outlines.get(a.top, (a.top,)))))
    if a.bed:
        found.append(
            ("bed", rng.choice({"double": ("double", "double", "wide"), "single": ("single", "narrow")}[a.bed]))
        )
    if a.legs in (3, 4) and a.support == "legs" and rng.random() < 0.3:
        found.append(("legs", f"{NUMBERS[a.legs]}-legged"))
    if a.legs == 1 and "lamp" not in a.kind and rng.random() < 0.4:
        found.append(("legs", "pedestal"))
    return found


def _phrases(rng: random.Random, a: Attributes) -> list[tuple[str, str]]:
    found = [(topic, rng.choice(texts)) for topic, texts in _topics(rng, a)]
    if a.shade:
        wide, narrow = (
            ("a wide shade", "a broad shade", "a big shade"),
            ("a narrow shade", "a small shade", "a slim shade"),
        )
        found.append(("shade", "with " + rng.choice(wide if a.shade == "wide" else narrow)))
    return found


def _topics(rng: random.Random, a: Attributes) -> list[tuple[str, tuple[str, ...]]]:
    """What can be said behind the noun: (attribute, equally likely wordings)."""
    found = _support(rng, a)
    if a.kind in ("chair", "armchair", "sofa", "bench", "stool"):
        found += _seat(a)
    if a.shelves:
        n = number(rng, a.shelves)
        if a.kind == "bookcase":
            found.append(("shelves", (f"with {n} shelves", f"with {n} shelves", f"with {n} levels")))
        else:
            found.append(
                ("shelves", ("with a shelf", "with a shelf", "with a lower shelf", "with a shelf below the top"))
            )
    for topic, single, amount in (("drawers", "drawer", a.drawers), ("doors", "door", a.doors)):
        if amount == 1:
            found.append((topic, (f"with a {single}", f"with one {single}")))
        elif amount:
            n = number(rng, amount)
            found.append((topic, (f"with {n} {topic}", f"with {n} {topic}", f"with {topic}")))
    if a.kind == "bed":
        yes, no = (
            ("with a headboard", "with headboard", "with a headboard"),
            ("without a headboard", "with no headboard"),
        )
        found.append(("headboard", yes if a.headboard else no))
    if a.kind == "desk" and not a.drawers:
        found.append(("drawers", ("without drawers", "with no drawers")))
    if a.top and a.kind in ("dining table", "round table", "coffee table", "side table", "desk"):
        found.append(("top", (f"with a {a.top} top",) if a.top != "oval" else ("with an oval top",)))
    return found


def _seat(a: Attributes) -> list[tuple[str, tuple[str, ...]]]:
    found: list[tuple[str, tuple[str, ...]]] = []
    backs = {
        "solid": ("with a solid back", "with a solid back", "with a closed back", "with a solid backrest"),
        "slatted": ("with a slatted back", "with a slatted back", "with slats in the back", "with a spindle back"),
        "bars": ("with a ladder back", "with horizontal bars in the back", "with a slatted back"),
        "": ("without a back", "without a backrest", "with no back"),
    }
    if a.kind in ("chair", "bench", "stool") or (a.kind == "armchair" and a.back != "solid"):
        found.append(("back", backs[a.back]))
    if a.kind == "bench" and a.back:
        found.append(("backrest", ("with a backrest", "with a back", "with a back rest")))
    if a.arms and a.kind != "armchair":
        found.append(("arms", ("with armrests", "with arms", "with arm rests")))
    elif not a.arms and a.kind in ("chair", "sofa"):
        found.append(("arms", ("without arms", "without armrests", "with no armrests")))
    if a.top and a.kind == "stool":
        found.append(("top", (f"with a {a.top} seat",)))
    if a.top == "round" and a.kind == "chair":
        found.append(("top", ("with a round seat",)))
    return found


def _on(text: str) -> tuple[str, ...]:
    return (f"with {text}", f"on {text}")


def _support(rng: random.Random, a: Attributes) -> list[tuple[str, tuple[str, ...]]]:
    if "lamp" in a.kind:
        if a.kind == "floor lamp" and a.legs == 3:
            return [("legs", ("with three legs", "on a tripod", "on three legs", "with a tripod base"))]
        return [("foot", tuple(f"with {text}" for text in FEET[a.foot]))] if a.foot else []
    if a.support == "pedestal":
        legs = [("legs", _on(rng.choice(PEDESTALS)))]
        return legs + ([("foot", _on(rng.choice(FEET[a.foot])))] if rng.random() < 0.4 else [])
    if a.support == "legs":
        kind = "short legs" if a.kind in ("sofa", "cabinet", "dresser", "bed") else "legs"
        n = number(rng, a.legs)
        return [("legs", (*_on(f"{n} legs"), f"with {n} legs", f"with {n} {kind}"))]
    wording = {
        "trestle": ("with trestle legs", "on trestles", "with a trestle base"),
        "sled": ("with a sled base", "with sled legs", "on runners"),
        "panel": ("with panel legs", "with solid sides", "on two panels"),
        "plinth": ("standing on the floor", "without legs"),
    }
    return [("legs", wording[a.support])] if a.support in wording and a.kind not in ("bookcase", "desk") else []
