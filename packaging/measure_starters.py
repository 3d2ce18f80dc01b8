"""Measure a starter on data that it never saw, and print the figures of its card as JSON.

python packaging/measure_starters.py avatars
python packaging/measure_starters.py furniture --seeds 5
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
import torch

import ddmi_models as ddmi
from ddmi_models.cancel import CancelToken
from ddmi_models.checkpoints.registry import find_model
from ddmi_models.domains.base import Domain
from ddmi_models.errors import EngineError
from ddmi_models.evaluation.prompt_report import evaluate_prompts
from ddmi_models.model import load_model
from ddmi_models.training.procedural.avatars import draw_avatar, rasterise
from ddmi_models.training.procedural.furniture_shards import furniture_arrays

UNSEEN = 20_000_000
"""First seed of the measuring data, far from the seeds of training and validation."""


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Of values in [0, 255], in dB."""
    return float(10 * np.log10(255**2 / max(np.mean((a.astype(float) - b.astype(float)) ** 2), 1e-9)))


def averaged(picture: np.ndarray, resolution: int) -> np.ndarray:
    """Area average of a square picture down to `resolution`."""
    factor = picture.shape[0] // resolution
    return picture.reshape(resolution, factor, resolution, factor, 3).astype(float).mean((1, 3))


def render(domain: Domain, fields: Any, resolution: int) -> np.ndarray:
    """One image field as uint8 [R, R, 3]."""
    query = domain.grid(resolution)
    values = torch.cat([v for _, v in domain.evaluate_in_chunks(fields, query, CancelToken())], dim=1)
    return ((values[0].clamp(-1, 1) + 1) * 127.5).round().byte().numpy().reshape(resolution, resolution, 3)


@torch.no_grad()
def measure_avatars(count: int = 32) -> dict[str, Any]:
    """PSNR of reconstructions at 64 and 256 px against the true drawing; agreement of sizes of generated faces."""
    domain = load_model(find_model("avatars").path).domain
    at_64, at_256 = [], []
    for seed in range(UNSEEN, UNSEEN + count):
        drawing = draw_avatar(seed)
        pixels = torch.from_numpy(rasterise(drawing, 64).copy()).permute(2, 0, 1)[None] / 127.5 - 1
        fields = domain.decode(domain.encode({"image": pixels}).mean)
        at_64.append(psnr(render(domain, fields, 64), rasterise(drawing, 64)))
        at_256.append(psnr(render(domain, fields, 256), rasterise(drawing, 256)))
    samples = ddmi.load("avatars", threads=1).sample(seed=0, count=16)
    own = [psnr(averaged(np.asarray(s.image(1024)), 64), np.asarray(s.image(64))) for s in samples]
    drawings = [draw_avatar(seed) for seed in range(UNSEEN, UNSEEN + 16)]
    true = [psnr(averaged(rasterise(d, 1024), 64), rasterise(d, 64)) for d in drawings]
    return {
        "reconstruction PSNR at 64 px, dB": float(np.mean(at_64)),
        "reconstruction PSNR at 256 px, dB": float(np.mean(at_256)),
        "generated, 1024 averaged to 64 against 64, median dB": float(np.median(own)),
        "true drawings, the same, median dB": float(np.median(true)),
    }


@torch.no_grad()
def measure_furniture(seeds: int, cells: int, count: int = 128) -> dict[str, Any]:
    """IoU of reconstructions of unseen shapes; the twenty prompts, attribute by attribute."""
    domain = load_model(find_model("furniture").path).domain
    arrays = furniture_arrays(range(UNSEEN, UNSEEN + count))
    clouds, points = (torch.from_numpy(arrays[key].astype(np.float32)) for key in ("cloud", "points"))
    truth = torch.from_numpy(np.unpackbits(arrays["occupancy"], axis=1).astype(bool))
    overlaps, right = [], []
    for i in range(count):
        fields = domain.decode(domain.encode({"cloud": clouds[i : i + 1]}).mean)
        guess = domain.logits(fields, points[i : i + 1])[0] > 0
        uniform = slice(points.shape[1] * 2 // 3, None)
        inside, said = truth[i][uniform], guess[uniform]
        overlaps.append(float((inside & said).sum() / (inside | said).sum().clamp(min=1)))
        right.append(float((truth[i] == guess).float().mean()))
    report = evaluate_prompts(prompt_mesh(cells), seeds)
    return {
        "reconstruction IoU, points of the whole cube": float(np.mean(overlaps)),
        "accuracy, two thirds of the points near the surface": float(np.mean(right)),
        "attributes that hold": report.attribute_rate,
        "meshes of one body": report.body_rate,
        "by attribute": report.by_attribute(),
        "by prompt": report.by_prompt(),
    }


def prompt_mesh(cells: int) -> Any:
    """Prompt and seed to a mesh; a sample without a surface gives an empty one."""
    import trimesh

    model = ddmi.load("furniture", threads=1)

    def generate(prompt: str, seed: int) -> trimesh.Trimesh:
        try:
            return model.sample(prompt, seed=seed)[0].mesh(cells)
        except EngineError:
            return trimesh.Trimesh()

    return generate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("starter", choices=("avatars", "furniture"))
    parser.add_argument("--seeds", type=int, default=5, help="seeds a prompt")
    parser.add_argument("--cells", type=int, default=96, help="cells of the judged meshes")
    given = parser.parse_args()
    figures = measure_avatars() if given.starter == "avatars" else measure_furniture(given.seeds, given.cells)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
