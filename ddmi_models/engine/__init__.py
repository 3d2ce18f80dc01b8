"""The door: a frozen request goes in, a stream of events comes out, ending with one of Result, Cancelled, Failed."""

from __future__ import annotations

from ddmi_models.engine.core import Engine

__all__ = ["Engine"]
