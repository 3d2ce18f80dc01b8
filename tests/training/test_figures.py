"""Time left, event files for TensorBoard, shares of a batch."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddmi_models.training.pace import Pace
from ddmi_models.training.processes import shares
from ddmi_models.training.tensorboard import EventFile, crc32c, encode_version


def test_time_left_follows_the_last_steps_and_counts_what_lies_between() -> None:
    pace = Pace()
    assert pace.seconds_left(10) is None
    pace.step(60.0)  # the first step warms up
    for _ in range(500):
        pace.step(1.0)
    assert pace.seconds_left(100) == pytest.approx(100)
    pace.between(501 * 0.5)
    assert pace.seconds_left(100) == pytest.approx(150)
    for _ in range(100):
        pace.step(3.0)
    assert 300 < pace.seconds_left(100) < 350


@given(batch=st.integers(1, 70), processes=st.integers(1, 8), pieces=st.integers(1, 9))
def test_shares_cover_a_batch_once(batch: int, processes: int, pieces: int) -> None:
    processes = min(processes, batch)
    parts = [part for rank in range(processes) for part in shares(batch, processes, rank, pieces)]
    assert [item for part in parts for item in range(part.start, part.stop)] == list(range(batch))
    assert all(part.stop > part.start for part in parts)


def test_checksum_has_the_value_of_its_definition() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720, appendix B.4 and the usual check value


def records(path: Path) -> list[bytes]:
    """The contents of an event file's records, their lengths and places checked."""
    data, found = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        found.append(data[12 : 12 + length])
        assert len(found[-1]) == length
        data = data[16 + length :]
    return found


def test_event_file_holds_the_rows(tmp_path: Path) -> None:
    rows = [{"step": 1, "time": 12.5, "loss": 0.25}, {"step": 300, "time": 13.5, "loss": None, "psnr": 20.0}]
    EventFile.start(tmp_path, rows[:1])
    events = EventFile.start(tmp_path, rows[:1])  # in place of the first
    events.add(rows[1])
    (path,) = tmp_path.glob("events.out.tfevents.*")
    version, first, second = records(path)
    assert b"brain.Event:2" in version and version[:1] == encode_version()[:1]
    moment, step = struct.pack("<d", 12.5), b"\x10\x01"
    value = b"\x0a\x04loss\x15" + struct.pack("<f", 0.25)
    summary = b"\x0a" + bytes([len(value)]) + value
    assert first == b"\x09" + moment + step + b"\x2a" + bytes([len(summary)]) + summary
    assert b"\x10\xac\x02" in second and b"psnr" in second and b"loss" not in second
