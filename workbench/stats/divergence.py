"""How far the distribution of each feature differs between two samples, and histograms to see it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from workbench.stats.measures import MEASURES, Pair

BLOCK_BYTES = 64 << 20
MAX_BINS = 60


@dataclass(frozen=True)
class Comparison:
    """Measures and moments of each column, float64 [D] each.

    `measures` holds every measure of `workbench.stats.measures` by name; standard deviations have n - 1 in the
    denominator. All are NaN for a column with NaN or infinity on either side.
    """

    measures: dict[str, np.ndarray]
    mean_a: np.ndarray
    mean_b: np.ndarray
    sd_a: np.ndarray
    sd_b: np.ndarray


def columns_per_block(rows: int) -> int:
    """How many columns of `rows` values make a block that `compare` handles in bounded memory, 1 to 128.

    Examples
    --------
    >>> columns_per_block(60_000), columns_per_block(10_000_000)
    (128, 1)
    """
    return int(np.clip(BLOCK_BYTES // max(4 * rows, 1), 1, 128))


def compare(a: np.ndarray, b: np.ndarray, threads: int = 1) -> Comparison:
    """Compare the columns of `a` [n, D] with those of `b` [m, D] by every measure; each column is sorted once.

    Both arrays, of any float type, are copied: pass blocks of columns when they are large (`columns_per_block`). Raises
    ValueError for different widths and for a side without rows.

    Examples
    --------
    >>> a, b = np.array([[0.0], [2.0], [4.0]]), np.array([[1.0], [3.0], [5.0]])
    >>> comparison = compare(a, b)
    >>> comparison.measures["smd"].tolist(), comparison.mean_b.tolist()
    ([0.5], [3.0])
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"expected two arrays of the same width, got shapes {a.shape} and {b.shape}")
    if not len(a) or not len(b):
        raise ValueError("each side needs at least one row")
    wide_a, wide_b = _columns(a), _columns(b)
    with ThreadPoolExecutor(max(threads, 1)) as pool:  # numpy sorts without holding the interpreter lock
        rows = np.array(list(pool.map(_column, wide_a, wide_b))).reshape(-1, len(MEASURES) + 4).T
    return Comparison(dict(zip(MEASURES, rows, strict=False)), *rows[len(MEASURES) :])


def join(blocks: Sequence[Comparison]) -> Comparison:
    """The comparison of all columns from those of successive blocks of columns.

    Examples
    --------
    >>> a, b = np.array([[0.0, 1.0], [1.0, 2.0]]), np.array([[1.0, 1.0], [2.0, 2.0]])
    >>> join([compare(a[:, :1], b[:, :1]), compare(a[:, 1:], b[:, 1:])]).measures["ks"].tolist()
    [0.5, 0.0]
    """
    measures = {name: np.concatenate([block.measures[name] for block in blocks]) for name in MEASURES}
    moments = ("mean_a", "mean_b", "sd_a", "sd_b")
    return Comparison(measures, *(np.concatenate([getattr(block, name) for block in blocks]) for name in moments))


def histograms(a: np.ndarray, b: np.ndarray, bins: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Histograms of `a` [n] and `b` [m] on shared edges: (edges [k + 1], shares of a [k], shares of b [k]), float64.

    The edges are the `bin_edges` of both samples together.

    Examples
    --------
    >>> edges, of_a, of_b = histograms(np.array([0.0, 1.0]), np.array([1.0, 1.0]))
    >>> edges.tolist(), of_a.tolist(), of_b.tolist()
    ([-0.5, 0.5, 1.5], [0.5, 0.5], [0.0, 1.0])
    """
    edges = bin_edges(np.concatenate([a, b]), bins)
    return edges, shares(a, edges), shares(b, edges)


def shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The share of `values` [n], n > 0, in each bin between `edges` [k + 1]: float64 [k].

    Examples
    --------
    >>> shares(np.array([0.1, 0.2, 0.9, 0.3]), np.array([0.0, 0.5, 1.0])).tolist()
    [0.75, 0.25]
    """
    counts = np.histogram(values.astype(np.float64), edges)[0]
    out: np.ndarray = counts / len(values)
    return out


def bin_edges(values: np.ndarray, bins: int = 0) -> np.ndarray:
    """Edges, float64 [k + 1], of bins that hold all of `values` [n], which are finite; n > 0.

    With `bins` = 0 the bins have the width of Freedman and Diaconis (1981), with at least 10 and at most 60 bins;
    integers get bins that hold the same number of them each, centred on them, since other widths would show a comb
    that is not in the data.

    References: Freedman and Diaconis (1981), On the histogram as a density estimator: L2 theory, Z. Wahrscheinlichkeit
    57, 453-476.

    Examples
    --------
    >>> bin_edges(np.array([0, 1, 2])).tolist()
    [-0.5, 0.5, 1.5, 2.5]
    >>> bin_edges(np.array([0.0, 0.5]), bins=2).tolist()
    [0.0, 0.25, 0.5]
    """
    values = values.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if bins <= 0 and high - low < 1e6 and bool((values == np.rint(values)).all()):
        step = -(-(high - low + 1) // MAX_BINS)
        bins = int(-(-(high - low + 1) // step))
        low, high = low - 0.5, low - 0.5 + step * bins
    elif low == high:
        low, high = low - 0.5, high + 0.5
    if bins <= 0:
        upper, lower = np.percentile(values, [75, 25])
        width = 2 * (upper - lower) / len(values) ** (1 / 3)
        bins = int(np.clip((high - low) / width if width > 0 else 30, 10, MAX_BINS))
    return np.linspace(low, high, bins + 1)


def _columns(values: np.ndarray) -> np.ndarray:
    exact = values if values.dtype == np.float64 else values.astype(np.float32)
    return np.ascontiguousarray(exact.T)


def _column(a: np.ndarray, b: np.ndarray) -> tuple[float, ...]:
    pair = Pair(a, b)
    if not pair.finite:
        return (np.nan,) * (len(MEASURES) + 4)
    return (*(measure.of(pair) for measure in MEASURES.values()), pair.mean_a, pair.mean_b, pair.sd_a, pair.sd_b)
