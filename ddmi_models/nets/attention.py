"""Attention layers of the denoising U-Net (reference facts, sections 6.1 and 6.4)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

TRANSFORMER_NORM_EPS = 1e-6
FEED_FORWARD_FACTOR = 4


class Norm32(nn.GroupNorm):
    """Group normalisation computed in float32 whatever the type of [B, C, ...]; the result has the input's type."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.group_norm(x.float(), self.num_groups, self.weight.float(), self.bias.float(), self.eps).to(x.dtype)


def zeroed(layer: nn.Conv1d | nn.Conv2d) -> nn.Module:
    """The same layer with all parameters zero, so that its branch starts as nothing."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class SelfAttention(nn.Module):
    """Residual self-attention over the positions of [B, C, H, W].

    The channels of `qkv` are head-major: each head's block holds its q, k and v in turn.
    """

    def __init__(self, channels: int, head_channels: int, groups: int) -> None:
        super().__init__()
        self.heads = channels // head_channels
        self.norm = Norm32(groups, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = zeroed(nn.Conv1d(channels, channels, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels = x.shape[:2]
        qkv = self.qkv(self.norm(x).flatten(2))
        q, k, v = qkv.view(batch, self.heads, 3 * channels // self.heads, -1).transpose(2, 3).chunk(3, dim=-1)
        h = F.scaled_dot_product_attention(q, k, v).transpose(2, 3).reshape(batch, channels, -1)
        return x + self.proj_out(h).view(x.shape)


class CrossAttention(nn.Module):
    """Attention of tokens [B, N, C] to tokens [B, L, D]; without a context to themselves."""

    def __init__(self, channels: int, context_channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(context_channels, channels, bias=False)
        self.to_v = nn.Linear(context_channels, channels, bias=False)
        self.to_out = nn.Sequential(nn.Linear(channels, channels))

    def forward(
        self, x: torch.Tensor, context: torch.Tensor | None = None, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """`mask` is bool [B, L]: True where a token may be looked at; every row has at least one."""
        source = x if context is None else context
        q, k, v = (
            tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for tokens in (self.to_q(x), self.to_k(source), self.to_v(source))
        )
        allowed = None if mask is None else mask[:, None, None, :]
        h = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        return self.to_out(h.transpose(1, 2).flatten(2))


class GatedProjection(nn.Module):
    """GEGLU: [..., C] -> [..., C'], the second half of a projection gates the first."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.proj = nn.Linear(channels, 2 * out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """Gated two-layer network on each token of [B, N, C]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = FEED_FORWARD_FACTOR * channels
        # The identity keeps the published numbering of the layers.
        self.net = nn.Sequential(GatedProjection(channels, hidden), nn.Identity(), nn.Linear(hidden, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


class TransformerBlock(nn.Module):
    """Self-attention, attention to the text, feed-forward, each residual after a LayerNorm: [B, N, C]."""

    def __init__(self, channels: int, context_channels: int, heads: int) -> None:
        super().__init__()
        self.attn1 = CrossAttention(channels, channels, heads)
        self.ff = FeedForward(channels)
        self.attn2 = CrossAttention(channels, context_channels, heads)
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.norm3 = nn.LayerNorm(channels)

    def forward(self, x: torch.Tensor, context: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        x = x + self.attn1(self.norm1(x))
        x = x + self.attn2(self.norm2(x), context, mask)
        return x + self.ff(self.norm3(x))


class SpatialTransformer(nn.Module):
    """Residual transformer over the positions of [B, C, H, W] that also looks at text tokens [B, L, D]."""

    def __init__(self, channels: int, context_channels: int, head_channels: int, groups: int) -> None:
        super().__init__()
        heads = channels // head_channels
        self.norm = nn.GroupNorm(groups, channels, eps=TRANSFORMER_NORM_EPS)
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(channels, context_channels, heads)])
        self.proj_out = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: torch.Tensor, context: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        tokens = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)
        for block in self.transformer_blocks:
            tokens = block(tokens, context, mask)
        return x + self.proj_out(tokens.transpose(1, 2).reshape(x.shape))
