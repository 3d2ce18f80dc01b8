"""The safetensors container, read and written piece by piece, without torch.

Layout: 8 bytes (length of the header, little-endian), the header as JSON (name -> type, shape, position; text under
`__metadata__`), then the tensors' bytes one after another.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ddmi_models.errors import BadCheckpoint

LENGTH_BYTES = 8
MAX_HEADER_BYTES = 100_000_000
ALIGNMENT = 8
ITEM_BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2,
    "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}  # fmt: skip
"""Bytes of one element, by the container's name of the type."""


@dataclass(frozen=True)
class Entry:
    """One tensor of the file: type (a key of ITEM_BYTES) and shape."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.elements * ITEM_BYTES[self.dtype]


@dataclass(frozen=True)
class Contents:
    """What a container's header says. `starts` are positions in the file."""

    metadata: Mapping[str, str]
    entries: Mapping[str, Entry]
    starts: Mapping[str, int]


def encode_header(metadata: Mapping[str, str], entries: Mapping[str, Entry]) -> bytes:
    """The first bytes of a container whose tensors follow in the order of `entries`."""
    values: dict[str, Any] = {"__metadata__": dict(metadata)}
    position = 0
    for name, entry in entries.items():
        end = position + entry.bytes
        values[name] = {"dtype": entry.dtype, "shape": list(entry.shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(values, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return struct.pack("<Q", len(text)) + text


def write_container(
    file: BinaryIO, metadata: Mapping[str, str], entries: Mapping[str, Entry], data: Iterator[bytes | memoryview]
) -> Iterator[int]:
    """Write header and tensors; `data` gives the bytes of each tensor in the order of `entries`, one at a time.

    Yields the number of tensors written after each.
    """
    file.write(encode_header(metadata, entries))
    for done, (entry, content) in enumerate(zip(entries.values(), data, strict=True), start=1):
        if len(content) != entry.bytes:
            raise ValueError(f"{len(content)} bytes were given for a tensor of {entry.bytes}")
        file.write(content)
        yield done


def read_contents(path: Path) -> Contents:
    """Read the header of a container.

    Raises:
        BadCheckpoint: if the file is missing, truncated, corrupt or of another kind.
    """
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            size = file.tell()
            file.seek(0)
            values, start = _read_json(path, file, size)
    except OSError as error:
        raise BadCheckpoint(f"{path} cannot be read: {error.strerror or error}.") from None
    metadata = values.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _corrupt(path, "its metadata is not text")
    entries, starts = {}, {}
    for name, value in values.items():
        entries[name], starts[name] = _entry(path, name, value, size - start)
    expected = 0
    for name in sorted(entries, key=lambda n: (starts[n], entries[n].bytes)):
        if starts[name] != expected:
            raise _corrupt(path, f"the tensor {name!r} overlaps another one or leaves a gap")
        expected += entries[name].bytes
    if start + expected != size:
        what = (
            "truncated: it ends too early" if start + expected > size else "corrupt: it goes on after its last tensor"
        )
        raise BadCheckpoint(f"{path} is {what}.", "Download or save it again.")
    return Contents(metadata, entries, {name: start + s for name, s in starts.items()})


def _corrupt(path: Path, why: str) -> BadCheckpoint:
    return BadCheckpoint(f"{path} is corrupt: {why}.", "Download or save it again.")


def _read_json(path: Path, file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """The header's values, and where the tensors start."""
    foreign = BadCheckpoint(f"{path} is not a safetensors file.", "Give a model that this program wrote.")
    first = file.read(LENGTH_BYTES)
    if len(first) < LENGTH_BYTES:
        raise foreign
    (length,) = struct.unpack("<Q", first)
    if not 2 <= length <= MAX_HEADER_BYTES or file.read(1) != b"{":
        raise foreign
    if LENGTH_BYTES + length > size:
        raise BadCheckpoint(f"{path} is truncated: it ends inside its header.", "Download or save it again.")
    try:
        values = json.loads((b"{" + file.read(length - 1)).decode())
    except (ValueError, RecursionError):
        raise _corrupt(path, "its header is not readable") from None
    if not isinstance(values, dict):
        raise foreign
    return values, LENGTH_BYTES + length


def _entry(path: Path, name: str, value: Any, room: int) -> tuple[Entry, int]:
    """One tensor's description, checked; its position is counted from the first tensor."""
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise _corrupt(path, f"the tensor {name!r} is not described as it should be")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if dtype not in ITEM_BYTES:
        raise BadCheckpoint(f"{path} holds the tensor {name!r} of type {dtype!r}, which this program does not know.")
    if not _counts(shape) or not _counts(offsets) or len(offsets) != 2:
        raise _corrupt(path, f"the tensor {name!r} has no valid shape or position")
    entry = Entry(dtype, tuple(shape))
    if offsets[1] - offsets[0] != entry.bytes:
        raise _corrupt(path, f"the tensor {name!r} does not have the size of its shape")
    if offsets[1] > room:
        raise BadCheckpoint(f"{path} is truncated: the tensor {name!r} is not complete.", "Download or save it again.")
    return entry, offsets[0]


def _counts(values: Any) -> bool:
    """Whether this is a list of numbers that can be lengths."""
    return (
        isinstance(values, Sequence)
        and not isinstance(values, str)
        and all(isinstance(v, int) and not isinstance(v, bool) and 0 <= v < 2**62 for v in values)
    )
