"""Which entries an official file has, where each of their tensors goes, and what is left out on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ddmi_models.checkpoints.official.standins import TensorRef, printable
from ddmi_models.checkpoints.store import SCHEDULE
from ddmi_models.config import ModelConfig
from ddmi_models.errors import BadCheckpoint

Stage = Literal["autoencoder", "full"]
Weights = Literal["ema", "online"]
Tensors = dict[str, TensorRef]

UNUSED = {
    "step": "number of steps trained, kept in the header",
    "current_iters": "position in the training data",
    "dae_opt": "optimizer of the diffusion model",
    "opt": "optimizer of the autoencoder",
    "opt_d": "optimizer of the discriminator",
    "opt_sched": "learning rate schedule",
    "scaler": "loss scale of mixed precision",
    "sn": "state of the spectral regularisation",
    "criterion": "discriminators of the training loss",
    "criterion_2d": "discriminator of the training loss",
}
"""Entries that only training needs."""

EMA_STATE = ("initted", "step")


@dataclass(frozen=True)
class Plan:
    """What is taken from a file.

    Attributes:
        tensors: by their names in our files.
        unused: what is left out, each with the reason: names of entries, `ema.online_model.*` and the like as a group.
        args: the entry of this name, not interpreted.
        step: number of steps trained, if the file says it.
    """

    stage: Stage
    tensors: Tensors
    unused: dict[str, str]
    args: Any = None
    step: int | None = None

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: ref.shape for name, ref in self.tensors.items()}


def make_plan(contents: Any, weights: Weights = "ema") -> Plan:
    """Sort the entries of an official file.

    Raises:
        BadCheckpoint: if it is another kind of file, or listing entries that are missing or not known.
    """
    if not isinstance(contents, dict) or not any(key in contents for key in ("vaemodel", "model")):
        raise BadCheckpoint(
            "This is a torch file, but not a checkpoint of DDMI: it has no entry `vaemodel` or `model`."
        )
    stage: Stage = "full" if any(key in contents for key in ("diffusion", "ema")) else "autoencoder"
    autoencoder = "vaemodel" if "vaemodel" in contents else "model"
    consumed = [autoencoder, "mlp", *(["diffusion", "ema"] if stage == "full" else [])]
    _check_entries(contents, {*consumed, "pointnet", "args", *UNUSED}, consumed)
    tensors = {f"vaemodel.{k}": v for k, v in _entry(contents, autoencoder).items()}
    for name in ("mlp", "pointnet"):
        if name in contents:
            tensors.update({f"{name}.{k}": v for k, v in _entry(contents, name).items()})
    unused = {key: UNUSED[key] for key in contents if key in UNUSED}
    if stage == "full":
        chosen, left = _diffusion(contents, weights)
        tensors.update({f"diffusion.{k}": v for k, v in chosen.items()})
        unused.update(left)
    step = contents.get("step")
    return Plan(stage, tensors, unused, contents.get("args"), step if isinstance(step, int) else None)


def _check_entries(contents: dict[Any, Any], known: set[str], needed: list[str]) -> None:
    missing = [name for name in needed if name not in contents]
    extra = [printable(str(name)) if isinstance(name, str) else "(not text)" for name in contents if name not in known]
    problems = [f"{what}: {', '.join(names)}" for what, names in (("missing", missing), ("not known", extra)) if names]
    if problems:
        raise BadCheckpoint(f"The file does not have the entries of a DDMI checkpoint; {'; '.join(problems)}.")


def _entry(contents: dict[Any, Any], name: str) -> Tensors:
    """One module's tensors; a `module.` that parallel training puts before every name is taken off."""
    values = contents[name]
    if not isinstance(values, dict) or not all(isinstance(v, TensorRef) for v in values.values()):
        raise BadCheckpoint(f"The entry `{name}` of the file is not a set of tensors.")
    if not all(isinstance(key, str) and key.isprintable() for key in values):
        raise BadCheckpoint(f"The entry `{name}` of the file has names that are not text.")
    return _without_prefix(values)


def _without_prefix(tensors: Mapping[str, TensorRef]) -> Tensors:
    prefix = "module."
    if tensors and all(key.startswith(prefix) for key in tensors):
        return {key.removeprefix(prefix): value for key, value in tensors.items()}
    return dict(tensors)


def _diffusion(contents: dict[Any, Any], weights: Weights) -> tuple[Tensors, dict[str, str]]:
    """The diffusion model's tensors, and the names of the copies that are left out."""
    online = _entry(contents, "diffusion")
    ema = _entry(contents, "ema")
    averaged, copy = _part(ema, "ema_model."), _part(ema, "online_model.")
    rest = sorted(k for k in ema if not k.startswith(("ema_model.", "online_model.")) and k not in EMA_STATE)
    problems = [f"not known: ema.{name}" for name in rest]
    problems += [f"missing: ema.{name}" for name in EMA_STATE if name not in ema]
    for label, other in (("ema.ema_model", averaged), ("ema.online_model", copy)):
        problems += [f"missing: {label}.{k}" for k in sorted(online.keys() - other.keys())]
        problems += [f"missing: diffusion.{k}, which {label} has" for k in sorted(other.keys() - online.keys())]
    if problems:
        raise BadCheckpoint(f"The copies of the diffusion model in the file do not agree; {'; '.join(problems)}.")
    left = {"ema.initted": "state of the averaging", "ema.step": "state of the averaging"}
    left["ema.online_model.*"] = "second copy of the weights before averaging"
    if weights == "ema":
        return averaged, {"diffusion.*": "weights before averaging", **left}
    return online, {"ema.ema_model.*": "averaged weights", **left}


def _part(tensors: Tensors, prefix: str) -> Tensors:
    return _without_prefix({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})


def expected_shapes(config: ModelConfig, stage: Stage) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a model's tensors in our files, without text, from modules that hold no memory.

    Raises:
        BadConfig: if the configuration's parts do not fit one another.
    """
    import torch

    from ddmi_models.domains import build_domain
    from ddmi_models.nets.plane_unet import build_unet

    with torch.device("meta"):
        domain = build_domain(config)
        shapes = {name: tuple(value.shape) for name, value in domain.state_dict().items()}
        if stage == "full" and config.unet is not None:
            unet = build_unet(config.unet, domain.layout.sizes).state_dict()
            shapes.update({f"diffusion.model.{name}": tuple(value.shape) for name, value in unet.items()})
    if stage == "full":
        shapes.update({f"diffusion.{name}": (config.diffusion.timesteps,) for name in SCHEDULE})
        if config.diffusion.mixed_prediction:
            shapes["diffusion.mixing_logit"] = domain.layout.mixing_shape
    return shapes
