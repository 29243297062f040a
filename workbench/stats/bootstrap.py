"""Bootstrap intervals of scores whose intervals have no formula: macro averages and calibration error."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.stats.calibration import BINS, edges

RESAMPLES = 500
Interval = tuple[float, float]


def macro(label: np.ndarray, predicted: np.ndarray, classes: int) -> dict[str, float]:
    """Macro averages `precision`, `recall` and `f1` over the classes that occur in `label`.

    `label` and `predicted` are class indices, int [n] each, below `classes`. The same as scikit-learn's
    `average="macro"` with `zero_division=0` over those classes. NaN without samples.

    Examples
    --------
    >>> macro(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]), classes=2)["recall"]
    0.75
    """
    hit = label[label == predicted]
    return _macro(*(np.bincount(some, minlength=classes) for some in (hit, label, predicted)))


def _macro(hits: np.ndarray, support: np.ndarray, named: np.ndarray) -> dict[str, float]:
    present = support > 0
    if not present.any():
        return dict.fromkeys(("precision", "recall", "f1"), float("nan"))
    tp, n, m = hits[present], support[present], named[present]
    return {
        "precision": float((tp / np.maximum(m, 1)).mean()),
        "recall": float((tp / n).mean()),
        "f1": float((2 * tp / (n + m)).mean()),
    }


def intervals(
    label: np.ndarray,
    predicted: np.ndarray,
    confidence: np.ndarray,
    classes: int,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    bins: int = BINS,
) -> Mapping[str, Interval]:
    """95% percentile intervals of `precision`, `recall`, `f1` (macro) and `ece`, by drawing samples with replacement.

    `label` and `predicted` are class indices, int [n]; `confidence` is the probability of the predicted class, float
    [n]. NaN without samples. The calibration error is biased upwards by resampling, since it cannot be negative, and so
    is its interval.

    References: Efron and Tibshirani (1993), An introduction to the bootstrap, chapter 13.

    Examples
    --------
    >>> label, predicted = np.array([0, 1] * 50), np.array([0, 1, 0, 0] * 25)
    >>> low, high = intervals(label, predicted, np.full(100, 0.8), 2, np.random.default_rng(0))["recall"]
    >>> low < macro(label, predicted, 2)["recall"] < high
    True
    """
    n = len(label)
    drawn: dict[str, list[float]] = {key: [] for key in ("precision", "recall", "f1", "ece")}
    correct = label == predicted
    order = np.argsort(confidence, kind="stable")
    difference = (correct.astype(np.float64) - confidence)[order]
    starts = edges(n, bins)
    for _ in range(resamples if n else 0):
        times = np.bincount(rng.integers(n, size=n), minlength=n)
        support = np.bincount(label, times, classes)
        named = np.bincount(predicted, times, classes)
        hits = np.bincount(label, times * correct, classes)
        for key, value in _macro(hits, support, named).items():
            drawn[key].append(value)
        resample = np.repeat(difference, times[order])
        drawn["ece"].append(float(np.abs(np.add.reduceat(resample, starts)).sum() / n))
    if not n:
        return {key: (float("nan"),) * 2 for key in drawn}
    return {key: tuple(np.quantile(values, (0.025, 0.975)).tolist()) for key, values in drawn.items()}
