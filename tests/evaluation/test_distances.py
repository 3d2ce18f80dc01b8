"""Distances with known answers."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import trimesh

from ddmi_models.evaluation.distances import (
    averaged,
    chamfer_distances,
    f_score,
    frechet_distance,
    gaussian_distance,
    matching_and_coverage,
    nearest_distances,
    overlap,
    precision_and_recall,
    psnr,
)


def unchecked() -> None:
    """Nobody cancels."""


def cluster(centre: float, count: int = 40, seed: int = 0) -> np.ndarray:
    return centre + np.random.default_rng(seed).normal(size=(count, 3))


def test_psnr_of_a_constant_error() -> None:
    truth = np.zeros((4, 4, 3))
    assert psnr(truth + 0.2, truth, 2.0) == pytest.approx(20)
    assert psnr(truth, truth, 2.0) == pytest.approx(120)


def test_area_average_of_pixels() -> None:
    picture = np.arange(16.0).reshape(4, 4, 1)
    assert averaged(picture, 2)[..., 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]


def test_overlap_of_solids() -> None:
    inside, said = np.array([1, 1, 0, 0], bool), np.array([0, 1, 1, 1], bool)
    assert overlap(inside, said) == 0.25
    assert overlap(~inside & inside, ~inside & inside) == 1


def test_f_score_of_a_cube_shifted_by_twice_the_threshold() -> None:
    cube = trimesh.creation.box((1, 1, 1))
    points, others = (trimesh.sample.sample_surface(cube, 100_000, seed=seed)[0] for seed in (0, 1))
    assert f_score(points, others, 0.01) == pytest.approx((1, 1, 1), abs=0.01)
    # Of the four faces along the shift all but the last 1 % meets the truth. Of the two across it one is outside, the
    # other is inside and within reach only of what runs along its rim.
    right = (4 * 0.99 + 1 - 0.98**2) / 6
    assert f_score(points + (0.02, 0, 0), others, 0.01) == pytest.approx((right,) * 3, abs=0.01)
    assert f_score(points + (3, 0, 0), others, 0.01) == (0, 0, 0)


def test_chamfer_distance_of_two_points() -> None:
    points = [np.array([[0.0, 0, 0]]), np.array([[3.0, 4, 0]])]
    assert chamfer_distances(points, points, unchecked).tolist() == [[0, 50], [50, 0]]


def test_matching_and_coverage_of_a_set_with_itself_and_of_copies_of_one() -> None:
    shapes = [cluster(5.0 * k, seed=k) for k in range(4)]
    distances = chamfer_distances(shapes, shapes, unchecked)
    assert matching_and_coverage(distances) == (0, 1)
    matching, coverage = matching_and_coverage(chamfer_distances([shapes[0]] * 4, shapes, unchecked))
    assert coverage == 0.25 and matching == pytest.approx(distances[0].mean())


def test_frechet_distance_of_gaussians_in_closed_form() -> None:
    mean, other = np.array([1.0, 2.0]), np.array([4.0, -2.0])
    apart = gaussian_distance(mean, np.diag([4.0, 9.0]), other, np.diag([1.0, 25.0]))
    assert apart == pytest.approx(3**2 + 4**2 + (2 - 1) ** 2 + (3 - 5) ** 2)
    first, second = np.array([[2.0, 0.8], [0.8, 1.0]]), np.array([[1.0, -0.3], [-0.3, 3.0]])
    root = scipy.linalg.sqrtm(first @ second).real
    turned = gaussian_distance(mean, first, mean, second)
    assert turned == pytest.approx(np.trace(first + second - 2 * root))


def test_frechet_distance_of_features() -> None:
    features = cluster(0.0, 200)
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(features, features + (1, 2, 2)) == pytest.approx(9)
    spread = features.std(0, ddof=1) if features.ndim == 1 else np.trace(np.cov(features, rowvar=False))
    centred = features - features.mean(0)
    assert frechet_distance(centred, 3 * centred) == pytest.approx(4 * spread)


def test_precision_and_recall_of_equal_disjoint_and_partial_sets() -> None:
    near, far = cluster(0.0), cluster(1000.0, seed=1)
    both = np.concatenate([near, far])
    assert precision_and_recall(near, near) == (1, 1)
    assert precision_and_recall(near, far) == (0, 0)
    assert precision_and_recall(near, both) == (1, 0.5)
    assert precision_and_recall(both, near) == (0.5, 1)


def test_nearest_distances() -> None:
    points, others = np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([[3.0, 4.0], [10.0, 1.0]])
    assert nearest_distances(points, others).tolist() == [5, 1]
