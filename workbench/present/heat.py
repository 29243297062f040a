"""The heat scale: how a matrix of numbers becomes colours, on the screen and in a report alike.

Rising values run from the background to its opposite through blue and red; signed ones from blue over the background to
orange. Both can be read without telling red from green.
"""

from __future__ import annotations

import math

import numpy as np

# Places along the scale, 0 to 1, with red, green and blue: on a dark background; on a light one it runs the other way.
RISING = ((0.0, (24, 28, 36)), (0.35, (60, 70, 130)), (0.7, (205, 90, 100)), (1.0, (252, 225, 150)))
RISING_LIGHT = ((0.0, (253, 246, 226)), (0.3, (245, 190, 140)), (0.65, (195, 80, 100)), (1.0, (40, 40, 95)))
DIVERGING = ((0.0, (64, 150, 220)), (0.5, (34, 40, 48)), (1.0, (235, 150, 20)))
DIVERGING_LIGHT = ((0.0, (0, 100, 180)), (0.5, (240, 242, 245)), (1.0, (190, 100, 0)))


def limits(
    values: np.ndarray, low: float | None = None, high: float | None = None, diverging: bool = False
) -> tuple[float, float]:
    """The ends of the scale for a matrix of float64: its own where none are given, as far apart as 0 for signed ones.

    >>> limits(np.array([[-1.0, 3.0]]), diverging=True), limits(np.array([[np.nan]]))
    ((-3.0, 3.0), (0.0, 1.0))
    """
    known = values[np.isfinite(values)]
    bottom = float(known.min()) if low is None and len(known) else low or 0.0
    top = float(known.max()) if high is None and len(known) else 1.0 if high is None else high
    if diverging and low is None and high is None:
        top = max(abs(bottom), abs(top))
        bottom = -top
    return (bottom, top) if top > bottom else (bottom - 0.5, bottom + 0.5)


def shares(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Where values lie between the ends of the scale, 0 to 1, clipped; NaN and infinity become NaN."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        placed = (values / 2 - low / 2) / (high / 2 - low / 2)  # halves, since a difference may overflow
    return np.where(np.isfinite(values), np.clip(np.nan_to_num(placed), 0.0, 1.0), math.nan)


def colours(at: np.ndarray, diverging: bool = False, dark: bool = True) -> np.ndarray:
    """Red, green and blue, uint8 of shape [..., 3], of places on the scale, 0 to 1, of shape [...].

    >>> colours(np.array([0.0, 1.0]), dark=True).tolist()
    [[24, 28, 36], [252, 225, 150]]
    """
    stops = (DIVERGING if dark else DIVERGING_LIGHT) if diverging else (RISING if dark else RISING_LIGHT)
    places = [place for place, _ in stops]
    channels = [np.interp(at, places, [colour[channel] for _, colour in stops]) for channel in range(3)]
    mixed: np.ndarray = np.rint(np.nan_to_num(np.stack(channels, axis=-1))).astype(np.uint8)
    return mixed


def shrink(values: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The matrix in at most `rows` x `columns`: means of blocks, NaN where a block has no finite value."""
    for axis, count in ((0, rows), (1, columns)):
        if values.shape[axis] > count:
            edges = np.linspace(0, values.shape[axis], count + 1).astype(int)[:-1]
            known = np.isfinite(values)
            total = np.add.reduceat(np.where(known, values, 0.0), edges, axis=axis)
            count_known = np.add.reduceat(known.astype(float), edges, axis=axis)
            values = np.divide(total, count_known, out=np.full_like(total, np.nan), where=count_known > 0)
    return values


def shrunk_by(full: tuple[int, int], small: tuple[int, int]) -> str:
    """What a cell of a matrix shown smaller than it is stands for; empty where nothing was shrunk.

    >>> shrunk_by((1000, 300), (100, 300))
    'each cell the mean of up to 10×1'
    """
    if full == small:
        return ""
    return f"each cell the mean of up to {-(-full[0] // small[0])}×{-(-full[1] // small[1])}"
