"""Typed configuration of a training run: the file `ddmi train` reads and the form of the Train page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from ddmi_models.config import DiffusionConfig, ModelConfig, RankingConfig, StrictConfig, TextConfig, UNetConfig
from ddmi_models.errors import BadConfig
from ddmi_models.requests import LARGEST_SHARE

Stage = Literal["autoencoder", "alignment", "diffusion"]
Finetune = Literal["full", "decoder", "diffusion", "lora"]
LoraTarget = Literal["attention", "text_attention", "feed_forward", "convolutions", "embeddings"]

FINETUNE_STAGES: dict[Finetune, Stage] = {"decoder": "autoencoder", "diffusion": "diffusion", "lora": "diffusion"}
"""The stage that each way of fine-tuning belongs to; `full` belongs to all."""

LARGEST_SIDE = 4096
"""Pixels a side of what is trained on."""
MOST_STEPS, MOST_ITEMS, MOST_WORKERS = 10**9, 10**6, 1024
"""Of a run; of a batch, and rays of an item; threads and processes."""
LARGEST_SEED = 2**63 - 1


class DataConfig(StrictConfig):
    """Where the training set is and how a step draws from it."""

    train: Path = Field(description="Folder of shards from `ddmi data make`, or of files in a layout of docs/data.md.")
    validation: Path | None = Field(
        default=None, description="Folder that the model never trains on; left empty: a part of the data is held out."
    )
    validation_share: float = Field(
        default=0.05,
        ge=0,
        le=LARGEST_SHARE,
        description="Share of the data that is held out to validate, 256 items at most, where there is no folder to "
        "validate on and there are at least 20 items; 0: none.",
    )
    target_resolutions: tuple[Annotated[int, Field(gt=0, le=LARGEST_SIDE)], ...] = Field(
        default=(64,), min_length=1, description="Images: render sizes trained, one a step."
    )
    crop: int = Field(
        default=64,
        gt=0,
        le=LARGEST_SIDE,
        description="Images, videos, first stage: side of the part of a larger target that a step looks at.",
    )
    flip: bool = Field(default=False, description="Images, videos, first stage: mirror half of them.")
    size: int = Field(
        default=64,
        gt=0,
        le=LARGEST_SIDE,
        description="Films, posed pictures: pixels a side to which files are brought, and that the encoder sees.",
    )
    target_frames: int = Field(
        default=4, gt=0, description="Videos, first stage: frames of a clip that a step looks at."
    )
    stride: int = Field(default=1, gt=0, description="Films: every so many frames one is taken.")
    cloud_points: int = Field(
        default=1024, gt=0, description="Shapes, fields, first stage: surface points given to the encoder."
    )
    query_points: int = Field(default=2048, gt=0, description="Shapes, first stage: occupancy points a shape and step.")
    cloud_noise: float = Field(
        default=0.0, ge=0, description="Shapes, fields, first stage: standard deviation of noise on the surface points."
    )
    rays: int = Field(
        default=512, gt=0, le=MOST_ITEMS, description="Radiance fields, first stage: rays an object and step."
    )
    ray_samples: int = Field(
        default=64, gt=1, le=LARGEST_SIDE, description="Radiance fields, first stage: samples a ray in training."
    )
    object_rays: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Radiance fields, first stage: share of the rays drawn where pictures are not white.",
    )
    rephrase: bool = Field(
        default=False, description="Furniture: say captions in other words now and then, drawn anew each step."
    )


class KlConfig(StrictConfig):
    """Annealing of the KL term: constant, then linear, then constant (reference facts, section 8)."""

    start: float = Field(default=1e-4, ge=0, description="Weight at the beginning.")
    end: float = Field(default=0.02, ge=0, description="Weight at the end.")
    constant_portion: float = Field(
        default=1e-4, ge=0, le=1, description="Share of the run before the weight begins to rise."
    )
    anneal_portion: float = Field(default=0.9, gt=0, le=1, description="Share of the run at which it has risen.")

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.start > self.end:
            raise BadConfig(
                f"kl.start: the weight of the KL term rises, and {self.start:g} is above kl.end, {self.end:g}.",
                "Lower it, or raise kl.end.",
            )
        return self


class SpectralConfig(StrictConfig):
    """Penalty on the largest singular values of the autoencoder's convolutions (reference facts, section 8)."""

    start: float = Field(default=0.0, ge=0, description="Weight of the penalty while the KL weight is near 0; 0: none.")
    end: float = Field(default=0.0, ge=0, description="Weight that it nears as the KL weight nears 1; 0: none.")

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if bool(self.start) != bool(self.end):
            raise ValueError("start and end are both 0 or both above it")
        return self


