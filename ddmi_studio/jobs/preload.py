"""Loading torch into a process that has a window: without stopping it, and without a second LLVM.

An import of a compiled module holds Python's lock while the system links its libraries: seconds for torch on a cold
disk, in which no other thread runs. Called through ctypes the linker works without the lock, and the import then finds
the libraries loaded.

Triton, which torch and diffusers import where it is installed, brings an LLVM of its own. Loaded after the LLVM of a
software OpenGL (Mesa's llvmpipe) it ends the process with a segmentation fault. Nothing here compiles kernels, so it is
left out: both libraries then go on without it.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

LIBRARIES = ("libc10.so", "libtorch_cpu.so", "libtorch.so", "libtorch_python.so")


def preload_torch() -> None:
    """Load torch's libraries on the calling thread; does nothing where torch is loaded or the system is not Linux."""
    if "triton" not in sys.modules:
        sys.modules["triton"] = None  # type: ignore[assignment]  # an import of it raises ImportError
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
