"""Frozen, strict configurations: an unknown key is an error that names it.

The architecture's vocabulary is the paper's: D2C-VAE (domain-agnostic to continuous VAE), HDBF (hierarchically
decomposed basis fields: planes at several scales), CFC (coarse-to-fine conditioning of the coordinate network).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from ddmi_models.cameras import CAMERA_ANGLE
from ddmi_models.errors import BadConfig
from ddmi_models.planes import TIME_AXIS

AttentionKind = Literal["vanilla", "vanilla-multihead"]
Fusion = Literal["concat", "sum", "once"]
Target = Literal["eps", "x0", "v"]
RadianceActivation = Literal["relu", "identity"]
Background = Literal["white", "last_sample"]
Multipliers = tuple[Annotated[int, Field(gt=0)], ...]

MISFIT = "misfit"
"""Kind of pydantic's error for a value that does not go with others."""
HEADS = {"vanilla": 1, "vanilla-multihead": 16}
"""Of each kind of attention over one plane."""
VALUES_OF_A_POINT = {"image": 3, "video": 3, "shape": 1}
"""Channels that the coordinate network of a domain gives."""
SEEN_CHANNELS = {"image": 3, "video": 3}
"""Channels that the autoencoder of a domain sees, where no other network is before it."""
POINT_CHANNELS = {"shape": 3, "nerf": 6}


def misfit(path: str, message: str) -> ValidationError:
    """The error to raise where a value does not go with others.

    Args:
        path: of the value, from the section that is validated, such as `autoencoder.width`.
        message: what is wrong, without a full stop.
    """
    problem = InitErrorDetails(type=PydanticCustomError(MISFIT, message), loc=(*path.split("."),), input=None)  # type: ignore[arg-type]
    return ValidationError.from_exception_data("configuration", [problem])


class StrictConfig(BaseModel):
    """Base of every configuration: immutable, unknown keys refused, every number finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

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
    multipliers: Multipliers = Field(min_length=1, description="Width multiplier of each level, finest first.")
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

    @model_validator(mode="after")
    def _layers_can_be_split(self) -> Self:
        _check_groups(self.width, self.multipliers, self.groups)
        levels = list(zip(self._levels(), self.multipliers, strict=True))
        attended = {m for side, m in levels if side in self.attention_resolutions} | {self.multipliers[-1]}
        for channels in sorted(self.width * multiplier for multiplier in attended):
            if channels % HEADS[self.attention]:
                raise misfit("attention", f"{HEADS[self.attention]} heads cannot share {channels} channels evenly")
        return self

    @model_validator(mode="after")
    def _has_levels(self) -> Self:
        levels, basis = self._levels(), self.basis_resolutions
        if levels[-1] < 1:
            raise misfit("resolution", f"{self.resolution} cells cannot be halved {len(levels) - 1} times")
        if len({*basis}) < len(basis) or not {*basis} <= {*levels}:
            told = ", ".join(map(str, levels))
            raise misfit("basis_resolutions", f"each has to be a level, once, and the levels are {told}")
        return self

    def _levels(self) -> tuple[int, ...]:
        """Side of each level in cells, finest first."""
        return tuple(self.resolution // 2**level for level in range(len(self.multipliers)))


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
    multipliers: Multipliers = Field(min_length=1, description="Width multiplier of each level, finest first.")
    attention_factors: tuple[int, ...] = Field(default=(), description="Downsampling factors at which attention runs.")
    head_channels: int = Field(default=32, gt=0, description="Channels of an attention head.")
    context_channels: int | None = Field(default=None, description="Width of the text tokens; None: unconditional.")
    pooled_channels: int | None = Field(
        default=None, description="Width of the pooled text added to the time embedding."
    )
    joint_heads: int = Field(default=16, gt=0, description="Videos: heads of the attention over all planes.")
    groups: int = Field(default=32, gt=0, description="Groups of every GroupNorm.")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Share of values dropped in training.")

    @model_validator(mode="after")
    def _layers_can_be_split(self) -> Self:
        _check_groups(self.model_channels, (1,), self.groups, "model_channels")
        if self.model_channels % 2:
            raise misfit("model_channels", "has to be even")
        attended = [m for level, m in enumerate(self.multipliers) if 2**level in self.attention_factors]
        for channels in sorted(self.model_channels * multiplier for multiplier in {*attended, self.multipliers[-1]}):
            if channels % self.head_channels:
                raise misfit("head_channels", f"heads of {self.head_channels} channels do not fill {channels} channels")
        return self


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

    @model_validator(mode="after")
    def _heads_share_evenly(self) -> Self:
        if self.tower is None and self.width % self.heads:
            raise misfit("heads", f"{self.heads} heads cannot share {self.width} channels (width) evenly")
        return self


class RankingConfig(StrictConfig):
    """The encoder of latents whose embedding is compared with the text tower's (the contrastive pair of CLIP)."""

    width: int = Field(default=48, gt=0, description="Channels of the finest level.")
    multipliers: Multipliers = Field(default=(1, 2), min_length=1, description="Width multiplier of each level.")
    groups: int = Field(default=8, gt=0, description="Groups of every GroupNorm.")

    @model_validator(mode="after")
    def _layers_can_be_split(self) -> Self:
        _check_groups(self.width, self.multipliers, self.groups)
        return self


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

    @property
    def latent_channels(self) -> int:
        """Channels of a packed latent: planes follow one another along them, with time along the cells."""
        along_cells = any(name.endswith(TIME_AXIS) for name in self.plane_order)
        return self.autoencoder.embed_channels * (1 if along_cells else len(self.plane_order))

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        _check_ends(self)
        _check_conditioning(self)
        if self.unet is not None:
            _check_unet(self, self.unet)
        if self.ranking is not None and self.autoencoder.latent_resolution < 2 ** (len(self.ranking.multipliers) - 1):
            cells = self.autoencoder.latent_resolution
            raise misfit("ranking.multipliers", f"a latent of {cells} cells cannot be halved so often")
        return self


