"""Features in numbers: range, mean and spread of each, and the histograms of one in several splits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.features.store import Split, Store

LISTED = 64 << 20  # maximum number of values used for means and standard deviations
CHUNK = 1_024


@dataclass(frozen=True)
class FeatureList:
    """One row per feature (`index`, `feature`, `min`, `max`, `mean`, `sd`, `constant`), of train.

    The range is that of all rows; mean and sd (divisor n - 1) those of `rows` rows, drawn at random when fewer than
    train has.
    """

    fingerprint: str
    frame: pl.DataFrame
    rows: int


@dataclass(frozen=True)
class SplitColumn:
    """One feature in one split.

    `shares` [k] float64 are of the finite values among the `used` rows that were read, as are `mean`, `median` and `sd`
    (divisor n - 1); `low` and `high` are the range over all `rows`, `left_out` counts values that are NaN or infinite.
    Without a finite value `shares` is empty.
    """

    split: str
    rows: int
    used: int
    shares: np.ndarray
    low: float
    high: float
    mean: float
    median: float
    sd: float
    left_out: int


@dataclass(frozen=True)
class FeatureColumns:
    """One feature in some splits, on shared bins between `edges` [k + 1]; no edges without any finite value."""

    index: int
    edges: np.ndarray
    columns: tuple[SplitColumn, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(column.split for column in self.columns)


def some_rows(split: Split, most: int | None) -> np.ndarray | slice:
    """All rows of a split, or `most` of them at random (the same each time), sorted."""
    if most is None or split.rows <= most:
        return slice(None)
    # Random rows rather than every nth: rows are often sorted by class.
    return np.sort(np.random.default_rng(0).choice(split.rows, most, replace=False))


def list_features(store: Store) -> FeatureList:
    """Every feature in train; reads at most `LISTED` values."""
    split = store.train
    low, high = split.range
    rows = some_rows(split, max(LISTED // store.dim, 2))
    chosen = np.arange(split.rows)[rows]
    total, squares = np.zeros(store.dim), np.zeros(store.dim)
    centre = (low.astype(np.float64) + high) / 2  # sums of squares about it lose no digits to a large mean
    for start in range(0, len(chosen), CHUNK):
        part = split.features[chosen[start : start + CHUNK]].astype(np.float64) - centre
        total += part.sum(axis=0)
        squares += np.einsum("nd,nd->d", part, part)
    n = len(chosen)
    variance = np.maximum(squares - total**2 / n, 0) / max(n - 1, 1)
    frame = pl.DataFrame(
        {
            "index": np.arange(store.dim),
            "feature": store.feature_names,
            "min": low.astype(np.float64),
            "max": high.astype(np.float64),
            "mean": total / n + centre,
            "sd": np.sqrt(variance),
            "constant": low == high,
        }
    )
    return FeatureList(store.fingerprint, frame, n)


def read_feature(splits: Sequence[Split], index: int, *, most: int | None = None) -> FeatureColumns:
    """Read a single column of some splits, at most `most` rows of each (None: all).

    The bins are those of the analysis `divergence`: `stats.divergence.bin_edges` of all finite values together.
    """
    from workbench.stats.divergence import bin_edges

    read = [np.asarray(split.features[some_rows(split, most), index], dtype=np.float64) for split in splits]
    finite = [values[np.isfinite(values)] for values in read]
    together = np.concatenate(finite)
    edges = bin_edges(together) if len(together) else np.empty(0)
    columns = [
        _column(split, index, edges, values, len(used))
        for split, values, used in zip(splits, finite, read, strict=True)
    ]
    return FeatureColumns(index, edges, tuple(columns))


def _column(split: Split, index: int, edges: np.ndarray, values: np.ndarray, used: int) -> SplitColumn:
    from workbench.stats.divergence import shares

    low, high = (float(bound[index]) for bound in split.range)
    left_out = used - len(values)
    if not len(values):
        nan = math.nan
        return SplitColumn(split.name, split.rows, used, np.empty(0), low, high, nan, nan, nan, left_out)
    sd = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    return SplitColumn(
        split.name, split.rows, used, shares(values, edges), low, high,
        float(values.mean()), float(np.median(values)), sd, left_out,
    )  # fmt: skip
