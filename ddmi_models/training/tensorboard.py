"""Figures for TensorBoard: its event files, written without its package.

A file is a row of records (length, checksum, bytes, checksum), each a protocol buffer `Event` with one `Summary`.
"""

from __future__ import annotations

import functools
import os
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ddmi_models.files import cannot_write

NAME = "events.out.tfevents"
POLYNOMIAL = 0x82F63B78
"""Of CRC-32C (Castagnoli), reflected."""

NO_FIGURES = {"step", "time"}


class EventFile:
    """A file to which rows of figures are appended."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def start(cls, folder: Path, rows: Iterable[Mapping[str, Any]]) -> EventFile:
        """Begin anew with the given rows, in place of all earlier files of the folder. Raises: CannotWrite."""
        made = cls(folder / f"{NAME}.{time.time_ns() // 1000}.{socket.gethostname()}.{os.getpid()}")
        records = [record(encode_version())] + [record(encode_row(row)) for row in rows]
        try:
            folder.mkdir(exist_ok=True)
            for older in folder.glob(f"{NAME}.*"):
                older.unlink()
            made.path.write_bytes(b"".join(records))
        except OSError as error:
            raise cannot_write(made.path, error) from None
        return made

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row: `step`, `time`, and numbers by name. Raises: CannotWrite."""
        try:
            with self.path.open("ab") as file:
                file.write(record(encode_row(row)))
        except OSError as error:
            raise cannot_write(self.path, error) from None


def record(data: bytes) -> bytes:
    """A record of an event file."""
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def encode_version() -> bytes:
    """The event that begins a file."""
    return _double(1, time.time()) + _bytes(3, b"brain.Event:2")


def encode_row(row: Mapping[str, Any]) -> bytes:
    """The event of a row."""
    numbers = {key: value for key, value in row.items() if key not in NO_FIGURES and isinstance(value, int | float)}
    values = (_bytes(1, _bytes(1, key.encode()) + _float(2, value)) for key, value in numbers.items())
    moment = _double(1, row["time"]) if "time" in row else b""
    return moment + _varint(2 << 3) + _varint(row["step"]) + _bytes(5, b"".join(values))


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def crc32c(data: bytes) -> int:
    """Checksum CRC-32C."""
    value = 0xFFFFFFFF
    for byte in data:
        value = _table()[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    value = crc32c(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)


@functools.cache
def _table() -> tuple[int, ...]:
    entries = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
        entries.append(value)
    return tuple(entries)
