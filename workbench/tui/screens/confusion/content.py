"""What the Confusion screen shows, as frames and texts: functions of the session and the answer, without widgets.

Frames name the columns of the two test sets with 1 and 2: `recall1` is that of the first test set of the pair.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
from rich.text import Text

from workbench.present.colours import Palette
from workbench.present.numbers import POINTS, p_value, percent, percent_digits, points
from workbench.present.terminal import clean, interval, shorten
from workbench.stats.intervals import newcombe_difference
from workbench.text import counted
from workbench.tui.widgets.table.backend import Cell, Column

if TYPE_CHECKING:
    from workbench.api import Metric
    from workbench.features.store import Store
    from workbench.tui.shell.jobs import Job
    from workbench.tui.shell.session import Session

PARAMS = {"tests": "pair", "sort": "label", "limit": 0}  # the question that `read_answer` reads the answer of
CHANGE = "change"
DRAWN = 15  # cells of a drawn interval, odd so that zero can be in the middle


@dataclass(frozen=True)
class Answer:
    """The answer of the analysis, joined over the test sets.

    `classes`: `index`, `class`, then `support`, `correct`, `precision`, `recall`, `f1` with 1 and 2, `change` (of
    recall) with `low`, `high`. `pairs`: `true`, `predicted` (names), `true_index`, `predicted_index`, then `count`,
    `rate` with 1 and 2, `change` (of rate) with `low`, `high`, `p_adjusted`. With one test set the columns of the
    second and of the change are missing.
    """

    tests: tuple[str, ...]
    classes: pl.DataFrame
    pairs: pl.DataFrame
    metrics: tuple[Metric, ...]


class Subject(NamedTuple):
    """What an answer is about."""

    store: Store
    run_id: str | None
    tests: tuple[str, ...]


def read_answer(job: Job, about: Subject) -> Answer:
    """Join the tables of an answer over the test sets; raises ValueError when one is missing."""
    from workbench.api import Metric, Table

    store, tests = about.store, about.tests
    tables = {block.title: block.frame for block in job.blocks if isinstance(block, Table)}
    for title in ("classes", "pairs", "changes")[: 1 + len(tests)]:
        if title not in tables:
            raise ValueError(f"the answer has no table called {title}")
    metrics = tuple(block for block in job.blocks if isinstance(block, Metric))
    classes = _classes(tables["classes"], store, tests)
    return Answer(tests, classes, _pairs(tables, classes, store, tests), metrics)


def _classes(table: pl.DataFrame, store: Store, tests: Sequence[str]) -> pl.DataFrame:
    measures = ("support", "correct", "precision", "recall", "f1")
    frame = _index_frame(store, "label", "index", table.schema["label"])
    for number, test in enumerate(tests, start=1):
        own = table.filter(pl.col("test_set") == test).select("label", pl.col(measures).name.suffix(str(number)))
        frame = frame.join(own, on="label", how="left", maintain_order="left")
        # A class without samples here has no recall, which scikit-learn's convention would call 0.
        none = pl.col(f"support{number}") == 0
        frame = frame.with_columns(
            pl.when(~none).then(pl.col(name)).alias(name) for name in (f"recall{number}", f"f1{number}")
        )
    frame = frame.drop("label").with_columns(pl.Series("class", store.classes, dtype=pl.String))
    if len(tests) < 2:
        return frame
    (n1, k1), (n2, k2) = ([frame[f"{name}{i}"].to_numpy() for name in ("support", "correct")] for i in (1, 2))
    low, high = newcombe_difference(k2, n2, k1, n1)
    both = pl.Series((n1 > 0) & (n2 > 0))
    frame = frame.with_columns((pl.col("recall2") - pl.col("recall1")).alias(CHANGE), low=low, high=high)
    return frame.with_columns(pl.when(both).then(pl.col(name)).alias(name) for name in (CHANGE, "low", "high"))


def _pairs(
    tables: Mapping[str, pl.DataFrame], classes: pl.DataFrame, store: Store, tests: Sequence[str]
) -> pl.DataFrame:
    table, key = tables["pairs"], ["true", "predicted"]
    frame = table.select(key).unique(maintain_order=True)
    for number, test in enumerate(tests, start=1):
        own = table.filter(pl.col("test_set") == test)
        frame = frame.join(
            own.select(*key, pl.col("count", "rate").name.suffix(str(number))),
            on=key,
            how="left",
            maintain_order="left",
        )
    if len(tests) > 1:
        changes = tables["changes"].select(*key, CHANGE, "low", "high", "p_adjusted")
        frame = frame.join(changes, on=key, how="left", maintain_order="left")
    for name in key:
        indices = _index_frame(store, name, f"{name}_index", table.schema[name])
        frame = frame.join(indices, on=name, how="left", maintain_order="left").drop(name)
    names = pl.Series("class", store.classes, dtype=pl.String)
    frame = frame.with_columns(names.gather(frame[f"{name}_index"]).alias(name) for name in key)
    for number in range(1, len(tests) + 1):
        # A pair that only the other test set has was seen 0 times here, out of the samples of its true class.
        seen = classes[f"support{number}"].gather(frame["true_index"]) > 0
        frame = frame.with_columns(
            pl.col(f"count{number}").fill_null(0),
            pl.when(seen).then(pl.col(f"rate{number}").fill_null(0.0)).alias(f"rate{number}"),
        )
    return frame


def _index_frame(store: Store, label: str, index: str, dtype: Any) -> pl.DataFrame:
    """The class index of each label value."""
    values = pl.Series(label, store.label_values).cast(dtype)
    return pl.DataFrame([values, pl.Series(index, range(len(values)), dtype=pl.Int64)])


VIEWS = ("test1", "test2", CHANGE)


def view_pairs(answer: Answer, view: str, index: int | None = None) -> pl.DataFrame:
    """The pairs in the order of a view, of one class (as true or predicted) when `index` is given.

    `test1` and `test2`: those confused there, the most frequent first; `change`: the largest change first.
    """
    frame = answer.pairs
    if index is not None:
        frame = frame.filter((pl.col("true_index") == index) | (pl.col("predicted_index") == index))
    tie = ["true_index", "predicted_index"]
    if view == CHANGE:
        order = pl.col(CHANGE).abs()
        return frame.sort(order, *tie, descending=[True, False, False], nulls_last=True)
    number = VIEWS.index(view) + 1
    frame = frame.filter(pl.col(f"count{number}") > 0)
    return frame.sort(f"count{number}", f"rate{number}", *tie, descending=[True, True, False, False])


def views_of(answer: Answer) -> tuple[str, ...]:
    """The orders of pairs there are: that of each test set, and of the change where there are two."""
    return VIEWS if len(answer.tests) > 1 else VIEWS[:1]


def view_test(answer: Answer, view: str, pair: Mapping[str, Any]) -> str:
    """The test set whose samples enter on a pair opens: the view's own, test set 2 for the change if it has some."""
    number = VIEWS.index(view) + 1 if view != CHANGE else (2 if pair["count2"] else 1)
    return answer.tests[number - 1]


