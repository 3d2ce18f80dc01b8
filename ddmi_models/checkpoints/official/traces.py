"""What names and shapes of tensors tell about a configuration, as far as they are there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ddmi_models.checkpoints.official.reference import Leaves

Shapes = Mapping[str, tuple[int, ...]]
SCALE_CHANNELS = 2
"""Channels of an image's coordinate network that are not features of a plane."""

CLIP_PLANES = 3
"""Planes whose features a video's coordinate network takes side by side."""

RADIANCE_CHANNELS = 4
"""Colour and density."""

BASIS_LEVELS, ATTENTION_LEVELS, JOINT_LEVELS = "basis_levels", "attention_levels", "joint_levels"
"""Levels (0: the finest) instead of resolutions, which leave no trace."""


def traces(shapes: Shapes) -> Leaves:
    """The leaves that tensors tell, by their names in our files, plus the sets of levels named above."""
    found: Leaves = {}
    for part in (
        _domain,
        _autoencoder,
        _levels,
        _coordinate_net,
        _radiance,
        _point_encoder,
        _unet,
        _unet_levels,
        _diffusion,
        _video,
    ):
        found.update({leaf: value for leaf, value in part(shapes) if value is not None})
    return found


Found = Iterator[tuple[str, object]]


def _axis(shapes: Shapes, name: str, axis: int) -> int | None:
    shape = shapes.get(name, ())
    return shape[axis] if axis < len(shape) else None


def _numbers(shapes: Shapes, pattern: str) -> list[int]:
    """The different values of the pattern's group, in order."""
    matches = (re.match(pattern, name) for name in shapes)
    return sorted({int(m[1]) for m in matches if m and len(m[1]) < 4})


def _domain(shapes: Shapes) -> Found:
    signs = {
        "mlp.net_p.weight": "occupancy",
        "mlp.torgb.conv.weight": "image",
        "mlp.rgb.0.weight": "nerf",
        "mlp.net_out.weight": "video",
    }
    yield "domain", next((domain for sign, domain in signs.items() if sign in shapes), None)


