"""Native checkpoints: one `.safetensors` whose header says everything about the model.

Tensor names: `vaemodel.*`, `mlp.*`, `pointnet.*` (the domain's state dict), `diffusion.*` (the denoiser's), `text.*`
(the text tower's), `ranking.*` (the ranking head's). The header is read without torch, so that listing models is quick.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeVar

from pydantic import Field

from ddmi_models.checkpoints.container import Contents, Entry, read_contents, write_container
from ddmi_models.config import ModelConfig, StrictConfig
from ddmi_models.errors import BadCheckpoint, BadConfig, BadInput
from ddmi_models.files import atomic_file

if TYPE_CHECKING:
    import torch

FORMAT = "ddmi"
FORMAT_VERSION: Literal[1] = 1
HEADER_KEY = "ddmi"
ADDON_KEY = "ddmi_addon"
"""Under which an add-on has its header, see `addons`."""

PRECISIONS = {"fp32": "F32", "fp16": "F16", "bf16": "BF16"}
"""Storage types by their name on the command line."""

FLOATS = {"F64", "F32", "F16", "BF16"}
"""The container's types of numbers with a fraction."""

SCHEDULE = (
    "betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "posterior_variance",
    "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2",
)  # fmt: skip
"""The noise schedule's arrays: `diffusion.*` tensors that are no weights."""

FULL_PRECISION_ELEMENTS = 1024
"""Tensors up to this size, and all with one axis (norms, biases, noise schedule), stay in fp32: small and delicate."""

Precision = Literal["fp32", "fp16", "bf16"]
Check = Callable[[], None]
Header = TypeVar("Header", bound=StrictConfig)


def now() -> str:
    """The time in UTC, to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class ModelHeader(StrictConfig):
    """What a model file says about itself."""

    format_version: Literal[1] = FORMAT_VERSION
    name: str = Field(description="The model's own name; an imported copy may be called otherwise.")
    config: ModelConfig
    weights: Literal["ema", "online"] = Field(
        default="ema", description="Which weights of the diffusion model are kept."
    )
    stage: Literal["autoencoder", "full"] = Field(default="full", description="autoencoder: without a diffusion model.")
    licence: str = ""
    attribution: str = ""
    provenance: str = Field(default="", description="Where the weights come from, one line.")
    summary: str = Field(default="", description="One line for lists.")
    training: dict[str, Any] = Field(default_factory=dict, description="Training summary: plain values.")
    created: str = Field(default_factory=now, description="UTC, ISO 8601; empty where the file must not depend on it.")
    source_sha256: str = Field(default="", description="Hash of the file that this one was imported from.")


def encode_metadata(header: StrictConfig, key: str = HEADER_KEY) -> dict[str, str]:
    """The container's text entries for a header, which stands under `key`."""
    return {"format": FORMAT, key: json.dumps(header.model_dump(mode="json"), sort_keys=True)}


def write_model(
    path: Path | str,
    header: ModelHeader,
    tensors: Mapping[str, torch.Tensor],
    precision: Precision = "fp32",
    check: Check | None = None,
) -> None:
    """Write a model file, whole or not at all.

    Args:
        path: where; an older file there is replaced at the end.
        tensors: by their names in the file; on any device. Converted and written one at a time.
        precision: storage type of the large floating-point tensors.
        check: called before each tensor; may raise to stop.

    Raises:
        CannotWrite: no permission, no space, no such folder.
        BadInput: if a value does not fit the storage type.
    """
    write_tensors(Path(path), encode_metadata(header), tensors, precision, check)


def write_tensors(
    path: Path,
    metadata: Mapping[str, str],
    tensors: Mapping[str, torch.Tensor],
    precision: Precision = "fp32",
    check: Check | None = None,
) -> None:
    """Write a container with any metadata; arguments and errors as of `write_model`."""
    entries = {name: entry_for(tuple(t.shape), container_type(t.dtype), precision) for name, t in tensors.items()}

    def contents() -> Iterator[memoryview]:
        for name, tensor in tensors.items():
            if check is not None:
                check()
            yield tensor_bytes(name, tensor, entries[name].dtype)

    with atomic_file(path) as file:
        for _ in write_container(file, metadata, entries, contents()):
            pass


def entry_for(shape: tuple[int, ...], dtype: str, precision: str) -> Entry:
    """How a tensor of type `dtype` (container's name) is stored at a precision.

    Raises:
        BadInput: if the precision is not known.
    """
    if precision not in PRECISIONS:
        raise BadInput(f"The precision {precision!r} is not known.", f"Known are {', '.join(PRECISIONS)}.")
    entry = Entry(dtype, shape)
    if dtype not in FLOATS:
        return entry
    small = len(shape) < 2 or entry.elements <= FULL_PRECISION_ELEMENTS
    return Entry("F32" if small else PRECISIONS[precision], shape)


def tensor_bytes(name: str, tensor: torch.Tensor, dtype: str) -> memoryview:
    """The tensor's bytes in the container's type `dtype`, in row-major order.

    Raises:
        BadInput: if finite values become infinite.
    """
    import torch

    stored = tensor.detach().to("cpu", torch_type(dtype)).contiguous()
    if dtype == "F16" and not bool(stored.isfinite().all()) and bool(tensor.isfinite().all()):
        raise BadInput(
            f"The tensor {name!r} holds values that are too large for fp16.", "Use --precision bf16 or fp32."
        )
    return stored.reshape(-1).view(torch.uint8).numpy().data


def torch_type(dtype: str) -> torch.dtype:
    """torch's type for the container's name."""
    return _types()[dtype]


