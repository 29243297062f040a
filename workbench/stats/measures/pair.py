"""One feature in two samples, with what measures share computed once."""

from __future__ import annotations

import numpy as np


class Pair:
    """Values `a` [n] and `b` [m] of one feature, float32 or float64, n and m at least 1; each sample is sorted once.

    Attributes
    ----------
    n, m : int
        Sizes of the samples.
    finite : bool
        Whether no value is NaN or infinite; otherwise none of the following is there.
    values : ndarray, float64 [n + m]
        All values of both samples in ascending order.
    gaps : ndarray, float64 [n + m - 1]
        Differences between successive `values`, 0 within ties.
    distance : ndarray, int64 [n + m - 1]
        n m |F_a - F_b| after each of `values` but the last, exact, F_a and F_b being the empirical distribution
        functions. Inside a tie, where `gaps` is 0, they have taken only some of the equal values into account.
    area : float
        The integral of |F_a - F_b|, in the feature's unit.
    mean_a, mean_b, sd_a, sd_b : float
        Moments, accumulated in float64; standard deviations with n - 1 in the denominator, 0 for one value.
    pooled_sd : float
        sqrt(((n - 1) sd_a^2 + (m - 1) sd_b^2) / (n + m - 2)).

    Examples
    --------
    >>> pair = Pair(np.array([1.0, 3.0]), np.array([2.0, 3.0, 7.0]))
    >>> pair.mean_a, pair.mean_b
    (2.0, 4.0)
    >>> pair.values.tolist()
    [1.0, 2.0, 3.0, 3.0, 7.0]
    """

    def __init__(self, a: np.ndarray, b: np.ndarray) -> None:
        self.a, self.b = a, b
        self.n, self.m = n, m = len(a), len(b)
        both = np.concatenate([np.sort(a), np.sort(b)])
        # sorting puts what is not finite at the ends
        self.finite = bool(
            np.isfinite(both[0]) and np.isfinite(both[n - 1]) and np.isfinite(both[n]) and np.isfinite(both[-1])
        )
        if not self.finite:
            return
        order = np.argsort(both, kind="stable")  # of two sorted runs, which it merges without sorting again
        self.values = both[order].astype(np.float64)
        self.gaps = np.diff(self.values)
        self.distance = np.abs(np.cumsum(np.where(order < n, m, -n)))[:-1]
        self.area = float(self.distance @ self.gaps) / (float(n) * float(m))
        self.mean_a, self.mean_b = float(a.mean(dtype=np.float64)), float(b.mean(dtype=np.float64))
        self.sd_a, self.sd_b = _sd(a), _sd(b)
        squares = (n - 1) * self.sd_a * self.sd_a + (m - 1) * self.sd_b * self.sd_b
        self.pooled_sd = float(np.sqrt(squares / max(n + m - 2, 1)))


def _sd(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1, dtype=np.float64)) if len(values) > 1 else 0.0
