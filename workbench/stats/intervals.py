"""Confidence intervals of proportions and of their differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Count = npt.ArrayLike


def clopper_pearson(k: Count, n: Count, level: float = 0.95) -> tuple[Any, Any]:
    """Exact confidence interval (low, high) of a proportion from `k` successes in `n` trials.

    The bounds are quantiles of beta distributions: low = B(a/2; k, n - k + 1), high = B(1 - a/2; k + 1, n - k) with
    a = 1 - level; low is 0 at k = 0, high is 1 at k = n, and n = 0 gives (0, 1).

    `k` and `n` are numbers or arrays that broadcast; returns floats for numbers, float64 arrays otherwise. Raises
    ValueError unless 0 <= k <= n and 0 < level < 1.

    References: Clopper and Pearson (1934), The use of confidence or fiducial limits illustrated in the case of the
    binomial, Biometrika 26, 404-413.

    Examples
    --------
    >>> low, high = clopper_pearson(8, 10)
    >>> round(low, 3), round(high, 3)
    (0.444, 0.975)
    """
    from scipy.special import betaincinv

    k_, n_ = _counts(k, n)
    tail = (1 - _level(level)) / 2
    rest = n_ - k_
    # scipy has no beta distribution with a parameter of 0, so the closed ends get 1 in its place and are overwritten
    low = np.where(k_ > 0, betaincinv(np.where(k_ > 0, k_, 1), rest + 1, tail), 0.0)
    high = np.where(rest > 0, betaincinv(k_ + 1, np.where(rest > 0, rest, 1), 1 - tail), 1.0)
    return _plain(low), _plain(high)


def wilson(k: Count, n: Count, level: float = 0.95) -> tuple[Any, Any]:
    """Score interval (low, high) of a proportion, without continuity correction.

    Arguments, shapes and errors as for `clopper_pearson`; n = 0 gives (0, 1).

    References: Wilson (1927), Probable inference, the law of succession, and statistical inference, J. Am. Stat. Assoc.
    22, 209-212.

    Examples
    --------
    >>> low, high = wilson(8, 10)
    >>> round(low, 3), round(high, 3)
    (0.49, 0.943)
    """
    k_, n_ = _counts(k, n)
    z = _z(level)
    some = np.where(n_ > 0, n_, 1)
    p = k_ / some
    centre = p + z * z / (2 * some)
    half = z * np.sqrt(p * (1 - p) / some + z * z / (4 * some * some))
    scale = 1 + z * z / some
    low = np.where(n_ > 0, (centre - half) / scale, 0.0)
    high = np.where(n_ > 0, (centre + half) / scale, 1.0)
    # rounding leaves 1e-17 where the bound is exactly 0 or 1
    return _plain(np.where(k_ == 0, 0.0, low)), _plain(np.where(k_ == n_, 1.0, high))


def newcombe_difference(k1: Count, n1: Count, k2: Count, n2: Count, level: float = 0.95) -> tuple[Any, Any]:
    """Interval (low, high) of the difference k1/n1 - k2/n2 of two independent proportions: Newcombe's method 10.

    With the Wilson intervals (l1, u1), (l2, u2) of the two proportions and d = p1 - p2:
    low = d - sqrt((p1 - l1)^2 + (u2 - p2)^2), high = d + sqrt((u1 - p1)^2 + (p2 - l2)^2).

    Numbers or arrays that broadcast; where n1 or n2 is 0 nothing is known and the interval is (-1, 1). Raises
    ValueError unless 0 <= k <= n on both sides and 0 < level < 1.

    References: Newcombe (1998), Interval estimation for the difference between independent proportions: comparison of
    eleven methods, Statist. Med. 17, 873-890.

    Examples
    --------
    >>> low, high = newcombe_difference(56, 70, 48, 80)
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    a, m = _counts(k1, n1)
    b, n = _counts(k2, n2)
    (l1, u1), (l2, u2) = wilson(a, m, level), wilson(b, n, level)
    known = (m > 0) & (n > 0)
    p1, p2 = a / np.where(m > 0, m, 1), b / np.where(n > 0, n, 1)
    low = np.where(known, p1 - p2 - np.hypot(p1 - l1, u2 - p2), -1.0)
    high = np.where(known, p1 - p2 + np.hypot(u1 - p1, p2 - l2), 1.0)
    return _plain(low), _plain(high)


def _counts(k: Count, n: Count) -> tuple[np.ndarray, np.ndarray]:
    k_, n_ = np.broadcast_arrays(np.asarray(k, np.float64), np.asarray(n, np.float64))
    if not ((k_ >= 0) & (k_ <= n_)).all():
        raise ValueError("expected 0 <= k <= n")
    return k_, n_


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level = {level}: expected a number between 0 and 1")
    return level


def _z(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(0.5 + _level(level) / 2))


def _plain(values: np.ndarray) -> Any:
    return float(values) if values.ndim == 0 else values
