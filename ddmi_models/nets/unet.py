"""The denoising U-Net of images, shapes and radiance fields (paper section 3.3; facts, sections 6.1, 6.4)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from ddmi_models.config import UNetConfig
from ddmi_models.errors import BadInput
from ddmi_models.nets.attention import Norm32, SelfAttention, SpatialTransformer, zeroed
from ddmi_models.nets.blocks import Upsample

LONGEST_PERIOD = 10000.0


def timestep_embedding(t: torch.Tensor, width: int) -> torch.Tensor:
    """Sinusoids of diffusion times [B] at geometric frequencies: float32 [B, width], cosines first."""
    half = width // 2
    frequencies = torch.exp(-math.log(LONGEST_PERIOD) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
    angles = t.float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class TimedResBlock(nn.Module):
    """Two convolutions with the time added between them, plus a skip: [B, C, H, W] -> [B, C', H, W]."""

    def __init__(self, channels: int, out_channels: int, time_channels: int, groups: int, dropout: float) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(
            Norm32(groups, channels), nn.SiLU(), nn.Conv2d(channels, out_channels, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time_channels, out_channels))
        self.out_layers = nn.Sequential(
            Norm32(groups, out_channels),
            nn.SiLU(),
            nn.Dropout(dropout),
            zeroed(nn.Conv2d(out_channels, out_channels, 3, padding=1)),
        )
        self.skip_connection = nn.Conv2d(channels, out_channels, 1) if channels != out_channels else nn.Identity()

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        h = self.in_layers(x) + self.emb_layers(time)[:, :, None, None]
        return self.skip_connection(x) + self.out_layers(h)


class Downsample(nn.Module):
    """Halve [B, C, H, W] by a strided convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.op(x)


class Stage(nn.Sequential):
    """Layers of one step of the U-Net; each gets, besides the features, what it needs of time and text."""

    def forward(  # type: ignore[override]
        self,
        x: torch.Tensor,
        time: torch.Tensor,
        context: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        for layer in self:
            if isinstance(layer, TimedResBlock):
                x = layer(x, time)
            elif isinstance(layer, SpatialTransformer):
                x = layer(x, context, mask)
            else:
                x = layer(x)
        return x


class UNet(nn.Module):
    """Predicts noise (or what the model's target says) from a noisy latent [B, C, H, W].

    Names of parameters are those of the published files. With `context_channels` set, every attention layer is a
    transformer that also looks at text tokens; with `pooled_channels` set, a summary of the text is added to the time
    (own models only).

    Attributes:
        check: called between blocks, so that a long pass can be cancelled; by default it does nothing
            (see `Denoiser.checked`).
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        self.check: Callable[[], None] = _nothing
        width, time_width = config.model_channels, 4 * config.model_channels
        self.time_embed = nn.Sequential(nn.Linear(width, time_width), nn.SiLU(), nn.Linear(time_width, time_width))
        self.input_blocks = nn.ModuleList([Stage(nn.Conv2d(config.in_channels, width, 3, padding=1))])
        skips, channels = self._build_down(width)
        self.middle_block = Stage(
            self._res_block(channels, channels), self._attention(channels), self._res_block(channels, channels)
        )
        self.output_blocks = nn.ModuleList()
        channels = self._build_up(skips, channels)
        self.out = nn.Sequential(
            Norm32(config.groups, channels), nn.SiLU(), zeroed(nn.Conv2d(channels, config.out_channels, 3, padding=1))
        )
        if config.pooled_channels is not None:
            self.pooled_embed = nn.Linear(config.pooled_channels, time_width)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the parameters, which the inputs must have too (times and mask aside)."""
        return next(self.parameters()).dtype

    def _res_block(self, channels: int, out_channels: int) -> TimedResBlock:
        c = self.config
        return TimedResBlock(channels, out_channels, 4 * c.model_channels, c.groups, c.dropout)

    def _attention(self, channels: int) -> nn.Module:
        c = self.config
        if c.context_channels is None:
            return SelfAttention(channels, c.head_channels, c.groups)
        return SpatialTransformer(channels, c.context_channels, c.head_channels, c.groups)

    def _build_down(self, width: int) -> tuple[list[int], int]:
        """Fill `input_blocks`; returns the widths of the skips and the width at the bottom."""
        config, channels, skips = self.config, width, [width]
        for level, multiplier in enumerate(config.multipliers):
            for _ in range(config.blocks):
                layers: list[nn.Module] = [self._res_block(channels, width * multiplier)]
                channels = width * multiplier
                if 2**level in config.attention_factors:
                    layers.append(self._attention(channels))
                self.input_blocks.append(Stage(*layers))
                skips.append(channels)
            if level + 1 < len(config.multipliers):
                self.input_blocks.append(Stage(Downsample(channels)))
                skips.append(channels)
        return skips, channels

    def _build_up(self, skips: list[int], channels: int) -> int:
        """Fill `output_blocks`, using up the skips; returns the width at the top."""
        config = self.config
        for level, multiplier in reversed(list(enumerate(config.multipliers))):
            for index in range(config.blocks + 1):
                layers: list[nn.Module] = [self._res_block(channels + skips.pop(), config.model_channels * multiplier)]
                channels = config.model_channels * multiplier
                if 2**level in config.attention_factors:
                    layers.append(self._attention(channels))
                if level and index == config.blocks:
                    layers.append(Upsample(channels))
                self.output_blocks.append(Stage(*layers))
        return channels

    def forward(
        self,
        x: Float[Tensor, "batch channels height width"],
        t: Shaped[Tensor, " batch"],
        context: Float[Tensor, "batch tokens width_of_tokens"] | None = None,
        pooled: Float[Tensor, "batch width_of_summary"] | None = None,
        mask: Bool[Tensor, "batch tokens"] | None = None,
    ) -> Float[Tensor, "batch out_channels height width"]:
        """Network output [B, out_channels, H, W].

        Args:
            x: noisy latent [B, in_channels, H, W].
            t: diffusion times [B], 0 ... timesteps - 1.
            context: text tokens [B, L, context_channels].
            pooled: summary of the text [B, pooled_channels].
            mask: bool [B, L], True where a token is real; at least one a row. None: all are.

        Raises:
            BadInput: if the text that this network needs is missing, or is given where it takes none.
        """
        return self._run([x], t, context, pooled, mask)[0]

    def _run(
        self,
        planes: list[torch.Tensor],
        t: torch.Tensor,
        context: torch.Tensor | None,
        pooled: torch.Tensor | None,
        mask: torch.Tensor | None,
    ) -> list[torch.Tensor]:
        """The network on planes [B, in_channels, H, W] of any sizes; `_joined` lets them see one another."""
        self._check_condition(context, pooled)
        time = self.time_embed(timestep_embedding(t, self.config.model_channels).to(planes[0].dtype))
        if pooled is not None:
            time = time + self.pooled_embed(pooled)
        skips = []
        for index, stage in enumerate(self.input_blocks):
            self.check()
            planes = self._joined(f"input_attns.{index}", [stage(x, time, context, mask) for x in planes])
            skips.append(planes)
        self.check()
        planes = self._joined("mid_attn", [self.middle_block(x, time, context, mask) for x in planes])
        for index, stage in enumerate(self.output_blocks):
            self.check()
            both = [torch.cat(pair, dim=1) for pair in zip(planes, skips.pop(), strict=True)]
            planes = self._joined(f"output_attns.{index}", [stage(x, time, context, mask) for x in both])
        return [self.out(x) for x in planes]

    def _joined(self, attention: str, planes: list[torch.Tensor]) -> list[torch.Tensor]:
        """The planes after a step, whose attention over all of them would have this name."""
        return planes

    def _check_condition(self, context: torch.Tensor | None, pooled: torch.Tensor | None) -> None:
        config = self.config
        for given, width, what in (
            (context, config.context_channels, "tokens"),
            (pooled, config.pooled_channels, "summary"),
        ):
            if given is not None and width is None:
                raise BadInput(f"Text {what} were given; this model takes none.")
            if given is None and width is not None:
                raise BadInput(f"This model needs text {what}.", "Without a prompt give those of the empty text.")


def _nothing() -> None:
    """The check of a network that nobody can cancel."""
