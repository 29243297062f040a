"""Do probabilities mean what they say: calibration error, reliability, and the one number that mends most of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.stats.intervals import clopper_pearson

BINS = 15
TEMPERATURES = (0.01, 100.0)


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


def fit_temperature(logits: np.ndarray, labels: np.ndarray, tolerance: float = 1e-7) -> float:
    """T > 0 that minimises the mean cross-entropy of softmax(logits / T) (Guo et al. 2017), within 0.01 to 100.

    `logits` float [n, C], `labels` int [n]. In b = 1 / T the objective is convex, with derivative E_p[z] - z_y and
    second derivative Var_p[z] averaged over samples: Newton's steps, kept inside the bracket that bisection narrows.
    1 without samples.
    """
    if not len(labels):
        return 1.0
    z = np.asarray(logits, np.float32)
    # logarithms of probabilities may be -inf: so far below the best, a class weighs nothing at any temperature
    z = np.maximum(z - z.max(axis=1, keepdims=True), -1e4)
    truth = z[np.arange(len(labels)), labels].mean(dtype=np.float64)
    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    b = 1.0
    for _ in range(100):
        mean, variance = _moments(z, b)
        slope = mean - truth
        if slope > 0:
            high = b
        else:
            low = b
        step = b - slope / variance if variance > 0 else np.inf
        step = step if low < step < high else float(np.sqrt(low * high))
        if abs(step - b) <= tolerance * b:
            break
        b = step
    return float(1 / b)


def _moments(z: np.ndarray, b: float) -> tuple[float, float]:
    """E_p[z] and Var_p[z] with p = softmax(b z) of each row, averaged over rows; in pieces, to keep memory small."""
    mean = square = 0.0
    for start in range(0, len(z), 4096):
        part = z[start : start + 4096].astype(np.float64)
        weight = np.exp(b * part)
        weight /= weight.sum(axis=1, keepdims=True)
        first = (weight * part).sum(axis=1)
        mean += first.sum()
        square += ((weight * part * part).sum(axis=1) - first**2).sum()
    return mean / len(z), square / len(z)
