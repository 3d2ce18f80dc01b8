"""Faces drawn as vector graphics: true at every resolution, so that pictures of any size have ground truth.

Art: Avataaars by Pablo Stanley (free for personal and commercial use), drawn by the package python-avatars (MIT).
"""

from __future__ import annotations

import io
import random
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadData

STORED_RESOLUTION = 128
"""Pixels a side of the pictures in a shard; the largest training target."""

VIEW_BOX = "12 24 240 240"
"""The square of the drawing (264 x 280) that is kept: head and shoulders."""

BACKGROUNDS = ("#cfe3f5", "#f6dcd2", "#dcefdc", "#ece2f5", "#fbf0cf", "#e3e7ea")

PLAIN_TOPS = (
    "BIG_HAIR BOB BUN CAESAR_SIDE_PART CAESAR CURLY CURVY DREADS FRIDA FRO FRO_BAND LONG_NOT_TOO_LONG "
    "MIA_WALLACE SHAGGY_MULLET SHAGGY SHAVED_SIDES SHORT_CURLY SHORT_DREADS_1 SHORT_FLAT SHORT_ROUND "
    "SHORT_WAVED SIDES STRAIGHT_1 STRAIGHT_2 BUZZCUT PIXIE NONE"
).split()
HATS = "HAT HIJAB TURBAN WINTER_HAT_1 WINTER_HAT_4".split()
EYES = "DEFAULT DEFAULT HAPPY HAPPY SIDE SQUINT SURPRISED WINK CLOSED EYE_ROLL".split()
EYEBROWS = (
    "DEFAULT_NATURAL DEFAULT FLAT_NATURAL RAISED_EXCITED_NATURAL RAISED_EXCITED SAD_CONCERNED_NATURAL UP_DOWN ANGRY"
).split()
MOUTHS = "DEFAULT SMILE SMILE BIG_SMILE TWINKLE SERIOUS SAD CONCERNED TONGUE".split()
BEARDS = "BEARD_LIGHT BEARD_MEDIUM BEARD_MAGESTIC MOUSTACHE_FANCY MOUSTACHE_MAGNUM".split()
GLASSES = "KURT PRESCRIPTION_1 PRESCRIPTION_2 ROUND SUNGLASSES WAYFARERS".split()
CLOTHES = (
    "BLAZER_SHIRT BLAZER_SWEATER COLLAR_SWEATER HOODIE OVERALL SHIRT_CREW_NECK SHIRT_SCOOP_NECK SHIRT_V_NECK".split()
)
HAIR_COLOURS = "AUBURN BLACK BLONDE BLONDE_GOLDEN BROWN BROWN_DARK PASTEL_PINK PLATINUM RED SILVER_GRAY".split()
SKIN_COLOURS = "TANNED PALE LIGHT BROWN DARK_BROWN BLACK".split()
CLOTHING_COLOURS = (
    "BLACK BLUE_01 BLUE_02 BLUE_03 GRAY_01 HEATHER PASTEL_BLUE PASTEL_GREEN PASTEL_ORANGE PASTEL_YELLOW PINK RED WHITE"
).split()

HAT_SHARE, BEARD_SHARE, GLASSES_SHARE = 0.15, 0.25, 0.3


@dataclass(frozen=True)
class AvatarDrawing:
    """A face as SVG and the attributes that it was drawn from."""

    svg: str
    background: str
    attributes: dict[str, str]

    def picture(self, resolution: int) -> NDArray[np.uint8]:
        """Pixels [resolution, resolution, 3]."""
        return rasterise(self, resolution)


def draw_avatar(seed: int) -> AvatarDrawing:
    """The face of a seed: the same on every machine, whatever was drawn before."""
    import python_avatars as art

    rng = random.Random(seed)
    hat = rng.random() < HAT_SHARE
    chosen = {
        "top": rng.choice(HATS if hat else PLAIN_TOPS),
        "eyes": rng.choice(EYES),
        "eyebrows": rng.choice(EYEBROWS),
        "mouth": rng.choice(MOUTHS),
        "facial_hair": rng.choice(BEARDS) if rng.random() < BEARD_SHARE else "NONE",
        "accessory": rng.choice(GLASSES) if rng.random() < GLASSES_SHARE else "NONE",
        "clothing": rng.choice(CLOTHES),
        "skin_color": rng.choice(SKIN_COLOURS),
        "hair_color": rng.choice(HAIR_COLOURS),
        "hat_color": rng.choice(CLOTHING_COLOURS),
        "clothing_color": rng.choice(CLOTHING_COLOURS),
        "nose": rng.choice(("DEFAULT", "SMALL", "WIDE")),
    }
    avatar = art.Avatar(
        style=art.AvatarStyle.TRANSPARENT,
        top=(art.HatType if hat else art.HairType)[chosen["top"]],
        eyes=art.EyeType[chosen["eyes"]],
        eyebrows=art.EyebrowType[chosen["eyebrows"]],
        mouth=art.MouthType[chosen["mouth"]],
        nose=art.NoseType[chosen["nose"]],
        facial_hair=art.FacialHairType[chosen["facial_hair"]],
        accessory=art.AccessoryType[chosen["accessory"]],
        clothing=art.ClothingType[chosen["clothing"]],
        skin_color=art.SkinColor[chosen["skin_color"]],
        hair_color=art.HairColor[chosen["hair_color"]],
        facial_hair_color=art.HairColor[chosen["hair_color"]],
        hat_color=art.ClothingColor[chosen["hat_color"]],
        clothing_color=art.ClothingColor[chosen["clothing_color"]],
    )
    background = rng.choice(BACKGROUNDS)
    return AvatarDrawing(_square(avatar.render()), background, {**chosen, "background": background})


def _square(svg: str) -> str:
    pattern = r'width="[^"]*" height="[^"]*" viewBox="[^"]*"'
    squared, count = re.subn(pattern, f'width="240" height="240" viewBox="{VIEW_BOX}"', svg, count=1)
    if count != 1:
        raise BadData(
            "The installed python-avatars draws faces in an unknown layout.", "Install version 1.4 or newer of it."
        )
    return squared


def rasterise(drawing: AvatarDrawing, resolution: int) -> NDArray[np.uint8]:
    """The drawing as pixels, antialiased: uint8 [resolution, resolution, 3]."""
    import resvg_py
    from PIL import Image

    png = resvg_py.svg_to_bytes(
        svg_string=drawing.svg,
        width=resolution,
        height=resolution,
        background=drawing.background,
        skip_system_fonts=True,
    )
    return np.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGB"))


def avatar_arrays(seeds: range) -> dict[str, NDArray[Any]]:
    """Arrays of one shard: image uint8 [n, 128, 128, 3], seeds int64 [n]."""
    pictures = [rasterise(draw_avatar(seed), STORED_RESOLUTION) for seed in seeds]
    return {"image": np.stack(pictures), "seeds": np.array(list(seeds), dtype=np.int64)}
