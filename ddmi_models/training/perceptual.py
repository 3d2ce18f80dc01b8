"""Perceptual distance of pictures: differences of VGG-16 features, unit length a position (LPIPS without learned
weights).

The weights (torchvision's `vgg16-*.pth`) cannot be shipped; a run uses them when their file is named, and says so
when it is not.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from ddmi_models.errors import BadData

TAPPED_LAYERS = (3, 8, 15, 22, 29)
"""Indices in torchvision's VGG-16 of the last ReLU of each of the five stages."""

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class PerceptualDistance(nn.Module):
    """Distance of two batches of pictures [B, 3, H, W] in [-1, 1]: a scalar, mean over items, sum over stages."""

    def __init__(self, weights: Path) -> None:
        """Read VGG-16 weights from a file.

        Raises:
            BadData: if the file is not there or holds other weights.
        """
        super().__init__()
        from torchvision.models import vgg16

        features = vgg16(weights=None).features
        try:
            stored = torch.load(weights, map_location="cpu", weights_only=True)
            prefix = "features."
            features.load_state_dict({k.removeprefix(prefix): v for k, v in stored.items() if k.startswith(prefix)})
        except (OSError, RuntimeError, ValueError, AttributeError, pickle.UnpicklingError) as error:
            raise BadData(f"{weights} does not hold VGG-16 weights.", "Use torchvision's vgg16 file.") from error
        self.features = features[: TAPPED_LAYERS[-1] + 1].eval().requires_grad_(False)

    def forward(self, pictures: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        mean, std = (pictures.new_tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
        a, b = (((x + 1) / 2 - mean) / std for x in (pictures, targets))
        total = pictures.new_zeros(())
        for index, layer in enumerate(self.features):
            a, b = layer(a), layer(b)
            if index in TAPPED_LAYERS:
                total = total + (F.normalize(a) - F.normalize(b)).square().sum(1).mean()
        return total
