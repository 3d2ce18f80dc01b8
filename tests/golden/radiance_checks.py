"""Radiance fields against recorded numbers: encoders, field, cameras, composition along rays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from ddmi_models.cameras import CAMERA_ANGLE, intrinsics, pixel_rays, spherical_pose
from ddmi_models.config import CoordinateNetConfig, ModelConfig, PointEncoderConfig, RadianceConfig
from ddmi_models.domains.nerf import NerfDomain
from ddmi_models.fields.gaussian import Posterior
from ddmi_models.nets.autoencoder import TRIPLANES
from ddmi_models.nets.radiance_mlp import frequency_encoding
from ddmi_models.planes import BasisFields
from tests.golden.field_checks import autoencoder_config, build
from tests.golden.fixture import Fixture

PLANE_ORDER = ("xy", "yz", "xz")
FIRST_RAY, RAYS = 100, 20


def radiance_domain(published: dict[str, Any]) -> NerfDomain:
    points, net, rays = published["pointnet"], published["mlpconfig"], published["TN"]
    config = ModelConfig(
        domain="nerf",
        plane_order=PLANE_ORDER,
        autoencoder=autoencoder_config(published),
        coordinate_net=CoordinateNetConfig(
            width=net["W"], plane_channels=published["ddconfig"]["out_ch"], out_channels=4, scales=1
        ),
        point_encoder=PointEncoderConfig(
            point_channels=points["dim"],
            hidden=points["hidden_dim"],
            out_channels=points["c_dim"],
            blocks=points["n_blocks"],
            plane_resolution=points["plane_resolution"],
            padding=points["padding"],
        ),
        radiance=RadianceConfig(
            layers=net["D"],
            skips=tuple(net["skips"]),
            point_frequencies=rays["multires"],
            direction_frequencies=rays["multires_views"],
            samples=rays["N_samples"],
            activation="identity",
            background="last_sample",
            pixel_corners=True,
        ),
    )
    domain = build(config, ("pointnet", "vaemodel", "mlp"))
    assert isinstance(domain, NerfDomain)
    return domain


def corner_rays(pose: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Rays through the upper left corners of all pixels: [side, side, 3] each."""
    pixels = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).astype(float)
    return pixel_rays(pose, intrinsics(side, side, CAMERA_ANGLE), pixels)


def rendered(domain: NerfDomain, fields: BasisFields, pose: np.ndarray, side: int, samples: int) -> torch.Tensor:
    """A picture [side, side, 3] as the published code renders it, with so many samples a ray."""
    origins, directions = (torch.from_numpy(part.reshape(1, -1, 3)) for part in corner_rays(pose, side))
    return domain.render(fields, origins, directions, samples).colour.reshape(side, side, 3)


def check_radiance_encoder(fixture: Fixture) -> None:
    """Point encoder, triplane encoder, posteriors."""
    domain = radiance_domain(fixture.config)
    cloud = fixture.tensor("in_pointcloud")
    planes = domain.pointnet(cloud)
    moments = domain.vaemodel.encode([planes[name] for name in TRIPLANES])
    for name, values in zip(TRIPLANES, moments, strict=True):
        fixture.compare(f"plane_{name}", planes[name])
        fixture.compare(f"moments_{name}", values)
        fixture.compare(f"posterior_mean_{name}", Posterior.from_moments(values).mean)
    fixture.compare("latent_xy_yz_xz", domain.encode({"cloud": cloud}).mean)


def check_radiance_field(fixture: Fixture) -> None:
    """Decoder, encodings of positions and directions, coordinate network."""
    domain = radiance_domain(fixture.config)
    fields = domain.decode(fixture.tensor("latent_xy_yz_xz"))
    for key, match in fixture.keys(r"hdbf_([xyz]{2})_(\d+)"):
        fixture.compare(key, fields.levels[int(match[2])][match[1]])
    points, directions = fixture.tensor("in_points"), fixture.tensor("in_dirs")
    encoded = [
        frequency_encoding(points, domain.radiance.point_frequencies),
        frequency_encoding(directions, domain.radiance.direction_frequencies),
    ]
    fixture.compare("posenc_points", encoded[0])
    fixture.compare("posenc_dirs", encoded[1])
    fixture.compare("embed_dims", np.array([values.shape[-1] for values in encoded]))
    flat = points.reshape(1, -1, 3)
    features = domain.features(fields, flat)
    fixture.compare("point_features", features[0].reshape(*points.shape[:2], -1))
    seen = directions[:, None].expand_as(points).reshape(1, -1, 3)
    colours, raw = domain.mlp(flat, seen, features)
    fixture.compare("rgb_sigma", torch.cat([colours, raw[..., None]], -1).reshape(*points.shape[:2], 4))
    fixture.compare("sigma_only", domain.mlp.raw_density(flat, features)[0, :, None])


def check_rays(fixture: Fixture) -> None:
    """Cameras, rays and pictures."""
    domain = radiance_domain(fixture.config)
    fields = domain.decode(fixture.tensor("latent_xy_yz_xz"))
    for key, match in fixture.keys(r"pose_(\d+)"):
        pose = spherical_pose(*fixture.array(f"{key}_theta_phi_radius").tolist())
        fixture.compare(key, pose)
        picture = fixture.array(f"render_{match[1]}")
        side = len(picture)
        origins, directions = corner_rays(pose, side)
        fixture.compare("K", intrinsics(side, side, CAMERA_ANGLE))
        fixture.compare(f"rays_o_{match[1]}", origins)
        fixture.compare(f"rays_d_{match[1]}", directions)
        fixture.compare(f"render_{match[1]}", rendered(domain, fields, pose, side, domain.radiance.samples))
    _check_maps(fixture, domain, fields)


def _check_maps(fixture: Fixture, domain: NerfDomain, fields: BasisFields) -> None:
    """All that is known of some rays of the first camera."""
    part = slice(FIRST_RAY, FIRST_RAY + RAYS)
    origins, directions = (fixture.tensor(f"rays_{c}_0").reshape(1, -1, 3)[:, part] for c in "od")
    seen = domain.render(fields, origins, directions, domain.radiance.samples)
    fixture.compare("rays20_rgb_map", seen.colour[0])
    fixture.compare("rays20_acc_map", seen.accumulation[0])
    fixture.compare("rays20_disp_map", 1 / (seen.depth / seen.accumulation)[0])
    depths = domain.samples_along(origins, directions, domain.radiance.samples).depths
    places = (origins[..., None, :] + directions[..., None, :] * depths[..., None]).flatten(1, 2)
    views = F.normalize(directions, dim=-1)[:, :, None].expand(*depths.shape, 3).flatten(1, 2)
    colours, raw = domain.mlp(places, views, domain.features(fields, places))
    fixture.compare("rays20_raw", torch.cat([colours, raw[..., None]], -1).reshape(*depths.shape[1:], 4))


def check_sampled_radiance(fixture: Fixture) -> None:
    """From a sampled latent to a picture."""
    domain = radiance_domain(fixture.config)
    for key, match in fixture.keys(r"(ddim\d+)_latent"):
        fields = domain.decode(fixture.tensor(key))
        for level, at in fixture.keys(rf"{match[1]}_hdbf_([xyz]{{2}})_(\d+)"):
            fixture.compare(level, fields.levels[int(at[2])][at[1]])
        for picture, number in fixture.keys(rf"{match[1]}_render_(\d+)"):
            side, pose = len(fixture.array(picture)), fixture.array(f"pose_{number[1]}")
            fixture.compare(picture, rendered(domain, fields, pose, side, domain.radiance.samples))
