"""Which classes are taken for which, on each test set, and what changed between the two."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from workbench.api import Analysis, Block, Context, HeatMap, Metric, Table, choose, param, stats

HEAT_MAP_CLASSES = 20
SORTS = ("recall", "precision", "f1", "support", "label")


class Confusion(Analysis):
    """Precision, recall, F1 and support of each class on each test set, the pairs of classes most often confused there,
    and the pairs whose rate changed most from test set 1 to test set 2.

    The rate of a pair is its count over the support of the true class; a change is the rate on test set 2 less that on
    test set 1, with Newcombe's 95% interval. What would divide by zero is 0. A test set's limit counts for itself.
    """

    name = "confusion"
    title = "Confusion"
    needs_run = True

    class Params:
        tests: str = param("all", help="test sets: all, pair (test sets 1 and 2), or names separated by commas")
        sort: str = param("recall", help="order of the classes, lowest first (label: their own order)", choices=SORTS)
        limit: int = param(50, help="rows of each table for each test set, 0 for all", ge=0)

    def run(self, ctx: Context, params: Params) -> Iterator[Block]:
        run = ctx.needs_run()
        test_sets = _test_sets(ctx, params.tests)
        counts: dict[str, np.ndarray] = {}
        for i, name in enumerate(test_sets):
            if ctx.cancelled:
                return
            ctx.progress(i / (len(test_sets) + 1), f"predictions on {name}")
            frame = run.predictions(name)
            label, predicted = frame["label"].to_numpy(), frame["predicted"].to_numpy()
            counts[name] = stats.confusion.matrix(label, predicted, len(ctx.classes))
        yield from (_accuracy(name, matrix) for name, matrix in counts.items())
        pair = tuple(name for name in ctx.pair if name in counts)
        if len(pair) == 2:
            yield _gap(pair, counts)
        yield _classes_table(ctx, counts, params)
        yield _pairs_table(ctx, counts, params.limit)
        if len(pair) == 2:
            yield _changes_table(ctx, counts[pair[0]], counts[pair[1]], params.limit)
        yield from _heat_maps(ctx, counts)
        ctx.progress(1.0)


def _test_sets(ctx: Context, choice: str) -> list[str]:
    if choice.strip() == "all":
        return ctx.tests
    if choice.strip() == "pair":
        return list(ctx.pair)
    words = [choose(word.strip(), [*ctx.tests, "test1", "test2"], "test set") for word in choice.split(",")]
    return list(dict.fromkeys(ctx.split(word).name for word in words))


def _accuracy(name: str, counts: np.ndarray) -> Metric:
    hits, n = int(np.trace(counts)), int(counts.sum())
    return Metric(
        f"accuracy {name}",
        hits / n if n else float("nan"),
        ci=stats.clopper_pearson(hits, n),
        unit="%",
        split=name,
        note=f"{n:,} samples; macro F1 {stats.confusion.per_class(counts).f1.mean():.3f}; Clopper-Pearson",
    )


def _gap(pair: tuple[str, ...], counts: dict[str, np.ndarray]) -> Metric:
    (k1, n1), (k2, n2) = ((int(np.trace(counts[name])), int(counts[name].sum())) for name in pair)
    p = stats.two_proportion_z(k1, n1, k2, n2)[1]
    note = f"accuracy {pair[0]} less {pair[1]}; Newcombe, two-proportion z"
    return Metric("gap", k1 / n1 - k2 / n2, ci=stats.newcombe_difference(k1, n1, k2, n2), unit="pts", p=p, note=note)


def _limited(parts: list[pl.DataFrame], limit: int) -> tuple[pl.DataFrame, int]:
    """The first rows of each part in one table, and how many there were in all."""
    shown = [part.head(limit) if limit else part for part in parts]
    return pl.concat(shown), sum(map(len, parts))


def _classes_table(ctx: Context, counts: dict[str, np.ndarray], params: Confusion.Params) -> Table:
    everyone = np.arange(len(ctx.classes))
    parts = []
    for name, matrix in counts.items():
        scores = stats.confusion.per_class(matrix)
        frame = pl.DataFrame(
            {
                "test_set": [name] * len(everyone),
                "label": ctx.labels_of(everyone),
                "name": ctx.names_of(everyone),
                "support": scores.support,
                "precision": scores.precision,
                "recall": scores.recall,
                "f1": scores.f1,
                "correct": scores.correct,
            }
        )
        parts.append(frame if params.sort == "label" else frame.sort(params.sort, maintain_order=True))
    frame, of = _limited(parts, params.limit)
    return Table(frame, "classes", of=of, percent=("precision", "recall", "f1"))


def _pairs_table(ctx: Context, counts: dict[str, np.ndarray], limit: int) -> Table:
    parts = []
    for name, matrix in counts.items():
        pairs = stats.confusion.confused_pairs(matrix)
        columns = {
            "test_set": pl.Series([name] * len(pairs.true), dtype=pl.String),
            **_pair_columns(ctx, pairs.true, pairs.predicted),
            "count": pairs.count,
            "rate": pairs.rate,
        }
        parts.append(pl.DataFrame(columns))
    frame, of = _limited(parts, limit)
    return Table(frame, "pairs", of=of, percent=("rate",), note="rate: count over the support of the true class")


def _changes_table(ctx: Context, first: np.ndarray, second: np.ndarray, limit: int) -> Table:
    changes = stats.confusion.changed_pairs(first, second)
    columns = {
        **_pair_columns(ctx, changes.true, changes.predicted),
        "change": changes.change,
        "low": changes.low,
        "high": changes.high,
        "rate1": changes.rate1,
        "rate2": changes.rate2,
        "p_adjusted": stats.benjamini_hochberg(changes.p),
        "p": changes.p,
        "count1": changes.count1,
        "count2": changes.count2,
    }
    frame, of = _limited([pl.DataFrame(columns)], limit)
    note = (
        f"change: rate on {ctx.pair[1]} less rate on {ctx.pair[0]}, 95% Newcombe; p: two-proportion z, adjusted after "
    )
    percent = ("rate1", "rate2", "change", "low", "high")
    return Table(frame, "changes", of=of, percent=percent, note=note + "Benjamini and Hochberg")


def _pair_columns(ctx: Context, true: np.ndarray, predicted: np.ndarray) -> dict[str, pl.Series]:
    return {
        "true": ctx.labels_of(true),
        "true_name": ctx.names_of(true),
        "predicted": ctx.labels_of(predicted),
        "predicted_name": ctx.names_of(predicted),
    }


def _heat_maps(ctx: Context, counts: dict[str, np.ndarray]) -> Iterator[HeatMap]:
    """The rates among the classes most often confused with each other, the same ones for every test set."""
    shown, of = list(range(len(ctx.classes))), ""
    if len(shown) > HEAT_MAP_CLASSES:
        pairs = stats.confusion.confused_pairs(sum(counts.values(), start=np.zeros((len(shown),) * 2, np.int64)))
        together = np.stack([pairs.true, pairs.predicted], axis=1).reshape(-1)
        shown = list(dict.fromkeys(together.tolist()))[:HEAT_MAP_CLASSES]
        of = f"; {len(shown)} of {len(ctx.classes):,} classes, those of the most frequent pairs"
    if not shown:
        return
    shown_names = [str(ctx.classes[i]) for i in shown]
    for name, matrix in counts.items():
        rates = (matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1))[np.ix_(shown, shown)]
        note = f"row: true class, column: predicted; share of the row's class{of}"
        yield HeatMap(rates, f"confusion {name}", shown_names, shown_names, low=0.0, high=1.0, note=note)
