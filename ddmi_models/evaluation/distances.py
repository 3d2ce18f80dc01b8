"""How far apart two pictures, two surfaces, two sets of features are. Plain arithmetic on arrays: nothing of models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

Array = NDArray[np.floating[Any]]

NEIGHBOURS = 3
"""Neighbours whose farthest gives the radius of a point's ball (Kynkaanniemi et al. 2019, k = 3)."""


def psnr(values: Array, truth: Array, span: float) -> float:
    """Peak signal-to-noise ratio in dB of values whose range is `span` wide; at most 120."""
    error = float(np.mean(np.square(values.astype(np.float64) - truth)))
    return float(10 * np.log10(span**2 / max(error, span**2 * 1e-12)))


def averaged(picture: Array, resolution: int) -> Array:
    """Area average of a square picture [n R, n R, 3] down to [R, R, 3]."""
    factor = picture.shape[0] // resolution
    return picture.reshape(resolution, factor, resolution, factor, -1).mean((1, 3))


def overlap(inside: NDArray[np.bool_], said: NDArray[np.bool_]) -> float:
    """Intersection over union of two solids at the same points; 1 where both are empty."""
    union = int((inside | said).sum())
    return int((inside & said).sum()) / union if union else 1.0


def f_score(surface: Array, truth: Array, threshold: float, queries: int = 20_000) -> tuple[float, float, float]:
    """F-score of a surface against the true one (Tatarchenko et al. 2019): (F, precision, recall).

    Args:
        surface, truth: points [N, 3] and [M, 3], in no order, so dense that neighbours are well within `threshold`.
        threshold: distance up to which a point counts as right.
        queries: how many of the points of each are looked up.

    Returns:
        Harmonic mean of precision (share of the surface near the truth) and recall (share of the truth that is met).
    """
    precision = float(np.mean(cKDTree(truth).query(surface[:queries])[0] <= threshold))
    recall = float(np.mean(cKDTree(surface).query(truth[:queries])[0] <= threshold))
    total = precision + recall
    return (2 * precision * recall / total if total else 0.0), precision, recall


def chamfer_distances(clouds: Sequence[Array], others: Sequence[Array], check: Callable[[], None]) -> Array:
    """Chamfer distance of every cloud [N, 3] from every other [M, 3]: [clouds, others].

    The mean squared distance to the nearest point, summed over both directions (Achlioptas et al. 2018).

    Args:
        check: called before each row; may raise to stop.
    """
    trees, other_trees = [cKDTree(cloud) for cloud in clouds], [cKDTree(cloud) for cloud in others]
    distances = np.empty((len(clouds), len(others)))
    for row, (cloud, tree) in enumerate(zip(clouds, trees, strict=True)):
        check()
        for column, (other, other_tree) in enumerate(zip(others, other_trees, strict=True)):
            there, back = other_tree.query(cloud)[0], tree.query(other)[0]
            distances[row, column] = np.square(there).mean() + np.square(back).mean()
    return distances


def matching_and_coverage(distances: Array) -> tuple[float, float]:
    """MMD and COV of samples against references, from distances [samples, references] (Achlioptas et al. 2018).

    Returns:
        MMD: mean over the references of the distance of the nearest sample (lower is better). COV: share of the
        references that are nearest to some sample (higher is better).
    """
    nearest = np.unique(distances.argmin(axis=1))
    return float(distances.min(axis=0).mean()), len(nearest) / distances.shape[1]


def frechet_distance(features: Array, others: Array) -> float:
    """Frechet distance of the Gaussians fitted to two sets of features [N, D], [M, D] (Dowson and Landau 1982; the FID
    of Heusel et al. 2017 where the features are Inception's)."""
    first, second = (np.atleast_2d(np.cov(each, rowvar=False)) for each in (features, others))
    return gaussian_distance(features.mean(0), first, others.mean(0), second)


def gaussian_distance(mean: Array, covariance: Array, other_mean: Array, other_covariance: Array) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2) of two Gaussians in D dimensions."""
    root = _square_root(covariance)
    cross = np.sqrt(np.linalg.eigvalsh(root @ other_covariance @ root).clip(min=0)).sum()
    shift = float(np.square(mean - other_mean).sum())
    return max(0.0, shift + float(np.trace(covariance) + np.trace(other_covariance) - 2 * cross))


def _square_root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T


def precision_and_recall(samples: Array, references: Array, neighbours: int = NEIGHBOURS) -> tuple[float, float]:
    """Improved precision and recall of features [N, D], [M, D] (Kynkaanniemi et al. 2019, eq. 1-2).

    A set's manifold is the union of balls around its points, each reaching to the point's k-th nearest neighbour.

    Returns:
        Share of the samples on the references' manifold, share of the references on the samples' manifold.
    """
    between = cdist(samples, references)
    precision = (between <= _radii(references, neighbours)[None, :]).any(axis=1).mean()
    recall = (between <= _radii(samples, neighbours)[:, None]).any(axis=0).mean()
    return float(precision), float(recall)


def _radii(points: Array, neighbours: int) -> Array:
    """Distance of every point's k-th nearest neighbour, the point itself left out."""
    ranked = np.sort(cdist(points, points), axis=1)
    return np.asarray(ranked[:, min(neighbours, len(points) - 1)])


def nearest_distances(points: Array, others: Array) -> Array:
    """Euclidean distance [N] of each point [N, D] to the nearest of the others [M, D]."""
    return np.asarray(cdist(points, others).min(axis=1))
