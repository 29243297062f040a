"""Percentile intervals of scores that have no formula for theirs: macro averages and calibration error."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.stats.calibration import BINS, edges

RESAMPLES = 500
Interval = tuple[float, float]


def macro(label: np.ndarray, predicted: np.ndarray, classes: int) -> dict[str, float]:
    """Precision, recall and F1 averaged over the classes that occur in `label` (int [n] each); 0 where 0 / 0.

    As scikit-learn's `average="macro"` over those classes. NaN without samples.
    """
    hit = label[label == predicted]
    return _macro(*(np.bincount(some, minlength=classes) for some in (hit, label, predicted)))


def _macro(hits: np.ndarray, support: np.ndarray, named: np.ndarray) -> dict[str, float]:
    there = support > 0
    if not there.any():
        return dict.fromkeys(("precision", "recall", "f1"), float("nan"))
    tp, n, m = hits[there], support[there], named[there]
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
    """95% percentile intervals of `precision`, `recall`, `f1` (macro) and `ece`; samples are drawn with replacement.

    Of the calibration error, which cannot be negative, resampling makes somewhat more: its interval leans upwards.
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
