"""Two runs on the same test sets: is one better, and does one lose less from test set 1 to test set 2?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from workbench.api import Analysis, BadInput, Block, Context, Metric, RunView, Table, nearest, param, stats


class Compare(Analysis):
    """The chosen run (a) against another (b) on the same samples: accuracy of each, their difference with a paired
    bootstrap interval, and McNemar's exact test on each test set; and the difference of their gaps.

    Null hypothesis of McNemar's test: of the samples that only one run gets right, each is as likely to be right in
    either. The difference of gaps is (gap of a) - (gap of b), samples drawn with replacement within each test set,
    those of both runs together; its p value is that of the bootstrap, for no difference.
    """

    name = "compare"
    title = "Compare two runs"
    needs_run = True

    class Params:
        other: str = param(
            "", kind="run", help="the run to compare with: its id, or the beginning of it; empty: newest"
        )
        resamples: int = param(10_000, ge=100, le=1_000_000, help="of the bootstrap")

    def run(self, ctx: Context, params: Params) -> Iterator[Block]:
        a = ctx.needs_run()
        b = _other(ctx, a, params.other)
        ctx.log(f"a: {a.id}, b: {b.id}")
        rows, right = [], {}
        for name in ctx.tests:
            pair = _correct(a, b, name)
            right[name] = pair
            value, low, high = stats.paired.accuracy_difference(*pair, ctx.rng, params.resamples)
            only_a, only_b = stats.paired.discordant(*pair)
            p = stats.paired.mcnemar_exact(only_a, only_b)
            note = f"{len(pair[0]):,} samples; only a right: {only_a:,}, only b: {only_b:,}; McNemar, exact"
            yield Metric(f"accuracy a - b, {name}", value, ci=(low, high), unit="pts", p=p, split=name, note=note)
            means = pair[0].mean(), pair[1].mean()
            rows.append((name, *means, value, low, high, only_a, only_b, p))
        if len(ctx.pair) == 2 and all(name in right for name in ctx.pair):
            difference = stats.paired.gap_difference(right[ctx.pair[0]], right[ctx.pair[1]], ctx.rng, params.resamples)
            yield Metric(
                "gap of a - gap of b",
                difference.value,
                ci=(difference.low, difference.high),
                unit="pts",
                p=difference.p,
                note=f"gap: accuracy {ctx.pair[0]} less {ctx.pair[1]}; paired bootstrap of {params.resamples:,}",
            )
        columns = ("test_set", "a", "b", "difference", "low", "high", "only_a", "only_b", "p")
        frame = pl.DataFrame(rows, schema=list(columns), orient="row")
        percent = ("a", "b", "difference", "low", "high")
        yield Table(frame, "comparison", percent=percent, note=f"a: {a.head} {a.id}; b: {b.head} {b.id}")
        differences = _settings(a, b)
        if len(differences):
            yield Table(differences, "settings", note="what differs between the settings of the two runs")
        ctx.progress(1.0)


def _other(ctx: Context, run: RunView, choice: str) -> RunView:
    """The run that `asked` names, or the newest other one that has results on test sets."""
    others = [run_id for run_id in ctx.runs if run_id != run.id]
    if choice:
        matching = [run_id for run_id in others if run_id.startswith(choice)]
    else:
        matching = [run_id for run_id in others if ctx.runs[run_id].tests][:1]
    if not others or (not choice and not matching):
        raise BadInput("a comparison needs two finished runs with results on test sets: train another head first")
    if len(matching) != 1:
        reason = f"{len(matching)} runs begin so" if matching else f"no such finished run{nearest(choice, others)}"
        raise BadInput(f"other = {choice!r}: {reason}")
    return ctx.runs[matching[0]]


def _correct(a: RunView, b: RunView, name: str) -> tuple[np.ndarray, np.ndarray]:
    frames = a.predictions(name), b.predictions(name)
    if not frames[0]["label"].equals(frames[1]["label"], check_names=False):
        raise BadInput(f"runs {a.id} and {b.id} were evaluated on different samples of {name}: train one of them again")
    if frames[0].is_empty():
        raise BadInput(f"test set {name} has no samples")
    return frames[0]["correct"].to_numpy(), frames[1]["correct"].to_numpy()


def _settings(a: RunView, b: RunView) -> pl.DataFrame:
    one, other = ({"head": run.head, **run.settings} for run in (a, b))
    names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    columns = {"setting": names, "a": [str(one.get(n)) for n in names], "b": [str(other.get(n)) for n in names]}
    return pl.DataFrame(columns, schema={"setting": pl.String, "a": pl.String, "b": pl.String})
