"""Official files of full size, made from a manifest: the layout that torch writes, with holes for the tensors."""

from __future__ import annotations

import argparse
import builtins
import io
import json
import math
import pickle
import struct
import zlib
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import torch

ALIGNMENT = 64
STORAGES = {
    "float32": (torch.FloatStorage, 4),
    "int64": (torch.LongStorage, 8),
    "bool": (torch.BoolStorage, 1),
}
BLOCK = bytes(1 << 24)


class Stored:
    """A tensor of the file: pickles as torch pickles one."""

    def __init__(self, key: str, shape: list[int], dtype: str) -> None:
        self.key, self.shape, self.dtype = key, shape, dtype
        self.elements = math.prod(shape)

    @property
    def bytes(self) -> int:
        return self.elements * STORAGES[self.dtype][1]

    def __reduce__(self) -> Any:
        strides = [math.prod(self.shape[axis + 1 :]) for axis in range(len(self.shape))]
        return torch._utils._rebuild_tensor_v2, (Mark(self), 0, tuple(self.shape), tuple(strides), False, {})


class Mark:
    """Stands for a tensor's storage until the pickler replaces it."""

    def __init__(self, tensor: Stored) -> None:
        self.tensor = tensor


class Description(pickle.Pickler):
    def persistent_id(self, thing: Any) -> Any:
        if not isinstance(thing, Mark):
            return None
        tensor = thing.tensor
        return ("storage", STORAGES[tensor.dtype][0], tensor.key, "cpu", tensor.elements)


def second_stage(manifest: dict[str, Any]) -> tuple[dict[str, Any], list[Stored]]:
    """Contents of a second-stage file: weights, their copy in the same place, their average, two optimizer moments."""
    stored: list[Stored] = []

    def make(shape: list[int], dtype: str) -> Stored:
        stored.append(Stored(str(len(stored)), shape, dtype))
        return stored[-1]

    contents: dict[str, Any] = {"args": argparse.Namespace(domain="image"), "step": 1, "current_iters": 1}
    for entry in ("vaemodel", "mlp", "diffusion"):
        contents[entry] = {key: make(*described) for key, described in manifest[entry].items()}
    online = contents["diffusion"]
    parameters = [online[name.removeprefix("diffusion/")] for name in manifest["dae_opt"]["param_order"]]
    moments = {
        index: {"step": make([], "float32"), **{name: make(p.shape, p.dtype) for name in ("exp_avg", "exp_avg_sq")}}
        for index, p in enumerate(parameters)
    }
    contents["dae_opt"] = {"state": moments, "param_groups": [{"lr": 1e-4, "params": list(moments)}]}
    contents["ema"] = {
        key: online[key.removeprefix("online_model.")] if key.startswith("online_model.") else make(*described)
        for key, described in manifest["ema"].items()
    }
    contents["scaler"] = None
    return contents, stored


def write_official(path: Path, manifest: Path) -> int:
    """Write the file; returns its size in bytes, most of which are holes."""
    contents, stored = second_stage(json.loads(manifest.read_text()))
    description = io.BytesIO()
    Description(description, protocol=2).dump(contents)
    with path.open("wb") as file:
        records = [_record(file, "data.pkl", description.getvalue()), _record(file, "byteorder", b"little")]
        for tensor in stored:
            records.append(_record(file, f"data/{tensor.key}", tensor.bytes))
        _directory(file, records)
        return file.tell()


@cache
def _crc_of_zeros(count: int) -> int:
    crc = 0
    for start in range(0, count, len(BLOCK)):
        crc = zlib.crc32(BLOCK[: count - start], crc)
    return crc


Record = tuple[bytes, int, int, int]


def _record(file: BinaryIO, name: str, content: builtins.bytes | int) -> Record:
    """Write one file of the archive; a number stands for that many zeros, left as a hole."""
    full = f"celebahq/{name}".encode()
    start = file.tell()
    padding = -(start + 30 + len(full) + 4) % ALIGNMENT
    size = content if isinstance(content, int) else len(content)
    crc = _crc_of_zeros(size) if isinstance(content, int) else zlib.crc32(content)
    sizes = struct.pack("<IIIHH", crc, size, size, len(full), padding + 4)
    file.write(b"PK\x03\x04" + struct.pack("<HHHHH", 45, 0, 0, 0, 0x21) + sizes + full)
    file.write(struct.pack("<HH", 0x4246, padding) + bytes(padding))
    if isinstance(content, int):
        file.seek(size, 1)
    else:
        file.write(content)
    return full, crc, size, start


def _directory(file: BinaryIO, records: list[Record]) -> None:
    """The archive's directory, in the form for large files."""
    start = file.tell()
    for name, crc, size, position in records:
        sizes = struct.pack("<IIIHHHHHII", crc, size, size, len(name), 12, 0, 0, 0, 0, 0xFFFFFFFF)
        file.write(b"PK\x01\x02" + struct.pack("<HHHHHH", 45, 45, 0, 0, 0, 0x21) + sizes + name)
        file.write(struct.pack("<HHQ", 1, 8, position))
    end = file.tell()
    count = len(records)
    file.write(b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, end - start, start))
    file.write(b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1))
    file.write(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))
