"""Comparison of two classifiers on the same samples: paired tests, which detect much smaller differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class GapDifference:
    """`value` = (gap of a) - (gap of b), its 95% percentile interval, and the two-sided bootstrap p value."""

    value: float
    low: float
    high: float
    p: float


def discordant(a: np.ndarray, b: np.ndarray) -> tuple[int, int]:
    """How many samples only `a` and how many only `b` predicts correctly, from the correctness of each, bool [n].

    Examples
    --------
    >>> discordant(np.array([True, True, False]), np.array([True, False, False]))
    (1, 0)
    """
    return int((a & ~b).sum()), int((b & ~a).sum())


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Two-sided p value of McNemar's exact test that two classifiers have the same accuracy.

    `only_a` and `only_b` are the `discordant` counts. Null hypothesis: of the samples that exactly one of them predicts
    correctly, each is the one with probability 1/2, so that `only_a` is binomial; p = min(1, 2 P(X <= min(only_a,
    only_b))). Samples on which both are right, or both wrong, do not count; without others p is 1. Raises ValueError
    for negative counts.

    References: McNemar (1947), Note on the sampling error of the difference between correlated proportions or
    percentages, Psychometrika 12, 153-157.

    Examples
    --------
    >>> round(mcnemar_exact(10, 2), 4)
    0.0386
    """
    from scipy.special import bdtr

    if min(only_a, only_b) < 0:
        raise ValueError("expected counts >= 0")
    n = only_a + only_b
    return 1.0 if n == 0 else float(min(1.0, 2 * bdtr(min(only_a, only_b), n, 0.5)))


def accuracy_difference(
    a: np.ndarray, b: np.ndarray, rng: np.random.Generator, resamples: int = 10_000
) -> tuple[float, float, float]:
    """The accuracy of `a` minus that of `b`, and the low and high end of its 95% paired bootstrap interval.

    `a` and `b` are the correctness on the same samples, bool [n] each, n > 0.

    References: Efron and Tibshirani (1993), An introduction to the bootstrap, chapter 13 (percentile intervals).

    Examples
    --------
    >>> a, b = np.array([True] * 90 + [False] * 10), np.array([True] * 80 + [False] * 20)
    >>> value, low, high = accuracy_difference(a, b, np.random.default_rng(0))
    >>> round(value, 3), 0 < low < value < high
    (0.1, True)
    """
    drawn = _resampled(a, b, rng, resamples)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(a.mean() - b.mean()), float(low), float(high)


def gap_difference(
    first: tuple[np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
    resamples: int = 10_000,
) -> GapDifference:
    """Whether classifiers a and b lose different amounts of accuracy from test set 1 to test set 2.

    `first` and `second` hold the correctness of (a, b) on test set 1, bool [n1] each, and on test set 2, bool [n2]
    each. A gap is the accuracy on test set 1 minus that on test set 2. Samples are drawn with replacement within each
    test set, the same ones for a and b (paired bootstrap); p = 2 min(P(d <= 0), P(d >= 0)), one added to each count.

    References: Efron and Tibshirani (1993), An introduction to the bootstrap, chapters 13 and 16.

    Examples
    --------
    >>> a, b = np.array([True] * 90 + [False] * 10), np.array([True] * 80 + [False] * 20)
    >>> difference = gap_difference((a, b), (b, b), np.random.default_rng(0))
    >>> round(difference.value, 3), difference.p < 0.01
    (0.1, True)
    """
    value = float((first[0].mean() - first[1].mean()) - (second[0].mean() - second[1].mean()))
    drawn = _resampled(*first, rng, resamples) - _resampled(*second, rng, resamples)
    low, high = np.quantile(drawn, (0.025, 0.975))
    below, above = (drawn <= 0).sum(), (drawn >= 0).sum()
    p = min(1.0, 2 * (min(below, above) + 1) / (resamples + 1))
    return GapDifference(value, float(low), float(high), float(p))


def _resampled(a: np.ndarray, b: np.ndarray, rng: np.random.Generator, resamples: int) -> np.ndarray:
    """Mean of a - b in each resample: its terms are 1, 0 and -1, so that their numbers are multinomial."""
    n = len(a)
    ups, downs = discordant(a, b)
    drawn = rng.multinomial(n, [ups / n, downs / n, (n - ups - downs) / n], size=resamples)
    means: np.ndarray = (drawn[:, 0] - drawn[:, 1]) / n
    return means
