"""Smoothing of noisy curves."""

from __future__ import annotations

import math

import numpy as np


def ema(values: np.ndarray, weight: float) -> np.ndarray:
    """The debiased exponential moving average of `values`, float [n]; returns float64 [n].

    s_t = (sum over i <= t of weight^(t - i) x_i) / (sum over i <= t of weight^(t - i)): the mean of the values so far,
    in which each counts `weight` times as much as the one after it. The same as pandas' `ewm(alpha=1 - weight,
    adjust=True, ignore_na=True)`. A constant stays exactly that constant. NaN and infinity are gaps: they become NaN
    and do not influence the other values. `weight` is at least 0 (no smoothing) and below 1; raises ValueError
    otherwise.

    References: Kingma and Ba (2015), Adam: a method for stochastic optimization, section 3, for the bias correction.

    Examples
    --------
    >>> ema(np.array([1.0, 3.0, np.nan, 3.0]), weight=0.5).round(3).tolist()
    [1.0, 2.333, nan, 2.714]
    """
    if not 0 <= weight < 1:
        raise ValueError(f"weight = {weight!r}: expected at least 0 and below 1")
    out, mean, total = [], 0.0, 0.0
    for value in np.asarray(values, dtype=np.float64).tolist():
        if not math.isfinite(value):
            out.append(math.nan)
            continue
        total = weight * total + 1.0
        # by the difference, so that rounding leaves a constant alone; halves, since a difference may overflow
        mean += 2 * ((value / 2 - mean / 2) / total)
        out.append(mean)
    return np.array(out, dtype=np.float64)
