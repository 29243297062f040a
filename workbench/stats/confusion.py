"""Confusion matrices, scores of each class, and confused pairs of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.stats.intervals import newcombe_difference
from workbench.stats.significance import two_proportion_z


@dataclass(frozen=True)
class PerClass:
    """Scores of each class, [C]: `support` (its samples) and `correct` (those predicted as it) int64, the rest float64.

    What would divide by zero is 0, as in scikit-learn.
    """

    support: np.ndarray
    correct: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray


@dataclass(frozen=True)
class Pairs:
    """Confused pairs as arrays of one length, most frequent first: class indices and counts int64, `rate` float64."""

    true: np.ndarray
    predicted: np.ndarray
    count: np.ndarray
    rate: np.ndarray


@dataclass(frozen=True)
class Changes:
    """How the rate of each confused pair differs between two matrices, as arrays of one length.

    `change` = `rate2` - `rate1` with its 95% interval `low`, `high` (Newcombe) and the two-sided `p` value of the
    pooled z test; largest absolute change first.
    """

    true: np.ndarray
    predicted: np.ndarray
    count1: np.ndarray
    count2: np.ndarray
    rate1: np.ndarray
    rate2: np.ndarray
    change: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray


def matrix(true: npt.ArrayLike, predicted: npt.ArrayLike, classes: int) -> np.ndarray:
    """The confusion matrix, counts int64 [C, C]: row = true class, column = predicted class.

    `true` and `predicted` are class indices, int [n] each. Raises ValueError for different lengths and for indices
    outside 0 to C - 1.

    Examples
    --------
    >>> matrix([0, 0, 1], [0, 1, 1], classes=2).tolist()
    [[1, 1], [0, 1]]
    """
    t, p = np.asarray(true, np.int64), np.asarray(predicted, np.int64)
    if t.shape != p.shape or t.ndim != 1:
        raise ValueError(f"true and predicted differ in shape: {t.shape} and {p.shape}")
    for name, values in (("true", t), ("predicted", p)):
        if len(values) and not (values.min() >= 0 and values.max() < classes):
            raise ValueError(f"{name} holds class indices outside 0 to {classes - 1}")
    return np.bincount(t * classes + p, minlength=classes * classes).reshape(classes, classes)


def per_class(counts: np.ndarray) -> PerClass:
    """Precision, recall, F1 and support of each class of a confusion matrix, int64 [C, C].

    Examples
    --------
    >>> scores = per_class(np.array([[3, 1], [0, 2]]))
    >>> scores.recall.tolist(), scores.support.tolist()
    ([0.75, 1.0], [4, 2])
    """
    hits = np.diagonal(counts)
    support, named = counts.sum(axis=1), counts.sum(axis=0)
    return PerClass(support, hits, _ratio(hits, named), _ratio(hits, support), _ratio(2 * hits, support + named))


def confused_pairs(counts: np.ndarray) -> Pairs:
    """All pairs of different classes that were confused at least once, from a confusion matrix int64 [C, C].

    `rate` = count / support of the true class. Order: descending count, then descending rate, then class indices.

    Examples
    --------
    >>> pairs = confused_pairs(np.array([[3, 1], [2, 2]]))
    >>> pairs.true.tolist(), pairs.predicted.tolist(), pairs.count.tolist(), pairs.rate.tolist()
    ([1, 0], [0, 1], [2, 1], [0.5, 0.25])
    """
    true, predicted = _wrong(counts)
    count = counts[true, predicted]
    rate = count / counts.sum(axis=1)[true]
    order = np.lexsort((predicted, true, -rate, -count))
    return Pairs(true[order], predicted[order], count[order], rate[order])


def changed_pairs(first: np.ndarray, second: np.ndarray) -> Changes:
    """Changes of rate from matrix `first` to matrix `second`, int64 [C, C] each, for pairs confused in either.

    A pair whose true class has no samples in one of them has no rate there and is left out.

    Examples
    --------
    >>> changes = changed_pairs(np.array([[90, 10], [0, 100]]), np.array([[70, 30], [0, 100]]))
    >>> changes.true.tolist(), changes.change.round(3).tolist(), bool(changes.p[0] < 0.001)
    ([0], [0.2], True)
    """
    both = (first.sum(axis=1) > 0) & (second.sum(axis=1) > 0)
    true, predicted = _wrong((first + second) * both[:, None])
    k1, k2 = first[true, predicted], second[true, predicted]
    n1, n2 = first.sum(axis=1)[true], second.sum(axis=1)[true]
    rate1, rate2 = k1 / n1, k2 / n2
    low, high = newcombe_difference(k2, n2, k1, n1)
    p = two_proportion_z(k2, n2, k1, n1)[1]
    change = rate2 - rate1
    order = np.lexsort((predicted, true, p, -np.abs(change)))
    columns = (true, predicted, k1, k2, rate1, rate2, change, low, high, p)
    return Changes(*(column[order] for column in columns))


def _wrong(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    true, predicted = np.nonzero(counts)
    other = true != predicted
    return true[other], predicted[other]


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    out: np.ndarray = np.divide(above, below, out=np.zeros(len(above)), where=below > 0)
    return out
