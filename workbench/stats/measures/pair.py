"""One feature in two samples, with what measures share computed once."""

from __future__ import annotations

from functools import cached_property

import numpy as np


class Pair:
    """Values `a` [n] and `b` [m] of one feature, float32 or float64, n and m at least 1.

    Nothing is computed until a measure asks for it; all measures together sort each sample once.

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
        self.n, self.m = len(a), len(b)

    @cached_property
    def _sorted(self) -> np.ndarray:
        return np.concatenate([np.sort(self.a), np.sort(self.b)])

    @property
    def finite(self) -> bool:
        """Whether no value is NaN or infinite (sorting puts these at the ends)."""
        ends = self._sorted[[0, self.n - 1, self.n, -1]]
        return bool(np.isfinite(ends).all())

    @cached_property
    def _order(self) -> np.ndarray:
        return np.argsort(self._sorted, kind="stable")  # of two sorted runs, so that it only merges them

    @cached_property
    def values(self) -> np.ndarray:
        """All values of both samples in ascending order: float64 [n + m]."""
        values: np.ndarray = self._sorted[self._order].astype(np.float64)
        return values

    @cached_property
    def gaps(self) -> np.ndarray:
        """Differences between successive `values`, 0 within ties: float64 [n + m - 1]."""
        return np.diff(self.values)

    @cached_property
    def distance(self) -> np.ndarray:
        """n m |F_a - F_b| after each of `values` but the last: int64 [n + m - 1], exact.

        F_a and F_b are the empirical distribution functions. Inside a tie, where `gaps` is 0, they have taken only some
        of the tied values into account.
        """
        distance: np.ndarray = np.abs(np.cumsum(np.where(self._order < self.n, self.m, -self.n)))[:-1]
        return distance

    @cached_property
    def mean_a(self) -> float:
        """Mean of `a`, accumulated in float64."""
        return float(self.a.mean(dtype=np.float64))

    @cached_property
    def mean_b(self) -> float:
        """Mean of `b`, accumulated in float64."""
        return float(self.b.mean(dtype=np.float64))

    @cached_property
    def sd_a(self) -> float:
        """Standard deviation of `a`, with n - 1 in the denominator; 0 for one value."""
        return _sd(self.a)

    @cached_property
    def sd_b(self) -> float:
        """Standard deviation of `b`, with m - 1 in the denominator; 0 for one value."""
        return _sd(self.b)

    @cached_property
    def pooled_sd(self) -> float:
        """sqrt(((n - 1) sd_a^2 + (m - 1) sd_b^2) / (n + m - 2))."""
        squares = (self.n - 1) * self.sd_a * self.sd_a + (self.m - 1) * self.sd_b * self.sd_b
        return float(np.sqrt(squares / max(self.n + self.m - 2, 1)))


def _sd(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1, dtype=np.float64)) if len(values) > 1 else 0.0
