"""How far the distribution of each feature moved between two samples."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

BLOCK_BYTES = 64 << 20
MOST_BINS = 60


@dataclass(frozen=True)
class Moved:
    """Measures of each column, float64 [D] each. A column with NaN or infinity on either side gives NaN throughout.

    `ks`: the largest distance between the two empirical distribution functions, 0 to 1, ties taken together (equal to
    scipy.stats.ks_2samp). `wasserstein`: the area between them, in the feature's unit (equal to
    scipy.stats.wasserstein_distance). `mean1`, `mean2`, `sd1`, `sd2`: moments, sd with n - 1. `shift` = (mean2 -
    mean1) / pooled sd (Cohen's d). `spread` = sd2 / sd1. NaN where the denominator is 0 and the numerator is not; a
    column that is one constant on both sides has shift 0 and spread 1.
    """

    ks: np.ndarray
    wasserstein: np.ndarray
    mean1: np.ndarray
    mean2: np.ndarray
    sd1: np.ndarray
    sd2: np.ndarray
    shift: np.ndarray
    spread: np.ndarray


def columns_per_block(rows: int) -> int:
    """How many columns of `rows` values fit one block, so that memory stays bounded whatever D is."""
    return int(np.clip(BLOCK_BYTES // max(4 * rows, 1), 1, 128))


def moved(a: np.ndarray, b: np.ndarray, threads: int = 1) -> Moved:
    """Compare the columns of `a` [n, D] with those of `b` [m, D]; each column is sorted once.

    Copies both arrays: give blocks of columns when they are large (`columns_per_block`). Raises ValueError for widths
    that differ and for a side without rows.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"expected two arrays of the same width, got shapes {a.shape} and {b.shape}")
    if not len(a) or not len(b):
        raise ValueError("each side needs at least one row")
    wide_a, wide_b = _columns(a), _columns(b)
    with ThreadPoolExecutor(max(threads, 1)) as pool:  # numpy sorts without holding the interpreter lock
        found = np.array(list(pool.map(_column, wide_a, wide_b))).reshape(-1, 6)
    ks, wasserstein, mean1, mean2, sd1, sd2 = found.T
    n, m = len(a), len(b)
    pooled = np.sqrt(((n - 1) * sd1**2 + (m - 1) * sd2**2) / max(n + m - 2, 1))
    same = (sd1 == sd2) & (sd1 == 0)
    return Moved(
        ks, wasserstein, mean1, mean2, sd1, sd2,
        shift=_divide(mean2 - mean1, pooled, fill=np.where(mean1 == mean2, 0.0, np.nan)),
        spread=_divide(sd2, sd1, fill=np.where(same, 1.0, np.nan)),
    )  # fmt: skip


def ks(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The Kolmogorov-Smirnov distance of each column of `a` [n, D] and `b` [m, D], float64 [D]."""
    return moved(a, b).ks


def wasserstein(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The 1-D Wasserstein distance of each column of `a` [n, D] and `b` [m, D], float64 [D]."""
    return moved(a, b).wasserstein


def ks_p_value(distance: np.ndarray, n: int, m: int) -> np.ndarray:
    """Two-sided p value of KS distances between samples of `n` and `m`: no smaller distance under one distribution.

    The asymptotic one of scipy.stats.ks_2samp(method="asymp"): the distribution of the one-sample distance at the
    effective size n m / (n + m), rounded. Ties make it conservative.
    """
    from scipy.stats import kstwo

    p: np.ndarray = np.clip(kstwo.sf(distance, np.round(n * m / (n + m))), 0, 1)
    return p


def histograms(a: np.ndarray, b: np.ndarray, bins: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of `a` [n] and of `b` [m] in bins with shared edges: (edges [k + 1], shares of a [k], shares of b [k]).

    The edges are `bin_edges` of both together.
    """
    edges = bin_edges(np.concatenate([a, b]), bins)
    return edges, shares(a, edges), shares(b, edges)


def shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The share of `values` [n] in each bin between `edges` [k + 1]: float64 [k]."""
    found: np.ndarray = np.histogram(values.astype(np.float64), edges)[0] / len(values)
    return found


def bin_edges(values: np.ndarray, bins: int = 0) -> np.ndarray:
    """Edges [k + 1] of bins that hold all of `values` [n], which are finite and not none.

    `bins` = 0 takes the width of Freedman and Diaconis (1981), kept to 10 to 60 bins; whole numbers get bins of one or
    more of them each, centred on them, since other widths would show a comb that is not there.
    """
    values = values.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if bins <= 0 and high - low < 1e6 and bool((values == np.rint(values)).all()):
        step = -(-(high - low + 1) // MOST_BINS)
        bins = int(-(-(high - low + 1) // step))
        low, high = low - 0.5, low - 0.5 + step * bins
    elif low == high:
        low, high = low - 0.5, high + 0.5
    if bins <= 0:
        upper, lower = np.percentile(values, [75, 25])
        width = 2 * (upper - lower) / len(values) ** (1 / 3)
        bins = int(np.clip((high - low) / width if width > 0 else 30, 10, MOST_BINS))
    return np.linspace(low, high, bins + 1)


def _columns(values: np.ndarray) -> np.ndarray:
    kept = values if values.dtype == np.float64 else values.astype(np.float32)
    return np.ascontiguousarray(kept.T)


def _column(a: np.ndarray, b: np.ndarray) -> tuple[float, ...]:
    n, m = len(a), len(b)
    both = np.concatenate([np.sort(a), np.sort(b)])
    if not (np.isfinite(both[0]) and np.isfinite(both[n - 1]) and np.isfinite(both[n]) and np.isfinite(both[-1])):
        return (np.nan,) * 6
    order = np.argsort(both, kind="stable")  # two sorted stretches: a merge, not another sort
    values = both[order].astype(np.float64)
    # the difference of the two distribution functions after each value, times n m: exact in integers
    difference = np.abs(np.cumsum(np.where(order < n, m, -n)))[:-1]
    steps = np.diff(values)
    largest = difference.max(where=steps > 0, initial=0)  # inside a tie the functions have not yet been compared
    scale = float(n) * float(m)
    moments = (part.mean(dtype=np.float64) for part in (a, b))
    spreads = (float(np.std(part, ddof=1, dtype=np.float64)) if len(part) > 1 else 0.0 for part in (a, b))
    return (largest / scale, float(difference @ steps) / scale, *moments, *spreads)


def _divide(above: np.ndarray, below: np.ndarray, fill: np.ndarray) -> np.ndarray:
    out: np.ndarray = np.divide(above, below, out=np.array(fill, np.float64), where=below > 0)
    return out
