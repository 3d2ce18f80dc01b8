"""Power spectra of basis planes: what each scale of the decomposition holds (paper section 3.2)."""

from __future__ import annotations

from collections.abc import Iterable

import torch


def radial_power(planes: Iterable[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Radially averaged power of planes [C, H, W] of one scale, over their channels and over the planes.

    A plane's mean is left out, and its borders are faded out (Hann), as its edges do not meet.

    Returns:
        Frequencies in cycles across a plane's side, 1 to half of the longest side's cells, float64 [n], and the mean
        power of a mode at each, in squared units of the planes, float64 [n]; a plane's modes add up to its variance.
    """
    totals, counts = torch.zeros(0, dtype=torch.float64), torch.zeros(0, dtype=torch.float64)
    for plane in planes:
        total, count = _rings(plane.detach().cpu().double())
        longest = max(len(total), len(totals))
        totals, counts = (
            torch.nn.functional.pad(old, (0, longest - len(old)))
            + torch.nn.functional.pad(new, (0, longest - len(new)))
            for old, new in ((totals, total), (counts, count))
        )
    frequencies = torch.arange(1, len(totals) + 1, dtype=torch.float64)
    held = counts > 0
    return frequencies[held], totals[held] / counts[held]


def _rings(plane: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum of the power, a channel, and number of modes in the rings of radius 1, 2, ... of one plane [C, H, W]."""
    height, width = plane.shape[-2:]
    fade = torch.outer(_hann(height), _hann(width))
    faded = (plane - (plane * fade).mean((-2, -1), keepdim=True) / fade.mean()) * fade
    power = (torch.fft.fft2(faded, norm="forward").abs() ** 2 / (fade**2).mean()).mean(0)
    rows, columns = torch.fft.fftfreq(height) * height, torch.fft.fftfreq(width) * width
    radius = torch.hypot(rows[:, None], columns[None]).round().long()
    rings = max(height, width) // 2
    inside = (radius > 0) & (radius <= rings)
    at = radius[inside] - 1
    sums = torch.zeros(rings, dtype=torch.float64).index_add(0, at, power[inside])
    return sums, torch.bincount(at, minlength=rings).double()


def _hann(cells: int) -> torch.Tensor:
    return torch.hann_window(cells + 2, periodic=False, dtype=torch.float64)[1:-1]
