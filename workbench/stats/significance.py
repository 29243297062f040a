"""Significance tests, and the adjustment of p values for multiple comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def two_proportion_z(k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike) -> tuple[Any, Any]:
    """z and two-sided p value of the pooled test that two independent samples share one proportion.

    z = (p1 - p2) / sqrt(p (1 - p) (1/n1 + 1/n2)) with p = (k1 + k2) / (n1 + n2). Null hypothesis: equal proportions.
    Where all trials succeed or all fail there is no evidence either way: z = 0, p = 1. Where n1 or n2 is 0 both are
    NaN. Numbers or arrays that broadcast; returns floats for numbers, float64 arrays otherwise. Raises ValueError
    unless 0 <= k <= n on both sides.

    References: Fleiss, Levin and Paik (2003), Statistical methods for rates and proportions, 3rd edition, chapter 3.

    Examples
    --------
    >>> z, p = two_proportion_z(56, 70, 48, 80)
    >>> round(z, 3), round(p, 4)
    (2.65, 0.008)
    """
    a, m, b, n = np.broadcast_arrays(*(np.asarray(value, np.float64) for value in (k1, n1, k2, n2)))
    if not ((a >= 0) & (a <= m) & (b >= 0) & (b <= n)).all():
        raise ValueError("expected 0 <= k <= n")
    known = (m > 0) & (n > 0)
    a, m, b, n = (np.where(known, value, fill) for value, fill in ((a, 0), (m, 1), (b, 0), (n, 1)))
    pooled = (a + b) / (m + n)
    error = np.sqrt(pooled * (1 - pooled) * (1 / m + 1 / n))
    z = np.where(error > 0, (a / m - b / n) / np.where(error > 0, error, 1), 0.0)
    z = np.where(known, z, np.nan)
    return _plain(z), two_sided_p(z)


def two_sided_p(z: npt.ArrayLike) -> Any:
    """Two-sided p value of a statistic that is standard normal under the null hypothesis; NaN stays NaN.

    A float for a number, float64 of the same shape for an array.

    Examples
    --------
    >>> round(two_sided_p(-1.959964), 6)
    0.05
    """
    from scipy.special import ndtr

    return _plain(np.asarray(2 * ndtr(-np.abs(np.asarray(z, np.float64)))))


def holm(p: npt.ArrayLike) -> np.ndarray:
    """p values adjusted by Holm's method, which controls the family-wise error rate under any dependence.

    `p` is [n], returns float64 [n]; NaN stays NaN and does not count among the tests.

    References: Holm (1979), A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6, 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    return _adjust(p, lambda ordered, m: np.maximum.accumulate(ordered * (m - np.arange(m))))


def benjamini_hochberg(p: npt.ArrayLike) -> np.ndarray:
    """p values adjusted by the Benjamini-Hochberg method, which controls the false discovery rate.

    Shapes and NaN as for `holm`.

    References: Benjamini and Hochberg (1995), Controlling the false discovery rate: a practical and powerful approach
    to multiple testing, J. R. Statist. Soc. B 57, 289-300.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    return _adjust(p, lambda ordered, m: np.minimum.accumulate((ordered * m / np.arange(1, m + 1))[::-1])[::-1])


def _adjust(p: npt.ArrayLike, rule: Any) -> np.ndarray:
    values = np.asarray(p, np.float64)
    out = np.full(values.shape, np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    if len(order):
        out[order] = np.minimum(rule(values[order], len(order)), 1.0)
    return out


def _plain(values: np.ndarray) -> Any:
    return float(values) if values.ndim == 0 else values
