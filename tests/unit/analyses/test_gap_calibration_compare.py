"""Gap, calibration and comparison of runs against scipy, statsmodels and plain counting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from workbench.analyses.calibration import Calibration
from workbench.analyses.compare import Compare
from workbench.analyses.gap import Gap
from workbench.api import BadInput, Chart, Context, Metric, Table
from workbench.stats.calibration import expected_calibration_error
from workbench.testing import TinyRun, run_analysis, tiny_context


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    return tiny_context(tmp_path)


def metrics(blocks: list[Any]) -> dict[str, Metric]:
    return {block.name: block for block in blocks if isinstance(block, Metric)}


def table(blocks: list[Any], title: str) -> pl.DataFrame:
    return next(block.frame for block in blocks if isinstance(block, Table) and block.title == title)


def test_the_gap_is_the_sum_of_what_classes_contribute(ctx: Context) -> None:
    blocks = run_analysis(Gap, ctx, limit=0)
    found = metrics(blocks)["gap"]
    (k1, n1), (k2, n2) = (
        (int(frame["correct"].sum()), len(frame)) for frame in map(ctx.needs_run().predictions, ctx.pair)
    )
    assert found.value == pytest.approx(k1 / n1 - k2 / n2)
    assert found.ci == pytest.approx(confint_proportions_2indep(k1, n1, k2, n2, method="newcomb"), abs=1e-9)
    assert found.p == pytest.approx(proportions_ztest([k1, k2], [n1, n2])[1])
    frame = table(blocks, "classes")
    assert frame["contribution"].sum() == pytest.approx(found.value)
    assert frame["contribution"].is_sorted(descending=True)
    assert frame["support1"].sum() == n1
    for row in frame.iter_rows(named=True):
        assert row["change"] == pytest.approx(row["recall2"] - row["recall1"])
        assert row["low"] <= row["change"] <= row["high"]


def test_a_gap_of_one_set_is_refused(ctx: Context) -> None:
    with pytest.raises(BadInput, match="two test sets"):
        run_analysis(Gap, replace(ctx, pair=("test1", "test1")))


def test_calibration_of_every_split(ctx: Context) -> None:
    blocks = run_analysis(Calibration, ctx, bins=5)
    found = metrics(blocks)
    for name in ("val", "test1", "test2"):
        frame = ctx.needs_run().predictions("train" if name == "val" else name)
        frame = frame.filter("val") if name == "val" else frame
        error = expected_calibration_error(frame["confidence"].to_numpy(), frame["correct"].to_numpy(), 5)
        assert found[f"calibration error {name}"].value == pytest.approx(error)
    bins = table(blocks, "bins")
    assert bins.group_by("split").agg(pl.col("count").sum()).sort("split")["count"].to_list() == [30, 20, 6]
    assert (bins["low"] <= bins["accuracy"]).all()
    chart = next(block for block in blocks if isinstance(block, Chart))
    assert [line.name for line in chart.series] == ["val", "test1", "test2", "perfectly calibrated"]
    assert [line.split for line in chart.series] == ["val", "test1", "test2", ""]


def test_a_comparison_is_paired(ctx: Context) -> None:
    blocks = run_analysis(Compare, ctx)
    found = metrics(blocks)
    a, b = ctx.runs.values()
    for name in ctx.pair:
        right = [run.predictions(name)["correct"].to_numpy() for run in (a, b)]
        only_a, only_b = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
        metric = found[f"accuracy a - b, {name}"]
        assert metric.value == pytest.approx(right[0].mean() - right[1].mean())
        expected = mcnemar([[0, only_a], [only_b, 0]], exact=True).pvalue if only_a + only_b else 1.0
        assert metric.p == pytest.approx(min(expected, 1))
    accuracies = [[run.predictions(name)["correct"].to_numpy().mean() for name in ctx.pair] for run in (a, b)]
    gaps = [first - second for first, second in accuracies]
    assert found["gap of a - gap of b"].value == pytest.approx(gaps[0] - gaps[1])
    assert len(table(blocks, "comparison")) == 2
    assert isinstance(a, TinyRun)
    unseen = replace(a, id="20260101-000009-tiny-09", summary={"tests": {}})  # of a sweep, say, and not the chosen one
    newer = replace(ctx, runs={unseen.id: unseen, **ctx.runs})
    assert metrics(run_analysis(Compare, newer))["gap of a - gap of b"].value == pytest.approx(gaps[0] - gaps[1])
    chosen = run_analysis(Compare, ctx, other=b.id[:-1])
    assert metrics(chosen)["gap of a - gap of b"].value == pytest.approx(gaps[0] - gaps[1])


def test_what_cannot_be_compared_is_named(ctx: Context, tmp_path: Path) -> None:
    run = ctx.needs_run()
    with pytest.raises(BadInput, match="other = 'x': no such finished run"):
        run_analysis(Compare, ctx, other="x")
    with pytest.raises(BadInput, match="train another head first"):
        run_analysis(Compare, replace(ctx, runs={run.id: run}))
    other = tiny_context(tmp_path / "other").run
    assert isinstance(other, TinyRun)
    other.store.splits["test1"].__dict__["labels"] = other.store.splits["test1"].labels[::-1]
    with pytest.raises(BadInput, match="different samples of test1"):
        run_analysis(Compare, replace(ctx, runs={run.id: run, "z": replace(other, id="z")}))