def container_type(dtype: torch.dtype) -> str:
    """The container's name for torch's type.

    Raises:
        BadInput: if the container has no such type.
    """
    for name, known in _types().items():
        if known is dtype:
            return name
    raise BadInput(f"Tensors of type {dtype} cannot be stored.")


def _types() -> dict[str, torch.dtype]:
    import torch

    return {
        "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
        "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
        "U64": torch.uint64, "U32": torch.uint32, "U16": torch.uint16, "U8": torch.uint8, "BOOL": torch.bool,
    }  # fmt: skip


def read_header(path: Path | str) -> ModelHeader:
    """What a model file says about itself, without reading its weights.

    Raises:
        BadCheckpoint: if the file is missing, truncated, corrupt, foreign or newer than this program.
    """
    return _header(Path(path), read_contents(Path(path)))


def _header(path: Path, contents: Contents) -> ModelHeader:
    text = contents.metadata.get(HEADER_KEY)
    if text is None and ADDON_KEY in contents.metadata:
        raise BadCheckpoint(f"{path} is an add-on, not a model.", "Use it with its model: --lora NAME, or --lora FILE.")
    if text is None:
        raise BadCheckpoint(f"{path} is a safetensors file, but not a model of this program.")
    return parse_header(ModelHeader, path, text, "a model")


def parse_header(kind: type[Header], path: Path, text: str, what: str) -> Header:
    """A header from its text in the container.

    Raises:
        BadCheckpoint: if it is corrupt, newer than this program, or does not describe `what`.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise BadCheckpoint(f"{path} is corrupt: its description is not readable.", "Download or save it again.")
    version = values.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise BadCheckpoint(f"{path} was written by a newer version of DDMI Studio.", "Update the program to open it.")
    try:
        return kind.parse(values)
    except BadConfig as error:
        raise BadCheckpoint(f"{path} does not describe {what}: {error.message}") from None


def part_counts(path: Path | str) -> dict[str, int]:
    """Number of weights in each part (`vaemodel`, `mlp`, `diffusion`, ...) of the file.

    The noise schedule and the statistics of the latents do not count.

    Raises:
        BadCheckpoint: as `read_header`.
    """
    constants = {f"diffusion.{name}" for name in SCHEDULE}
    constants |= {f"{part}.latent_{name}" for part in ("diffusion", "ranking") for name in ("mean", "std")}
    counts: dict[str, int] = {}
    for name, entry in read_contents(Path(path)).entries.items():
        if entry.dtype in FLOATS and name not in constants:
            part = name.partition(".")[0]
            counts[part] = counts.get(part, 0) + entry.elements
    return counts


def parameter_count(path: Path | str) -> int:
    """Number of weights in the file, see `part_counts`.

    Raises:
        BadCheckpoint: as `read_header`.
    """
    return sum(part_counts(path).values())


def tensor_shapes(path: Path | str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the file's tensors.

    Raises:
        BadCheckpoint: as `read_header`.
    """
    return {name: entry.shape for name, entry in read_contents(Path(path)).entries.items()}


def read_model(path: Path | str, check: Check | None = None) -> tuple[ModelHeader, dict[str, torch.Tensor]]:
    """Header and tensors of a model file, on the CPU; half-precision storage becomes fp32.

    Args:
        check: called before each tensor; may raise to stop.

    Raises:
        BadCheckpoint: as `read_header`, and if a weight is not a finite number.
    """
    path = Path(path)
    contents = read_contents(path)
    return _header(path, contents), read_tensors(path, contents, check)


def read_tensors(path: Path, contents: Contents, check: Check | None = None) -> dict[str, torch.Tensor]:
    """The tensors of a container, on the CPU. Raises: BadCheckpoint, as `read_model`."""
    tensors = {}
    try:
        with path.open("rb") as file:
            for name in sorted(contents.entries, key=lambda n: contents.starts[n]):
                if check is not None:
                    check()
                file.seek(contents.starts[name])
                tensors[name] = _tensor(path, name, contents.entries[name], file)
    except OSError as error:
        raise BadCheckpoint(f"{path} cannot be read: {error.strerror or error}.") from None
    return tensors


def _tensor(path: Path, name: str, entry: Entry, file: BinaryIO) -> torch.Tensor:
    import torch

    data = bytearray(entry.bytes)
    if file.readinto(data) != len(data):  # type: ignore[attr-defined]
        raise BadCheckpoint(f"{path} is truncated: the tensor {name!r} is not complete.", "Download or save it again.")
    dtype = torch_type(entry.dtype)
    # frombuffer refuses empty buffers
    flat = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
    tensor = flat.reshape(entry.shape)
    if not tensor.is_floating_point():
        return tensor
    tensor = tensor.to(torch.float32)
    if not bool(tensor.isfinite().all()):
        raise BadCheckpoint(
            f"{path} holds values in {name!r} that are not finite numbers.", "The file or its training is broken."
        )
    return tensor


def check_keys(
    expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]], what: str = "The file"
) -> None:
    """Compare tensors by name and shape.

    Raises:
        BadCheckpoint: listing every tensor that is missing, is too many or has another shape.
    """
    missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    wrong = [
        f"{name} ({list(found[name])} instead of {list(shape)})"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    labels = (("missing", missing), ("not known", extra), ("of another size", wrong))
    problems = "; ".join(f"{label}: {', '.join(names)}" for label, names in labels if names)
    if problems:
        raise BadCheckpoint(f"{what} does not fit its configuration; {problems}.")
