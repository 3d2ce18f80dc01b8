"""What a picture holds, for comparisons."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QImage


def pixels_of(image: QImage) -> np.ndarray:
    """uint8 [height, width, 3]."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()
