"""Calibration of predicted probabilities: expected calibration error and reliability diagrams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.stats.intervals import clopper_pearson

BINS = 15


@dataclass(frozen=True)
class Reliability:
    """Bins of equal mass in ascending order of confidence; all arrays are [bins], counts int64, the others float64.

    `accuracy` is `correct` / `count`, `low` and `high` its 95% Clopper-Pearson interval; `confidence` is the mean of
    the bin, `least` and `most` its extremes.
    """

    count: np.ndarray
    correct: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    low: np.ndarray
    high: np.ndarray
    least: np.ndarray
    most: np.ndarray


def edges(n: int, bins: int) -> np.ndarray:
    """Where each of `bins` bins of equal mass starts among n sorted samples, int64; the first n % bins have one more.

    Examples
    --------
    >>> edges(7, 3).tolist()
    [0, 3, 5]
    """
    sizes = np.full(min(bins, n), n // max(min(bins, n), 1))
    sizes[: n % max(len(sizes), 1)] += 1
    starts: np.ndarray = np.cumsum(sizes) - sizes
    return starts


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error (ECE): the mean over samples of |accuracy - confidence| of their bin, from 0 to 1.

    `confidence` is float [n], `correct` bool [n]; there are `bins` bins of equal mass. Equal confidences may fall into
    different bins, in the order of the samples. NaN without samples.

    References: Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, ICML; bins of equal
    mass after Nguyen and O'Connor (2015), Posterior calibration and exploratory analysis for natural language
    processing models, EMNLP.

    Examples
    --------
    >>> confidence, correct = np.array([0.6, 0.6, 0.9, 0.9]), np.array([True, False, True, True])
    >>> round(expected_calibration_error(confidence, correct, bins=2), 3)
    0.1
    """
    if not len(confidence):
        return float("nan")
    order = np.argsort(confidence, kind="stable")
    difference = (correct.astype(np.float64) - confidence)[order]
    return float(np.abs(np.add.reduceat(difference, edges(len(order), bins))).sum() / len(order))


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> Reliability:
    """The bins behind `expected_calibration_error`, fewer than `bins` when there are fewer samples.

    Examples
    --------
    >>> diagram = reliability(np.array([0.6, 0.6, 0.9, 0.9]), np.array([True, False, True, True]), bins=2)
    >>> diagram.count.tolist(), diagram.accuracy.tolist()
    ([2, 2], [0.5, 1.0])
    """
    order = np.argsort(confidence, kind="stable")
    starts = edges(len(order), bins)
    sorted_confidence, hit = confidence[order].astype(np.float64), correct[order]
    count = np.diff([*starts, len(order)])
    if not len(order):
        empty = np.zeros(0)
        none = np.zeros(0, np.int64)
        return Reliability(none, none, *(empty,) * 6)
    hits = np.add.reduceat(hit.astype(np.int64), starts)
    low, high = clopper_pearson(hits, count)
    mean = np.add.reduceat(sorted_confidence, starts) / count
    ends = starts + count - 1
    return Reliability(count, hits, mean, hits / count, low, high, sorted_confidence[starts], sorted_confidence[ends])