class AdversaryConfig(StrictConfig):
    """A patch discriminator that looks at the first stage's pictures from some step on."""

    weight: float = Field(
        default=0.0, ge=0, description="How much it counts beside the other terms of the loss; 0: no discriminator."
    )
    start: int = Field(default=0, ge=0, description="Step from which on it is trained and counts.")
    balanced: bool = Field(
        default=True,
        description="Let it pull at the last layer as much as the rest of the loss, times the weight; off: its mean "
        "verdict counts weight times.",
    )
    learning_rate: float = Field(default=1e-4, gt=0, description="Of its own optimizer, after the warm-up.")
    width: int = Field(default=64, gt=0, multiple_of=16, description="Channels of its first layer.")
    layers: int = Field(default=3, gt=0, le=5, description="How often it halves, and so how large a patch it sees.")


class LoraConfig(StrictConfig):
    """Low-rank updates beside the fixed weights of the denoiser (LoRA; Hu et al. 2022)."""

    rank: int = Field(default=8, gt=0, le=512, description="Rank of each layer's update: more can change more.")
    alpha: int = Field(default=8, gt=0, description="Updates count alpha / rank times.")
    targets: tuple[LoraTarget, ...] = Field(
        default=("attention", "text_attention", "convolutions"),
        min_length=1,
        description="Layers that are updated: attention over the cells, attention to the text, feed_forward after "
        "both, convolutions, embeddings of time and text.",
    )


