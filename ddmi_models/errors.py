"""Errors that a user can act on: each message is one line that says what is wrong and what to do."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""A text with file names in it as every terminal, log and window can show it.

    Names of files may be bytes that are no UTF-8, which Python keeps as lone surrogates: `\udcff` for the byte 255.
    """
    return text.encode(errors="backslashreplace").decode()


class EngineError(Exception):
    """Base of every error that the engine raises on purpose.

    Args:
        message: one line, what is wrong.
        hint: one line, what to do about it; shown after the message.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = printable(message)
        super().__init__(self.message)
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class BadInput(EngineError):
    """A value, file or option given by the user cannot be used."""


class NoRecipe(BadInput):
    """A file of this or another program that carries no recipe."""


class BadConfig(BadInput):
    """A configuration has an unknown key, a missing key or a value out of range."""


class BadCheckpoint(EngineError):
    """A model file is truncated, corrupt, foreign, hostile or does not fit its configuration."""


class UnknownModel(EngineError):
    """No starter, imported model or file has the name that was asked for."""


class BadData(EngineError):
    """A data set is missing, empty or unreadable."""


class OutOfMemory(EngineError):
    """The work does not fit in memory; the message names the largest size that does."""


MEMORY_WORDS = ("out of memory", "not enough memory", "can't allocate memory", "alloc_cpu")
"""How torch says in a RuntimeError that memory ran out."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python or torch says that memory ran out."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in MEMORY_WORDS)


class CannotWrite(EngineError):
    """A result cannot be written: no permission, no space, no such folder, unknown format."""


class Unavailable(EngineError):
    """Something that the machine lacks: a device, a display, an optional library, downloaded weights."""


class BadItem(Exception):
    """One of many things of the user's cannot be used; the message says why, in a few words for a line about it."""
