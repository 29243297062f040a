"""Which features differ between two splits, and how."""

from __future__ import annotations

import os
from collections.abc import Iterator

import polars as pl

from workbench.api import (
    Analysis,
    BadInput,
    Block,
    Chart,
    Context,
    Metric,
    Series,
    Split,
    Table,
    choose,
    described,
    param,
    stats,
)

MEASURES = stats.measures.MEASURES
CORRECTIONS = {"holm": stats.holm, "bh": stats.benjamini_hochberg}
LEVEL = 0.05


class Divergence(Analysis):
    """How far the distribution of each feature differs between two splits, by several measures.

    `ks` and `wasserstein` equal scipy's ks_2samp and wasserstein_distance; `p` is the asymptotic p value of `ks`, and
    `p_adjusted` corrects it for the number of features. `smd` is the standardised mean difference, (mean b - mean a) /
    pooled SD, `sd_ratio` is SD b / SD a, `wasserstein_sd` is in pooled standard deviations. With `feature`, also its
    two histograms.
    """

    name = "divergence"
    title = "Divergence"

    class Params:
        a: str = param("test1", help="one split", kind="split")
        b: str = param("test2", help="the other split", kind="split")
        sort: str = param(
            "ks",
            help=described("what to order by, largest difference first (feature: file order)", MEASURES),
            choices=(*MEASURES, "p", "feature"),
        )
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
        # held between jobs, so that the histogram of another feature costs no sorting
        key = ("comparison", a.identity, b.identity)
        comparison = ctx.cache.get_or_compute(key, lambda: _compare(ctx, a, b))
        if comparison is None:
            return
        frame = _frame(ctx, comparison, a, b, params.correction)
        moved = int((frame["p_adjusted"] < LEVEL).sum())
        note = f"of {len(frame):,} features; p of ks below {LEVEL} after correction ({params.correction})"
        yield Metric("features moved", moved / len(frame), unit="%", note=note)
        yield Metric("median ks", _median(frame["ks"]), note=f"{a.name} against {b.name}")
        yield Metric("median |smd|", _median(frame["smd"].abs()), unit="sd", note="of the mean, in pooled SD")
        ordered = _ordered(frame, params.sort)
        shown = ordered.head(params.limit) if params.limit else ordered
        yield Table(shown, "features", of=len(frame), note=f"a: {a.name}, b: {b.name}; {_explained()}")
        if feature is not None:
            yield _histograms(ctx, a, b, feature, params.bins)
        ctx.progress(1.0)


def _explained() -> str:
    return "; ".join(f"{name}: {measure.help}" for name, measure in MEASURES.items())


def _compare(ctx: Context, a: Split, b: Split) -> stats.divergence.Comparison | None:
    """The measures of all features, block by block; None when cancelled."""
    x, y = a.features, b.features
    step = stats.divergence.columns_per_block(len(x) + len(y))
    threads = min(len(os.sched_getaffinity(0)), 8)
    blocks = []
    for start in range(0, x.shape[1], step):
        if ctx.cancelled:
            return None
        ctx.progress(start / x.shape[1], f"feature {start:,} of {x.shape[1]:,}")
        blocks.append(stats.divergence.compare(x[:, start : start + step], y[:, start : start + step], threads))
    return stats.divergence.join(blocks)


def _frame(ctx: Context, comparison: stats.divergence.Comparison, a: Split, b: Split, correction: str) -> pl.DataFrame:
    p = stats.measures.ks.p_value(comparison.measures["ks"], a.rows, b.rows)
    return pl.DataFrame(
        {
            "feature": list(ctx.feature_names),
            **comparison.measures,
            "p_adjusted": CORRECTIONS[correction](p),
            "p": p,
            "mean_a": comparison.mean_a,
            "mean_b": comparison.mean_b,
            "sd_a": comparison.sd_a,
            "sd_b": comparison.sd_b,
        }
    ).with_columns(pl.col(pl.Float64).fill_nan(None))


def _ordered(frame: pl.DataFrame, sort: str) -> pl.DataFrame:
    """Largest difference first, whichever way it goes; features that were not compared come last."""
    if sort == "feature":
        return frame
    values = frame[sort].cast(pl.Float64).to_numpy()
    size = -values if sort == "p" else MEASURES[sort].size(values)
    order = pl.Series("size", size).fill_nan(None)
    return frame.with_columns(order).sort("size", descending=True, nulls_last=True, maintain_order=True).drop("size")


def _median(values: pl.Series) -> float:
    middle = values.median()
    return float(middle) if isinstance(middle, int | float) else float("nan")


def _histograms(ctx: Context, a: Split, b: Split, feature: str, bins: int) -> Chart:
    column = list(ctx.feature_names).index(feature)
    edges, first, second = stats.divergence.histograms(a.features[:, column], b.features[:, column], bins)
    series = (Series(a.name, edges, first, split=a.name), Series(b.name, edges, second, split=b.name))
    return Chart(series, f"feature {feature}", x_label=feature, y_label="share of samples", kind="steps")
