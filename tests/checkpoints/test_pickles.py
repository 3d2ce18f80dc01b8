"""Hostile pickles: nothing in them runs, and each is refused with the name of what it asked for."""

from __future__ import annotations

import argparse
import builtins
import functools
import importlib
import io
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddmi_models.checkpoints.importer import import_model
from ddmi_models.checkpoints.official.archive import Archive
from ddmi_models.checkpoints.official.pickles import read_pickle
from ddmi_models.checkpoints.official.standins import Record, RefusedPickle, TensorRef
from ddmi_models.errors import BadCheckpoint, EngineError
from tests.checkpoints.helpers import archive, unpack


class Attack:
    """Pickles as a call of any function, and a state if there is one."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __reduce__(self) -> Any:
        return self.parts


def marker(folder: Path) -> str:
    return f"touch {folder / 'executed'}"


def attacks(folder: Path) -> dict[str, tuple[Any, str]]:
    """Objects that would run something when unpickled by the library, and the name that must be reported."""
    run = marker(folder)
    code = f"__import__('os').system({run!r})"
    return {
        "system": (Attack(os.system, (run,)), "posix.system"),
        "eval": (Attack(builtins.eval, (code,)), "builtins.eval"),
        "exec": (Attack(builtins.exec, (code,)), "builtins.exec"),
        "getattr": (Attack(getattr, ("x", "upper")), "builtins.getattr"),
        "import": (Attack(importlib.import_module, ("os",)), "importlib.import_module"),
        "popen": (Attack(subprocess.Popen, (["touch", str(folder / "executed")],)), ".Popen"),
        "partial": (functools.partial(os.system, run), "functools.partial"),
        "load": (Attack(torch.load, ("x",)), "torch.serialization.load"),
        "numpy": (np.zeros(3), "numpy"),
        "nested": ({"vaemodel": {"a": [(Attack(os.system, (run,)),)]}}, "posix.system"),
        "argument": (Attack(dict, ([("a", Attack(os.system, (run,)))],)), "posix.system"),
        "state": (Attack(dict, (), {"x": Attack(os.system, (run,))}), "posix.system"),
        "bytearray": (bytearray(b"x"), "builtins.bytearray"),
    }


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("name", attacks(Path()))
def test_attack_is_refused_by_name(tmp_path: Path, name: str, protocol: int) -> None:
    thing, named = attacks(tmp_path)[name]
    path = tmp_path / "hostile.pt"
    path.write_bytes(archive(pickle.dumps(thing, protocol=protocol)))
    with pytest.raises(BadCheckpoint) as caught:
        import_model(path)
    message = str(caught.value)
    assert str(path) in message
    assert named in message
    assert "\n" not in message
    assert not (tmp_path / "executed").exists()


def name(module: str, attribute: str) -> bytes:
    return b"c" + f"{module}\n{attribute}\n".encode()


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


PROTO, STOP, REDUCE, NEWOBJ, BUILD, EMPTY_TUPLE = b"\x80\x02", b".", b"R", b"\x81", b"b", b")"
RECORD = name("omegaconf.a", "B") + EMPTY_TUPLE + REDUCE
RAW = {
    "old call": (b"(S'touch x'\nios\nsystem\n", "INST"),
    "old object": (PROTO + b"(" + name("os", "system") + text("x") + b"o", "os.system"),
    "extension": (PROTO + b"\x82\x01", "EXT1"),
    "old persistent id": (b"Pstorage\n", "PERSID"),
    "text called": (PROTO + text("os.system") + EMPTY_TUPLE + REDUCE, "calls something"),
    "record called": (PROTO + RECORD + EMPTY_TUPLE + REDUCE, "calls something"),
    "tensor type called": (PROTO + name("torch", "FloatStorage") + EMPTY_TUPLE + REDUCE, "torch.FloatStorage"),
    "any called": (PROTO + name("typing", "Any") + EMPTY_TUPLE + NEWOBJ, "typing.Any"),
    "state of a class": (PROTO + name("argparse", "Namespace") + b"}" + BUILD, "has no state"),
    "state of a builtin": (PROTO + name("builtins", "dict") + b"}" + BUILD, "has no state"),
    "dotted": (PROTO + name("collections", "OrderedDict.__init__.__globals__"), "collections.OrderedDict.__init__"),
    "dotted module": (PROTO + name("torch._utils", "os.system"), "torch._utils.os.system"),
    "near omegaconf": (PROTO + name("omegaconfx", "y"), "omegaconfx.y"),
    "line feed in a name": (PROTO + text("os\nsystem") + text("x\ny") + b"\x93", r"os\nsystem"),
    "name by number": (PROTO + b"K\x01K\x02\x93", "not text"),
    "unhashable key": (PROTO + b"}]K\x01s", "key of a dictionary"),
    "record as key": (PROTO + b"}" + RECORD + b"K\x01s", "key of a dictionary"),
    "fill of a record": (PROTO + RECORD + b"K\x01a", "not a list"),
    "foreign persistent id": (PROTO + text("x") + b"Q", "storage"),
    "stack runs empty": (PROTO + REDUCE, "corrupt"),
    "no mark": (PROTO + b"t", "corrupt"),
    "unknown memo": (PROTO + b"h\x05", "corrupt"),
    "no end": (PROTO + b"}", "corrupt"),
    "nothing": (b"", "corrupt"),
    "unknown instruction": (b"\xff", "corrupt"),
}  # fmt: skip


@pytest.mark.parametrize("case", RAW)
def test_raw_instructions_are_refused(case: str) -> None:
    content, said = RAW[case]
    with pytest.raises(RefusedPickle) as caught:
        read_pickle(content + (b"" if case in {"no end", "nothing"} else STOP))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_that_is_named_is_imported() -> None:
    assert "omegaconf.anything" not in sys.modules
    made = read_pickle(PROTO + name("omegaconf.anything", "os.system") + text("touch x") + b"\x85" + REDUCE + STOP)
    assert isinstance(made, Record)
    assert made.kind == "omegaconf.anything.os.system"
    assert made.arguments == ("touch x",)
    assert "omegaconf.anything" not in sys.modules


def test_special_methods_stay_plain_state() -> None:
    """A state with names that Python treats specially is kept as data."""
    state = b"}" + text("__setstate__") + name("builtins", "dict") + b"s" + text("__class__") + text("x") + b"s"
    made = read_pickle(PROTO + name("argparse", "Namespace") + EMPTY_TUPLE + NEWOBJ + state + BUILD + STOP)
    assert type(made) is Record
    assert set(made.state) == {"__setstate__", "__class__"}


BOMBS = {
    "memo": PROTO + b"N" + b"r\xff\xff\xff\x7f",
    "bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b"x",
    "text": PROTO + b"X\xff\xff\xff\xff",
    "number": PROTO + b"\x8b\xff\xff\xff\x7f",
    "digits": b"I" + b"9" * 100_000 + b"\n",
    "deep key": PROTO + b"}" + EMPTY_TUPLE + b"\x85" * 200_000 + b"K\x01s",
    "deep list": PROTO + b"]" * 200_000 + b"a" * 199_999,
    "deep call": PROTO + name("omegaconf.a", "B") + b")R" + b"\x85" * 200_000,
}


@pytest.mark.parametrize("case", BOMBS)
def test_bombs_cost_little_and_hurt_nobody(case: str) -> None:
    """In a process of its own with little memory: it ends by itself, with a clear error or plain data."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)); "
        "from ddmi_models.checkpoints.official.pickles import read_pickle; "
        "from ddmi_models.errors import EngineError\n"
        "try: read_pickle(sys.stdin.buffer.read())\n"
        "except EngineError as error: print(error)\n"
        "print('survived')"
    )
    done = subprocess.run([sys.executable, "-c", code], input=BOMBS[case] + STOP, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.decode().split()[-1] == "survived"


def tensor(elements: int, offset: int, size: tuple[int, ...], stride: tuple[int, ...], key: str = "0") -> bytes:
    """A pickle of {"vaemodel": {"w": tensor}}, written as torch writes it."""

    class Storage(pickle.Pickler):
        def persistent_id(self, thing: Any) -> Any:
            return ("storage", torch.FloatStorage, key, "cpu", elements) if thing is builtins else None

    class Rebuild:
        def __reduce__(self) -> Any:
            return torch._utils._rebuild_tensor_v2, (builtins, offset, size, stride, False, {})

    buffer = io.BytesIO()
    Storage(buffer, protocol=2).dump({"vaemodel": {"w": Rebuild()}})
    return buffer.getvalue()


SIZES = {
    "negative size": (4, 0, (-1,), (1,)),
    "negative stride": (4, 3, (4,), (-1,)),
    "negative offset": (4, -1, (4,), (1,)),
    "size of no number": (4, 0, ("x",), (1,)),
    "huge size": (4, 0, (2**62,), (1,)),
    "huge product": (4, 0, (2**40, 2**40), (0, 0)),
    "repeated": (4, 0, (10**12,), (0,)),
    "beyond the end": (4, 2, (4,), (1,)),
    "wide stride": (4, 0, (2, 2), (1000, 1)),
    "storage longer than its bytes": (10**12, 0, (4,), (1,)),
    "too many axes": (4, 0, (1,) * 100, (1,) * 100),
    "strides of another length": (4, 0, (4,), (1, 1)),
}


@pytest.mark.parametrize("case", SIZES)
def test_tensors_that_lie_about_their_size(tmp_path: Path, case: str) -> None:
    path = tmp_path / "t.pt"
    path.write_bytes(archive(tensor(*SIZES[case]), {"0": np.arange(4, dtype="<f4").tobytes()}))
    with pytest.raises(BadCheckpoint), Archive.open(path) as opened:
        opened.read("w", opened.contents["vaemodel"]["w"])


def test_views_are_read_as_torch_reads_them(tmp_path: Path) -> None:
    base = torch.arange(24.0).reshape(4, 6)
    views = {
        "whole": base,
        "turned": base.T,
        "part": base[1:3, ::2],
        "one": base[2, 3],
        "half": base.half(),
        "none": base[:0],
    }
    path = tmp_path / "t.pt"
    torch.save(views, path)
    with Archive.open(path) as opened:
        for key, view in views.items():
            read = opened.read(key, opened.contents[key])
            assert read.dtype == view.dtype
            assert torch.equal(read, view)


def test_laughing_configuration_is_refused(tmp_path: Path) -> None:
    """Nested lists that share their parts: small in the file, endless when followed."""
    laugh: Any = ["ha"]
    for _ in range(10):
        laugh = [laugh] * 10
    empty = torch.zeros(1)
    contents = {
        "args": Attack(argparse.Namespace, (), {"ddconfig": laugh}),
        **{key: {"w": empty} for key in ("vaemodel", "mlp", "diffusion")},
        "ema": {"initted": empty, "step": empty, "ema_model.w": empty, "online_model.w": empty},
    }
    path = tmp_path / "t.pt"
    torch.save(contents, path)
    with pytest.raises(BadCheckpoint, match="configuration is far larger"):
        import_model(path)


@given(st.binary(max_size=300))
def test_any_bytes_give_plain_data_or_a_clear_error(content: bytes) -> None:
    try:
        made = read_pickle(content)
    except RefusedPickle as error:
        assert "\n" not in str(error)
    else:
        assert made is None or type(made).__module__ in {"builtins", Record.__module__}


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("image-tiny", tmp_path_factory.mktemp("official"))


@settings(max_examples=30)
@given(st.data())
def test_damaged_descriptions_give_clear_errors(official: Path, data: st.DataObject) -> None:
    with zipfile.ZipFile(official) as whole:
        content = bytearray(whole.read("image-tiny/data.pkl"))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = official.with_name("damaged.pt")
    path.write_bytes(archive(bytes(content)))
    with pytest.raises(EngineError) as caught:  # no tensor's bytes are there
        import_model(path)
    assert "\n" not in str(caught.value)


@settings(max_examples=30)
@given(st.data())
def test_truncated_archives_are_refused(official: Path, data: st.DataObject) -> None:
    content = official.read_bytes()
    path = official.with_name("cut.pt")
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(BadCheckpoint) as caught:
        import_model(path)
    assert str(path) in str(caught.value)


@settings(max_examples=30)
@given(st.data())
def test_flipped_bits_are_found(official: Path, data: st.DataObject) -> None:
    content = bytearray(official.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = official.with_name("flipped.pt")
    path.write_bytes(content)
    try:
        with Archive.open(path) as opened:
            entry = opened.contents["vaemodel"]
            for key, ref in entry.items():
                assert isinstance(ref, TensorRef)
                opened.read(key, ref)
    except EngineError as error:
        assert "\n" not in str(error)