def _autoencoder(shapes: Shapes) -> Found:
    yield "autoencoder.in_channels", _axis(shapes, "vaemodel.encoder.conv_in.weight", 1)
    width = _axis(shapes, "vaemodel.encoder.conv_in.weight", 0)
    yield "autoencoder.width", width
    yield "autoencoder.z_channels", _axis(shapes, "vaemodel.decoder.conv_in.weight", 1)
    yield "autoencoder.plane_channels", _axis(shapes, "vaemodel.decoder.conv_out.weight", 0)
    for suffix in ("", "_xy"):
        yield "autoencoder.embed_channels", _axis(shapes, f"vaemodel.post_quant_conv{suffix}.weight", 1)
    count = len(_numbers(shapes, r"vaemodel\.encoder\.down\.(\d+)\."))
    outs = [_axis(shapes, f"vaemodel.encoder.down.{i}.block.0.conv2.weight", 0) for i in range(count)]
    if width and outs and all(out is not None and out % width == 0 for out in outs):
        yield "autoencoder.multipliers", [out // width for out in outs if out is not None]
    yield "autoencoder.blocks", len(_numbers(shapes, r"vaemodel\.encoder\.down\.0\.block\.(\d+)\.")) or None


def _levels(shapes: Shapes) -> Found:
    if not any(name.startswith("vaemodel.") for name in shapes):
        return
    yield BASIS_LEVELS, _numbers(shapes, r"vaemodel\.decoder\.up\.(\d+)\.hdbf\.")
    yield ATTENTION_LEVELS, _numbers(shapes, r"vaemodel\.encoder\.down\.(\d+)\.attn\.")
    yield JOINT_LEVELS, _numbers(shapes, r"vaemodel\.encoder\.down\.(\d+)\.inter_attn\.")


def _coordinate_net(shapes: Shapes) -> Found:
    features = _axis(shapes, "mlp.net_res1.conv1.conv.weight", 2)
    if features is not None:
        yield "coordinate_net.plane_channels", features - SCALE_CHANNELS
    yield "coordinate_net.plane_channels", _axis(shapes, "mlp.net_res1.fc_0.weight", 1)
    for name, first in (("mlp.torgb.conv.weight", 1), ("mlp.net_out.weight", 0)):
        yield "coordinate_net.out_channels", _axis(shapes, name, first)
        yield "coordinate_net.width", _axis(shapes, name, first + 1)


def _radiance(shapes: Shapes) -> Found:
    """Layers that are wider at the input than at the output read the features again."""
    width, entering = (_axis(shapes, "mlp.xyz_encoding_1.0.weight", axis) for axis in (0, 1))
    seen, planes = _axis(shapes, "mlp.dir_encoding.0.weight", 1), _axis(shapes, "vaemodel.decoder.conv_out.weight", 0)
    if width is None or entering is None or seen is None or planes is None:
        return
    layers = _numbers(shapes, r"mlp\.xyz_encoding_(\d+)\.")
    wide = [i - 1 for i in layers[1:] if (_axis(shapes, f"mlp.xyz_encoding_{i}.0.weight", 1) or 0) > width]
    yield "coordinate_net.width", width
    yield "coordinate_net.plane_channels", planes
    yield "coordinate_net.out_channels", RADIANCE_CHANNELS
    yield "radiance.layers", len(layers)
    yield "radiance.skips", wide
    yield "radiance.point_frequencies", (entering - 3 * planes - 3) // 6
    yield "radiance.direction_frequencies", (seen - width - 3) // 6


def _point_encoder(shapes: Shapes) -> Found:
    if "pointnet.fc_c.weight" in shapes:
        yield "autoencoder.joint", "vaemodel.quant_conv_xy.weight" in shapes
    yield "point_encoder.point_channels", _axis(shapes, "pointnet.fc_pos.weight", 1)
    yield "point_encoder.hidden", _axis(shapes, "pointnet.fc_c.weight", 1)
    yield "point_encoder.out_channels", _axis(shapes, "pointnet.fc_c.weight", 0)
    yield "point_encoder.blocks", len(_numbers(shapes, r"pointnet\.blocks\.(\d+)\.")) or None


UNET = "diffusion.model."


def _unet(shapes: Shapes) -> Found:
    yield "unet.in_channels", _axis(shapes, f"{UNET}input_blocks.0.0.weight", 1)
    yield "unet.model_channels", _axis(shapes, f"{UNET}input_blocks.0.0.weight", 0)
    yield "unet.out_channels", _axis(shapes, f"{UNET}out.2.weight", 0)
    contexts = (n for n in shapes if n.startswith(UNET) and n.endswith(".attn2.to_k.weight"))
    yield "unet.context_channels", next((_axis(shapes, name, 1) for name in contexts), None)


def _unet_levels(shapes: Shapes) -> Found:
    """Levels are what lies between the downsampling steps."""
    width = _axis(shapes, f"{UNET}input_blocks.0.0.weight", 0)
    levels: list[list[int]] = [[]]
    for index in _numbers(shapes, r"diffusion\.model\.input_blocks\.(\d+)\.")[1:]:
        if f"{UNET}input_blocks.{index}.0.op.weight" in shapes:
            levels.append([])
        else:
            levels[-1].append(index)
    if not width or not all(levels):
        return
    outs = [_axis(shapes, f"{UNET}input_blocks.{level[0]}.0.in_layers.2.weight", 0) or 0 for level in levels]
    if all(outs) and not any(out % width for out in outs):
        yield "unet.multipliers", [out // width for out in outs]
    yield "unet.blocks", len(levels[0])
    attended = [any(f"{UNET}input_blocks.{i}.1.norm.weight" in shapes for i in level) for level in levels]
    yield "unet.attention_factors", [2**i for i, attends in enumerate(attended) if attends]


def _diffusion(shapes: Shapes) -> Found:
    if any(name.startswith("diffusion.") for name in shapes):
        yield "diffusion.timesteps", _axis(shapes, "diffusion.betas", 0)
        yield "diffusion.mixed_prediction", "diffusion.mixing_logit" in shapes


def _video(shapes: Shapes) -> Found:
    """Only the decoder is convolutional; a patch of the encoder is as large as a cell of the latent."""
    channels, patch = (_axis(shapes, "vaemodel.encoder.to_patch_embedding.weight", axis) for axis in (0, 1))
    places = [_axis(shapes, f"vaemodel.{plane}_pos_embedding", 1) for plane in ("xy", "xt")]
    levels = len(_numbers(shapes, r"vaemodel\.decoder\.up\.(\d+)\."))
    outs = [_axis(shapes, f"vaemodel.decoder.up.{i}.block.0.conv2.weight", 0) or 0 for i in range(levels)]
    if patch is None or not all(places) or not outs or not all(outs):
        return
    frames, cells = ((count or 1) - 1 for count in places)  # a position more, for the token that gathers
    yield "video_encoder.channels", channels
    yield "clip.frames", frames
    yield "autoencoder.resolution", cells * 2 ** (levels - 1)
    yield "autoencoder.in_channels", patch // 4 ** (levels - 1)
    yield "autoencoder.embed_channels", _axis(shapes, "vaemodel.post_xy.weight", 1)
    yield "autoencoder.width", outs[0]
    if not any(out % outs[0] for out in outs):
        yield "autoencoder.multipliers", [out // outs[0] for out in outs]
    yield "autoencoder.blocks", len(_numbers(shapes, r"vaemodel\.decoder\.up\.0\.block\.(\d+)\.")) - 1
    yield ATTENTION_LEVELS, _numbers(shapes, r"vaemodel\.decoder\.up\.(\d+)\.attn\.")
    yield JOINT_LEVELS, _numbers(shapes, r"vaemodel\.decoder\.up\.(\d+)\.inter_attn\.")
    features = _axis(shapes, "mlp.net_res1.fc_0.weight", 1)
    yield "coordinate_net.plane_channels", None if features is None else features // CLIP_PLANES
