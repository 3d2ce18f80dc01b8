"""The geometric checker against furniture whose attributes are known, right and wrong values mixed."""

from __future__ import annotations

import random
from dataclasses import asdict
from functools import cache

import numpy as np
import pytest
import trimesh
from skimage.measure import marching_cubes

from ddmi_models.errors import BadInput
from ddmi_models.evaluation.attributes import SOME, judge, judge_measured, measure
from ddmi_models.evaluation.prompt_report import Report, judge_prompts
from ddmi_models.evaluation.prompts import PROMPTS
from ddmi_models.evaluation.vocabulary import KINDS, Attributes
from ddmi_models.evaluation.voxels import one_body, voxelise
from ddmi_models.training.procedural.furniture import Furniture, make_furniture

ALIKE = (
    {"dining table", "round table", "coffee table", "side table", "desk", "stool", "bench"},
    {"chair", "armchair", "sofa", "bench"},
    {"bookcase", "cabinet", "dresser"},
    {"floor lamp", "table lamp"},
)
OTHERS = {
    "top": ("round", "rectangular", "square"),
    "support": ("legs", "pedestal", "panel", "trestle", "sled", "plinth"),
    "legs": (1, 3, 4),
    "shelves": (0, 1, 2, 3, 4, 5, 6),
    "drawers": (0, 1, 2, 3, 4),
    "doors": (0, 1, 2, 3),
    "shade": ("wide", "narrow"),
    "bed": ("single", "double"),
    "arms": (True, False),
    "headboard": (True, False),
}


piece_of = cache(make_furniture)
"""Furniture of a seed, made once."""


def surface_of(piece: Furniture, cells: int = 96) -> trimesh.Trimesh:
    """The marching-cubes mesh of the exact occupancy, as of a neural field."""
    axis = 1.1 * (np.arange(cells + 1) / cells - 0.5)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij")).reshape(3, -1)
    inside = piece.occupied(grid).reshape((cells + 1,) * 3).astype(np.float32)
    vertices, faces, _, _ = marching_cubes(inside, 0.5)
    return trimesh.Trimesh(vertices / cells * 1.1 - 0.55, faces[:, ::-1], process=False)


def named_attributes(attributes: Attributes) -> dict[str, str | int | bool]:
    """The attributes that mean something for the kind."""
    values = {name: value for name, value in asdict(attributes).items() if name not in ("foot",) and value != ""}
    if attributes.kind in ("bookcase", "desk"):
        values.pop("support", None)
        values.pop("legs", None)
    if attributes.back or attributes.kind in ("chair", "armchair"):
        values.pop("top", None)
    if attributes.kind == "table lamp":
        values.pop("legs", None)
    if attributes.kind in ("stool", "bench"):
        values["back"] = attributes.back
    return values


def wrong_value(rng: random.Random, attributes: Attributes, name: str) -> str | int | bool | None:
    """A value that does not hold, or None where there is no clearly wrong one."""
    true = getattr(attributes, name)
    if name == "kind":
        alike = set().union(*(group for group in ALIKE if true in group), {true})
        return rng.choice([kind for kind in KINDS if kind not in alike])
    if name in ("height", "width"):
        return {"low": "tall", "tall": "low", "narrow": "wide", "wide": "narrow"}.get(true)
    if name == "back":
        return {"solid": "slatted", "slatted": "solid", "bars": "solid", "": SOME}[true]
    if name == "legs" and true == 0:
        return 4
    return rng.choice([value for value in OTHERS[name] if value != true and (name, value) != ("legs", 0)])


def share_correct(seeds: range) -> tuple[float, list[str]]:
    """Share of correct judgements over the shapes of the seeds, and the wrong ones."""
    right, wrong = 0, []
    for seed in seeds:
        piece, rng = make_furniture(seed), random.Random(seed)
        measured = measure(surface_of(piece) if seed % 4 else piece.mesh())
        for name, true in named_attributes(piece.attributes).items():
            value = true if rng.random() < 0.5 else wrong_value(rng, piece.attributes, name)
            if value is None:
                continue
            if judge_measured(measured, name, value, piece.kind) == (value == true):
                right += 1
            else:
                wrong.append(f"{seed} {piece.kind}: {name} is {true}, asked {value}")
    return right / (right + len(wrong)), wrong


