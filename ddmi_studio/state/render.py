"""How samples are evaluated and exported: one set of values a domain, kept while the window is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal

from ddmi_models.requests import ModelInfo
from ddmi_studio.state.clip import ClipSettings
from ddmi_studio.state.scene import RenderSettings, Scene


@dataclass(frozen=True)
class ExportChoice:
    """Format and size of the next export: a suffix such as ".glb" ("" for a folder), and (width, height) in pixels or
    (cells, cells); of clips also the frames a second (None: as shown)."""

    suffix: str
    resolution: tuple[int, int]
    rate: float | None = None


class RenderState(QObject):
    """Evented render settings by domain.

    Signals:
        changed: (domain, moving): the settings of a domain, `moving` while the hand is on a slider.
        export_changed: domain.
    """

    changed = Signal(str, bool)
    export_changed = Signal(str)

    def __init__(self, scenes: Mapping[str, Scene], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = {d: RenderSettings(s.default, 0.5 if s.has_iso else None) for d, s in scenes.items()}
        self._exports = {d: ExportChoice(s.formats[0][0], (s.export_default,) * 2) for d, s in scenes.items()}
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
        self._exports[domain] = replace(self._exports[domain], **values)  # type: ignore[arg-type]
        self.export_changed.emit(domain)

    def use_model(self, model: ModelInfo) -> None:
        """Take the model's own surface level, number of scales and frames when another model's sample comes on the
        screen."""
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
        )
        self.changed.emit(domain, False)
