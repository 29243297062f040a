"""The axes of a chart: where ticks stand, what they say, and which points a drawing can show at all."""

from __future__ import annotations

import math

import numpy as np


def ticks(
    low: float, high: float, count: int, log: bool = False, percent: bool = False, whole: bool = False
) -> list[tuple[float, str]]:
    """Some `count` round numbers from `low` to `high` with their labels, without false digits.

    `log`: `low` and `high` are powers of ten, and so are the ticks where there is room. `percent`: the values are
    fractions. `whole`: the axis counts something, and no tick stands between two whole numbers.

    >>> ticks(0.0, 1.0, 4, percent=True)
    [(0.0, '0%'), (0.25, '25%'), (0.5, '50%'), (0.75, '75%'), (1.0, '100%')]
    """
    if log:
        powers = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
        if len(powers) >= 2:
            every = -(-len(powers) // max(count, 1))
            return [(float(power), f"{10.0**power:g}") for power in list(powers)[::every]]
        within = ticks(10.0**low, 10.0**high, count, percent=percent)  # round numbers, where they then stand
        return [(math.log10(at), label) for at, label in within if at > 0]
    rough = (high - low) / max(count, 1)
    scale = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    step = next(scale * nice for nice in (1.0, 2.0, 2.5, 5.0, 10.0) if scale * nice >= rough - 1e-12 * scale)
    if whole and step % 1:
        step = float(math.ceil(step))
    start = math.ceil(low / step - 1e-9) * step
    marks = [start + place * step for place in range(int((high - start) / step + 1e-9) + 1)]
    factor = 100.0 if percent else 1.0
    digits = max(0, min(12, -math.floor(math.log10(step * factor) + 1e-9)))
    if abs(round(step * factor, digits) - step * factor) > 1e-9 * step * factor:
        digits += 1  # a step of 2.5 needs one digit more than its size says
    return [(mark, _label(mark * factor, digits) + ("%" if percent else "")) for mark in marks]


def _label(value: float, digits: int) -> str:
    if abs(value) >= 1e5:
        return f"{value:.3g}".replace("e+0", "e").replace("e+", "e")
    return f"{value if value else 0.0:,.{digits}f}".replace("-", "−") if digits <= 5 else f"{value:.2g}"


def reduce_points(x: np.ndarray, y: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """At most two points a column: its minimum and its maximum, in their order; gaps (NaN) stay gaps.

    `x`, `y`: float64 of shape [n], `x` in units of the canvas, 0 to 1.
    """
    if len(x) <= 2 * columns:
        return x, y
    chosen: list[int] = []
    column = np.clip(np.where(np.isfinite(x), x, 0.0) * columns, 0, columns - 1).astype(np.int64)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(x)], strict=True):
        part = y[start:end]
        if np.isnan(part).all():
            chosen.append(int(start))
            continue
        chosen += sorted({int(start + np.nanargmin(part)), int(start + np.nanargmax(part))})
    return x[chosen], y[chosen]
