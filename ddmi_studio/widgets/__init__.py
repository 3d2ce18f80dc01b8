"""Reusable widgets that know nothing of the engine or the rest of the studio.

`set_*` never emit; only the user's hand does.
"""

from ddmi_studio.widgets.cards import CardItem, CardPicker
from ddmi_studio.widgets.fold import Fold
from ddmi_studio.widgets.seed import SeedField
from ddmi_studio.widgets.segmented import SegmentedButtons
from ddmi_studio.widgets.slider import LabelledSlider

__all__ = ["CardItem", "CardPicker", "Fold", "LabelledSlider", "SeedField", "SegmentedButtons"]
