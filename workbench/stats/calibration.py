"""Do probabilities mean what they say: calibration error and reliability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.stats.intervals import clopper_pearson

BINS = 15


@dataclass(frozen=True)
class Reliability:
    """Per bin of equal mass, by rising confidence, float64 or int64 [bins]: `low` and `high` bound the accuracy (95%
    Clopper-Pearson); `least` and `most` are the bin's confidences at its ends."""

    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    low: np.ndarray
    high: np.ndarray
    least: np.ndarray
    most: np.ndarray


def edges(n: int, bins: int) -> np.ndarray:
    """Where each of `bins` bins of equal mass starts among n sorted samples; the first n % bins have one more."""
    sizes = np.full(min(bins, n), n // max(min(bins, n), 1))
    sizes[: n % max(len(sizes), 1)] += 1
    starts: np.ndarray = np.cumsum(sizes) - sizes
    return starts


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> float:
    """Mean over samples of |accuracy - confidence| of their bin, `bins` bins of equal mass (Nguyen and O'Connor 2015).

    `confidence` float [n], `correct` bool [n]. Ties are cut in the order of the samples. NaN without samples.
    """
    if not len(confidence):
        return float("nan")
    order = np.argsort(confidence, kind="stable")
    difference = (correct.astype(np.float64) - confidence)[order]
    return float(np.abs(np.add.reduceat(difference, edges(len(order), bins))).sum() / len(order))


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> Reliability:
    """The bins behind `expected_calibration_error`, fewer than `bins` when there are fewer samples."""
    order = np.argsort(confidence, kind="stable")
    starts = edges(len(order), bins)
    sorted_confidence, hit = confidence[order].astype(np.float64), correct[order]
    count = np.diff([*starts, len(order)])
    if not len(order):
        empty = np.zeros(0)
        return Reliability(count.astype(np.int64)[:0], *(empty,) * 6)
    hits = np.add.reduceat(hit.astype(np.int64), starts)
    low, high = clopper_pearson(hits, count)
    mean = np.add.reduceat(sorted_confidence, starts) / count
    ends = starts + count - 1
    return Reliability(count, mean, hits / count, low, high, sorted_confidence[starts], sorted_confidence[ends])
