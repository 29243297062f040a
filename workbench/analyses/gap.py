"""How much accuracy a run loses from test set 1 to test set 2, and which classes the loss comes from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from workbench.api import Analysis, BadInput, Block, Context, Metric, Table, param, stats


class Gap(Analysis):
    """Accuracy of the chosen run on both test sets, the gap between them, and what each class contributes to it.

    The contribution of a class is its share of test set 1 times its recall there, less the same on test set 2: the
    contributions of all classes add up to the gap. `change` is the class' recall on test set 2 less that on test set 1,
    with Newcombe's 95% interval; its p value (two-proportion z) is adjusted after Benjamini and Hochberg.
    """

    name = "gap"
    title = "Gap"
    needs_run = True

    class Params:
        sort: str = param(
            "contribution",
            choices=("contribution", "change", "p", "label"),
            help="order of the classes, the loss first",
        )
        limit: int = param(50, ge=0, help="rows of the table, 0 for all")

    def run(self, ctx: Context, params: Params) -> Iterator[Block]:
        run = ctx.needs_run()
        if len(ctx.pair) < 2 or ctx.pair[0] == ctx.pair[1]:
            raise BadInput("a gap needs two test sets")
        support, hits = [], []
        for name in ctx.pair:
            frame = run.predictions(name)
            true = frame["label"].to_numpy()
            support.append(np.bincount(true, minlength=len(ctx.classes)))
            hits.append(np.bincount(true[frame["correct"].to_numpy()], minlength=len(ctx.classes)))
        counts = [(int(k.sum()), int(n.sum())) for k, n in zip(hits, support, strict=True)]
        if not all(n for _, n in counts):
            raise BadInput("a gap needs samples in both test sets")
        for name, (k, n) in zip(ctx.pair, counts, strict=True):
            yield Metric(
                f"accuracy {name}", k / n, ci=stats.clopper_pearson(k, n), unit="%", split=name, note=f"{n:,} samples"
            )
        (k1, n1), (k2, n2) = counts
        yield Metric(
            "gap",
            k1 / n1 - k2 / n2,
            ci=stats.newcombe_difference(k1, n1, k2, n2),
            unit="pts",
            p=stats.two_proportion_z(k1, n1, k2, n2)[1],
            note=f"accuracy {ctx.pair[0]} less {ctx.pair[1]}; Newcombe, two-proportion z",
        )
        yield _table(ctx, support, hits, params)
        ctx.progress(1.0)


def _table(ctx: Context, support: list[np.ndarray], hits: list[np.ndarray], params: Gap.Params) -> Table:
    (n1, n2), (k1, k2) = support, hits
    everyone = np.arange(len(ctx.classes))
    recall1, recall2 = (np.where(n > 0, k / np.maximum(n, 1), np.nan) for k, n in zip(hits, support, strict=True))
    low, high = stats.newcombe_difference(k2, n2, k1, n1)
    p = stats.two_proportion_z(k2, n2, k1, n1)[1]
    frame = pl.DataFrame(
        {
            "label": ctx.labels_of(everyone),
            "name": ctx.names_of(everyone),
            "contribution": k1 / n1.sum() - k2 / n2.sum(),
            "change": recall2 - recall1,
            "low": low,
            "high": high,
            "recall1": recall1,
            "recall2": recall2,
            "p_adjusted": stats.benjamini_hochberg(p),
            "p": p,
            "support1": n1,
            "support2": n2,
        }
    ).with_columns(pl.col(pl.Float64).fill_nan(None))
    if params.sort != "label":
        down = params.sort == "contribution"
        frame = frame.sort(params.sort, descending=down, nulls_last=True, maintain_order=True)
    shown = frame.head(params.limit) if params.limit else frame
    note = "contribution to the gap, and change: recall on test set 2 less on test set 1, both in points; 95% Newcombe"
    percent = ("contribution", "change", "low", "high", "recall1", "recall2")
    return Table(shown, "classes", of=len(frame), percent=percent, note=note)
