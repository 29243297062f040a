"""The geometry of a chart in SVG: a canvas of fixed size, its axes, and paths of numbers alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.present.axes import reduce_points, ticks

WIDTH, HEIGHT = 720, 280
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 10, 44
COLUMNS = WIDTH - LEFT - RIGHT
MOST_NAMES = 12  # along x
MOST_DOTS = 4000
OUTSIDE = 10_000.0  # units of the drawing, far beyond its edges


@dataclass(frozen=True)
class Canvas:
    """A pair of axes with their ranges."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, values: np.ndarray) -> np.ndarray:
        """Where values of x stand, in units of the drawing."""
        return _placed(values, self.x_low, self.x_high, LEFT, WIDTH - RIGHT)

    def y(self, values: np.ndarray) -> np.ndarray:
        """Where values of y stand, in units of the drawing."""
        return _placed(values, self.y_high, self.y_low, TOP, HEIGHT - BOTTOM)

    @property
    def base(self) -> float:
        """Where bars and steps begin: at zero, or at the end of the axis that is nearest to it."""
        return float(self.y(np.array(max(self.y_low, min(0.0, self.y_high)))))

    def y_ticks(self) -> list[tuple[float, str]]:
        marks = ticks(self.y_low, self.y_high, 5)
        return [(round(float(self.y(np.array(at))), 1), label) for at, label in marks]

    def x_ticks(self, names: Sequence[str] = ()) -> list[tuple[float, str]]:
        """Round numbers, or every so many of the names that stand at 0, 1, 2, ..."""
        step = -(-len(names) // MOST_NAMES) if names else 1
        marks = [(float(i), name) for i, name in enumerate(names)][::step] or ticks(self.x_low, self.x_high, 6)
        return [(round(float(self.x(np.array(at))), 1), label) for at, label in marks]


def _placed(values: np.ndarray, start: float, end: float, first: float, last: float) -> np.ndarray:
    """Values from `start` to `end` laid out from `first` to `last`; those far beyond stand outside the drawing."""
    with np.errstate(over="ignore"):  # a value too large for the axes is placed at the bound below
        places = first + (values - start) / (end - start) * (last - first)
    return np.clip(places, -OUTSIDE, OUTSIDE)


def canvas(xs: Sequence[np.ndarray], ys: Sequence[np.ndarray], kind: str) -> Canvas:
    """Axes that hold every finite value; those of bars and steps begin at zero."""
    x_low, x_high = _range(xs, zero=False)
    pad = 0.6 if kind == "bars" else 0.0
    return Canvas(x_low - pad, x_high + pad, *_range(ys, zero=kind in ("steps", "bars")))


def _range(arrays: Sequence[np.ndarray], zero: bool) -> tuple[float, float]:
    values = np.concatenate([*arrays, [0.0] if zero else []])
    values = values[np.isfinite(values) & (np.abs(values) < 1e150)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = 0.5 if high - low <= 1e-12 * max(abs(low), abs(high)) else 0.0
    room *= max(1.0, abs(low))
    return low - room, high + room


def line(on: Canvas, x: np.ndarray, y: np.ndarray) -> str:
    """The path of a line: two points a column at most, gaps where a value is not finite, a dot between two gaps."""
    sound = np.isfinite(x) & np.isfinite(y)
    x, y = reduce_points(np.where(sound, (on.x(x) - LEFT) / COLUMNS, math.nan), np.where(sound, y, math.nan), COLUMNS)
    parts, joined = [], False
    for a, b in zip((LEFT + x * COLUMNS).tolist(), on.y(y).tolist(), strict=True):
        if math.isfinite(a) and math.isfinite(b):
            parts.append(f"L{a:.1f} {b:.1f}" if joined else f"M{a:.1f} {b:.1f}h0")
            joined = True
        else:
            joined = False
    return "".join(parts)


def steps(on: Canvas, edges: np.ndarray, y: np.ndarray) -> str:
    """The outline of a histogram whose n bins have n + 1 edges."""
    if not len(y) or not np.isfinite(edges).all():
        return ""
    x, base = on.x(edges).tolist(), on.base
    tops = [b if math.isfinite(b) else base for b in on.y(y).tolist()]
    outline = "".join(f"V{b:.1f}H{right:.1f}" for b, right in zip(tops, x[1:], strict=True))
    return f"M{x[0]:.1f} {base:.1f}{outline}V{base:.1f}"


def dots(on: Canvas, x: np.ndarray, y: np.ndarray) -> list[tuple[float, float]]:
    """Where the finite points stand; evenly chosen ones where there are more than can be told apart."""
    sound = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    sound = sound[:: max(1, -(-len(sound) // MOST_DOTS))]
    return list(zip(on.x(x[sound]).round(1).tolist(), on.y(y[sound]).round(1).tolist(), strict=True))


def bars(on: Canvas, x: np.ndarray, y: np.ndarray, place: int, of: int) -> list[tuple[float, float, float, float]]:
    """x, y, width and height of the bars of the series at `place` among `of` series side by side."""
    width = min(40.0, 0.8 * COLUMNS / max(len(x), 1)) / max(of, 1)
    sound = np.isfinite(x) & np.isfinite(y)
    tops = on.y(y[sound])
    left = on.x(x[sound]) - of * width / 2 + place * width
    upper, height = np.minimum(tops, on.base), np.abs(on.base - tops)
    columns = (left.round(1), upper.round(1), np.full(len(left), round(width, 1)), height.round(1))
    return [(a, b, c, d) for a, b, c, d in zip(*(column.tolist() for column in columns), strict=True)]
