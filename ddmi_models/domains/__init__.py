"""The table of modalities."""

from __future__ import annotations

from ddmi_models.config import ModelConfig
from ddmi_models.domains.base import Domain, Query
from ddmi_models.domains.image import ImageDomain
from ddmi_models.domains.nerf import NerfDomain
from ddmi_models.domains.shape import ShapeDomain
from ddmi_models.domains.video import VideoDomain
from ddmi_models.errors import BadConfig

DOMAINS: dict[str, type[Domain]] = {
    domain.name: domain for domain in (ImageDomain, ShapeDomain, NerfDomain, VideoDomain)
}


def build_domain(config: ModelConfig) -> Domain:
    """The domain named by the configuration, with fresh weights.

    Raises:
        BadConfig: if no such domain exists.
    """
    if config.domain not in DOMAINS:
        raise BadConfig(f"The domain {config.domain!r} is not known.", f"Known are {', '.join(DOMAINS)}.")
    return DOMAINS[config.domain].build(config)


__all__ = ["DOMAINS", "Domain", "Query", "build_domain"]
