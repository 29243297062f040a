"""Standardised mean difference (SMD): the change of the mean in pooled standard deviations.

Definition: (mean_b - mean_a) / s with the pooled standard deviation s = sqrt(((n - 1) s_a^2 + (m - 1) s_b^2) /
(n + m - 2)), also known as Cohen's d. Positive when the mean is larger in b. A feature that is the same constant in
both has 0; one that is a different constant in each has NaN.

Ties do not matter.

References: Cohen (1988), Statistical power analysis for the behavioral sciences, 2nd edition, chapter 2.
"""

from __future__ import annotations

import math

import numpy as np

from workbench.stats.measures.measure import Measure
from workbench.stats.measures.pair import Pair


def smd(pair: Pair) -> float:
    """The standardised mean difference.

    Examples
    --------
    >>> smd(Pair(np.array([0.0, 2.0, 4.0]), np.array([1.0, 3.0, 5.0])))
    0.5
    """
    difference = pair.mean_b - pair.mean_a
    if pair.pooled_sd > 0:
        return difference / pair.pooled_sd
    return 0.0 if difference == 0 else math.nan


MEASURE = Measure(
    "smd", "SMD", "standardised mean difference, (mean b - mean a) / pooled SD", smd, size=np.abs, kind="difference"
)
