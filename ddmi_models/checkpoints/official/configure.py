"""The configuration of an official file, from every source that knows a part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ddmi_models.checkpoints.official import reference
from ddmi_models.checkpoints.official.reference import Leaves
from ddmi_models.checkpoints.official.shipped import SHIPPED
from ddmi_models.checkpoints.official.traces import ATTENTION_LEVELS, BASIS_LEVELS, JOINT_LEVELS, traces
from ddmi_models.config import ModelConfig
from ddmi_models.errors import BadCheckpoint, BadConfig

PLANE_ORDERS = {
    ("image", "full"): ("image",),
    ("image", "autoencoder"): ("image",),
    ("shape", "full"): ("xy", "xz", "yz"),
    ("shape", "autoencoder"): ("xy", "yz", "xz"),
    ("nerf", "full"): ("xy", "yz", "xz"),
    ("nerf", "autoencoder"): ("xy", "yz", "xz"),
    ("video", "full"): ("xy", "xt", "yt"),
    ("video", "autoencoder"): ("xy", "xt", "yt"),
}
"""How the authors' code packs a latent, by domain and stage: the two stages of shapes differ (facts, section 4.2)."""

POINT_DOMAINS = ("shape", "nerf")
"""Domains that have a point encoder."""

DEFAULT_STEPS = {"image": 50, "shape": 200, "nerf": 200, "video": 200}
SHAPE_ISO = 0.2
ANCHOR_RESOLUTION = 256
SCALES = {"image": 3, "shape": 3, "nerf": 1, "video": 3}
"""How many basis scales the published coordinate networks read."""

RADIANCE = {"activation": "identity", "background": "last_sample", "pixel_corners": True}
"""What the authors' code does with radiance fields, whatever the configuration."""

CLIP = {"rate": 16.0, "crossed": True}
"""The same with videos; their clips are shown at this rate."""

JOINT = "autoencoder.joint"
"""False for radiance fields of the second stage as the authors' script would write them: with the autoencoder of a
single plane."""

TRACELESS = ("autoencoder.resolution", "autoencoder.attention")
TRACELESS_POINTS = ("point_encoder.plane_resolution", "point_encoder.padding")
TRACELESS_UNET = ("unet.head_channels",)

SMALL = {"blocks": 64, "multipliers": 256, "timesteps": 100_000}
LARGEST = 65_536
MOST_LEVELS = 12
"""Bounds on what a foreign file may ask to be built, far above anything published."""


class UnknownArchitecture(BadCheckpoint):
    """A file leaves open what has to be known.

    Attributes:
        missing: what, by its names in the authors' YAML files. domain: ours, None where that is open too.
    """

    def __init__(self, missing: Sequence[str], domain: str | None) -> None:
        super().__init__(
            f"The file does not tell {', '.join(missing)}.", "Give them in a YAML file with --config FILE.yaml."
        )
        self.missing = tuple(missing)
        self.domain = domain


def configure(
    shapes: Mapping[str, tuple[int, ...]], args: reference.Values | None, user: Path | None, stage: str
) -> ModelConfig:
    """The model's configuration: from the user's file, the file's own `args`, its tensors, a shipped configuration.

    Args:
        shapes: the tensors, by their names in our files. args: as from `reference.read_args`.
        user: YAML file in our layout or the authors', or the name of a shipped configuration.
        stage: "full" or "autoencoder".

    Raises:
        BadCheckpoint: naming what is not known, or saying why it cannot be imported.
        BadConfig: if the user's file is not usable.
    """
    named = SHIPPED.get(str(user)) if user is not None and not user.exists() else None
    if user is not None and named is None and {"domain", "autoencoder"} <= set(own := reference.read_yaml(user)):
        return ModelConfig.parse(own)
    told = traces(shapes)
    told_domain = reference.domain_of(told.pop("domain")) if "domain" in told else None
    said = reference.leaves(args) if args is not None else {}
    asked = reference.leaves(named or reference.from_yaml(user)) if user is not None else {}
    leaves = {**told, **said, **asked}
    leaves.setdefault("domain", told_domain)
    if leaves["domain"] is None:
        raise UnknownArchitecture(["data.domain"], None)
    if "ddconfig" in (args or {}) or "autoencoder.resolution" in asked:
        _add_rules(leaves)
    leaves = {**_shipped(told), **leaves}
    _ask_for_missing(leaves, with_unet=stage == "full")
    return assemble(leaves, stage, noise=any(name.endswith(".noise.weight") for name in shapes))


def _add_rules(leaves: Leaves) -> None:
    """What the authors' code fixes once a `ddconfig` is known: the point encoder's planes are what it takes in."""
    if leaves["domain"] in POINT_DOMAINS and "autoencoder.resolution" in leaves:
        leaves.setdefault("point_encoder.plane_resolution", leaves["autoencoder.resolution"])
        leaves.setdefault("point_encoder.padding", reference.PADDING_DEFAULT)


