"""Procedural furniture: repeatable, exact, one body, nothing thinner than a small field can hold, true captions."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ddmi_models.errors import BadInput
from ddmi_models.evaluation.vocabulary import KINDS
from ddmi_models.training.procedural.captions import NUMBERS
from ddmi_models.training.procedural.furniture import make_furniture
from ddmi_models.training.procedural.sampling import QUERY_EXTENT, sample_training, surface_points

PIECES = [make_furniture(seed, kind) for kind in KINDS for seed in range(12)]


def test_a_seed_decides_everything() -> None:
    for seed in range(30):
        first, again = make_furniture(seed), make_furniture(seed)
        assert (first.attributes, first.captions) == (again.attributes, again.captions)
        for a, b in zip(
            sample_training(first, np.random.default_rng(seed)).__dict__.values(),
            sample_training(again, np.random.default_rng(seed)).__dict__.values(),
            strict=True,
        ):
            np.testing.assert_array_equal(a, b)
    assert len({make_furniture(seed).captions for seed in range(30)}) > 25


@pytest.mark.parametrize("kind", KINDS)
def test_the_union_is_one_watertight_body(kind: str) -> None:
    for seed in range(12):
        mesh = make_furniture(seed, kind).mesh()
        assert mesh.is_watertight
        assert mesh.body_count == 1, seed


@pytest.mark.parametrize("kind", KINDS)
def test_occupancy_agrees_with_the_mesh(kind: str) -> None:
    """Apart from the facets of round parts: points closer to the surface than these deviate are left out."""
    piece = make_furniture(3, kind)
    mesh, rng = piece.mesh(), np.random.default_rng(0)
    points = np.concatenate([rng.uniform(-0.5, 0.5, (1500, 3)), surface_points(piece, rng, 800).T])
    points[1500:] += rng.normal(0, 0.03, (800, 3))
    clear = np.array([all(abs(d) > 2e-3 for d in column) for column in _distances(piece, points)])
    assert clear.sum() > 1500
    np.testing.assert_array_equal(piece.contains(points)[clear], mesh.contains(points[clear]))


def _distances(piece, points: np.ndarray) -> np.ndarray:
    return np.stack([part.distance(points.T.copy()) for part in piece.parts], axis=1)


def test_frame_and_thickness() -> None:
    for piece in PIECES:
        low, high = piece.bounds()
        np.testing.assert_allclose(low + high, 0, atol=1e-9)
        assert 0.9 <= (high - low).max() <= 1.0
        assert min(part.thickness for part in piece.parts) >= 0.045, piece.kind


def test_training_arrays() -> None:
    """The cloud lies on the surface of the union; occupancy is exact at the rounded points."""
    for piece in PIECES[::5]:
        arrays = sample_training(piece, np.random.default_rng(1), cloud=512, queries=1024)
        assert (arrays.cloud.shape, arrays.points.shape, arrays.occupancy.shape) == ((512, 3), (1024, 3), (128,))
        assert arrays.cloud.dtype == arrays.points.dtype == np.float16
        bits = np.unpackbits(arrays.occupancy).astype(bool)
        np.testing.assert_array_equal(bits, piece.contains(arrays.points.astype(np.float64)))
        assert 0.1 < bits.mean() < 0.8
        nearest = _distances(piece, arrays.cloud.astype(np.float64)).min(axis=1)
        assert np.abs(nearest).max() < 1e-3
        assert np.abs(arrays.points).max() <= QUERY_EXTENT + 0.25
        far = np.abs(_distances(piece, arrays.points.astype(np.float64)).min(axis=1)) > 0.15
        assert 0.02 < far.mean() < 0.4


def test_kinds_are_balanced_and_prompted_attributes_common() -> None:
    pieces = [make_furniture(seed) for seed in range(3000)]
    counts = {kind: sum(piece.kind == kind for piece in pieces) for kind in KINDS}
    assert min(counts.values()) > 60
    shares = {
        ("cabinet", "doors", 2): 0.3,
        ("bookcase", "shelves", 5): 0.2,
        ("floor lamp", "shade", "wide"): 0.3,
        ("round table", "legs", 1): 0.35,
        ("stool", "legs", 3): 0.2,
        ("chair", "back", "slatted"): 0.25,
        ("armchair", "support", "pedestal"): 0.2,
        ("sofa", "width", "wide"): 0.3,
        ("desk", "width", "wide"): 0.2,
        ("bed", "headboard", True): 0.5,
        ("coffee table", "shelves", 1): 0.35,
    }
    for (kind, name, value), least in shares.items():
        held = [getattr(piece.attributes, name) == value for piece in pieces if piece.kind == kind]
        assert np.mean(held) > least, (kind, name)


def test_captions_are_true() -> None:
    """Every count, outline and part that a caption names is in the attributes."""
    for piece in PIECES:
        a = piece.attributes
        assert 4 <= len(set(piece.captions)) == len(piece.captions)
        for caption in piece.captions:
            for noun, count in (("legs", a.legs), ("drawers", a.drawers), ("doors", a.doors), ("shelves", a.shelves)):
                for word in re.findall(rf"(\w+) (?:short )?{noun}\b", caption):
                    if word in NUMBERS or word.isdigit():
                        assert count == (int(word) if word.isdigit() else NUMBERS.index(word)), caption
            for word in ("low", "tall"):
                assert word not in caption.split() or a.height == word, caption
            for word in ("round", "square", "rectangular", "oval"):
                said = re.search(rf"\b{word} (?!base|foot)", caption)
                assert not said or a.top == word or f"flat {word} foot" in caption, caption
            assert "wide shade" not in caption or a.shade == "wide"
            assert "with a headboard" not in caption or a.headboard
            assert not re.search(r"without a back|no back", caption) or a.back == ""
            assert not re.search(r"(?<!no )(?<!without )arm ?rests", caption) or a.arms, caption
            assert "solid back" not in caption or a.back == "solid"
            assert not re.search(r"one leg|central|pedestal", caption) or a.support == "pedestal", caption


def test_captions_use_the_words_of_the_prompts() -> None:
    said = " | ".join(caption for seed in range(6000) for caption in make_furniture(seed).captions)
    for words in (
        "round table with one central leg",
        "dining table with four legs",
        "coffee table with a shelf",
        "low round coffee table",
        "desk with drawers",
        "wide desk",
        "chair with a slatted back",
        "with a solid back and four legs",
        "chair with armrests",
        "armchair on a pedestal base",
        "tall bar stool",
        "round stool with one leg",
        "square stool with four legs",
        "bench with a backrest",
        "bench without a back",
        "wide couch",
        "bookcase with five shelves",
        "narrow cabinet with two doors",
        "double bed with a headboard",
        "floor lamp with a wide shade",
    ):
        assert words in said, words


def test_unknown_kind_is_named() -> None:
    with pytest.raises(BadInput, match="spaceship"):
        make_furniture(0, "spaceship")
