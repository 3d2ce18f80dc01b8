"""Frozen, strict configurations: an unknown key is an error that names it.

The architecture's vocabulary is the paper's: D2C-VAE (domain-agnostic to continuous VAE), HDBF (hierarchically
decomposed basis fields: planes at several scales), CFC (coarse-to-fine conditioning of the coordinate network).
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ddmi_models.cameras import CAMERA_ANGLE
from ddmi_models.errors import BadConfig

AttentionKind = Literal["vanilla", "vanilla-multihead"]
Fusion = Literal["concat", "sum", "once"]
Target = Literal["eps", "x0", "v"]
RadianceActivation = Literal["relu", "identity"]
Background = Literal["white", "last_sample"]


class StrictConfig(BaseModel):
    """Base of every configuration: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Self:
        """Build from plain values (JSON, YAML).

        Raises:
            BadConfig: naming every key that is unknown, missing or out of range.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or cls.__name__}: {e['msg']}" for e in error.errors())
            raise BadConfig(
                f"The configuration {cls.__name__} is not valid: {problems}.", "Correct the named keys."
            ) from None


class AutoencoderConfig(StrictConfig):
    """The convolutional part of the D2C-VAE: a plane (or three) to a latent and back to basis planes."""

    in_channels: int = Field(gt=0, description="Channels of a plane that enters the encoder.")
    width: int = Field(gt=0, description="Channels of the finest level.")
    multipliers: tuple[int, ...] = Field(min_length=1, description="Width multiplier of each level, finest first.")
    blocks: int = Field(default=2, gt=0, description="Residual blocks a level.")
    z_channels: int = Field(gt=0, description="Channels inside the bottleneck.")
    embed_channels: int = Field(gt=0, description="Channels of the latent of one plane.")
    plane_channels: int = Field(gt=0, description="Channels of a basis plane.")
    resolution: int = Field(gt=0, description="Nominal side of the finest level in cells; names the levels.")
    attention_resolutions: tuple[int, ...] = Field(default=(), description="Levels with attention after each block.")
    basis_resolutions: tuple[int, ...] = Field(default=(), description="Levels tapped as coarser basis planes.")
    joint_resolutions: tuple[int, ...] = Field(default=(), description="Levels where the planes exchange information.")
    joint: bool = Field(
        default=True, description="Triplanes: the planes exchange information; false: each goes its way, same weights."
    )
    attention: AttentionKind = Field(default="vanilla", description="Attention with one head, or with several.")
    joint_heads: int = Field(
        default=8, gt=0, description="Videos: heads, each as wide as the level, of the attention over all planes."
    )
    groups: int = Field(default=32, gt=0, description="Groups of every GroupNorm.")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Share of values dropped in training.")

    @property
    def latent_resolution(self) -> int:
        """Side of the latent in cells."""
        return self.resolution // 2 ** (len(self.multipliers) - 1)

    @property
    def scales(self) -> tuple[int, ...]:
        """Sides of the basis planes in cells, coarse to fine."""
        return (*sorted(self.basis_resolutions), self.resolution)


class PointEncoderConfig(StrictConfig):
    """Local-pooling PointNet that turns a point cloud into three feature planes."""

    point_channels: int = Field(default=3, gt=0, description="3 for positions, 6 with colour.")
    hidden: int = Field(gt=0, description="Channels inside a block.")
    out_channels: int = Field(gt=0, description="Channels of a feature plane.")
    blocks: int = Field(default=5, gt=0, description="Residual blocks, each pooled over the cells.")
    plane_resolution: int = Field(gt=0, description="Side of a feature plane in cells.")
    padding: float = Field(default=0.1, ge=0, description="Margin around the unit cube, as a fraction of its side.")


class VideoEncoderConfig(StrictConfig):
    """Transformer that turns a clip into features of its patches, and these into three planes."""

    channels: int = Field(gt=0, description="Channels of a patch's features.")
    layers: int = Field(default=8, gt=0, description="Layers of the transformer over space and time.")
    heads: int = Field(default=8, gt=0, description="Its attention heads.")
    head_channels: int = Field(default=64, gt=0, multiple_of=4, description="Channels of a head.")
    plane_layers: int = Field(default=4, gt=0, description="Layers of each transformer that reduces an axis.")
    plane_heads: int = Field(default=4, gt=0, description="Its heads, each of an eighth of the channels.")
    plane_hidden: int = Field(default=512, gt=0, description="Hidden channels of its feed-forward networks.")


class ClipConfig(StrictConfig):
    """The clips that a video model was trained on."""

    frames: int = Field(gt=0, description="Frames of a clip.")
    rate: float = Field(gt=0, description="Its frames a second.")
    crossed: bool = Field(
        default=False,
        description="Time planes are read with time along the width and space along the height, at the centres of the "
        "border cells, as the published code does; else as their names say, at the edges.",
    )


class CoordinateNetConfig(StrictConfig):
    """The coordinate network that reads the signal out of the basis planes (CFC)."""

    width: int = Field(gt=0, description="Channels of a hidden layer.")
    plane_channels: int = Field(gt=0, description="Channels of a basis plane, as the autoencoder makes them.")
    out_channels: int = Field(gt=0, description="Values of a point: 3 for colours, 1 for occupancy.")
    scales: int = Field(default=3, gt=0, description="How many basis scales it reads; 1 is the paper's ablation.")
    fusion: Fusion = Field(
        default="concat",
        description="concat or sum: one scale after another, coarse to fine; once: all concatenated at the input.",
    )
    noise: bool = Field(default=False, description="Learned per-pixel noise, as in the official image decoders.")

    @property
    def depth(self) -> int:
        """Blocks of the network: one a scale, at least three, and a last one."""
        return max(3, self.scales) + 1

    def block_inputs(self, index: int, features: int) -> int:
        """Channels that enter block `index` where each scale brings `features` channels."""
        if index == 0:
            return features * (self.scales if self.fusion == "once" else 1)
        appended = self.fusion == "concat" and index < self.scales
        return self.width + (features if appended else 0)


class RadianceConfig(StrictConfig):
    """How a radiance field is read from its planes and seen along rays.

    The published models have the activation `identity` and the background `last_sample`: the last sample of a ray
    stands for everything behind it.
    """

    layers: int = Field(default=6, gt=0, description="Layers before the density.")
    skips: tuple[int, ...] = Field(default=(2, 4), description="Layers, counted from 0, that read the input again.")
    point_frequencies: int = Field(default=10, ge=0, description="Frequencies of the encoding of a point.")
    direction_frequencies: int = Field(default=4, ge=0, description="Frequencies of the encoding of a direction.")
    activation: RadianceActivation = Field(
        default="relu", description="Between layers; the published models have none."
    )
    background: Background = Field(
        default="white", description="What is seen where a ray meets nothing; white also samples inside the cube only."
    )
    density_scale: float = Field(default=1.0, gt=0, description="Factor of the density, after its softplus.")
    density_shift: float = Field(default=0.0, description="Added to the raw density before its softplus.")
    extent: float = Field(default=3.5, gt=0, description="Half the side of the cube that the planes cover.")
    near: float = Field(default=2.0, ge=0, description="Depth of a ray's first sample.")
    far: float = Field(default=6.0, gt=0, description="Depth of a ray's last sample.")
    samples: int = Field(default=256, gt=1, description="Samples a ray.")
    camera_angle: float = Field(default=CAMERA_ANGLE, gt=0, lt=3.1, description="Horizontal angle of view, in radians.")
    camera_distance: float = Field(default=5.0, gt=0, description="Usual distance of the camera from the middle.")
    pixel_corners: bool = Field(
        default=False, description="Rays go through the upper left corners of pixels, as published, not their middles."
    )


class UNetConfig(StrictConfig):
    """The denoising U-Net on the latent."""

    in_channels: int = Field(gt=0, description="Channels of the latent.")
    model_channels: int = Field(gt=0, description="Channels of the finest level.")
    out_channels: int = Field(gt=0, description="Channels of the latent.")
    blocks: int = Field(default=2, gt=0, description="Residual blocks a level.")
    multipliers: tuple[int, ...] = Field(min_length=1, description="Width multiplier of each level, finest first.")
    attention_factors: tuple[int, ...] = Field(default=(), description="Downsampling factors at which attention runs.")
    head_channels: int = Field(default=32, gt=0, description="Channels of an attention head.")
    context_channels: int | None = Field(default=None, description="Width of the text tokens; None: unconditional.")
    pooled_channels: int | None = Field(
        default=None, description="Width of the pooled text added to the time embedding."
    )
    joint_heads: int = Field(default=16, gt=0, description="Videos: heads of the attention over all planes.")
    groups: int = Field(default=32, gt=0, description="Groups of every GroupNorm.")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Share of values dropped in training.")


class DiffusionConfig(StrictConfig):
    """Noise schedule, parameterisation and the sampler's defaults."""

    timesteps: int = Field(default=1000, gt=1, description="Steps of the noise schedule.")
    mixed_prediction: bool = Field(
        default=True, description="Mix the network's output with the Gaussian prior's prediction."
    )
    mixed_init: float = Field(default=-6.0, description="First value of the mixing logits.")
    target: Target = Field(default="eps", description="What the network predicts: noise, latent, or velocity.")
    clip_denoised: bool = Field(default=False, description="Clamp predicted latents to [-1, 1] in ancestral sampling.")
    normalised: bool = Field(default=False, description="Latents are normalised per channel with stored statistics.")
    eta: float = Field(default=0.0, ge=0, le=1, description="DDIM's stochasticity.")
    sampler: str = Field(default="ddim", description="Sampler that the model suggests.")
    steps: int = Field(default=50, gt=0, description="Sampling steps that it suggests.")
    guidance: float = Field(default=3.0, ge=0, description="Guidance that it suggests.")


