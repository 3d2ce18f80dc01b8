"""Data sets that people have, in the layouts in which they have them (docs/data.md)."""

from __future__ import annotations

from ddmi_models.training.datasets.layout import Preparation
from ddmi_models.training.datasets.prepare import prepared, preparing
from ddmi_models.training.datasets.recognise import LAYOUTS, Found, recognise
from ddmi_models.training.datasets.summary import DOMAIN_OF_KEY, shard_domain, summarise

__all__ = [
    "DOMAIN_OF_KEY",
    "LAYOUTS",
    "Found",
    "Preparation",
    "prepared",
    "preparing",
    "recognise",
    "shard_domain",
    "summarise",
]
