"""How samples are evaluated and exported: one set of values a domain, kept while the window is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal

from ddmi_models.requests import ModelInfo
from ddmi_studio.state.clip import ClipSettings
from ddmi_studio.state.scene import RenderSettings, Scene
from ddmi_studio.state.shot import Shot

MESHES = (".glb", ".obj", ".ply", ".stl")
FEWEST_FACES = 4


@dataclass(frozen=True)
class ExportChoice:
    """Format and size of the next export: a suffix such as ".glb" ("" for a folder), and (width, height) in pixels or
    (cells, cells); of clips also the frames a second (None: as shown), of meshes how many faces to keep (None: all)."""

    suffix: str
    resolution: tuple[int, int]
    rate: float | None = None
    faces: int | None = None

    @property
    def kept_faces(self) -> int | None:
        """The faces to keep where the format has any."""
        return self.faces if self.suffix in MESHES else None


class RenderState(QObject):
    """Evented render settings by domain.

    Signals:
        changed: (domain, moving): the settings of a domain, `moving` while the hand is on a slider.
        export_changed: domain. shot_changed: domain, where its clips move in another way.
    """

    changed = Signal(str, bool)
    export_changed = Signal(str)
    shot_changed = Signal(str)

    def __init__(self, scenes: Mapping[str, Scene], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = {d: RenderSettings(s.default, 0.5 if s.has_iso else None) for d, s in scenes.items()}
        self._exports = {d: ExportChoice(s.formats[0][0], (s.export_default,) * 2) for d, s in scenes.items()}
        self._scenes = scenes
        self._shots = {d: Shot() for d, s in scenes.items() if s.has_cameras}
        self._left: dict[tuple[str, str], tuple[int, int]] = {}
        self._models: dict[str, str] = {}

    def settings(self, domain: str) -> RenderSettings:
        return self._settings[domain]

    def export(self, domain: str) -> ExportChoice:
        return self._exports[domain]

    def set(self, domain: str, moving: bool = False, **values: object) -> None:
        """Change settings of a domain by name; at the end of a drag also where the value has not changed since."""
        new = replace(self._settings[domain], **values)  # type: ignore[arg-type]
        if new != self._settings[domain] or not moving:
            self._settings[domain] = new
            self.changed.emit(domain, moving)

    def set_export(self, domain: str, **values: object) -> None:
        """Change the next export by name; a format whose size counts something else has the size last chosen for it."""
        old = self._exports[domain]
        new = replace(old, **values)  # type: ignore[arg-type]
        before, after = (self._scenes[domain].sizes(choice.suffix) for choice in (old, new))
        if before.unit != after.unit:
            self._left[domain, before.unit] = old.resolution
            new = replace(new, resolution=self._left.get((domain, after.unit), (after.default,) * 2))
        self._exports[domain] = new
        self.export_changed.emit(domain)

    def shot(self, domain: str) -> Shot | None:
        """How it is seen and filmed; None where no camera moves."""
        return self._shots.get(domain)

    def set_shot(self, domain: str, **values: object) -> None:
        old = self._shots[domain]
        new = self._shots[domain] = replace(old, **values)  # type: ignore[arg-type]
        if replace(new, camera=old.camera, shows=old.shows) != old:
            self.shot_changed.emit(domain)

    def use_model(self, model: ModelInfo) -> None:
        """Take the model's own surface level, number of scales, frames and camera when another model's sample comes on
        the screen."""
        domain = model.domain
        if domain not in self._settings or self._models.get(domain) == model.name:
            return
        self._models[domain] = model.name
        old = self._settings[domain]
        self._settings[domain] = replace(
            old,
            iso=model.iso if old.iso is not None else None,
            gains=(1.0,) * len(model.scales),
            clip=ClipSettings.trained(model.frames, model.rate) if model.rate else None,
            camera=model.camera,
        )
        self.changed.emit(domain, False)
