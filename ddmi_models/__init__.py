"""DDMI models: continuous generative models for images, shapes, radiance fields and videos.

    import ddmi_models as ddmi
    table, = ddmi.load("furniture").sample("a round table with one central leg", seed=7)
    table.mesh(128).export("table.glb")

The names below are loaded when they are first used, so that importing this package is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ddmi_models.api import Model, Sample, encode, export_path, load, models, open
    from ddmi_models.cameras import Camera
    from ddmi_models.errors import EngineError

__all__ = ["Camera", "EngineError", "Model", "Sample", "encode", "export_path", "load", "models", "open"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ddmi_models import api, errors

    return getattr(errors if name == "EngineError" else api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
