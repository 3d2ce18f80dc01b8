"""Configurations in the authors' layout (a file's `args`, their YAML files) in our terms.

A configuration is collected as *leaves*: values by their dotted name in `ModelConfig`, as far as a source knows them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ddmi_models.checkpoints.official.standins import Record, printable
from ddmi_models.errors import BadCheckpoint, BadConfig

Leaves = dict[str, Any]
Values = dict[str, Any]

MAX_NODES = 10_000
MAX_DEPTH = 12
DOMAINS = {"image": "image", "occupancy": "shape", "nerf": "nerf", "video": "video"}
"""Our name for each of the authors' domains."""

NAMES: dict[str, tuple[str, ...]] = {
    "autoencoder.in_channels": ("ddconfig", "in_channels"),
    "autoencoder.width": ("ddconfig", "ch"),
    "autoencoder.multipliers": ("ddconfig", "ch_mult"),
    "autoencoder.blocks": ("ddconfig", "num_res_blocks"),
    "autoencoder.z_channels": ("ddconfig", "z_channels"),
    "autoencoder.plane_channels": ("ddconfig", "out_ch"),
    "autoencoder.resolution": ("ddconfig", "resolution"),
    "autoencoder.attention_resolutions": ("ddconfig", "attn_resolutions"),
    "autoencoder.basis_resolutions": ("ddconfig", "hdbf_resolutions"),
    "autoencoder.joint_resolutions": ("ddconfig", "inter_attn_resolutions"),
    "autoencoder.attention": ("ddconfig", "attn_type"),
    "autoencoder.dropout": ("ddconfig", "dropout"),
    "autoencoder.embed_channels": ("embed_dim",),
    "coordinate_net.width": ("mlpconfig", "ch"),
    "coordinate_net.plane_channels": ("mlpconfig", "latent_dim"),
    "coordinate_net.out_channels": ("mlpconfig", "out_ch"),
    "radiance.layers": ("mlpconfig", "D"),
    "radiance.skips": ("mlpconfig", "skips"),
    "unet.in_channels": ("unetconfig", "in_channels"),
    "unet.model_channels": ("unetconfig", "model_channels"),
    "unet.out_channels": ("unetconfig", "out_channels"),
    "unet.blocks": ("unetconfig", "num_res_blocks"),
    "unet.multipliers": ("unetconfig", "channel_mult"),
    "unet.attention_factors": ("unetconfig", "attention_resolutions"),
    "unet.head_channels": ("unetconfig", "num_head_channels"),
    "unet.context_channels": ("unetconfig", "context_dim"),
    "diffusion.timesteps": ("ddpmconfig", "timesteps"),
    "diffusion.mixed_prediction": ("ddpmconfig", "mixed_prediction"),
    "diffusion.mixed_init": ("ddpmconfig", "mixed_init"),
    "diffusion.clip_denoised": ("ddpmconfig", "clip_denoised"),
    "diffusion.target": ("ddpmconfig", "parameterization"),
    "diffusion.eta": ("ddpmconfig", "ddim_sampling_eta"),
    "diffusion.steps": ("ddpmconfig", "sampling_timesteps"),
    "point_encoder.point_channels": ("conv", "data", "dim"),
    "point_encoder.padding": ("conv", "data", "padding"),
    "point_encoder.out_channels": ("conv", "model", "c_dim"),
    "point_encoder.hidden": ("conv", "model", "encoder_kwargs", "hidden_dim"),
    "point_encoder.blocks": ("conv", "model", "encoder_kwargs", "n_blocks"),
    "point_encoder.plane_resolution": ("conv", "model", "encoder_kwargs", "plane_resolution"),
    "radiance.samples": ("conv", "model", "TN", "N_samples"),
    "radiance.point_frequencies": ("conv", "model", "TN", "multires"),
    "radiance.direction_frequencies": ("conv", "model", "TN", "multires_views"),
    "video_encoder.channels": ("ddconfig", "timesformer_channels"),
    "clip.frames": ("clip", "frames"),
    "iso": ("conv", "test", "threshold"),
}
"""Where the authors' layout has each leaf. `conv` is their separate file about the point encoder; `clip` is for
what files tell of clips by their tensors alone."""

OTHER_NAMES = {"coordinate_net.width": ("mlpconfig", "W")}
"""Where radiance fields have a leaf elsewhere."""

DDCONFIG_DEFAULTS = {"autoencoder.attention": "vanilla", "autoencoder.joint_resolutions": []}
"""What the authors' code takes for keys that a `ddconfig` leaves out."""

PADDING_DEFAULT = 0.1
"""The same for the point encoder's margin."""


def reference_name(leaf: str) -> str:
    """How the authors' YAML files call a leaf."""
    name = NAMES[leaf]
    return ".".join(name[1:] if name[0] == "conv" else name)


