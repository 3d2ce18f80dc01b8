"""Loading torch and what stands on it into a process that has a window, so that the window answers meanwhile.

What would stop it, and what is done about it:

- Python's collector of garbage holds Python's lock while it looks through everything that is alive. Importing makes
  hundreds of thousands of objects that stay for ever, and it looks through them again and again. It rests while the
  libraries load, and afterwards leaves what they made out of its search.
- An import of a compiled module holds the lock while the system links its libraries: seconds for torch on a cold disk.
  Called through ctypes the linker works without the lock, and the import then finds the libraries loaded.
- A thread that runs Python keeps the lock for 5 ms at a time, and painting a window takes it many times. While the
  libraries load it changes hands more often.

Triton, which torch and diffusers import where it is installed, brings an LLVM of its own. Loaded after the LLVM of a
software OpenGL (Mesa's llvmpipe) it ends the process with a segmentation fault. Nothing here compiles kernels, so it is
left out: both libraries then go on without it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ddmi_models.cancel import CancelToken
from ddmi_models.events import Event, Progress
from ddmi_models.requests import ListModels, Request
from ddmi_studio.jobs.job import EngineLike

LIBRARIES = ("libc10.so", "libtorch_cpu.so", "libtorch.so", "libtorch_python.so")
SWITCH_INTERVAL = 0.0005
"""Seconds after which a thread that runs Python lets others have a turn while libraries load."""


class PreparedEngine:
    """An engine that loads its libraries, a step at a time, before the first request that needs them.

    Args:
        modules: what to import, in this order.
    """

    def __init__(self, engine: EngineLike, modules: Sequence[str]) -> None:
        self._engine = engine
        self._missing = list(modules)
        hide_triton()

    def run(self, request: Request, token: CancelToken) -> Iterator[Event]:
        if self._missing and not isinstance(request, ListModels):
            yield from self._prepare(token)
        yield from self._engine.run(request, token)

    def _prepare(self, token: CancelToken) -> Iterator[Event]:
        with quiet_lock():
            preload_torch()
            total = len(self._missing)
            while self._missing:  # a more urgent request may have emptied it meanwhile
                token.check()
                name = self._missing[0]
                importlib.import_module(name)
                if name in self._missing:
                    self._missing.remove(name)
                yield Progress(total - len(self._missing), total, "Starting")


@contextlib.contextmanager
def quiet_lock() -> Iterator[None]:
    """While libraries load, nothing holds Python's lock for long."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
        sys.setswitchinterval(interval)


def hide_triton() -> None:
    """An import of triton raises ImportError from now on."""
    sys.modules.setdefault("triton", None)  # type: ignore[arg-type]


def preload_torch() -> None:
    """Load torch's libraries on the calling thread; does nothing where torch is loaded or the system is not Linux."""
    if "torch" in sys.modules or not sys.platform.startswith("linux"):
        return
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return
    link = ctypes.CDLL(None).dlopen
    link.restype = ctypes.c_void_p
    link.argtypes = [ctypes.c_char_p, ctypes.c_int]
    for name in LIBRARIES:
        path = Path(spec.origin).parent / "lib" / name
        if path.exists():
            link(os.fsencode(path), os.RTLD_NOW)
