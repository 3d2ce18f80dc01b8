"""A strength slider for each add-on of the model in use."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from ddmi_models.requests import STRONGEST_ADDON
from ddmi_studio.pages.parts import label
from ddmi_studio.state.recipe_form import RecipeForm
from ddmi_studio.widgets import LabelledSlider


class AddonRows(QWidget):
    """Shown only where the model has add-ons, or the recipe names one that is not here."""

    def __init__(self, form: RecipeForm) -> None:
        super().__init__()
        self._form = form
        self.sliders: dict[str, LabelledSlider] = {}
        self._texts: dict[str, tuple[str, str]] = {}
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 6, 0, 0)
        self._box.addWidget(label("Add-ons", "section"))
        form.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        offered = {info.name: (info.name, info.summary) for info in self._form.offered()}
        strengths = {addon.name: addon.strength for addon in self._form.values.addons}
        texts = {name: (f"{name} (not here)", "") for name in strengths} | offered
        if texts != self._texts:
            self._texts = texts
            self._rebuild()
        for name, slider in self.sliders.items():
            slider.set_value(strengths.get(name, 0.0))
        self.setVisible(bool(self.sliders))

    def _rebuild(self) -> None:
        for slider in self.sliders.values():
            self._box.removeWidget(slider)
            slider.hide()
            slider.deleteLater()
        self.sliders = {}
        for name, (title, summary) in sorted(self._texts.items()):
            tip = f"{summary}\nStrength: 0 is none of it, 1 as it was trained".strip()
            slider = LabelledSlider(title, 0, STRONGEST_ADDON, 0.0, tooltip=tip, ticks=(1.0,))
            slider.value_changed.connect(lambda value, name=name: self._form.set_addon(name, float(value)))
            self.sliders[name] = slider
            self._box.addWidget(slider)
