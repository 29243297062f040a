"""Kolmogorov-Smirnov distance: the largest distance between the two empirical distribution functions.

Definition: D = max over x of |F_a(x) - F_b(x)|, from 0 (the same values) to 1 (no overlap); without unit, and the same
after any increasing transformation of the feature.

Ties: the distribution functions are compared only after all equal values, as `scipy.stats.ks_2samp` does, to which the
distance and the asymptotic p value are equal.

References: Kolmogorov (1933), Sulla determinazione empirica di una legge di distribuzione; Smirnov (1948), Table for
estimating the goodness of fit of empirical distributions, Ann. Math. Statist. 19, 279-281.
"""

from __future__ import annotations

import numpy as np

from workbench.stats.measures.measure import Measure
from workbench.stats.measures.pair import Pair


def ks(pair: Pair) -> float:
    """The distance.

    Examples
    --------
    >>> ks(Pair(np.array([0.0, 1.0]), np.array([1.0, 2.0])))
    0.5
    """
    largest = pair.distance.max(where=pair.gaps > 0, initial=0)
    return float(largest / (float(pair.n) * float(pair.m)))


def p_value(distance: np.ndarray, n: int, m: int) -> np.ndarray:
    """Two-sided p values, float64 [D], of distances float64 [D] between samples of `n` and `m` values.

    Null hypothesis: both samples come from one continuous distribution. This is the asymptotic p value of
    `scipy.stats.ks_2samp(method="asymp")`: the distribution of the one-sample distance at the effective sample size
    n m / (n + m), rounded. Ties make it conservative. NaN for NaN.

    Examples
    --------
    >>> p_value(np.array([0.0, 0.1, 0.5]), 100, 100).round(3).tolist()
    [1.0, 0.662, 0.0]
    """
    from scipy.stats import kstwo

    p: np.ndarray = np.clip(kstwo.sf(distance, np.round(n * m / (n + m))), 0, 1)
    return p


MEASURE = Measure("ks", "KS", "Kolmogorov-Smirnov distance, the largest gap between the distribution functions", ks)
