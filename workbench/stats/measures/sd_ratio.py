"""Ratio of the standard deviations (SD ratio).

Definition: s_b / s_a, with n - 1 and m - 1 in the denominators of the variances; 1 without a difference. A feature that
is constant in both has 1, one that is constant in a alone has NaN. Ranked by |log|: a half is as far from 1 as two.

Ties do not matter.
"""

from __future__ import annotations

import math

import numpy as np

from workbench.stats.measures.measure import Measure
from workbench.stats.measures.pair import Pair


def sd_ratio(pair: Pair) -> float:
    """The ratio.

    Examples
    --------
    >>> sd_ratio(Pair(np.array([0.0, 2.0, 4.0]), np.array([1.0, 5.0, 9.0])))
    2.0
    """
    if pair.sd_a > 0:
        return pair.sd_b / pair.sd_a
    return 1.0 if pair.sd_b == 0 else math.nan


def size(ratio: np.ndarray) -> np.ndarray:
    """|log| of the ratios: infinite where a ratio is 0.

    Examples
    --------
    >>> size(np.array([0.5, 1.0, 2.0])).round(3).tolist()
    [0.693, 0.0, 0.693]
    """
    with np.errstate(divide="ignore"):
        out: np.ndarray = np.abs(np.log(ratio))
    return out


MEASURE = Measure("sd_ratio", "SD ratio", "ratio of the standard deviations, SD b / SD a", sd_ratio, size, kind="ratio")
