"""Learning rate and weights of terms over a run."""

from __future__ import annotations

import math

from ddmi_models.training.config import KlConfig, SpectralConfig


def learning_rate_factor(step: int, steps: int, warmup: int, floor: float = 0.02) -> float:
    """Linear rise over `warmup` steps, then a cosine from 1 to `floor` at `steps`."""
    if step < warmup:
        return (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress))


def kl_coefficient(step: int, steps: int, config: KlConfig) -> float:
    """Weight of the KL term at a step of `steps` (reference facts, section 8)."""
    ramp = (step - config.constant_portion * steps) / (config.anneal_portion * steps)
    value = config.start + (config.end - config.start) * ramp
    return min(max(value, config.start), config.end)


def spectral_weight(kl: float, config: SpectralConfig) -> float:
    """Weight of the penalty on large weights where the KL term has the weight `kl`: between `start` and `end`,
    geometrically (reference facts, section 8)."""
    share = min(kl, 1.0)
    return config.start ** (1 - share) * config.end**share