def change_span(frame: pl.DataFrame) -> float:
    """How far from zero the axis of drawn changes reaches: over every change and most of every interval."""
    if CHANGE not in frame.columns or not frame.height:
        return 0.1
    ends = np.abs(frame.select(CHANGE, "low", "high").drop_nulls().to_numpy())
    if not ends.size:
        return 0.1
    return max(float(ends[:, 0].max()), float(np.quantile(ends[:, 1:], 0.9)), 0.01)


def drawn_change(value: float, low: float, high: float, span: float, palette: Palette, width: int = DRAWN) -> Text:
    """A change with its interval about a line at zero; bright when the interval leaves zero out."""
    clear = low > 0 or high < 0
    colour = palette.strong if clear else palette.muted
    text = interval(value, (low, high), -span, span, width, colour, palette.faint, "◆")
    cells = list(text.plain)
    zero = width // 2
    cells[zero] = {"·": "│", "─": "┼"}.get(cells[zero], cells[zero])
    text.plain = "".join(cells)
    return text


def class_columns(answer: Answer, palette: Palette) -> list[Column]:
    """How classes are shown: recall on both test sets, its change, then the rest."""
    tests = [(test, number) for number, test in enumerate(answer.tests, start=1)]
    columns = [Column("class", most=24)]
    columns += [_share(f"recall{number}", f"{palette.mark(test)} recall", test, answer.classes, number, palette)
                for test, number in tests]  # fmt: skip
    if len(tests) > 1:
        columns += _change_columns(answer.classes, _class_digits(answer.classes, 2), palette)
    for name, title in (("precision", "precision"), ("f1", "F1")):
        columns += [_share(f"{name}{number}", f"{palette.mark(test)} {title}", test, answer.classes, number, palette)
                    for test, number in tests]  # fmt: skip
    columns += [Column(f"support{number}", f"{palette.mark(test)} samples", style=palette.split(test))
                for test, number in tests]  # fmt: skip
    return columns


