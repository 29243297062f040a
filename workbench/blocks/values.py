"""Values as JSON has them: NaN and infinity become None, since JSON has neither."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """A number, a text or the value of a cell.

    >>> plain(0.5), plain(float("nan")), plain([1])
    (0.5, None, '[1]')
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def listed(values: np.ndarray) -> list[Any]:
    """An array of one dimension."""
    return [plain(value) for value in values.tolist()]
