"""Native model files: what goes in comes out, and nothing broken gets in."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.checkpoints.store import (
    ModelHeader,
    check_keys,
    parameter_count,
    read_header,
    read_model,
    write_model,
)
from ddmi_models.errors import BadCheckpoint, BadInput, CannotWrite, EngineError
from tests.checkpoints.helpers import tiny_config, tiny_tensors, write_tiny

KINDS = {
    "large": torch.linspace(-3, 3, 4096).reshape(64, 64),
    "bias": torch.linspace(0, 1, 5000),
    "small": torch.tensor([[1 / 3]]),
    "count": torch.arange(7),
    "flag": torch.tensor(True),
    "empty": torch.empty(0, 3),
    "turned": torch.arange(6.0).reshape(2, 3).T,
}


def header(**changes: object) -> ModelHeader:
    return ModelHeader(name="x", config=tiny_config(), stage="autoencoder").model_copy(update=changes)


def test_values_types_and_header_come_back(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    told = header(licence="CC0", training={"steps": 7, "psnr": 30.5}, weights="online")
    write_model(path, told, KINDS)
    read, tensors = read_model(path)
    assert read == told == read_header(path)
    assert tensors.keys() == KINDS.keys()
    for name, tensor in KINDS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)


def test_the_library_of_the_format_reads_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    write_model(path, header(), KINDS)
    for name, tensor in safetensors.torch.load_file(path).items():
        assert torch.equal(tensor, KINDS[name])


@pytest.mark.parametrize(("precision", "error"), [("fp16", 2e-3), ("bf16", 1.3e-2)])
def test_half_precision_halves_the_file_and_keeps_delicate_tensors(
    tmp_path: Path, precision: str, error: float
) -> None:
    write_model(tmp_path / "full.safetensors", header(), {"large": KINDS["large"]})
    write_model(tmp_path / "half.safetensors", header(), {"large": KINDS["large"]}, precision)
    assert (tmp_path / "full.safetensors").stat().st_size - (
        tmp_path / "half.safetensors"
    ).stat().st_size >= 4096 * 2 - 8
    write_model(tmp_path / "all.safetensors", header(), KINDS, precision)
    _, tensors = read_model(tmp_path / "all.safetensors")
    assert torch.equal(tensors["bias"], KINDS["bias"])
    assert torch.equal(tensors["small"], KINDS["small"])
    assert tensors["large"].dtype == torch.float32
    assert 0 < float((tensors["large"] - KINDS["large"]).abs().max()) < error


def test_values_too_large_for_fp16_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"'w'.*too large for fp16.*bf16"):
        write_model(tmp_path / "m.safetensors", header(), {"w": torch.full((64, 64), 1e5)}, "fp16")
    assert not list(tmp_path.iterdir())


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "m.safetensors", header(), {"w": torch.tensor([1.0, float("nan")])})
    with pytest.raises(BadCheckpoint, match="'w' that are not finite"):
        read_model(tmp_path / "m.safetensors")


def test_header_is_read_without_torch(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "m.safetensors")
    code = (
        "import sys; from ddmi_models.checkpoints.store import read_header; "
        "from ddmi_models.checkpoints.registry import find_model; "
        "print(read_header(sys.argv[1]).name, find_model(sys.argv[1]).parameters, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    count = sum(t.numel() for t in tiny_tensors(tiny_config()).values())
    assert done.stdout.split() == ["tiny", str(count), "False"]


def test_schedule_is_not_counted_as_weights(tmp_path: Path) -> None:
    tensors = {"diffusion.model.w": torch.zeros(3, 3), "diffusion.betas": torch.zeros(1000)}
    write_model(tmp_path / "m.safetensors", header(), tensors)
    assert parameter_count(tmp_path / "m.safetensors") == 9


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tiny(tmp_path / "m.safetensors")
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWrite, match=r"m\.safetensors cannot be written: No space left.*Free some space"):
        write_tiny(path, seed=1)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_cancelled_write_leaves_nothing(tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(WorkCancelled):
        write_model(tmp_path / "m.safetensors", header(), KINDS, check=token.check)
    assert not list(tmp_path.iterdir())


def test_folder_that_is_missing_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "none" / "m.safetensors", tmp_path / "file" / "m.safetensors", tmp_path):
        with pytest.raises(CannotWrite):
            write_model(place, header(), KINDS)


def test_files_of_other_kinds_say_what_they_are(tmp_path: Path) -> None:
    cases = {
        "text": (b"just a text file, no model", "not a safetensors file"),
        "nothing": (b"", "not a safetensors file"),
        "huge": (b"\xff" * 64, "not a safetensors file"),
    }
    for name, (content, message) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadCheckpoint, match=message):
            read_header(tmp_path / name)
    safetensors.torch.save_file({"w": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(BadCheckpoint, match="not a model of this program"):
        read_header(tmp_path / "foreign.safetensors")
    with pytest.raises(BadCheckpoint, match="cannot be read: No such file"):
        read_header(tmp_path / "missing.safetensors")


def test_newer_format_asks_for_an_update(tmp_path: Path) -> None:
    write_model(tmp_path / "m.safetensors", header(format_version=2), {})
    with pytest.raises(BadCheckpoint, match="newer version"):
        read_header(tmp_path / "m.safetensors")


def test_unknown_key_in_the_description_is_named(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "m.safetensors")
    content = path.read_bytes()
    assert content.count(b"licence") == 1
    path.write_bytes(content.replace(b"licence", b"licenze"))
    with pytest.raises(BadCheckpoint, match="licenze"):
        read_header(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("whole") / "m.safetensors")


@given(st.data())
def test_truncated_files_are_refused(whole: Path, data: st.DataObject) -> None:
    content = whole.read_bytes()
    path = whole.with_name("cut.safetensors")
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(BadCheckpoint) as caught:
        read_model(path)
    assert "\n" not in str(caught.value)


@given(st.data())
def test_damaged_files_raise_nothing_but_clear_errors(whole: Path, data: st.DataObject) -> None:
    content = bytearray(whole.read_bytes())
    start = int.from_bytes(content[:8], "little") + 8
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, start))] ^= data.draw(st.integers(1, 255))
    path = whole.with_name("damaged.safetensors")
    path.write_bytes(content)
    try:
        _, tensors = read_model(path)
    except EngineError as error:
        assert "\n" not in str(error)
    else:
        assert sum(t.numel() for t in tensors.values()) <= len(content)


def test_check_keys_lists_everything() -> None:
    expected = {"a": (1,), "b": (2, 3), "c": (4,)}
    check_keys(expected, dict(expected))
    with pytest.raises(
        BadCheckpoint, match=r"missing: c; not known: d, e; of another size: b \(\[3, 2\] instead of \[2, 3\]\)"
    ):
        check_keys(expected, {"a": (1,), "b": (3, 2), "e": (), "d": ()})