def pair_columns(answer: Answer, palette: Palette) -> list[Column]:
    """How confused pairs are shown: counts and rates on both test sets, and the change of the rate."""
    columns = [Column("true", most=22), Column("predicted", "→ predicted", most=22)]
    for number, test in enumerate(answer.tests, start=1):
        digits = _class_digits(answer.classes, number)
        columns.append(Column(f"count{number}", f"{palette.mark(test)} n", cell=_count(test, palette), right=True))
        columns.append(Column(f"rate{number}", f"{palette.mark(test)} rate", percent=True, digits=digits,
                              style=palette.split(test)))  # fmt: skip
    if len(answer.tests) > 1:
        columns += _change_columns(answer.pairs, _class_digits(answer.classes, 2), palette)
        columns.append(Column("p_adjusted", "p adj.", cell=_p_cell(palette), right=True))
    return columns


def _count(test: str, palette: Palette) -> Cell:
    """A count in the colour of its test set, faint where the pair was never seen there."""

    def cell(value: Any, _row: Mapping[str, Any]) -> Text:
        return Text(f"{value:,}", style=palette.split(test) if value else palette.faint)

    return cell


def _p_cell(palette: Palette) -> Cell:
    def cell(value: Any, _row: Mapping[str, Any]) -> Text:
        known = value is not None and math.isfinite(value)
        text = p_value(value).removeprefix("p ").removeprefix("= ") if known else "–"
        return Text(text, style=palette.text if known and value < 0.05 else palette.muted)

    return cell


def _class_digits(classes: pl.DataFrame, number: int) -> int:
    """Decimals of a percentage of one class: what the usual class has samples for."""
    usual = classes[f"support{number}"].median()
    return percent_digits(int(usual) if isinstance(usual, int | float) else None)


def _share(name: str, title: str, test: str, classes: pl.DataFrame, number: int, palette: Palette) -> Column:
    digits = _class_digits(classes, number)
    return Column(name, title, percent=True, digits=digits, style=palette.split(test))


def _change_columns(frame: pl.DataFrame, digits: int, palette: Palette) -> list[Column]:
    span = change_span(frame)

    def drawn(_value: Any, row: Mapping[str, Any]) -> Text:
        if row[CHANGE] is None or row["low"] is None:
            return Text("")
        return drawn_change(row[CHANGE], row["low"], row["high"], span, palette)

    def change(value: Any, _row: Mapping[str, Any]) -> Text:
        return Text(
            "–" if value is None else points(value, digits=digits, sign=True).removesuffix(POINTS), style=palette.text
        )

    end = f"{100 * span:.0f}"
    scale = f"−{end}{f'+{end}{POINTS}':>{DRAWN - len(end) - 1}}"
    return [Column(CHANGE, cell=change, right=True), Column("drawn", scale, cell=drawn, width=DRAWN)]


def pairs_title(answer: Answer, view: str, index: int | None, store: Store, palette: Palette) -> Text:
    """The title of the panel of pairs: the order they are in, and the others that v brings."""
    title = Text("Confused pairs", no_wrap=True)
    if index is not None:
        title.append(f" of {shorten(store.classes[index], 20)}")
    title.append(" by")
    for name in views_of(answer):
        split = "" if name == CHANGE else answer.tests[VIEWS.index(name)]
        heading = name if name == CHANGE else f"{palette.mark(split)} {clean(split)}"
        colour = palette.strong if name == CHANGE else palette.split(split)
        title.append("  ").append(heading, style=f"bold underline {colour}" if name == view else palette.muted)
    return title


