"""What a measure declares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.stats.measures.pair import Pair


def unchanged(values: np.ndarray) -> np.ndarray:
    """The size of a measure that is 0 without a difference and grows with it: the values [D] themselves.

    Examples
    --------
    >>> unchanged(np.array([0.0, 0.5])).tolist()
    [0.0, 0.5]
    """
    return values


@dataclass(frozen=True)
class Measure:
    """One measure of the registry.

    Parameters
    ----------
    name : str
        The column of tables, and what scripts and `sort` call it.
    title : str
        The heading on screen, at most 8 characters.
    help : str
        What it is, in one line.
    of : callable
        The measure of one feature: a `Pair` to a float, NaN where it is not defined.
    size : callable
        How far values, float64 [D] with NaN where not defined, are from no difference, whichever way: float64 [D], what
        features are ranked by.
    kind : str
        What a value is, for how it is written: "plain" (a number without unit), "unit" (in the feature's unit),
        "difference" (with its sign) or "ratio" (such as ×1.12).
    """

    name: str
    title: str
    help: str
    of: Callable[[Pair], float]
    size: Callable[[np.ndarray], np.ndarray] = unchanged
    kind: Literal["plain", "unit", "difference", "ratio"] = "plain"
