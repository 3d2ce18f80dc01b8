"""Clips against recorded numbers: transformer encoder, planes of space and time, coordinate network."""

from __future__ import annotations

from typing import Any

import torch

from ddmi_models.config import ClipConfig, ModelConfig, VideoEncoderConfig
from ddmi_models.coords import CROSSED_CLIP_AXES
from ddmi_models.domains.video import VideoDomain
from ddmi_models.fields.gaussian import Posterior
from ddmi_models.planes import BasisFields
from tests.golden.field_checks import autoencoder_config, build, net_config
from tests.golden.fixture import Fixture

PLANE_ORDER = ("xy", "xt", "yt")
RATE = 16.0


def video_domain(published: dict[str, Any]) -> VideoDomain:
    config = ModelConfig(
        domain="video",
        plane_order=PLANE_ORDER,
        autoencoder=autoencoder_config(published),
        coordinate_net=net_config(published, noise=False),
        video_encoder=VideoEncoderConfig(channels=published["ddconfig"]["timesformer_channels"]),
        clip=ClipConfig(frames=published["frames"], rate=RATE, crossed=True),
    )
    domain = build(config, ("vaemodel", "mlp"))
    assert isinstance(domain, VideoDomain)
    return domain


def clip(domain: VideoDomain, fields: BasisFields, side: int) -> torch.Tensor:
    """Colours of the trained frames [B, 3, T, side, side]."""
    values = domain.evaluate(fields, domain.grid(side)).transpose(1, 2)
    return values.reshape(*values.shape[:2], -1, side, side)


def check_video_encoder(fixture: Fixture) -> None:
    """Transformer, planes and posteriors of clips."""
    domain = video_domain(fixture.config)
    frames = fixture.tensor("in_video_0_255").transpose(1, 2) / 127.5 - 1
    fixture.compare("in_video_norm", frames)
    fixture.compare("timesformer_out", domain.vaemodel.encoder(frames).flatten(1, 3))
    for name, moments in domain.vaemodel.encode(frames).items():
        posterior = Posterior.from_moments(moments)
        fixture.compare(f"moments_{name}", moments)
        fixture.compare(f"posterior_mean_{name}", posterior.mean)
        fixture.compare(f"kl_sum_{name}", posterior.kl())
    whole = domain.encode({"frames": frames})
    fixture.compare("latent_xy_xt_yt", whole.mean)
    torch.testing.assert_close(whole.kl(), sum(fixture.tensor(f"kl_sum_{name}") for name in PLANE_ORDER))


def check_video_field(fixture: Fixture) -> None:
    """Coordinates, decoder and coordinate network of clips."""
    domain = video_domain(fixture.config)
    height, width = fixture.array("coords_xy").shape[2:]
    points = domain.grid(width).points.reshape(-1, height, width, 3)
    parts = {"xy": points[0], "xt": points[:, 0], "yt": points[:, :, 0]}
    for name, part in parts.items():
        fixture.compare(f"coords_{name}", part[..., list(CROSSED_CLIP_AXES[name])].permute(2, 0, 1)[None])
    fields = domain.decode(fixture.tensor("latent_xy_xt_yt"))
    _compare_levels(fixture, "hdbf", fields)
    fixture.compare("video_raw", clip(domain, fields, width))


def check_sampled_video(fixture: Fixture) -> None:
    """From a sampled latent to colours."""
    domain = video_domain(fixture.config)
    for key, match in fixture.keys(r"(ddim\d+)_latent"):
        fields = domain.decode(fixture.tensor(key))
        _compare_levels(fixture, f"{match[1]}_hdbf", fields)
        raw = clip(domain, fields, fixture.array(f"{match[1]}_video_raw").shape[-1])
        fixture.compare(f"{match[1]}_video_raw", raw)
        fixture.compare(f"{match[1]}_video_01", (raw.clamp(-1, 1) + 1) / 2)


def _compare_levels(fixture: Fixture, name: str, fields: BasisFields) -> None:
    for key, match in fixture.keys(rf"{name}_([xyt]{{2}})_(\d+)"):
        fixture.compare(key, fields.levels[int(match[2])][match[1]])
