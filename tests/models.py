"""Small models with random weights, one a domain, as native files: quick stand-ins for trained ones."""

from __future__ import annotations

from pathlib import Path

import torch

from ddmi_models.checkpoints.store import ModelHeader
from ddmi_models.config import (
    AutoencoderConfig,
    ClipConfig,
    CoordinateNetConfig,
    DiffusionConfig,
    ModelConfig,
    PointEncoderConfig,
    RadianceConfig,
    TextConfig,
    UNetConfig,
    VideoEncoderConfig,
)
from ddmi_models.model import ModelParts, save_model

WORDS = ("a", "chair", "round", "table", "with", "one", "leg")
SEED = 20


def autoencoder(in_channels: int, joint: tuple[int, ...] = ()) -> AutoencoderConfig:
    return AutoencoderConfig(
        in_channels=in_channels,
        width=8,
        multipliers=(1, 2, 2),
        blocks=1,
        z_channels=4,
        embed_channels=4,
        plane_channels=8,
        resolution=16,
        basis_resolutions=(4, 8),
        joint_resolutions=joint,
        groups=4,
    )


def unet(channels: int, text: TextConfig | None) -> UNetConfig:
    return UNetConfig(
        in_channels=channels,
        model_channels=16,
        out_channels=channels,
        blocks=1,
        multipliers=(1, 2),
        attention_factors=(2,),
        head_channels=8,
        groups=8,
        context_channels=text.width if text else None,
        pooled_channels=text.width if text else None,
    )


def config(domain: str) -> ModelConfig:
    """The small configuration of a domain: images without text, shapes with."""
    diffusion = DiffusionConfig(mixed_prediction=False, target="x0", sampler="ddim", steps=3)
    if domain == "image":
        return ModelConfig(
            domain="image",
            plane_order=("xy",),
            autoencoder=autoencoder(3),
            coordinate_net=CoordinateNetConfig(width=16, plane_channels=8, out_channels=3),
            unet=unet(4, None),
            diffusion=diffusion,
            anchor_resolution=16,
            scale_range=(0.25, 1.0),
        )
    if domain == "nerf":
        return ModelConfig(
            domain="nerf",
            plane_order=("xy", "yz", "xz"),
            autoencoder=autoencoder(8, joint=(4,)),
            coordinate_net=CoordinateNetConfig(width=16, plane_channels=8, out_channels=4),
            point_encoder=PointEncoderConfig(point_channels=6, hidden=8, out_channels=8, blocks=2, plane_resolution=16),
            radiance=RadianceConfig(
                layers=3, skips=(1, 2), point_frequencies=2, direction_frequencies=1, extent=0.55, camera_distance=2.0,
                density_scale=60.0, density_shift=-22.0,
            ),
            unet=unet(12, None),
            diffusion=diffusion,
        )  # fmt: skip
    if domain == "video":
        return ModelConfig(
            domain="video",
            plane_order=("xy", "xt", "yt"),
            autoencoder=autoencoder(3, joint=(4,)),
            coordinate_net=CoordinateNetConfig(width=16, plane_channels=8, out_channels=3),
            video_encoder=VideoEncoderConfig(
                channels=16, layers=1, heads=2, head_channels=8, plane_layers=1, plane_heads=2, plane_hidden=16
            ),
            clip=ClipConfig(frames=4, rate=8.0),
            unet=unet(4, None),
            diffusion=diffusion,
        )
    text = TextConfig(width=16, layers=1, heads=2, context_length=12, words=WORDS)
    return ModelConfig(
        domain="shape",
        plane_order=("xy", "xz", "yz"),
        autoencoder=autoencoder(8, joint=(4,)),
        coordinate_net=CoordinateNetConfig(width=16, plane_channels=8, out_channels=1),
        point_encoder=PointEncoderConfig(hidden=8, out_channels=8, blocks=2, plane_resolution=16),
        unet=unet(12, text),
        diffusion=diffusion,
        text=text,
        anchor_resolution=16,
    )


def parts(domain: str) -> ModelParts:
    """Random weights of a fixed seed; a shape's solid is of middling size, away from the border of the cube, and a
    radiance field is empty in most places and opaque in others."""
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        made = ModelParts(config(domain)).eval().requires_grad_(False)
        for name, parameter in made.named_parameters():
            if parameter.ndim > 1 and not bool(parameter.any()):  # layers that begin at zero
                parameter.normal_(0, 1 / parameter[0].numel() ** 0.5)
            if name.endswith("net_out.weight"):
                parameter.mul_(8)
            if name.endswith("sigma.weight"):
                parameter.mul_(250)
            if name.endswith("rgb.0.weight"):
                parameter.mul_(20)
    return made


def write(folder: Path, domain: str, name: str | None = None) -> Path:
    """Write a model of the domain as the registry expects it: `<folder>/<name>/model.safetensors`."""
    path = folder / (name or f"small-{domain}") / "model.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    header = ModelHeader(name=path.parent.name, config=config(domain), created="2026-01-01T00:00:00+00:00")
    save_model(path, header, parts(domain))
    return path