class TextConfig(StrictConfig):
    """The text tower: a small open_clip text transformer with an embedding cut to the tokens that its words use, or
    one of open_clip's published ones, whose weights stay in their own file."""

    tower: str | None = Field(
        default=None, description="Name of a published open_clip model, such as ViT-B-32; None: a small tower."
    )
    weights: str | None = Field(
        default=None, description="Of a published tower: open_clip's name of the weights, or a local file."
    )
    width: int = Field(default=192, gt=0, description="Channels of a text's summary; of a small tower's tokens too.")
    layers: int = Field(default=4, gt=0, description="Layers of a small tower.")
    heads: int = Field(default=4, gt=0, description="Attention heads of a layer.")
    context_length: int = Field(default=32, gt=1, description="Longest text, in tokens.")
    words: tuple[str, ...] = Field(default=(), description="Words that the model was trained to know, lower case.")
    synonyms: tuple[tuple[str, str], ...] | None = Field(
        default=None,
        description="(expression of people, how it is read in known words); None: the program's own table.",
    )


class RankingConfig(StrictConfig):
    """The encoder of latents whose embedding is compared with the text tower's (the contrastive pair of CLIP)."""

    width: int = Field(default=48, gt=0, description="Channels of the finest level.")
    multipliers: tuple[int, ...] = Field(default=(1, 2), min_length=1, description="Width multiplier of each level.")
    groups: int = Field(default=8, gt=0, description="Groups of every GroupNorm.")


class ModelConfig(StrictConfig):
    """Everything that decides a model's architecture."""

    domain: str = Field(description="What is made: image, shape, nerf or video.")
    plane_order: tuple[str, ...] = Field(min_length=1, description="Order in which the latent's planes are packed.")
    autoencoder: AutoencoderConfig
    coordinate_net: CoordinateNetConfig
    point_encoder: PointEncoderConfig | None = None
    video_encoder: VideoEncoderConfig | None = None
    clip: ClipConfig | None = Field(default=None, description="Videos: length and rate of the trained clips.")
    radiance: RadianceConfig | None = None
    unet: UNetConfig | None = None
    diffusion: DiffusionConfig = DiffusionConfig()
    text: TextConfig | None = None
    ranking: RankingConfig | None = Field(default=None, description="Scores latents against texts; needs `text`.")
    anchor_resolution: int = Field(default=256, gt=0, description="Render size whose scale input is 1.")
    scale_range: tuple[float, float] | None = Field(
        default=None, description="Scale inputs seen in training; renders clamp to it. None: not clamped."
    )
    iso: float = Field(
        default=0.5, gt=0, lt=1, description="Occupancy probability of the surface that is extracted by default."
    )
