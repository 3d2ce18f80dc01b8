"""Videos: three planes of space and time, colours in [-1, 1] on the cube [-1, 1]^3 of (x, y, t) (paper section 4.4)."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ddmi_models.config import ModelConfig
from ddmi_models.coords import CLIP_AXES, CROSSED_CLIP_AXES, clip_points, clip_time, image_points, pixel_centres
from ddmi_models.domains.base import Domain, LossTerms, Query
from ddmi_models.errors import BadConfig, BadInput
from ddmi_models.fields.gaussian import Posterior
from ddmi_models.fields.sampling import sample_plane
from ddmi_models.nets.video_autoencoder import ClipAutoencoder
from ddmi_models.nets.video_mlp import VideoMLP
from ddmi_models.planes import BasisFields, PlaneLayout, PlaneSpec

FEATURE_ORDER = ("xy", "yt", "xt")
"""Order in which the coordinate network takes the planes' features."""


class VideoDomain(Domain):
    """Clips. A batch holds `frames` [B, 3, T, R, R] in [-1, 1], of the trained length and size; for training also
    `target` [B, 3, F, h, w] and `points` [F * h * w, 3]."""

    name = "video"
    label = "Video"
    point_dimensions = 3
    makes_pictures = True
    picture_layer = "mlp.net_out.weight"

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        if config.video_encoder is None or config.clip is None:
            raise BadConfig("A video model needs the sections video_encoder and clip in its configuration.")
        self.clip = config.clip
        self.vaemodel = ClipAutoencoder(config.autoencoder, config.video_encoder, config.clip)
        self.mlp = VideoMLP(config.coordinate_net)

    @property
    def layout(self) -> PlaneLayout:
        cells, channels = self.config.autoencoder.latent_resolution, self.config.autoencoder.embed_channels
        rows = {"xy": cells, "xt": self.clip.frames, "yt": self.clip.frames}
        return PlaneLayout(tuple(PlaneSpec(name, channels, rows[name], cells) for name in self.config.plane_order))

    def encode(self, batch: Mapping[str, torch.Tensor]) -> Posterior:
        frames, side = batch["frames"], self.config.autoencoder.resolution
        wanted = (self.config.autoencoder.in_channels, self.clip.frames, side, side)
        if tuple(frames.shape[1:]) != wanted:
            raise BadInput(
                f"A clip of {frames.shape[2]} frames of {frames.shape[4]}x{frames.shape[3]} pixels was given.",
                f"This model reads {self.clip.frames} frames of {side}x{side}.",
            )
        return Posterior.from_moments(self.layout.pack(self.vaemodel.encode(frames)))

    def decode(self, latent: torch.Tensor) -> BasisFields:
        return BasisFields(self.vaemodel.decode(self.layout.unpack(latent)))

    def grid(self, resolution: int) -> Query:
        """Pixel centres of the trained frames, frame by frame, at any resolution."""
        return Query(clip_points(image_points(resolution, resolution), pixel_centres(self.clip.frames)))

    def time(self, seconds: torch.Tensor) -> torch.Tensor:
        """Time coordinates of instants, in seconds (float64) from the first trained frame."""
        return clip_time(seconds, self.clip.frames, self.clip.rate)

    @property
    def last_instant(self) -> float:
        """Seconds from the first trained frame to the last."""
        return (self.clip.frames - 1) / self.clip.rate

    def evaluate(self, fields: BasisFields, query: Query) -> torch.Tensor:
        axes = CROSSED_CLIP_AXES if self.clip.crossed else CLIP_AXES
        batch = fields.levels[0]["xy"].shape[0]
        grids = {name: query.points[:, list(axes[name])].expand(batch, -1, -1) for name in FEATURE_ORDER}
        features = []
        for level in fields.weighted():
            read = [sample_plane(level[name], grids[name], align_corners=self.clip.crossed) for name in FEATURE_ORDER]
            features.append(torch.cat(read, dim=1).transpose(1, 2))
        return self.mlp(features)

    def loss(self, batch: Mapping[str, torch.Tensor], latent: torch.Tensor, posterior: Posterior) -> LossTerms:
        target = batch["target"]
        values = self.evaluate(self.decode(latent), Query(batch["points"]))
        difference = values - target.flatten(2).transpose(1, 2)
        mse = difference.detach().clamp(-2, 2).square().mean()
        psnr = float(10 * torch.log10(4 / mse.clamp(min=1e-10)))
        shown = values.transpose(1, 2).reshape(target.shape)[:, :, 0]  # one frame goes to the perceptual term
        reconstruction = difference.abs().flatten(1).sum(1).mean()
        return LossTerms(reconstruction, posterior.kl().mean(), {"psnr": psnr}, (shown, target[:, :, 0]))
