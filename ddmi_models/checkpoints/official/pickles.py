"""A reader of pickles that cannot execute anything.

A pickle is a program for a small stack machine. The library's machine calls whatever the file names; even with a filter
on names its memory can be blown up by a few bytes. This one knows only the instructions that build plain values, and
hands every name, call and state to `standins`, which knows only labels. Instructions that it does not know are refused.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable
from typing import Any

from ddmi_models.checkpoints.official import standins
from ddmi_models.checkpoints.official.standins import RefusedPickle

MAX_PICKLE_BYTES = 32 << 20
"""Ten times what the largest published file needs; bounds the memory that a file of tiny instructions can take."""

CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": list,
}
LITERALS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8",
}  # fmt: skip
NOTHING = {"PROTO", "FRAME"}
SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
GETS = {"GET", "BINGET", "LONG_BINGET"}
PUTS = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}


def read_pickle(data: bytes) -> Any:
    """The value that a pickle describes, made of plain values and stand-ins.

    Raises:
        RefusedPickle: if it is too large, broken, or needs anything else.
    """
    if len(data) > MAX_PICKLE_BYTES:
        raise RefusedPickle("its description is far larger than any checkpoint needs.")
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name != "STOP":
                machine.step(opcode.name, argument)
        return machine.pop()
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, struct.error):
        # All come from instructions that do not fit together; what they say is about bytes and no help to anyone.
        raise RefusedPickle("its description is corrupt.") from None


class _Machine:
    """Stack, marks and memo of one pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def pop(self) -> Any:
        return self.stack.pop()

    def pop_mark(self) -> list[Any]:
        """Everything above the last mark."""
        items, self.stack = self.stack, self.below.pop()
        return items

    def take(self, count: int) -> tuple[Any, ...]:
        if len(self.stack) < count:
            raise IndexError
        items = tuple(self.stack[-count:])
        del self.stack[-count:]
        return items

    def step(self, name: str, argument: Any) -> None:
        """Carry out one instruction."""
        if name in CONSTANTS:
            self.stack.append(CONSTANTS[name]())
        elif name in LITERALS:
            self.stack.append(argument)
        elif name in GETS:
            self.stack.append(self.memo[argument])
        elif name in PUTS:
            self.memo[len(self.memo) if name == "MEMOIZE" else argument] = self.stack[-1]
        elif name in SHORT_TUPLES:
            self.stack.append(self.take(SHORT_TUPLES[name]))
        elif name in STEPS:
            STEPS[name](self, argument)
        elif name not in NOTHING:
            raise RefusedPickle(f"the file uses the instruction {name}, which no checkpoint needs.")

    def mark(self, _: Any) -> None:
        self.below.append(self.stack)
        self.stack = []

    def drop(self, _: Any) -> None:
        self.pop()

    def drop_mark(self, _: Any) -> None:
        self.pop_mark()

    def duplicate(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def make_tuple(self, _: Any) -> None:
        items = self.pop_mark()
        self.stack.append(tuple(items))

    def make_list(self, _: Any) -> None:
        items = self.pop_mark()
        self.stack.append(items)

    def make_dict(self, _: Any) -> None:
        items = self.pop_mark()
        self.stack.append({})
        self._put_all(items)

    def append(self, _: Any) -> None:
        item = self.pop()
        self._top(list).append(item)

    def extend(self, _: Any) -> None:
        items = self.pop_mark()
        self._top(list).extend(items)

    def put(self, _: Any) -> None:
        self._put_all(list(self.take(2)))

    def put_all(self, _: Any) -> None:
        self._put_all(self.pop_mark())

    def _put_all(self, items: list[Any]) -> None:
        target = self._top(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            standins.put(target, key, value)

    def _top(self, kind: type) -> Any:
        if type(self.stack[-1]) is not kind:
            raise RefusedPickle("the file fills something that is not a list or a dictionary.")
        return self.stack[-1]

    def name(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(standins.lookup(module, name))

    def stack_name(self, _: Any) -> None:
        module, name = self.take(2)
        if not isinstance(module, str) or not isinstance(name, str):
            raise RefusedPickle("the file names a class by something that is not text.")
        self.stack.append(standins.lookup(module, name))

    def call(self, _: Any) -> None:
        function, arguments = self.take(2)
        self.stack.append(standins.call(function, arguments))

    def build(self, _: Any) -> None:
        state = self.pop()
        standins.set_state(self.stack[-1], state)

    def persistent(self, _: Any) -> None:
        self.stack.append(standins.persistent(self.pop()))


STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "POP": _Machine.drop,
    "POP_MARK": _Machine.drop_mark,
    "DUP": _Machine.duplicate,
    "TUPLE": _Machine.make_tuple,
    "LIST": _Machine.make_list,
    "FROZENSET": _Machine.make_list,
    "DICT": _Machine.make_dict,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.extend,
    "ADDITEMS": _Machine.extend,
    "SETITEM": _Machine.put,
    "SETITEMS": _Machine.put_all,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.stack_name,
    "REDUCE": _Machine.call,
    "NEWOBJ": _Machine.call,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent,
}
