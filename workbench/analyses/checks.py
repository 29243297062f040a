"""All data checks, the slow ones too: what is wrong or unusual about a feature set, why it matters, what to do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from workbench.analyses.duplicates import leaks
from workbench.api import (
    Analysis,
    BadInput,
    Block,
    Check,
    Context,
    Table,
    alignment_checks,
    by_severity,
    param,
    quick_checks,
    stats,
)

COLUMNS = ("kind", "severity", "title", "saw", "why", "todo")


class Checks(Analysis):
    """What is wrong or unusual about the feature set: ranges, classes and paths, labels that do not match the features,
    and test samples that are in train already.
    """

    name = "checks"
    title = "Data checks"

    class Params:
        tolerance: float = param(0.01, help="how near is nearly equal, as a share of the samples' spread", ge=0, le=0.5)

    def run(self, ctx: Context, params: Params) -> Iterator[Block]:
        ctx.progress(0.0, "ranges, classes and paths")
        checks = quick_checks(ctx)
        ctx.progress(0.2, "labels against train's class means")
        checks += alignment_checks(ctx)
        if ctx.cancelled:
            return
        checks += leakage_checks(ctx, params.tolerance, start=0.4)
        rows = [[getattr(check, column) for column in COLUMNS] for check in by_severity(checks)]
        yield Table(pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row"), "checks")


def leakage_checks(ctx: Context, tolerance: float, start: float = 0.0) -> list[Check]:
    """Duplicates as findings, with the accuracy on the rest where a run is chosen; progress goes from `start` to 1."""
    checks = []
    for leak in leaks(ctx, tolerance, start) or []:
        title = f"{leak.split} samples in {leak.into}"
        split, into = ctx.split(leak.split), ctx.split(leak.into)
        equal = int(leak.equal.sum())
        if not len(leak.rows):
            saw = f"none of {split.rows:,} has an equal or nearly equal feature vector there"
            checks.append(Check("leakage", "ok", title, saw))
            continue
        first, other = int(leak.rows[0]), int(leak.into_rows[0])
        saw = (
            f"{equal:,} equal and {len(leak.rows) - equal:,} nearly equal feature vectors of {split.rows:,}, e.g. "
            f"{split.paths[first] or f'row {first}'} and {into.paths[other] or f'row {other}'}"
        )
        todo = "see the analysis duplicates, which names them; remove them from the test set"
        if leak.into == "train":
            saw += _rest(ctx, leak.split, leak.rows)
            checks.append(Check("leakage", "error", title, saw, "a head was trained on these samples", todo))
        else:
            checks.append(Check("leakage", "warning", title, saw, "the two test sets are not independent", todo))
    return checks


def _rest(ctx: Context, split: str, rows: np.ndarray) -> str:
    """`; accuracy on the rest ...`, where the chosen run has predictions."""
    if ctx.run is None:
        return ""
    try:
        correct = ctx.run.predictions(split)["correct"].to_numpy()
    except BadInput:
        return ""  # a run older than this test set has no predictions on it
    rest = np.delete(correct, rows)
    if not len(rest):
        return ""
    low, high = stats.clopper_pearson(int(rest.sum()), len(rest))
    return f"; accuracy on the rest {rest.mean():.1%} [{low:.1%}, {high:.1%}], on all {correct.mean():.1%}"
