"""Wasserstein distance in pooled standard deviations, by which features of different scales can be compared.

Definition: W / s with W as in `wasserstein` and s the pooled standard deviation sqrt(((n - 1) s_a^2 + (m - 1) s_b^2) /
(n + m - 2)). It is 0 when W is 0, and NaN when the feature is one constant in a and another in b.

Ties: as in `wasserstein`.
"""

from __future__ import annotations

import math

from workbench.stats.measures.measure import Measure
from workbench.stats.measures.pair import Pair


def wasserstein_sd(pair: Pair) -> float:
    """The distance in pooled standard deviations.

    Examples
    --------
    >>> import numpy as np
    >>> wasserstein_sd(Pair(np.array([0.0, 2.0, 4.0]), np.array([1.0, 3.0, 5.0])))
    0.5
    """
    if pair.area == 0:
        return 0.0
    return pair.area / pair.pooled_sd if pair.pooled_sd > 0 else math.nan


MEASURE = Measure("wasserstein_sd", "in SD", "Wasserstein distance in pooled standard deviations", wasserstein_sd)
