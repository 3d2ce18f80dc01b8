"""Words of people for what a small tower knows under another name.

`SYNONYMS` holds expressions that say the same: training replaces the first by one of the others at random, reading
replaces one of the others by the first where the tower does not know it. `NEAREST` holds expressions for which the
first is only the closest thing there is, so only reading uses it.
"""

from __future__ import annotations

SYNONYMS: dict[str, tuple[str, ...]] = {
    # kinds
    "sofa": ("couch", "settee", "divan", "davenport"),
    "couch": ("sofa", "settee", "divan"),
    "loveseat": ("love seat", "two seater", "two-seater sofa"),
    "armchair": ("arm chair", "easy chair", "lounge chair", "chair with armrests"),
    "bar stool": ("barstool", "counter stool", "high stool", "tall stool"),
    "dining table": ("dinner table", "kitchen table", "dining room table"),
    "coffee table": ("cocktail table", "sofa table", "living room table"),
    "side table": ("end table", "lamp table", "accent table"),
    "bedside table": ("nightstand", "night stand", "night table"),
    "nightstand": ("bedside table", "night stand", "night table"),
    "desk": ("writing desk", "work desk", "writing table", "computer desk", "study desk"),
    "writing desk": ("writing table", "desk"),
    "office desk": ("work desk", "computer desk"),
    "bookcase": ("bookshelf", "book shelf", "book case", "shelving unit", "shelf unit", "set of shelves", "shelves"),
    "cabinet": ("cupboard",),
    "tall cabinet": ("wardrobe", "closet", "tall cupboard", "armoire"),
    "dresser": ("chest of drawers", "bureau", "commode", "drawer unit"),
    "double bed": ("king size bed", "queen size bed", "bed for two"),
    "single bed": ("twin bed", "bed for one", "cot"),
    "floor lamp": ("standing lamp", "standard lamp", "free standing lamp"),
    "table lamp": ("desk lamp", "bedside lamp", "reading lamp"),
    "desk lamp": ("table lamp", "reading lamp"),
    # outlines and proportions
    "round": ("circular", "rounded"),
    "rectangular": ("oblong", "rectangle"),
    "oval": ("elliptical", "egg shaped"),
    "tall": ("high",),
    "low": ("short", "squat"),
    "wide": ("broad",),
    "narrow": ("slim", "thin", "slender"),
    "long": ("lengthy", "elongated"),
    "a wide shade": ("a large shade", "a big shade", "a wide lampshade"),
    "a narrow shade": ("a small shade", "a thin shade", "a narrow lampshade"),
    # supports
    "one central leg": ("a single central leg", "one leg in the middle", "a central pedestal", "a centre leg"),
    "a pedestal base": ("a pedestal foot", "a column base", "a single pedestal"),
    "a pedestal": ("a column", "a post", "a stand"),
    "one leg": ("1 leg", "a single leg", "only one leg"),
    "legs": ("feet",),
    "a star base": ("a swivel base", "an office base"),
    "trestle legs": ("sawhorse legs",),
    # parts
    "armrests": ("arms", "arm rests", "elbow rests"),
    "without armrests": ("with no arms", "without arms", "no arms"),
    "without a back": ("with no back", "without a backrest", "no backrest"),
    "a slatted back": ("a spindle back", "a back of slats", "a back with slats", "spindles in the back"),
    "a ladder back": ("a back with rungs", "horizontal slats in the back"),
    "a solid back": ("a closed back", "a full back", "a plain back", "a panel back"),
    "a backrest": ("a back", "a back rest"),
    "shelves": ("levels", "tiers", "boards"),
    "with a shelf": ("with a lower shelf", "with a rack", "with one shelf"),
    "a headboard": ("a head board", "headboard"),
    "with": ("having", "that has", "featuring"),
    "without": ("with no", "lacking", "that has no"),
}
NEAREST: dict[str, tuple[str, ...]] = {
    "armchair": ("recliner", "wing chair", "wingback chair", "club chair", "throne", "rocking armchair"),
    "chair": ("rocking chair", "rocker", "dining chair", "kitchen chair", "folding chair"),
    "chair on a star base": ("swivel chair", "office chair", "desk chair", "task chair"),
    "low stool": ("ottoman", "footstool", "foot stool", "pouf", "pouffe", "hassock", "footrest"),
    "bench with a backrest": ("pew", "settle", "park bench"),
    "sofa": ("futon", "chaise longue", "chaise", "daybed", "day bed", "three seater", "sectional"),
    "table": ("workbench", "kitchen island", "console", "console table"),
    "desk with drawers": ("vanity", "dressing table", "secretary", "secretaire", "escritoire"),
    "wide cabinet": ("credenza", "buffet", "sideboard", "media console"),
    "low cabinet": ("tv stand", "tv bench", "tv cabinet"),
    "tall cabinet with two doors": ("wardrobe", "closet", "armoire", "pantry"),
    "narrow cabinet": ("locker",),
    "narrow dresser": ("filing cabinet", "file cabinet"),
    "tall dresser": ("tallboy", "highboy"),
    "bookcase": ("rack", "shelving", "bookshelves", "bookrack", "library shelf"),
    "cabinet": ("hutch", "cabinets"),
    "double bed": ("king bed", "queen bed", "marriage bed"),
    "single bed": ("bunk bed", "bunk", "crib", "child bed", "kids bed"),
    "floor lamp": ("torchiere", "uplighter"),
    "lamp": ("light",),
    "bench": ("benches",),
    "couch": ("couches",),
    "without arms": ("armless",),
    "without a back": ("backless",),
    "without legs": ("legless",),
    "without drawers": ("drawerless",),
    "with drawers": ("with storage",),
    "round": ("disc shaped", "ring shaped"),
    "square": ("squared", "boxy", "cube", "cubic"),
    "wide": ("large", "big", "huge", "oversized", "spacious"),
    "narrow": ("small", "tiny", "little", "skinny", "compact"),
    "tall": ("lofty", "towering"),
    "central": ("in the middle", "in the centre", "in the center", "centre", "center", "middle"),
    "slats": ("spindles", "spokes"),
    "horizontal bars": ("rungs",),
    "shelves": ("compartments", "racks", "layers"),
    "legs": ("posts",),
    "single": ("solitary", "lone"),
    "two": ("pair of", "a couple of"),
    "no": ("zero",),
} | {
    word: (digits,)
    for word, digits in zip(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), map(str, range(1, 11)),
        strict=True,
    )
}  # fmt: skip

