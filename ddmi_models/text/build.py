"""The text tower that a configuration describes."""

from __future__ import annotations

from ddmi_models.config import TextConfig
from ddmi_models.errors import BadConfig
from ddmi_models.text.published import PublishedTower
from ddmi_models.text.tower import TextTower, Tower


def build_tower(config: TextConfig) -> Tower:
    """A small tower with fresh weights, or a published one, which is read when it is first needed.

    Raises:
        BadConfig: if only one of a published tower's name and weights is given.
    """
    if config.tower is None and config.weights is None:
        return TextTower(config)
    if config.tower is None or not config.weights:
        raise BadConfig("A published text tower needs a name and weights.", "Give both text.tower and text.weights.")
    return PublishedTower(config)
