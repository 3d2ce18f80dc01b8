"""The D2C-VAE of clips: three planes xy, xt, yt of unequal sizes, decoded with shared weights and joint attention over
their cells (paper sections 3.1, 3.2; reference facts, sections 5.2, 5.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ddmi_models.config import AutoencoderConfig, ClipConfig, VideoEncoderConfig
from ddmi_models.nets.autoencoder import Decoder, Level
from ddmi_models.nets.blocks import SequenceAttention
from ddmi_models.nets.video_encoder import AxisReducer, ClipEncoder

CLIP_PLANES = ("xy", "xt", "yt")
"""The planes in the order in which the decoder's joint attention strings their cells together."""

REDUCED_AXES = {"xy": 1, "xt": 2, "yt": 3}
"""The axis of features [B, T, rows, columns, C] that is reduced to give a plane."""

CROSSED_AXES = {"xy": 1, "xt": 3, "yt": 2}
"""The same as published: the names xt and yt stand for one another."""


class ClipDecoder(Decoder):
    """Bottleneck features of planes of any sizes to their basis planes, coarse to fine.

    The rows of xt and yt are frames and keep their number. In `joint_resolutions` and in the middle the cells of all
    planes attend to one another.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__(config, planes=1)
        self.mid_attn = _joint_attention(config, len(config.multipliers) - 1)
        for index, level in enumerate(self.up):
            if config.resolution // 2**index in config.joint_resolutions:
                level.inter_attn = nn.Sequential(_joint_attention(config, index))

    def decode(self, planes: Sequence[torch.Tensor], rows: Sequence[float]) -> list[list[torch.Tensor]]:
        """Levels of planes.

        Args:
            planes: features [B, z_channels, h, w] each.
            rows: factor by which each upsampling stretches a plane's rows: 2, or 1 where they are frames.
        """
        h = _across(self.get_submodule("mid_attn"), [self.mid(self.conv_in(z), None, self.stack) for z in planes])
        levels = []
        for level in reversed(self.up):
            assert isinstance(level, Level)
            h = [level.alone(plane) for plane in h]
            if hasattr(level, "inter_attn"):
                h = _across(level.get_submodule("inter_attn.0"), h)
            if hasattr(level, "hdbf"):
                levels.append([level.get_submodule("hdbf")(plane) for plane in h])
            if hasattr(level, "upsample"):
                upsample = level.get_submodule("upsample")
                h = [upsample(plane, factor) for plane, factor in zip(h, rows, strict=True)]
        levels.append([self.conv_out(F.silu(self.norm_out(plane))) for plane in h])
        return levels


def _across(attention: nn.Module, planes: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    assert isinstance(attention, SequenceAttention)
    return attention.across(planes)


def _joint_attention(config: AutoencoderConfig, level: int) -> SequenceAttention:
    width = config.width * config.multipliers[level]
    return SequenceAttention(width, config.joint_heads, width, config.groups)


class ClipAutoencoder(nn.Module):
    """D2C-VAE of clips of a fixed length and size."""

    def __init__(self, config: AutoencoderConfig, encoder: VideoEncoderConfig, clip: ClipConfig) -> None:
        super().__init__()
        cells = config.latent_resolution
        self.axes = CROSSED_AXES if clip.crossed else REDUCED_AXES
        lengths = {1: clip.frames, 2: cells, 3: cells}
        self.encoder = ClipEncoder(encoder, config.in_channels, config.resolution // cells)
        self.decoder = ClipDecoder(config)
        for name in CLIP_PLANES:
            length = lengths[self.axes[name]]
            self.register_parameter(f"{name}_token", nn.Parameter(0.02 * torch.randn(1, 1, encoder.channels)))
            places = 0.02 * torch.randn(1, length + 1, encoder.channels)
            self.register_parameter(f"{name}_pos_embedding", nn.Parameter(places))
            self.add_module(f"{name}_quant_attn", AxisReducer(encoder))
            self.add_module(f"pre_{name}", nn.Conv2d(encoder.channels, 2 * config.embed_channels, 1))
            self.add_module(f"post_{name}", nn.Conv2d(config.embed_channels, config.z_channels, 1))

    def encode(self, clip: torch.Tensor) -> dict[str, torch.Tensor]:
        """Clips [B, in_channels, T, H, W] to moments of each plane [B, 2 * embed_channels, h, w]."""
        features = self.encoder(clip)
        return {name: self.get_submodule(f"pre_{name}")(self._reduced(features, name)) for name in CLIP_PLANES}

    def _reduced(self, features: torch.Tensor, plane: str) -> torch.Tensor:
        """Features [B, T, rows, columns, C] without the axis that a plane lacks: [B, C, h, w]."""
        sequences = features.movedim(self.axes[plane], 3)
        kept = sequences.shape[:3]
        sequences = sequences.flatten(0, 2)
        token = self.get_parameter(f"{plane}_token").expand(len(sequences), -1, -1)
        sequences = torch.cat([sequences, token], dim=1) + self.get_parameter(f"{plane}_pos_embedding")
        reduced = self.get_submodule(f"{plane}_quant_attn")(sequences)
        return reduced.unflatten(0, kept).movedim(-1, 1)

    def decode(self, latents: Mapping[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], ...]:
        """Latent planes [B, embed_channels, h, w] by name to levels of basis planes, coarse to fine."""
        features = [self.get_submodule(f"post_{name}")(latents[name]) for name in CLIP_PLANES]
        rows = [1.0 if self.axes[name] != 1 else 2.0 for name in CLIP_PLANES]
        return tuple(dict(zip(CLIP_PLANES, level, strict=True)) for level in self.decoder.decode(features, rows))