def test_judgements_on_known_shapes() -> None:
    correct, wrong = share_correct(range(5_000, 5_024))
    assert correct >= 0.95, wrong


@pytest.mark.soak
@pytest.mark.parametrize("block", range(10))
def test_judgements_on_500_known_shapes(block: int) -> None:
    correct, wrong = share_correct(range(20_000 + 50 * block, 20_050 + 50 * block))
    assert correct >= 0.95, wrong


def test_every_prompt_holds_for_a_shape_made_to_fit() -> None:
    """The generator has a shape for each prompt, and the checker grants all that the prompt names."""
    for prompt in PROMPTS:
        fitting = next(piece for piece in map(piece_of, range(4_000)) if _fits(piece, dict(prompt.named)))
        mesh = fitting.mesh()
        held = [judge(mesh, n, v, None if n == "kind" else prompt.kind) for n, v in prompt.named]
        assert all(held), (prompt.text, fitting.attributes, held)


def _fits(piece: Furniture, named: dict[str, str | int | bool]) -> bool:
    values = asdict(piece.attributes)
    kind = str(named["kind"])
    alike = piece.kind == kind or (kind == "table" and piece.kind == "round table")
    return alike and all(
        bool(values[name]) if value == SOME else values[name] == value
        for name, value in named.items()
        if name != "kind"
    )


def test_report_counts_attributes_and_bodies() -> None:
    """Always the same pedestal table: the kind holds where tables are asked for, lamps never; all are one body."""
    table = next(p for p in map(piece_of, range(500)) if p.kind == "round table" and p.attributes.legs == 1)
    mesh = table.mesh()
    asked = [prompt for prompt in PROMPTS if prompt.kind in ("table", "floor lamp")]
    report = Report(tuple(each for each, _ in judge_prompts(lambda text, seed: mesh, seeds=1, prompts=asked)))
    assert report.body_rate == 1.0
    assert report.by_prompt()["a round table with one central leg"] == {"kind": 1.0, "top": 1.0, "legs": 1.0}
    assert report.by_prompt()["a floor lamp with a wide shade"] == {"kind": 0.0, "shade": 0.0}
    assert report.by_attribute()["kind"] == 0.5
    assert report.attribute_rate == 3 / 5


def test_beads_are_not_one_body() -> None:
    body = trimesh.creation.box((0.4, 0.4, 0.4))
    bead = trimesh.creation.icosphere(radius=0.1)
    bead.apply_translation((0.4, 0.4, 0.4))
    speck = trimesh.creation.icosphere(radius=0.02)
    speck.apply_translation((0.4, 0.4, 0.4))
    assert one_body(body)
    assert one_body(trimesh.util.concatenate([body, speck]))
    assert not one_body(trimesh.util.concatenate([body, bead]))


def test_a_cavity_is_no_second_body() -> None:
    inner = trimesh.creation.box((0.3, 0.3, 0.3))
    inner.invert()
    assert one_body(trimesh.util.concatenate([trimesh.creation.box((0.6, 0.6, 0.6)), inner]))


def test_voxels_hold_the_volume_whichever_way_faces_turn() -> None:
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.4)
    turned = ball.copy()
    turned.invert()
    for mesh in (ball, turned):
        voxels = voxelise(mesh)
        assert voxels.occupied.sum() * voxels.cell**3 == pytest.approx(4 / 3 * np.pi * 0.4**3, rel=0.01)


def test_bad_questions_are_refused() -> None:
    mesh = trimesh.creation.box((0.5, 0.5, 0.5))
    with pytest.raises(BadInput, match="colour"):
        judge(mesh, "colour", "red")
    with pytest.raises(BadInput, match="aeroplane"):
        judge(mesh, "width", "wide", "aeroplane")
    far = trimesh.creation.box((0.5, 0.5, 0.5))
    far.apply_translation((5, 5, 5))
    with pytest.raises(BadInput, match="no volume"):
        measure(far)
