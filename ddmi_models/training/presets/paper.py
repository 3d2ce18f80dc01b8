"""The paper's own settings for every data set that it uses, as presets.

Sizes of the networks are those of the published configurations (`checkpoints.official.shipped`); training settings are
those of the authors' training files (reference facts, section 8), their epochs made into steps. What neither says is
taken from the nearest set, and the preset's first lines say so. Where the authors' code differs from the paper by a
defect (radiance fields without activation, time planes read crosswise), the presets do what the paper says.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import yaml

from ddmi_models.checkpoints.official.configure import assemble
from ddmi_models.checkpoints.official.reference import Leaves, leaves
from ddmi_models.checkpoints.official.shipped import AFHQ, CELEBAHQ, SHAPENET, SKYTIMELAPSE, SRN_CARS

Values = dict[str, Any]

WARM_EPOCHS = 5
WIDTH = 118
"""Of the comments at the head of a preset."""


@dataclass(frozen=True)
class Phase:
    """How a stage is trained.

    Attributes:
        epochs: of this phase alone; a trainer that goes on from an earlier phase counts on, so its file says more.
        batch: what the authors' file says times its accumulated parts: for one process.
        warm: epochs of linear rise of the learning rate. alternates: with the discriminator, so that only every second
            step is the model's own. data: what differs in what a step draws.
    """

    epochs: int
    batch: int
    accumulate: int
    settings: Values = field(default_factory=dict)
    warm: int = WARM_EPOCHS
    alternates: bool = False
    data: Values = field(default_factory=dict)


@dataclass(frozen=True)
class PaperSet:
    """A data set of the paper.

    Attributes:
        items: of its training part, which makes epochs into steps. published: configuration that the networks are
            sized by; `changes`: leaves of it that differ. data: what a step draws. note: what is not published.
        later: second phase of the first stage, where the authors have one; with a discriminator, if its settings say
            so. text: of the second stage.
    """

    title: str
    items: int
    published: Values
    first: Phase
    second: Phase
    data: Values
    changes: Leaves = field(default_factory=dict)
    later: Phase | None = None
    text: Values = field(default_factory=dict)
    note: str = ""


def _kl(end: float) -> Values:
    return {"kl": {"start": 1e-4, "end": end}}


FIRST: Values = {
    "learning_rate": 1e-4,
    "beta2": 0.99,
    "clip": None,
    "ema": 0.0,
    "spectral": {"start": 5.0, "end": 0.1},
    "precision": "fp16",
}
SECOND: Values = {
    "learning_rate": 1e-4,
    "schedule": "constant",
    "beta2": 0.999,
    "clip": None,
    "ema": 0.9999,
    "ema_every": 5,
    "ema_warmup": True,
    "precision": "fp16",
}
PICTURES_SECOND: Values = {"weight_decay": 0.0, "ema_every": 10}
"""Of the second stage of images alone."""


def _constant(kl: float, learning_rate: float) -> Values:
    """Of a second phase: weights that do not change over it."""
    return {"learning_rate": learning_rate, "kl": {"start": kl, "end": kl}, "spectral": {"start": 0.1, "end": 0.1}}


def _gan(kl: float, weight: float, learning_rate: float) -> Values:
    return {
        **_constant(kl, learning_rate),
        "schedule": "constant",
        "adversary": {"weight": weight, "balanced": False, "learning_rate": learning_rate},
        "precision": "bf16",
    }


MIRRORED: Values = {"flip": True}
"""Pictures, in every phase of the first stage."""
SEVERAL_SIZES: Values = {"target_resolutions": [256] * 3 + [384] * 3 + [512] * 4, "crop": 256}
"""256 and 384 px in three steps of ten each, 512 px in four."""
ONE_SIZE: Values = {"target_resolutions": [256], "crop": 256}
SHAPES: Values = {"cloud_points": 3000, "cloud_noise": 0.005, "query_points": 2048}

_CAT = PaperSet(
    "AFHQv2 Cat",
    5065,
    AFHQ,
    Phase(200, 20, 5, _kl(0.5), data=MIRRORED),
    Phase(1500, 20, 5, PICTURES_SECOND, warm=0),
    SEVERAL_SIZES,
    later=Phase(1500 - 200, 5, 5, _gan(0.5, 1.0, 5e-5), warm=0, alternates=True, data=MIRRORED),
)
_CHAIRS = PaperSet(
    "ShapeNet chairs", 4612, SHAPENET, Phase(300, 60, 5, _kl(0.01)), Phase(3000, 50, 5, warm=0), SHAPES,
    note="The authors' files are those of the 13 classes.",
)  # fmt: skip


def _like_cat(title: str, items: int, note: str, data: Values, changes: Leaves | None = None) -> PaperSet:
    """A set of pictures of which no settings are published."""
    return PaperSet(title, items, AFHQ, _CAT.first, _CAT.second, data, changes or {}, note=note)


PAPER_SETS: dict[str, PaperSet] = {
    "afhq-cat": _CAT,
    "afhq-dog": PaperSet(
        "AFHQv2 Dog", 4678, AFHQ, _CAT.first, _CAT.second, SEVERAL_SIZES, later=_CAT.later,
        note="Settings as for cats, with which the authors share their file.",
    ),
    "celebahq": PaperSet(
        "CelebA-HQ",
        30_000,
        CELEBAHQ,
        Phase(200, 50, 5, _kl(0.5), data=MIRRORED),
        Phase(1500, 25, 5, PICTURES_SECOND, warm=0),
        SEVERAL_SIZES,
        later=Phase(400 - 200, 5, 5, _constant(0.1, 5e-5), warm=0, data={**ONE_SIZE, **MIRRORED}),
    ),
    "cifar10": _like_cat(
        "CIFAR-10",
        50_000,
        "Nothing is published: settings as for AFHQv2 Cat, with planes of 32 cells and one size.",
        {"target_resolutions": [32], "crop": 32},
        {"autoencoder.resolution": 32, "autoencoder.basis_resolutions": [16, 8]},
    ),
    "lsun-churches": _like_cat(
        "LSUN Churches", 126_227, "Nothing is published: settings as for AFHQv2 Cat, with one size.", ONE_SIZE
    ),
    "shapenet-chair": _CHAIRS,
    "shapenet": PaperSet("ShapeNet, 13 classes", 30_661, SHAPENET, _CHAIRS.first, _CHAIRS.second, SHAPES),
    "text2shape": PaperSet(
        "Text2Shape",
        11_921,
        SHAPENET,
        _CHAIRS.first,
        _CHAIRS.second,
        SHAPES,
        {"unet.context_channels": 768},
        text={"tower": "ViT-L-14", "weights": "openai", "width": 768, "context_length": 77},
        note="The authors' files say nothing of texts: settings as for ShapeNet, with tokens of a fixed CLIP ViT-L/14.",
    ),
    "srn-cars": PaperSet(
        "SRN Cars",
        2458,
        SRN_CARS,
        # Their reconstruction term counts 20 times: here the others count a twentieth.
        Phase(4000, 10, 10, {"learning_rate": 5e-5, "kl": {"start": 5e-6, "end": 0.0025},
                             "spectral": {"start": 0.005, "end": 0.005}}),
        Phase(3000, 160, 5, warm=0),
        {"size": 128, "cloud_points": 3000, "cloud_noise": 0.005, "rays": 5000, "ray_samples": 256, "object_rays": 0.0},
        note="Rays are drawn from all views of an object, not from one.",
    ),
    "skytimelapse": PaperSet(
        "SkyTimelapse",
        2392,
        SKYTIMELAPSE,
        Phase(200, 10, 5, _kl(0.1)),
        Phase(1500, 2, 1, warm=0),
        {"size": 256, "crop": 256, "target_frames": 16},
        later=Phase(600, 10, 5, _gan(0.1, 0.5, 1e-4), alternates=True),
        note="The discriminator looks at single frames; the authors have one for clips too.",
    ),
}  # fmt: skip


def paper_presets() -> dict[str, Callable[[], str]]:
    """Name of each preset to what makes its YAML."""
    found: dict[str, Callable[[], str]] = {}
    for key, about in PAPER_SETS.items():
        name = f"paper-{key}"
        found[f"{name}-autoencoder"] = partial(_first, key, about)
        if about.later is not None:
            found[f"{name}-{_suffix(about.later)}"] = partial(_later, key, about, about.later)
        found[f"{name}-diffusion"] = partial(_second, key, about)
    return found


def _suffix(later: Phase) -> str:
    return "adversary" if "adversary" in later.settings else "phase-2"


def _first(key: str, about: PaperSet) -> str:
    model, _, _ = _networks(about)
    values = {**_head(key, "autoencoder", about, about.first), "model": model}
    return _text(
        "First stage", about, {**values, **_training(about.first, about.items), **FIRST, **about.first.settings}
    )


def _later(key: str, about: PaperSet, phase: Phase) -> str:
    values = {**_head(key, "autoencoder", about, phase), "start_from": f"paper-{key}-autoencoder"}
    values |= {**_training(phase, about.items), **FIRST, **phase.settings}
    what = "phase with a discriminator" if "adversary" in phase.settings else "second phase"
    return _text(f"First stage, {what},", about, values)


def _second(key: str, about: PaperSet) -> str:
    _, unet, diffusion = _networks(about)
    start = "autoencoder" if about.later is None else _suffix(about.later)
    values = {
        **_head(key, "diffusion", about, about.second),
        "start_from": f"paper-{key}-{start}",
        "unet": unet,
        "diffusion": diffusion,
    }
    values |= {"text": about.text, "finetune": "diffusion"} if about.text else {}
    values |= {**_training(about.second, about.items), **SECOND, **about.second.settings}
    return _text("Second stage", about, values)


def _head(key: str, stage: str, about: PaperSet, phase: Phase) -> Values:
    data = {"train": f"data/{key}", "validation_share": 0, **about.data, **phase.data}  # the paper trains on all
    return {"name": key, "stage": stage, "data": data}


def _training(phase: Phase, items: int) -> Values:
    an_epoch = items / phase.batch / (2 if phase.alternates else 1)
    steps = round(phase.epochs * an_epoch)
    return {
        "steps": steps,
        "batch": phase.batch,
        "accumulate": phase.accumulate,
        "warmup": round(phase.warm * an_epoch),
        "save_every": max(1, min(5000, steps // 20)),
    }


def _networks(about: PaperSet) -> tuple[Values, Values, Values]:
    """First stage, U-Net and diffusion of a set: (ModelConfig, UNetConfig, DiffusionConfig) as plain values."""
    config = assemble({**leaves(about.published), **about.changes}, "full", noise=False)
    values = config.model_dump(mode="json", exclude_defaults=True)
    unet, diffusion = values.pop("unet"), values.pop("diffusion", {})
    if config.domain == "image":
        sizes = about.data["target_resolutions"]
        values |= {"anchor_resolution": sizes[0], "scale_range": [sizes[0] / sizes[-1], 1.0]}
    if config.radiance is not None:
        for key in ("activation", "background", "pixel_corners"):
            values["radiance"].pop(key, None)
        values["radiance"] |= {"extent": 0.55, "camera_distance": 1.3}  # of the unit cube, which the data fill
    if config.clip is not None:
        values["clip"].pop("crossed", None)
    return values, unet, diffusion


def _text(what: str, about: PaperSet, values: Values) -> str:
    line = f"{what} on {about.title} with the paper's settings, for GPUs. {about.note}".rstrip()
    comment = "\n".join(f"# {part}" for part in textwrap.wrap(line, WIDTH))
    return f"{comment}\n{yaml.safe_dump(values, sort_keys=False, allow_unicode=True)}"
