"""Encoders, decoders and coordinate networks against recorded numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ddmi_models.config import AutoencoderConfig, CoordinateNetConfig, ModelConfig, PointEncoderConfig
from ddmi_models.coords import CUBE_MARGIN, image_points
from ddmi_models.domains import Domain, Query, build_domain
from ddmi_models.domains.image import ImageDomain
from ddmi_models.domains.shape import ShapeDomain
from ddmi_models.fields.gaussian import Posterior
from ddmi_models.fields.sampling import cube_grid
from ddmi_models.nets.autoencoder import TRIPLANES, PlaneAutoencoder
from ddmi_models.planes import BasisFields
from tests.golden.fixture import Fixture
from tests.golden.weights import fill_weights

STAGE_2_ORDER = ("xy", "xz", "yz")
STAGE_1_ORDER = ("xy", "yz", "xz")
PUBLISHED_ANCHOR = 256


def autoencoder_config(published: dict[str, Any]) -> AutoencoderConfig:
    """The autoencoder of a published `ddconfig`."""
    sizes = published["ddconfig"]
    return AutoencoderConfig(
        in_channels=sizes["in_channels"],
        width=sizes["ch"],
        multipliers=tuple(sizes["ch_mult"]),
        blocks=sizes["num_res_blocks"],
        z_channels=sizes["z_channels"],
        embed_channels=published["embed_dim"],
        plane_channels=sizes["out_ch"],
        resolution=sizes["resolution"],
        attention_resolutions=tuple(sizes["attn_resolutions"]),
        basis_resolutions=tuple(sizes["hdbf_resolutions"]),
        joint_resolutions=tuple(sizes.get("inter_attn_resolutions", ())),
        attention=sizes["attn_type"],
    )


def net_config(published: dict[str, Any], noise: bool) -> CoordinateNetConfig:
    """The coordinate network of a published `mlpconfig`."""
    sizes = published["mlpconfig"]
    return CoordinateNetConfig(
        width=sizes["ch"], plane_channels=sizes["latent_dim"], out_channels=sizes["out_ch"], noise=noise
    )


def build(config: ModelConfig, entries: Sequence[str]) -> Domain:
    """A domain filled by the rule."""
    domain = build_domain(config)
    for entry in entries:
        fill_weights(domain.get_submodule(entry), entry)
    return domain


def image_domain(published: dict[str, Any], anchor: int) -> ImageDomain:
    config = ModelConfig(
        domain="image",
        plane_order=("image",),
        autoencoder=autoencoder_config(published),
        coordinate_net=net_config(published, noise=True),
        anchor_resolution=anchor,
    )
    domain = build(config, ("vaemodel", "mlp"))
    assert isinstance(domain, ImageDomain)
    return domain


def shape_domain(published: dict[str, Any], order: tuple[str, ...]) -> ShapeDomain:
    points = published["pointnet"]
    config = ModelConfig(
        domain="shape",
        plane_order=order,
        autoencoder=autoencoder_config(published),
        coordinate_net=net_config(published, noise=False),
        point_encoder=PointEncoderConfig(
            point_channels=points["dim"],
            hidden=points["hidden_dim"],
            out_channels=points["c_dim"],
            blocks=points["n_blocks"],
            plane_resolution=points["plane_resolution"],
            padding=points["padding"],
        ),
    )
    domain = build(config, ("pointnet", "vaemodel", "mlp"))
    assert isinstance(domain, ShapeDomain)
    return domain


def picture(domain: Domain, fields: BasisFields, query: Query) -> torch.Tensor:
    """Values of a square grid as a picture [B, 3, R, R]."""
    values = domain.evaluate(fields, query).transpose(1, 2)
    side = round(len(query) ** 0.5)
    return values.reshape(*values.shape[:2], side, side)


def bottleneck(vae: PlaneAutoencoder, planes: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """What the encoder gives before the moments, a tensor a plane."""
    return list(vae.encoder(torch.cat(list(planes))).chunk(len(planes)))


def check_image_encoder(fixture: Fixture) -> None:
    """Encoder and posterior of pictures."""
    domain = image_domain(fixture.config, anchor=fixture.config["ddconfig"]["resolution"])
    image = fixture.tensor("in_image")
    fixture.compare("encoder_out", bottleneck(domain.vaemodel, [image])[0])
    fixture.compare("moments", domain.vaemodel.encode([image])[0])
    posterior = domain.encode({"image": image})
    fixture.compare("posterior_mean", posterior.mean)
    fixture.compare("posterior_std", posterior.std)
    fixture.compare("kl_sum", posterior.kl())
    fixture.compare("kl_mean", posterior.kl() / posterior.mean[0].numel())


def check_image_field(fixture: Fixture) -> None:
    """Decoder and coordinate network of pictures, at several sizes, with and without noise."""
    anchor = fixture.config["ddconfig"]["resolution"]
    domain = image_domain(fixture.config, anchor)
    fields = domain.decode(fixture.tensor("posterior_mean"))
    _compare_image_levels(fixture, "hdbf", fields)
    for key, match in fixture.keys(r"coords_(\d+)"):
        side = int(match[1])
        grid = domain.grid(side)
        fixture.compare(key, grid.points.T.reshape(1, 2, side, side))
        fixture.compare(f"si_{side}", grid.scale)
        fixture.compare(f"mlp_{side}_nonoise", picture(domain, fields, grid))
    for key, match in fixture.keys(r"mlp_(\d+)_default_si"):
        side = int(match[1])
        fixture.compare(key, picture(domain, fields, Query(image_points(side, side), 1.0)))
    published = image_domain(fixture.config, PUBLISHED_ANCHOR)
    for key, match in fixture.keys(r"mlp_(\d+)_si_anchor256"):
        grid = published.grid(int(match[1]))
        fixture.compare(f"si_anchor256_{match[1]}", grid.scale)
        fixture.compare(key, picture(published, fields, grid))
    for key, match in fixture.keys(r"mlp_(\d+)_noise"):
        grid = domain.grid(int(match[1]))
        noise = tuple(draw.flatten(2) for draw in fixture.tensor(f"{key}_arrays"))
        fixture.compare(key, picture(domain, fields, Query(grid.points, grid.scale, noise)))


def check_sampled_image(fixture: Fixture) -> None:
    """From a sampled latent to colours."""
    side = fixture.config["ddconfig"]["resolution"]
    domain = image_domain(fixture.config, anchor=side)
    for key, match in fixture.keys(r"(ddim\d+)_latent"):
        fields = domain.decode(fixture.tensor(key))
        _compare_image_levels(fixture, f"{match[1]}_hdbf", fields)
        raw = picture(domain, fields, domain.grid(side))
        fixture.compare(f"{match[1]}_image_raw", raw)
        fixture.compare(f"{match[1]}_image_01", (raw.clamp(-1, 1) + 1) / 2)


def _compare_image_levels(fixture: Fixture, name: str, fields: BasisFields) -> None:
    for key, match in fixture.keys(rf"{name}_(\d+)"):
        fixture.compare(key, fields.levels[int(match[1])]["image"])


def check_shape_encoder(fixture: Fixture) -> None:
    """Point encoder, triplane encoder and posteriors of shapes."""
    domain = shape_domain(fixture.config, STAGE_2_ORDER)
    cloud = fixture.tensor("in_pointcloud")
    planes = domain.pointnet(cloud)
    stacked = [planes[name] for name in TRIPLANES]
    features, moments = bottleneck(domain.vaemodel, stacked), domain.vaemodel.encode(stacked)
    for index, name in enumerate(TRIPLANES):
        posterior = Posterior.from_moments(moments[index])
        fixture.compare(f"plane_{name}", planes[name])
        fixture.compare(f"encoder_out_{name}", features[index])
        fixture.compare(f"moments_{name}", moments[index])
        fixture.compare(f"posterior_mean_{name}", posterior.mean)
        fixture.compare(f"kl_sum_{name}", posterior.kl())
    whole = domain.encode({"cloud": cloud})
    fixture.compare("latent_xy_xz_yz", whole.mean)
    torch.testing.assert_close(whole.kl(), sum(fixture.tensor(f"kl_sum_{name}") for name in TRIPLANES))


def check_shape_field(fixture: Fixture) -> None:
    """Triplane decoder and occupancy network, in the packed orders of both stages."""
    points = fixture.tensor("in_query_points")
    for name in TRIPLANES:
        grid = cube_grid(points, name, CUBE_MARGIN)
        fixture.compare(f"query_grid_{name}", grid.reshape(*points.shape[:2], 1, 2))
    domain = shape_domain(fixture.config, STAGE_2_ORDER)
    fields = domain.decode(fixture.tensor("latent_xy_xz_yz"))
    _compare_triplane_levels(fixture, "hdbf", fields)
    fixture.compare("logits", domain.logits(fields, points))
    first = shape_domain(fixture.config, STAGE_1_ORDER)
    packed = first.encode({"cloud": fixture.tensor("in_pointcloud")}).mean
    fixture.compare("logits_stage1_order", first.logits(first.decode(packed), points))


def check_sampled_shape(fixture: Fixture) -> None:
    """From a sampled latent to occupancy, at points and on a grid."""
    domain = shape_domain(fixture.config, STAGE_2_ORDER)
    points = fixture.tensor("in_query_points")[:1]
    grid = fixture.tensor("grid_points")
    for key, match in fixture.keys(r"(ddim\d+)_latent"):
        fields = domain.decode(fixture.tensor(key))
        _compare_triplane_levels(fixture, f"{match[1]}_hdbf", fields)
        fixture.compare(f"{match[1]}_logits", domain.logits(fields, points))
        cells = fixture.array("grid_logits").shape
        fixture.compare("grid_logits", domain.evaluate(fields, Query(grid))[0].reshape(cells))
    side = round(len(grid) ** (1 / 3))
    fixture.compare("grid_points", domain.grid(side - 1).points)


def _compare_triplane_levels(fixture: Fixture, name: str, fields: BasisFields) -> None:
    for key, match in fixture.keys(rf"{name}_([xyz]{{2}})_(\d+)"):
        fixture.compare(key, fields.levels[int(match[2])][match[1]])
