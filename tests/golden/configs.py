"""Configurations of the recorded runs in our terms."""

from __future__ import annotations

from typing import Any

from ddmi_models.config import DiffusionConfig, UNetConfig


def unet_config(published: dict[str, Any]) -> UNetConfig:
    """The U-Net of a published `unetconfig`; keys that the published code ignores are ignored."""
    return UNetConfig(
        in_channels=published["in_channels"],
        model_channels=published["model_channels"],
        out_channels=published["out_channels"],
        blocks=published["num_res_blocks"],
        multipliers=tuple(published["channel_mult"]),
        attention_factors=tuple(published["attention_resolutions"]),
        head_channels=published["num_head_channels"],
        context_channels=published.get("context_dim"),
    )


def plane_sizes(published: dict[str, Any]) -> tuple[tuple[int, int], ...]:
    """(height, width) of the planes xy, xt, yt of a video's published configuration; other domains ignore its sizes."""
    if published.get("domain") != "video":
        return ()
    y, x, t = (published["unetconfig"][f"size{n}"] for n in (1, 2, 3))
    return (y, x), (t, y), (t, x)


def diffusion_config(published: dict[str, Any]) -> DiffusionConfig:
    """The process of a published `ddpmconfig`."""
    return DiffusionConfig(
        timesteps=published["timesteps"],
        mixed_prediction=published["mixed_prediction"],
        mixed_init=published["mixed_init"],
        clip_denoised=published["clip_denoised"],
        eta=published["ddim_sampling_eta"],
        steps=published["sampling_timesteps"],
    )
