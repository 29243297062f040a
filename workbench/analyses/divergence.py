"""Which features moved between two splits, and how."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from workbench.analyses._shared import identity
from workbench.api import Analysis, BadInput, Block, Chart, Context, Metric, Series, Table, param
from workbench.errors import choose
from workbench.stats import divergence
from workbench.stats.significance import benjamini_hochberg, holm

if TYPE_CHECKING:
    from workbench.features.store import Split

CORRECTIONS = {"holm": holm, "bh": benjamini_hochberg}
SORTS = ("ks", "wasserstein", "wasserstein_sd", "shift", "spread", "p", "feature")
LEVEL = 0.05
KEPT = 8

# the worker stays warm: another feature's histogram costs no sorting
_kept: dict[object, divergence.Moved] = {}


class Divergence(Analysis):
    """How far each feature's distribution moved between two splits: Kolmogorov-Smirnov and Wasserstein distance, the
    shift of the mean in pooled standard deviations, and the ratio of the standard deviations.

    `ks` and `wasserstein` equal scipy's ks_2samp and wasserstein_distance; `p` is the asymptotic p value of `ks`, and
    `p_adjusted` corrects it for the number of features. `shift` is (mean b - mean a) / pooled sd, `spread` is sd b / sd
    a, `wasserstein_sd` is in pooled standard deviations. With `feature`, also its two histograms.
    """

    name = "divergence"
    title = "Divergence"

    class Params:
        a: str = param("test1", help="one split", kind="split")
        b: str = param("test2", help="the other split", kind="split")
        sort: str = param("ks", help="the measure to order by, furthest first (feature: file order)", choices=SORTS)
        limit: int = param(50, help="rows of the table, 0 for all", ge=0)
        feature: str | None = param(None, help="a feature whose two histograms to show", kind="feature")
        bins: int = param(0, help="bins of the histograms, 0 for as many as suit the data", ge=0, le=500)
        correction: str = param("holm", help="of p for the number of features", choices=("holm", "bh"))

    def run(self, ctx: Context, params: Params) -> Iterator[Block]:
        a, b = ctx.split(params.a), ctx.split(params.b)
        if a.name == b.name:
            raise BadInput(f"a and b are the same split, {a.name}: name two different ones")
        if not (a.rows and b.rows):
            raise BadInput(f"split {(b if a.rows else a).name} has no samples")
        feature = None if params.feature is None else choose(params.feature, ctx.feature_names, "feature")
        found = _measured(ctx, a, b)
        if found is None:
            return
        frame = _frame(ctx, found, a, b, params.correction)
        moved = int((frame["p_adjusted"] < LEVEL).sum())
        note = f"of {len(frame):,} features; p of ks below {LEVEL} after correction ({params.correction})"
        yield Metric("features moved", moved / len(frame), unit="%", note=note)
        yield Metric("median ks", _median(frame["ks"]), note=f"{a.name} against {b.name}")
        yield Metric("median |shift|", _median(frame["shift"].abs()), unit="sd", note="of the mean, in pooled sd")
        ordered = _ordered(frame, params.sort)
        shown = ordered.head(params.limit) if params.limit else ordered
        yield Table(shown, "features", of=len(frame), note=f"a: {a.name}, b: {b.name}; {self._columns()}")
        if feature is not None:
            yield _histograms(ctx, a, b, feature, params.bins)
        ctx.progress(1.0)

    @staticmethod
    def _columns() -> str:
        return "shift = (mean b - mean a) / pooled sd, spread = sd b / sd a"


def _measured(ctx: Context, a: Split, b: Split) -> divergence.Moved | None:
    """The measures of all features, block by block; None when cancelled."""
    key = (identity(a), identity(b))
    if key in _kept:
        return _kept[key]
    x, y = a.features, b.features
    step = divergence.columns_per_block(len(x) + len(y))
    threads = min(len(os.sched_getaffinity(0)), 8)
    parts = []
    for start in range(0, x.shape[1], step):
        if ctx.cancelled:
            return None
        ctx.progress(start / x.shape[1], f"feature {start:,} of {x.shape[1]:,}")
        parts.append(divergence.moved(x[:, start : start + step], y[:, start : start + step], threads))
    names = [field.name for field in fields(divergence.Moved)]
    found = divergence.Moved(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
    while len(_kept) >= KEPT:
        del _kept[next(iter(_kept))]
    _kept[key] = found
    return found


def _frame(ctx: Context, found: divergence.Moved, a: Split, b: Split, correction: str) -> pl.DataFrame:
    p = divergence.ks_p_value(found.ks, a.rows, b.rows)
    pooled = np.sqrt(((a.rows - 1) * found.sd1**2 + (b.rows - 1) * found.sd2**2) / max(a.rows + b.rows - 2, 1))
    relative = np.divide(found.wasserstein, pooled, out=np.full(len(pooled), np.nan), where=pooled > 0)
    return pl.DataFrame(
        {
            "feature": list(ctx.feature_names),
            "ks": found.ks,
            "wasserstein": found.wasserstein,
            "shift": found.shift,
            "spread": found.spread,
            "p_adjusted": CORRECTIONS[correction](p),
            "p": p,
            "wasserstein_sd": np.where(found.wasserstein == 0, 0.0, relative),
            "mean_a": found.mean1,
            "mean_b": found.mean2,
            "sd_a": found.sd1,
            "sd_b": found.sd2,
        }
    ).with_columns(pl.col(pl.Float64).fill_nan(None))


def _ordered(frame: pl.DataFrame, sort: str) -> pl.DataFrame:
    """Furthest first: a mean may shift either way, and a spread of a half is as far from 1 as one of 2."""
    if sort == "feature":
        return frame
    column = pl.col(sort)
    by = {"shift": column.abs(), "spread": column.log().abs(), "p": -column}.get(sort, column)
    return frame.sort(by, descending=True, nulls_last=True, maintain_order=True)


def _median(values: pl.Series) -> float:
    middle = values.median()
    return float(middle) if isinstance(middle, int | float) else float("nan")


def _histograms(ctx: Context, a: Split, b: Split, feature: str, bins: int) -> Chart:
    column = list(ctx.feature_names).index(feature)
    edges, first, second = divergence.histograms(a.features[:, column], b.features[:, column], bins)
    series = (Series(a.name, edges, first, split=a.name), Series(b.name, edges, second, split=b.name))
    return Chart(series, f"feature {feature}", x_label=feature, y_label="share of samples", kind="steps")