def read_args(args: Any, where: str) -> Values:
    """The values in a file's `args`: inert records made plain.

    Raises:
        BadCheckpoint: if they are not a configuration.
    """
    if not isinstance(args, Record) or not isinstance(args.state, dict):
        raise BadCheckpoint(f"{where} holds `args` that are not a configuration.")
    wanted = ("ddconfig", "mlpconfig", "unetconfig", "ddpmconfig", "embed_dim", "domain", "DiT")
    budget = [MAX_NODES]
    return {key: _plain(args.state[key], budget, 0, where) for key in wanted if key in args.state}


def _plain(value: Any, budget: list[int], depth: int, where: str) -> Any:
    """A node of a configuration as a plain value; None for what is not one."""
    budget[0] -= 1
    if budget[0] < 0 or depth > MAX_DEPTH:
        raise BadCheckpoint(f"{where} was refused: its configuration is far larger than any checkpoint needs.")
    if isinstance(value, Record):
        state = value.state if isinstance(value.state, dict) else {}
        content = state.get("_val", state.get("_content"))
        return _plain(content, budget, depth + 1, where)
    if isinstance(value, dict):
        return {str(k): _plain(v, budget, depth + 1, where) for k, v in value.items() if isinstance(k, str)}
    if isinstance(value, list | tuple):
        return [_plain(v, budget, depth + 1, where) for v in value]
    return value if isinstance(value, int | float | str) else None


def read_yaml(path: Path) -> Values:
    """A configuration file as plain values.

    Raises:
        BadConfig: if it cannot be read or is not a mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadConfig(f"{path} cannot be read: {error.strerror or error}.") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise BadConfig(f"{path} is not valid YAML.") from None
    if not isinstance(values, dict):
        raise BadConfig(f"{path} is not a configuration: it holds no keys.")
    return values


def from_yaml(path: Path) -> Values:
    """The values of a YAML file in the authors' layout, in the layout of `args`.

    The fields of their second file, about the point encoder (`model.encoder_kwargs`, `model.c_dim`, `data.padding`,
    ...), may be in the same file, or in the one that `data.conv_config` names where that lies beside this one.

    Raises:
        BadConfig: if it cannot be read or has another layout.
    """
    values = read_yaml(path)
    model, data = _section(values, "model", path), _section(values, "data", path)
    params = _section(model, "params", path)
    if not params and "encoder_kwargs" not in model:
        raise BadConfig(
            f"{path} has neither the sections of a model of this program nor those of the authors' files.",
            "Give a file with model.params.ddconfig and so on, or with domain, autoencoder and so on.",
        )
    found: Values = {key: params[key] for key in ("ddconfig", "mlpconfig", "unetconfig", "ddpmconfig") if key in params}
    found.update({key: model[key] for key in ("embed_dim", "DiT") if key in model})
    if "domain" in data:
        found["domain"] = data["domain"]
    beside = path.parent / Path(str(data.get("conv_config", ""))).name
    conv = values if "encoder_kwargs" in model or not beside.is_file() else read_yaml(beside)
    found["conv"] = {key: _section(conv, key, path) for key in ("model", "data", "test")}
    return found


def _section(values: Values, key: str, path: Path) -> Values:
    section = values.get(key) or {}
    if not isinstance(section, dict):
        raise BadConfig(f"{path}: {key} is not a section.")
    return section


def domain_of(name: Any) -> str:
    """Our name for one of the authors' domains.

    Raises:
        BadCheckpoint: if it cannot be imported.
    """
    if isinstance(name, str) and name in DOMAINS:
        return DOMAINS[name]
    raise BadCheckpoint(f"The file says that its domain is {printable(repr(name))}, which is not known.")


def leaves(values: Values) -> Leaves:
    """The leaves that values in the layout of `args` know.

    Raises:
        BadCheckpoint: if they ask for a network that is not supported.
    """
    if values.get("DiT"):
        raise BadCheckpoint("This model's denoiser is a transformer (DiT), which is not supported.", "A U-Net is.")
    found: Leaves = {}
    if isinstance(values.get("ddconfig"), dict):
        found.update(DDCONFIG_DEFAULTS)
    for leaf, path in NAMES.items():
        value = _get(values, path)
        if value is None and leaf in OTHER_NAMES:
            value = _get(values, OTHER_NAMES[leaf])
        if value is not None:
            found[leaf] = value
    if "domain" in values:
        found["domain"] = domain_of(values["domain"])
    return found


def _get(values: Values, path: tuple[str, ...]) -> Any:
    at: Any = values
    for key in path:
        if not isinstance(at, dict):
            return None
        at = at.get(key)
    return at
