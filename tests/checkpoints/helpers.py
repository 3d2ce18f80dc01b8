"""Small model files, official archives and pickles to test with."""

from __future__ import annotations

import io
import lzma
import zipfile
from pathlib import Path

import torch

from ddmi_models.checkpoints.official.layout import expected_shapes
from ddmi_models.checkpoints.store import ModelHeader, write_model
from ddmi_models.config import AutoencoderConfig, CoordinateNetConfig, ModelConfig

PARITY = Path(__file__).resolve().parents[1] / "data" / "parity"


def tiny_config(**changes: object) -> ModelConfig:
    """An image autoencoder of a few thousand weights."""
    values = {
        "domain": "image",
        "plane_order": ("image",),
        "autoencoder": AutoencoderConfig(
            in_channels=3, width=8, multipliers=(1, 1), blocks=1, z_channels=4, embed_channels=2, plane_channels=4,
            resolution=8, basis_resolutions=(4,), groups=4,
        ),
        "coordinate_net": CoordinateNetConfig(width=8, plane_channels=4, out_channels=3, scales=2),
    }  # fmt: skip
    return ModelConfig(**{**values, **changes})


def tiny_tensors(config: ModelConfig, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = expected_shapes(config, "autoencoder")
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def write_tiny(path: Path, seed: int = 0, **changes: object) -> Path:
    """A whole native model file."""
    config = tiny_config()
    header = ModelHeader(name="tiny", config=config, stage="autoencoder", summary="A tiny model.", licence="CC0")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_model(path, header.model_copy(update=changes), tiny_tensors(config, seed))
    return path


def unpack(name: str, folder: Path) -> Path:
    """An official file of the recorded ones."""
    path = folder / f"{name}.pt"
    path.write_bytes(lzma.decompress((PARITY / "checkpoints" / f"{name}.pt.xz").read_bytes()))
    return path


def archive(description: bytes, records: dict[str, bytes] | None = None) -> bytes:
    """An archive as torch writes it, with any pickle in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        target.writestr("x/data.pkl", description)
        target.writestr("x/byteorder", b"little")
        for key, content in (records or {}).items():
            target.writestr(f"x/data/{key}", content)
    return buffer.getvalue()