def _shipped(told: Leaves) -> Leaves:
    """The shipped configuration that agrees with everything that the tensors tell; empty if there is none."""
    left = {JOINT} if told.get(JOINT, True) else {JOINT, JOINT_LEVELS}
    told = {leaf: value for leaf, value in told.items() if leaf not in left}
    for values in SHIPPED.values():
        known = reference.leaves(values)
        resolution = known["autoencoder.resolution"]
        expected = {
            **known,
            BASIS_LEVELS: _levels(known["autoencoder.basis_resolutions"], resolution),
            ATTENTION_LEVELS: _levels(known["autoencoder.attention_resolutions"], resolution),
            JOINT_LEVELS: _levels(known["autoencoder.joint_resolutions"], resolution),
            "unet.attention_factors": sorted(known["unet.attention_factors"]),
        }
        if told and all(expected.get(leaf) == value for leaf, value in told.items()):
            return known
    return {}


def _levels(resolutions: list[int], finest: int) -> list[int]:
    """Levels of the given resolutions; level i has the finest resolution over 2^i."""
    return sorted((finest // r).bit_length() - 1 for r in resolutions)


def _ask_for_missing(leaves: Leaves, with_unet: bool) -> None:
    needed = list(TRACELESS)
    if leaves["domain"] in POINT_DOMAINS:
        needed += TRACELESS_POINTS
    if with_unet:
        needed += TRACELESS_UNET
    missing = [reference.reference_name(leaf) for leaf in needed if leaf not in leaves]
    if missing:
        raise UnknownArchitecture(missing, leaves["domain"])


def assemble(leaves: Leaves, stage: str, noise: bool) -> ModelConfig:
    """The configuration that leaves make, with what the authors' code does whatever they say.

    Raises:
        BadCheckpoint: if it cannot be used.
    """
    domain = leaves["domain"]
    sections = _sections(leaves)
    _check_bounds(sections)
    autoencoder, unet = sections["autoencoder"], sections["unet"]
    for name in (BASIS_LEVELS, ATTENTION_LEVELS, JOINT_LEVELS):
        key = name.replace("levels", "resolutions")
        if name in leaves:
            autoencoder.setdefault(key, [autoencoder["resolution"] // 2**level for level in leaves[name]])
    diffusion = sections["diffusion"]
    diffusion.setdefault("steps", DEFAULT_STEPS[domain])
    ancestral = diffusion["steps"] == diffusion.get("timesteps", 1000)
    net = {**sections["coordinate_net"], "scales": SCALES[domain], "noise": noise and domain == "image"}
    try:
        return ModelConfig.parse(
            {
                "domain": domain,
                "plane_order": PLANE_ORDERS[domain, stage],
                "autoencoder": autoencoder,
                "coordinate_net": net,
                "point_encoder": sections["point_encoder"] if domain in POINT_DOMAINS else None,
                "video_encoder": sections["video_encoder"] if domain == "video" else None,
                "clip": {**sections["clip"], **CLIP} if domain == "video" else None,
                "radiance": {**sections["radiance"], **RADIANCE} if domain == "nerf" else None,
                "unet": unet if stage == "full" else None,
                "diffusion": {**diffusion, "sampler": "ddpm" if ancestral else "ddim"},
                "anchor_resolution": ANCHOR_RESOLUTION,
                "iso": leaves.get("iso", SHAPE_ISO) if domain == "shape" else 0.5,
            }
        )
    except BadConfig as error:
        raise BadCheckpoint(f"The file's configuration cannot be used: {error.message}") from None


def _sections(leaves: Leaves) -> dict[str, dict[str, Any]]:
    sections: dict[str, dict[str, Any]] = {
        name: {}
        for name in (
            "autoencoder",
            "coordinate_net",
            "point_encoder",
            "video_encoder",
            "clip",
            "radiance",
            "unet",
            "diffusion",
        )
    }
    for leaf, value in leaves.items():
        section, _, key = leaf.partition(".")
        if key:
            sections[section][key] = value
    return sections


def _check_bounds(sections: dict[str, dict[str, Any]]) -> None:
    """Refuse a configuration whose network would take forever to build."""
    for section in sections.values():
        for key, value in section.items():
            values = value if isinstance(value, list) else [value]
            numbers = [v for v in values if isinstance(v, int | float)]
            if len(values) > MOST_LEVELS or any(not -LARGEST <= v <= SMALL.get(key, LARGEST) for v in numbers):
                raise BadCheckpoint(f"The file's configuration asks for {key} beyond all reason.")
