"""How the averaged weights follow the trained ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from ddmi_models.training.config import TrainConfig
from ddmi_models.training.schedules import ema_decay

Update = Callable[[Sequence[torch.Tensor], Sequence[torch.Tensor], int | torch.Tensor], None]


def averaging(config: TrainConfig) -> Update:
    """What AveragedModel calls with averaged weights, trained ones and the number of updates so far: changes the first
    in place, with the decay that the configuration asks for."""
    if not config.ema_warmup:
        return get_ema_multi_avg_fn(config.ema)

    def update(averaged: Sequence[torch.Tensor], trained: Sequence[torch.Tensor], updates: int | torch.Tensor) -> None:
        get_ema_multi_avg_fn(ema_decay(int(updates) * config.ema_every, config.ema))(averaged, trained, updates)

    return update