def summary_text(answer: Answer, palette: Palette, width: int) -> Text:
    """One line: the accuracies with their intervals and the change between them."""
    text = Text(no_wrap=True, overflow="ellipsis")
    by_split = {metric.split: metric for metric in answer.metrics if metric.split}
    for test in answer.tests:
        metric = by_split.get(test)
        if metric is not None:
            text.append(f"{palette.mark(test)} {clean(test)} ", style=palette.split(test))
            text.append(percent(metric.value), style=f"bold {palette.split(test)}")
            if metric.ci:
                text.append(percent(metric.value, metric.ci).partition(" %")[2], style=palette.split(test))
            text.append("  ")
    gap = next((metric for metric in answer.metrics if metric.name == "gap"), None)
    if gap is not None and gap.ci is not None:
        change = points(-gap.value, (-gap.ci[1], -gap.ci[0]), sign=True)
        tail = f"  {p_value(gap.p)}" if gap.p is not None else ""
        lead = "change "
        # Where room is short the p value goes first, then the word, then the interval.
        room = width - text.cell_len
        tail = tail if len(lead + change + tail) <= room else ""
        lead = lead if len(lead + change) <= room else ""
        change = change if len(change) <= room else points(-gap.value, digits=1, sign=True)
        text.append(lead, style=palette.muted).append(change, style=f"bold {palette.strong}")
        text.append(tail, style=palette.muted)
    return text


# ---- the samples of one pair


def cell_frame(session: Session, split: str, true: int, predicted: int) -> pl.DataFrame:
    """The samples of `split` of class `true` that the run called `predicted`, the surest mistakes first.

    `row`, `confidence`, `path`, then the metadata. Raises BadInput when the run has no predictions for the split.
    """
    store, run = session.store, session.run
    assert store is not None
    assert run is not None
    predictions = run.view.predictions(split).select("predicted", "confidence")
    frame = store.split(split).frame.collect().with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    frame = pl.concat([frame, predictions], how="horizontal")
    frame = frame.filter((pl.col("label") == true) & (pl.col("predicted") == predicted)).drop("label", "predicted")
    if not frame["path"].count():
        frame = frame.drop("path")
    first = [name for name in ("row", "confidence", "path") if name in frame.columns]
    return frame.select(*first, pl.exclude(first)).sort("confidence", descending=True, maintain_order=True)


def cell_columns(frame: pl.DataFrame, palette: Palette) -> list[Column]:
    """How the samples of a pair are shown."""
    special = {
        "row": Column("row"),
        "confidence": Column("confidence", "conf.", percent=True, digits=0),
        "path": Column("path", keep_end=True, most=40, style=palette.muted),
    }
    return [special.get(name, Column(name, most=24)) for name in frame.columns]


def cell_text(answer: Answer | None, store: Store, true: int, predicted: int, palette: Palette) -> Text:
    """`8 → 1`, then for each test set how many samples of how many; on the second line the change."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(shorten(store.classes[true], 30), style=f"bold {palette.strong}")
    text.append(" predicted as " if true != predicted else " correctly predicted as ", style=palette.muted)
    text.append(shorten(store.classes[predicted], 30), style=f"bold {palette.strong}").append("\n")
    if answer is None:
        return text
    chosen = answer.pairs.filter((pl.col("true_index") == true) & (pl.col("predicted_index") == predicted))
    pair = chosen.row(0, named=True) if chosen.height else {}
    for number, test in enumerate(answer.tests, start=1):
        support = int(answer.classes[f"support{number}"][true] or 0)
        count = int(pair.get(f"count{number}", 0))
        rate = f" ({percent(count / support, n=support)})" if support and pair else ""
        numbers = f"{palette.mark(test)} {count:,} of {counted(support, 'sample')}{rate}"
        text.append(numbers if pair else f"{palette.mark(test)} {counted(support, 'sample')}", palette.split(test))
        text.append("  ")
    if pair.get(CHANGE) is not None:
        text.append("change ", style=palette.muted)
        text.append(points(pair[CHANGE], (pair["low"], pair["high"]), sign=True), style=palette.strong)
    return text
