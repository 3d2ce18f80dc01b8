"""What the samplers are called: known without torch, so that lists of models are quick."""

from __future__ import annotations

SAMPLER_LABELS = {
    "dpm++2m": "DPM-Solver++ (2M)",
    "unipc": "UniPC",
    "euler": "Euler",
    "heun": "Heun (two passes a step)",
    "ddim": "DDIM",
    "ddpm": "DDPM (every step, slow)",
}
"""Names for people, by the key in `diffusion.samplers.SAMPLERS`."""
