"""The zip archives that torch writes: what they say they hold, and their tensors, one at a time, from their place."""

from __future__ import annotations

import contextlib
import math
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from ddmi_models.checkpoints.container import ITEM_BYTES
from ddmi_models.checkpoints.official.pickles import MAX_PICKLE_BYTES, read_pickle
from ddmi_models.checkpoints.official.standins import RefusedPickle, TensorRef, printable
from ddmi_models.errors import BadCheckpoint

if TYPE_CHECKING:
    import torch

ZIP_START = b"PK"
LOCAL_HEADER_BYTES = 30
LOCAL_HEADER_LENGTHS = 26
ZIP_ERRORS = (
    zipfile.BadZipFile,
    OSError,
    ValueError,
    NotImplementedError,
    OverflowError,
    EOFError,
    struct.error,
    IndexError,
)
AGAIN = "Download it again."


@dataclass(frozen=True)
class _Record:
    """A stored, uncompressed file of the archive."""

    header_position: int
    bytes: int
    crc: int


class Archive:
    """An open official file: `contents` is what its pickle describes, with `TensorRef` for tensors."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file
        file.seek(0, 2)
        self._size = file.tell()
        file.seek(0)
        if file.read(2) != ZIP_START:
            raise BadCheckpoint(
                f"{path} is not a checkpoint as torch has written them since version 1.6.",
                "If it is an older one, open and save it with a newer torch, where you trust it.",
            )
        try:
            with zipfile.ZipFile(file) as archive:
                self._records, description, order = self._index(archive)
        except ZIP_ERRORS:
            raise BadCheckpoint(f"{path} is truncated or corrupt: it is not a whole zip archive.", AGAIN) from None
        if order not in (b"", b"little"):
            raise BadCheckpoint(f"{path} was written on a machine with another byte order, which is not supported.")
        try:
            self.contents: Any = read_pickle(description)
        except RefusedPickle as error:
            raise BadCheckpoint(f"{path} was refused: {error.message}") from None

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: Path) -> Iterator[Self]:
        """Open a file for reading.

        Raises:
            BadCheckpoint: missing, truncated, corrupt, hostile, or not such an archive.
        """
        try:
            file = path.open("rb")
        except OSError as error:
            raise BadCheckpoint(f"{path} cannot be read: {error.strerror or error}.") from None
        with file:
            yield cls(path, file)

    def _index(self, archive: zipfile.ZipFile) -> tuple[dict[str, _Record], bytes, bytes]:
        """Storages by key, the pickle, and the byte order."""
        infos = {info.filename: info for info in archive.infolist()}
        pickles = [name for name in infos if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise BadCheckpoint(f"{self.path} is a zip archive, but not a checkpoint of torch.")
        folder = pickles[0].removesuffix("data.pkl")
        if infos[pickles[0]].file_size > MAX_PICKLE_BYTES:
            raise BadCheckpoint(f"{self.path} was refused: its description is far larger than any checkpoint needs.")
        prefix = folder + "data/"
        records = {
            name.removeprefix(prefix): _Record(info.header_offset, info.file_size, info.CRC)
            for name, info in infos.items()
            if name.startswith(prefix) and info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1
        }
        order = folder + "byteorder"
        stored_order = archive.read(order)[:16] if order in infos and infos[order].file_size < 64 else b""
        return records, archive.read(pickles[0]), stored_order

    def read(self, name: str, ref: TensorRef) -> torch.Tensor:
        """One tensor, in memory of its own.

        Raises:
            BadCheckpoint: if its bytes are missing, damaged, or fewer than its shape needs.
        """
        import torch

        from ddmi_models.checkpoints.store import torch_type

        record = self._records.get(ref.storage.key)
        item = ITEM_BYTES[ref.dtype]
        # A tensor larger than its storage repeats elements: no checkpoint does, and it could claim any size.
        last = ref.offset + sum((n - 1) * s for n, s in zip(ref.shape, ref.stride, strict=True))
        elements = math.prod(ref.shape)
        if record is None or record.bytes != ref.storage.elements * item:
            raise self._bad(name, "its bytes are not in the file")
        if elements > ref.storage.elements or (elements and last >= ref.storage.elements):
            raise self._bad(name, "it is larger than its bytes")
        if not elements:
            return torch.empty(ref.shape, dtype=torch_type(ref.dtype))
        flat = torch.frombuffer(self._bytes(name, record), dtype=torch_type(ref.dtype))
        return flat.as_strided(ref.shape, ref.stride, ref.offset)

    def _bytes(self, name: str, record: _Record) -> bytearray:
        """A record's content, checked against its checksum."""
        file = self._file
        try:
            file.seek(record.header_position)
            header = file.read(LOCAL_HEADER_BYTES)
            lengths = struct.unpack_from("<HH", header, LOCAL_HEADER_LENGTHS)
            start = record.header_position + LOCAL_HEADER_BYTES + sum(lengths)
            if start + record.bytes > self._size:
                raise self._bad(name, "the file ends too early")
            data = bytearray(record.bytes)
            file.seek(start)
            filled = file.readinto(data)  # type: ignore[attr-defined]
        except (OSError, ValueError, struct.error):
            raise self._bad(name, "it cannot be read") from None
        if filled != record.bytes or zlib.crc32(data) != record.crc:
            raise self._bad(name, "its checksum is wrong")
        return data

    def _bad(self, name: str, why: str) -> BadCheckpoint:
        return BadCheckpoint(f"{self.path} is truncated or corrupt: in the tensor {printable(name)}, {why}.", AGAIN)


TensorReader = Callable[[str, TensorRef], "torch.Tensor"]
