"""Two classifiers on the same samples: the differences are paired, and much smaller gaps can be told apart so."""

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
    """How many samples only `a`, and only `b` gets right; bool [n] each."""
    return int((a & ~b).sum()), int((b & ~a).sum())


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Two-sided p value of the exact test (McNemar 1947) that two classifiers are right equally often.

    Null hypothesis: of the samples that exactly one of them gets right, each is right with probability 1/2, so that
    `only_a` is binomial; p = min(1, 2 P(X <= min(only_a, only_b))). Samples on which both are right, or both wrong, do
    not count. 1 when there are no others. Raises ValueError for negative counts.
    """
    from scipy.special import bdtr

    if min(only_a, only_b) < 0:
        raise ValueError("expected counts >= 0")
    n = only_a + only_b
    return 1.0 if n == 0 else float(min(1.0, 2 * bdtr(min(only_a, only_b), n, 0.5)))


def accuracy_difference(
    a: np.ndarray, b: np.ndarray, rng: np.random.Generator, resamples: int = 10_000
) -> tuple[float, float, float]:
    """Accuracy of `a` less that of `b` (bool [n] each, the same samples) with its 95% paired percentile interval."""
    drawn = _resampled(a, b, rng, resamples)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(a.mean() - b.mean()), float(low), float(high)


def gap_difference(
    first: tuple[np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
    resamples: int = 10_000,
) -> GapDifference:
    """Whether classifiers a and b lose differently much accuracy from test set 1 to test set 2.

    `first` and `second`: correctness of (a, b) on test set 1 and on test set 2, bool [n1] and [n2] each. A gap is the
    accuracy on test set 1 less that on test set 2. Samples are drawn with replacement within each test set, those of a
    and b together (paired bootstrap, Efron and Tibshirani 1993); p = 2 min(P(d <= 0), P(d >= 0)), each count plus one.
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
