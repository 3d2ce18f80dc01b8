"""What a foreign pickle may name, and the inert things that are made of it.

Nothing here runs code of the file, or code that the file chooses: a name stands for one of the functions below, which
only put plain values together. Every other name is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ddmi_models.errors import BadCheckpoint

RECORD_PREFIXES = ("omegaconf.",)
RECORD_CLASSES = {"argparse.Namespace"}
VALUES = {
    "typing.Any", "torch.float32", "torch.float16", "torch.bfloat16", "torch.float64", "torch.int64", "torch.int32",
    "torch.int16", "torch.int8", "torch.uint8", "torch.bool",
}  # fmt: skip
"""Names that files mention without using them for anything."""

STORAGES = {
    "FloatStorage": "F32", "DoubleStorage": "F64", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}  # fmt: skip
"""torch's storages and the types of their elements, by the names of `container.ITEM_BYTES`."""

MAX_AXES = 8
MAX_LENGTH = 2**50


@dataclass(frozen=True)
class Name:
    """A global that the pickle names. It is a label, not the thing."""

    full: str


@dataclass(eq=False)
class Record:
    """An object of an allowed class: what it was made of, never interpreted by code of that class."""

    kind: str
    arguments: tuple[Any, ...] = ()
    state: Any = field(default=None)


@dataclass(frozen=True)
class StorageRef:
    """A block of elements in the file."""

    key: str
    dtype: str
    elements: int


@dataclass(frozen=True)
class TensorRef:
    """A tensor in the file, not read yet. `offset` and `stride` count elements of the storage."""

    storage: StorageRef
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def dtype(self) -> str:
        return self.storage.dtype


class RefusedPickle(BadCheckpoint):
    """The pickle asks for something that no checkpoint needs."""


def lookup(module: str, name: str) -> Name:
    """The label for a global.

    Raises:
        RefusedPickle: naming it, if it is not on the list.
    """
    module = "builtins" if module == "__builtin__" else module
    full = f"{module}.{name}"
    allowed = full in CONSTRUCTORS or full in VALUES or full in RECORD_CLASSES or full.startswith(RECORD_PREFIXES)
    if not allowed and not (module == "torch" and name in STORAGES):
        raise RefusedPickle(
            f"the file asks for {printable(full)}, which no checkpoint needs: it may be hostile and was not opened."
        )
    return Name(full)


def printable(text: str, limit: int = 100) -> str:
    """Text of the file, fit for a message of one line."""
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= limit else text[:limit] + "..."


def call(function: Any, arguments: Any) -> Any:
    """What the pickle means by calling a global.

    Raises:
        RefusedPickle: if this is not one of the listed constructors.
    """
    if not isinstance(function, Name) or not isinstance(arguments, tuple):
        raise RefusedPickle("the file calls something that is not a listed class.")
    if function.full in CONSTRUCTORS:
        return CONSTRUCTORS[function.full](*arguments)
    if function.full in RECORD_CLASSES or function.full.startswith(RECORD_PREFIXES):
        return Record(function.full, arguments)
    raise RefusedPickle(f"the file calls {printable(function.full)}, which is not done by any checkpoint.")


def set_state(thing: Any, state: Any) -> None:
    """What the pickle means by giving an object its state.

    Raises:
        RefusedPickle: if the object is not one that has a state.
    """
    if isinstance(thing, Record):
        thing.state = state
    elif not isinstance(thing, dict):  # an ordered dictionary's state holds only versions of modules
        raise RefusedPickle("the file changes an object that has no state.")


def persistent(identity: Any) -> StorageRef:
    """The storage that a persistent id names: ("storage", type, key, location, number of elements)."""
    if not isinstance(identity, tuple) or len(identity) != 5 or identity[0] != "storage":
        raise RefusedPickle("the file refers to something other than a tensor's storage.")
    _, kind, key, _, elements = identity
    name = kind.full.removeprefix("torch.") if isinstance(kind, Name) else ""
    if name not in STORAGES or not isinstance(key, str) or not is_length(elements):
        raise RefusedPickle("the file refers to a tensor's storage that is not described as it should be.")
    return StorageRef(key, STORAGES[name], elements)


def is_length(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_LENGTH


def _lengths(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple | list) or len(value) > MAX_AXES or not all(map(is_length, value)):
        raise RefusedPickle("the file describes a tensor by something other than lengths.")
    return tuple(value)


def _tensor(storage: Any = None, offset: Any = None, size: Any = None, stride: Any = None, *_: Any) -> TensorRef:
    if not isinstance(storage, StorageRef) or not is_length(offset):
        raise RefusedPickle("the file describes a tensor without a storage.")
    shape, steps = _lengths(size), _lengths(stride)
    if len(shape) != len(steps):
        raise RefusedPickle("the file describes a tensor with more strides than axes.")
    return TensorRef(storage, offset, shape, steps)


def _parameter(data: Any = None, *_: Any) -> TensorRef:
    if not isinstance(data, TensorRef):
        raise RefusedPickle("the file describes a parameter without a tensor.")
    return data


def _size(values: Any = ()) -> tuple[int, ...]:
    return _lengths(values)


def _dictionary(pairs: Any = (), *_: Any) -> dict[Any, Any]:
    if isinstance(pairs, Name):  # the factory of a defaultdict
        return {}
    if not isinstance(pairs, tuple | list):
        raise RefusedPickle("the file makes a dictionary of something other than pairs.")
    made: dict[Any, Any] = {}
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise RefusedPickle("the file makes a dictionary of something other than pairs.")
        put(made, pair[0], pair[1])
    return made


def _sequence(values: Any = ()) -> list[Any]:
    if not isinstance(values, tuple | list):
        raise RefusedPickle("the file makes a list or a set of something that is not a list.")
    return list(values)


def _plain(kind: type) -> Callable[..., Any]:
    def make(value: Any = 0) -> Any:
        if not isinstance(value, kind | int):
            raise RefusedPickle("the file makes a number or a text of something else.")
        return value

    return make


CONSTRUCTORS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _dictionary,
    "collections.defaultdict": _dictionary,
    "torch.Size": _size,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "builtins.dict": _dictionary,
    "builtins.list": _sequence,
    "builtins.tuple": _sequence,
    "builtins.set": _sequence,
    "builtins.frozenset": _sequence,
    "builtins.int": _plain(int),
    "builtins.long": _plain(int),
    "builtins.bool": _plain(bool),
    "builtins.float": _plain(float),
    "builtins.str": _plain(str),
}
"""Globals that may be called, and what a call gives: sets and tuples become lists, ordered dictionaries plain ones."""


def put(mapping: dict[Any, Any], key: Any, value: Any) -> None:
    """Set an entry whose key comes from the file: plain values and shapes only, which are cheap and safe to hash.

    Raises:
        RefusedPickle: if the key is another kind of thing.
    """
    shape = isinstance(key, tuple) and len(key) <= MAX_AXES and all(map(is_length, key))
    if not shape and not isinstance(key, str | int | float | None):
        raise RefusedPickle("the file uses something other than plain values as the key of a dictionary.")
    mapping[key] = value