PLAIN_WORDS = frozenset(
    """
    a an and are as at be beautiful beech beige big birch black blue bold bright brown cable cables cane cardboard
    carved cheap cherry chrome classic clean cloth cold colour colourful comfortable comfy concrete copper cosy country
    cozy cream cute dark delicate design designer ebony elegant expensive fabric fancy fine foam for from furniture
    glass gold golden good gray great green grey hair hand handmade hard heavy home house in industrial iron ivory
    kids leather lemon light like linen little lovely luxury made mahogany maple marble mat metal metallic minimal
    minimalist model modern mold neat new nice of office old orange ornate outdoor painted pale pine pink plain plastic
    polished pretty purple quilted rattan real red retro rough rustic seal shabby shiny silver simple sleek smart
    smooth soft some stain steel stone striped strong sturdy style stylish suede teak that the this thick traditional
    unique used velvet very vintage violet walnut warm weak white wicker wood wooden yellow young your
    """.split()
)
"""Words that mean something else, so that they are never taken for a misspelling ("black" is not "back")."""


def read_as(known: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """(expression, its reading) for every expression with words that are not known whose reading is known, sorted.

    Where an expression has several readings, the first whose words are all known counts.
    """
    readings: dict[str, str] = {}
    for table in (SYNONYMS, NEAREST):
        for reading, expressions in table.items():
            if not known.issuperset(plain(reading)):
                continue
            for expression in expressions:
                if not known.issuperset(plain(expression)):
                    readings.setdefault(" ".join(plain(expression)), reading)
    return tuple(sorted(readings.items()))


def plain(expression: str) -> list[str]:
    """The words of an expression, hyphens taken apart."""
    return expression.replace("-", " ").split()