def _check_groups(width: int, multipliers: tuple[int, ...], groups: int, path: str = "width") -> None:
    """Whether GroupNorms can split layers; `path`: of the width."""
    for multiplier in multipliers:
        if width * multiplier % groups:
            times = f" x {multiplier}" if multiplier > 1 else ""
            raise misfit(path, f"{width}{times} channels cannot be split into {groups} groups; change it or groups")


def _check_ends(model: ModelConfig) -> None:
    """What a model's domain decides of the first and the last layer."""
    autoencoder, net, points, domain = model.autoencoder, model.coordinate_net, model.point_encoder, model.domain
    if domain != "video":  # the encoder of planes starts with this width, whatever the multipliers are
        _check_groups(autoencoder.width, (1,), autoencoder.groups, "autoencoder.width")
    if (made := VALUES_OF_A_POINT.get(domain, net.out_channels)) != net.out_channels:
        raise misfit("coordinate_net.out_channels", f"has to be {made} in this domain")
    if points is not None and domain in POINT_CHANNELS:
        if points.point_channels != POINT_CHANNELS[domain]:
            raise misfit("point_encoder.point_channels", f"has to be {POINT_CHANNELS[domain]} in this domain")
        if points.out_channels != autoencoder.in_channels:
            raise misfit(
                "autoencoder.in_channels", f"has to be {points.out_channels}, as point_encoder.out_channels says"
            )
    if (seen := SEEN_CHANNELS.get(domain, autoencoder.in_channels)) != autoencoder.in_channels:
        raise misfit("autoencoder.in_channels", f"has to be {seen} in this domain")
    if domain == "image" and net.width // 4 % 2:
        raise misfit("coordinate_net.width", "has to be a multiple of 8")


def _check_conditioning(model: ModelConfig) -> None:
    """Whether the coordinate network reads the planes that the autoencoder makes."""
    autoencoder, net, scales = model.autoencoder, model.coordinate_net, len(model.autoencoder.scales)
    if net.scales != scales:
        raise misfit(
            "coordinate_net.scales",
            f"has to be {scales}: the resolution of the autoencoder and its basis_resolutions",
        )
    if net.plane_channels != autoencoder.plane_channels:
        raise misfit("coordinate_net.plane_channels", f"has to be {autoencoder.plane_channels}, as in the autoencoder")


def _check_unet(model: ModelConfig, unet: UNetConfig) -> None:
    """Whether the denoiser fits the latents and the texts."""
    channels, cells, text = model.latent_channels, model.autoencoder.latent_resolution, model.text
    for name, given in (("in_channels", unet.in_channels), ("out_channels", unet.out_channels)):
        if given != channels:
            raise misfit(f"unet.{name}", f"has to be {channels}, the channels of the latent")
    if cells % 2 ** (len(unet.multipliers) - 1):
        raise misfit(
            "unet.multipliers", f"a latent of {cells} cells cannot be halved {len(unet.multipliers) - 1} times"
        )
    if text is None:
        return
    if unet.pooled_channels not in (None, text.width):
        raise misfit("unet.pooled_channels", f"has to be {text.width}, as text.width says")
    if text.tower is None and unet.context_channels not in (None, text.width):
        raise misfit("unet.context_channels", f"has to be {text.width}, as text.width says")