class TrainConfig(StrictConfig):
    """One run: a stage of a model on a data set."""

    name: str = Field(min_length=1, description="Name of the model that the run makes.")
    stage: Stage = Field(description="What is trained.")
    data: DataConfig
    model: ModelConfig | None = Field(default=None, description="Architecture; may be left out with `start_from`.")
    start_from: str | None = Field(
        default=None, description="Model whose weights the run starts from, by name or path."
    )
    finetune: Finetune = Field(
        default="full",
        description="What of the model started from is changed. full: all that the stage trains; decoder (first "
        "stage): decoder and coordinate MLP, so that latents stay as they are; diffusion (second stage): the U-Net, "
        "not the text tower; lora (second stage): nothing, an add-on is trained beside it.",
    )
    lora: LoraConfig = Field(default=LoraConfig(), description="Second stage: the add-on of finetune: lora.")
    unet: UNetConfig | None = Field(
        default=None, description="Second stage: the denoiser to add to the model started from."
    )
    diffusion: DiffusionConfig | None = Field(default=None, description="Second stage: its noise schedule and sampler.")
    text: TextConfig | None = Field(
        default=None, description="Second stage: its text tower; words are read off the captions."
    )
    ranking: RankingConfig | None = Field(
        default=None, description="Alignment: the encoder of latents that is trained against the text tower."
    )
    steps: int = Field(
        gt=0, le=MOST_STEPS, description="Optimizer steps of the whole run; terms that change over it end there."
    )
    minutes: float | None = Field(default=None, gt=0, description="Stop after this time even if steps are left.")
    batch: int = Field(default=32, gt=0, le=MOST_ITEMS, description="Items a step, over all processes.")
    accumulate: int = Field(default=1, gt=0, description="Parts in which a batch is computed, to save memory.")
    learning_rate: float = Field(default=1e-3, gt=0, description="Of AdamW, after the warm-up.")
    warmup: int = Field(default=200, ge=0, description="Steps of linear rise of the learning rate; 0: none.")
    schedule: Literal["cosine", "constant"] = Field(
        default="cosine",
        description="Learning rate after the warm-up. cosine: falls to 2 % at the last step; constant: stays.",
    )
    weight_decay: float = Field(default=0.01, ge=0, description="Of AdamW.")
    beta2: float = Field(default=0.99, ge=0, lt=1, description="Of AdamW: decay of its averages of squared gradients.")
    clip: float | None = Field(
        default=1.0, gt=0, description="Largest norm of the gradient; left empty: no gradient is cut."
    )
    ema: float = Field(default=0.999, ge=0, lt=1, description="Decay of the averaged weights, the ones that are kept.")
    ema_every: int = Field(default=1, gt=0, description="Steps between two updates of the averaged weights.")
    ema_warmup: bool = Field(
        default=False, description="Let that decay rise as 1 - (steps - 100)^(-2/3), to `ema` at most."
    )
    kl: KlConfig = Field(default=KlConfig(), description="First stage: weight of the KL term over the run.")
    perceptual_weights: Path | None = Field(
        default=None,
        description="First stage, images: local VGG-16 weights of torchvision for the perceptual term; none without "
        "them.",
    )
    perceptual_weight: float = Field(
        default=1.0, ge=0, description="First stage, images: weight of the perceptual term."
    )
    spectral: SpectralConfig = Field(
        default=SpectralConfig(), description="First stage: penalty on large weights, which keeps it smooth."
    )
    adversary: AdversaryConfig = Field(
        default=AdversaryConfig(), description="First stage, images, videos: discriminator of its last phase."
    )
    latents: Path | None = Field(
        default=None,
        description="Second stage, alignment: folder that keeps the encoded data for other runs on the same encoder.",
    )
    text_drop: float = Field(
        default=0.1, ge=0, le=1, description="Second stage: share of captions replaced by the empty text."
    )
    weighting: Literal["plain", "min-snr"] = Field(
        default="plain", description="Second stage: how much each noise level counts."
    )
    uniform_times: bool = Field(default=True, description="Second stage: draw times uniformly; false: logit-normal.")
    alignment_weight: float = Field(
        default=0.1,
        ge=0,
        description="Second stage, for a model with a ranking head whose text tower is trained along: weight of the "
        "contrastive term that keeps the two together.",
    )
    seed: int = Field(
        default=0, ge=0, le=LARGEST_SEED, description="Decides fresh weights, order of the data, and noise."
    )
    device: str = Field(default="auto", description="auto, cpu, cuda[:n] or mps; several processes take one each.")
    precision: Literal["no", "bf16", "fp16"] = Field(default="no", description="Mixed precision; for GPUs.")
    processes: int = Field(
        default=1,
        ge=0,
        le=MOST_WORKERS,
        description="Processes that share each batch, one a GPU; 0: one for each GPU of this machine.",
    )
    threads: int = Field(default=1, gt=0, le=MOST_WORKERS, description="Processor threads.")
    log_every: int = Field(default=50, gt=0, description="Steps between two figures in the log and the plots.")
    save_every: int = Field(default=1000, gt=0, description="Steps between checkpoints and validations.")
    sample_every: int | None = Field(
        default=None, gt=0, description="Steps between pictures of fixed seeds; as `save_every` if left out."
    )
    register_as: str | None = Field(
        default=None, description="Name of the finished model among the models; a free one made of `name` if left out."
    )
    add_to_models: bool = Field(
        default=True, description="Add the finished model to the models; first stages only with `register_as`."
    )
    licence: str = Field(default="", description="Licence of the finished model, for its card.")
    attribution: str = Field(default="", description="Whom its card names for the data.")

    @field_validator("precision", mode="before")
    @classmethod
    def _read_no(cls, value: Any) -> Any:
        """An unquoted `no` is false in YAML."""
        return "no" if value is False else value

    @model_validator(mode="before")
    @classmethod
    def _read_older_names(cls, values: Any) -> Any:
        """Runs of older versions say decoder_only and train_text in place of finetune."""
        if not isinstance(values, dict):
            return values
        kept = {key: value for key, value in values.items() if key not in ("decoder_only", "train_text")}
        if values.get("decoder_only") is True:
            kept["finetune"] = "decoder"
        if values.get("train_text") is False:
            kept["finetune"] = "diffusion"
        return kept

    @model_validator(mode="after")
    def _gives_each_process_an_item(self) -> Self:
        if self.batch < self.processes:
            raise BadConfig(f"batch: {self.batch} items cannot be shared by {self.processes} processes.", "Raise it.")
        return self

    @model_validator(mode="after")
    def _fine_tunes_its_own_stage(self) -> Self:
        if self.finetune == "full":
            return self
        stage, mode = FINETUNE_STAGES[self.finetune], f"finetune: {self.finetune}"
        if self.stage != stage:
            raise BadConfig(f"{mode} belongs to the stage {stage}, and this is {self.stage}.", f"Set stage to {stage}.")
        changed = [key for key in ("model", "unet", "diffusion", "text", "ranking") if getattr(self, key) is not None]
        if self.finetune == "lora" and changed:
            raise BadConfig(
                f"{mode} keeps the model as it is, and the section `{changed[0]}` would change it.", "Leave it out."
            )
        return self
