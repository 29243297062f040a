"""Wasserstein distance: the area between the two empirical distribution functions, in the feature's unit.

Definition: W = integral over x of |F_a(x) - F_b(x)| dx, the mean distance by which the values of one sample have to be
moved to become the other; 0 for the same values, without an upper bound.

Ties contribute nothing, since the integral over a tie has no width. Equal to `scipy.stats.wasserstein_distance`.

References: Vallender (1974), Calculation of the Wasserstein distance between probability distributions on the line,
Theory Probab. Appl. 18, 784-786.
"""

from __future__ import annotations

from workbench.stats.measures.measure import Measure
from workbench.stats.measures.pair import Pair


def wasserstein(pair: Pair) -> float:
    """The distance.

    Examples
    --------
    >>> import numpy as np
    >>> wasserstein(Pair(np.array([0.0, 1.0]), np.array([3.0, 4.0])))
    3.0
    """
    return pair.area


MEASURE = Measure(
    "wasserstein",
    "Wass.",
    "Wasserstein distance, the area between the distribution functions, in the feature's unit",
    wasserstein,
    kind="unit",
)
