"""Smoothing of noisy curves."""

from __future__ import annotations

import math

import numpy as np


def ema(values: np.ndarray, weight: float) -> np.ndarray:
    """The debiased exponential moving average of `values` [n], float64 [n].

    s_t = (sum over i <= t of weight^(t - i) x_i) / (sum over i <= t of weight^(t - i)): the mean of the values so far,
    where each counts `weight` times as much as the one after it (Kingma and Ba 2015, section 3, where the division by
    1 - weight^t is the same; pandas: `ewm(alpha=1 - weight, adjust=True, ignore_na=True)`). A constant stays that
    constant, exactly. NaN and infinity are gaps: they stay where they are as NaN, and the rest goes on as if they were
    not there. `weight` is at least 0 (nothing changes) and below 1; raises ValueError otherwise.
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
