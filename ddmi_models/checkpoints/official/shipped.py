"""The configurations that the authors shipped, as facts: for files that do not say how they were made.

The nested names are those of the authors' YAML files; `conv` stands for their separate file about the point encoder.
"""

from __future__ import annotations

from typing import Any

Values = dict[str, Any]


def _image_autoencoder(blocks: int) -> Values:
    return {
        "embed_dim": 64,
        "ddconfig": {
            "z_channels": 128,
            "resolution": 256,
            "in_channels": 3,
            "out_ch": 64,
            "ch": 128,
            "ch_mult": [1, 2, 4],
            "num_res_blocks": blocks,
            "attn_resolutions": [],
            "hdbf_resolutions": [128, 64],
            "dropout": 0.0,
            "attn_type": "vanilla",
        },
        "mlpconfig": {"in_ch": 2, "out_ch": 3, "ch": 256, "latent_dim": 64},
    }


def _diffusion(size: int, channels: int, width: int, deepest: int, steps: int) -> Values:
    return {
        "unetconfig": {
            "in_channels": channels,
            "model_channels": width,
            "out_channels": channels,
            "attention_resolutions": [8, 4, 2],
            "num_res_blocks": 2,
            "channel_mult": [1, 2, 4, deepest],
            "num_head_channels": 32,
        },
        "ddpmconfig": {
            "timesteps": 1000,
            "image_size": size,
            "channels": channels,
            "clip_denoised": False,
            "mixed_prediction": True,
            "mixed_init": -6,
            "sampling_timesteps": steps,
            "ddim_sampling_eta": 0.0,
        },
    }


AFHQ: Values = {"domain": "image", **_image_autoencoder(2), **_diffusion(64, 64, 224, 6, 50)}
CELEBAHQ: Values = {"domain": "image", **_image_autoencoder(3), **_diffusion(64, 64, 256, 8, 50)}
SHAPENET: Values = {
    "domain": "occupancy",
    "embed_dim": 64,
    "ddconfig": {
        "z_channels": 128,
        "resolution": 64,
        "in_channels": 32,
        "out_ch": 64,
        "ch": 64,
        "ch_mult": [1, 2, 4],
        "num_res_blocks": 2,
        "attn_resolutions": [],
        "hdbf_resolutions": [32, 16],
        "inter_attn_resolutions": [64, 32, 16],
        "dropout": 0.0,
        "attn_type": "vanilla",
    },
    "mlpconfig": {"in_ch": 3, "out_ch": 1, "ch": 256, "latent_dim": 64},
    "conv": {
        "model": {"c_dim": 32, "encoder_kwargs": {"hidden_dim": 256, "n_blocks": 7, "plane_resolution": 64}},
        "data": {"dim": 3, "padding": 0.1},
        "test": {"threshold": 0.2},
    },
    **_diffusion(16, 192, 256, 6, 200),
}
SRN_CARS: Values = {
    "domain": "nerf",
    "embed_dim": 64,
    "ddconfig": {**SHAPENET["ddconfig"], "out_ch": 32, "hdbf_resolutions": []},
    "mlpconfig": {"D": 6, "W": 256, "in_channels_xyz": 159, "skips": [2, 4], "out_ch": 4, "latent_dim": 32},
    "conv": {
        "model": {
            "c_dim": 32,
            "encoder_kwargs": {"hidden_dim": 256, "n_blocks": 7, "plane_resolution": 64},
            "TN": {"N_samples": 256, "multires": 10, "multires_views": 4},
        },
        "data": {"dim": 6, "padding": 0.1},
    },
    **_diffusion(16, 192, 256, 6, 200),
}
_SKY_DIFFUSION = _diffusion(64, 64, 256, 6, 200)
SKYTIMELAPSE: Values = {
    "domain": "video",
    "embed_dim": 64,
    "ddconfig": {
        "timesformer_channels": 384,
        "z_channels": 64,
        "resolution": 256,
        "in_channels": 3,
        "out_ch": 64,
        "ch": 64,
        "ch_mult": [1, 2, 4, 8],
        "num_res_blocks": 2,
        "attn_resolutions": [],
        "hdbf_resolutions": [128, 64],
        "inter_attn_resolutions": [32, 64, 128, 256],
        "dropout": 0.0,
        "attn_type": "vanilla-multihead",
    },
    "mlpconfig": {"in_ch": 2, "out_ch": 3, "ch": 256, "latent_dim": 64},
    "clip": {"frames": 16},
    **_SKY_DIFFUSION,
    "unetconfig": {**_SKY_DIFFUSION["unetconfig"], "num_head_channels": 64},
}
SHIPPED: dict[str, Values] = {
    "afhq": AFHQ,
    "celebahq": CELEBAHQ,
    "shapenet": SHAPENET,
    "srn_cars": SRN_CARS,
    "skytimelapse": SKYTIMELAPSE,
}
"""By name. Those of the first stage alone differ from these only in how they were trained."""
