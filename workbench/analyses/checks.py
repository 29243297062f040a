"""All data checks, the slow ones too: what is wrong or odd about the feature set, why it matters, and what to do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from workbench.analyses.duplicates import leaks
from workbench.api import Analysis, BadInput, Block, Context, Table, param
from workbench.features.alignment import alignment_checks
from workbench.features.checks import Check, by_gravity, quick_checks
from workbench.stats.intervals import clopper_pearson


class Checks(Analysis):
    """What is wrong or odd about the feature set: ranges, classes and paths, labels that do not match the features, and
    test samples that train holds already.
    """

    name = "checks"
    title = "Data checks"

    class Params:
        tolerance: float = param(0.01, help="how near is nearly equal, as a share of the samples' spread", ge=0, le=0.5)

    def run(self, ctx: Context, params: Params) -> Iterator[Block]:
        ctx.progress(0.0, "ranges, classes and paths")
        found = quick_checks(ctx)
        ctx.progress(0.2, "labels against train's class means")
        found += alignment_checks(ctx)
        if ctx.cancelled:
            return
        found += leakage_checks(ctx, params.tolerance, start=0.4)
        columns = ("severity", "title", "saw", "why", "todo")
        rows = [[getattr(check, column) for column in columns] for check in by_gravity(found)]
        yield Table(pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row"), "checks")


def leakage_checks(ctx: Context, tolerance: float, start: float = 0.0) -> list[Check]:
    """Duplicates as findings, with the accuracy on the rest where a run is chosen; progress is told from `start` on."""
    found = []
    for each in leaks(ctx, tolerance, start) or []:
        title = f"{each.split} samples in {each.into}"
        rows = ctx.split(each.split).rows
        equal = int(each.equal.sum())
        if not len(each.rows):
            found.append(Check("fine", title, f"none of {rows:,} has an equal or nearly equal feature vector there"))
            continue
        first = int(each.rows[0])
        path = ctx.split(each.split).paths[first] or f"row {first}"
        other = ctx.split(each.into).paths[int(each.into_rows[0])] or f"row {int(each.into_rows[0])}"
        found.append(
            Check(
                "wrong" if each.into == "train" else "odd",
                title,
                f"{equal:,} equal and {len(each.rows) - equal:,} nearly equal feature vectors of {rows:,}, e.g. {path} "
                f"and {other}{_rest(ctx, each.split, each.rows) if each.into == 'train' else ''}",
                "a head has seen these samples" if each.into == "train" else "the two test sets are not independent",
                "see the analysis duplicates, which names them; take them out of the test set",
            )
        )
    return found


def _rest(ctx: Context, split: str, rows: np.ndarray) -> str:
    """`; accuracy on the rest ...`, where the chosen run has predictions."""
    if ctx.run is None:
        return ""
    try:
        correct = ctx.run.predictions(split)["correct"].to_numpy()
    except BadInput:
        return ""  # a run of before this test set was added says nothing of it
    rest = np.delete(correct, rows)
    if not len(rest):
        return ""
    low, high = clopper_pearson(int(rest.sum()), len(rest))
    return f"; accuracy on the rest {rest.mean():.1%} [{low:.1%}, {high:.1%}], on all {correct.mean():.1%}"
