"""Learning rate, weights of terms and the averages' decay over a run."""

from __future__ import annotations

import math

from ddmi_models.training.config import KlConfig, SpectralConfig, TrainConfig

FLOOR = 0.02
"""What the cosine leaves of the learning rate."""
UNAVERAGED = 100
"""First steps, which a warmed-up average forgets."""


def learning_rate_factor(step: int, config: TrainConfig) -> float:
    """What of the learning rate counts at a step, in (0, 1]: a linear rise over the warm-up, then 1 or a cosine from 1
    to FLOOR at the last step."""
    if step < config.warmup:
        return (step + 1) / config.warmup
    if config.schedule == "constant":
        return 1.0
    progress = min(1.0, (step - config.warmup) / max(1, config.steps - config.warmup))
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * progress))


def ema_decay(step: int, largest: float) -> float:
    """Decay of a warmed-up average at a step, from 0 to `largest`, which 0.9999 is after a million steps (reference
    facts, section 8)."""
    return min(largest, 1 - (1 + max(0, step - UNAVERAGED)) ** (-2 / 3))


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
