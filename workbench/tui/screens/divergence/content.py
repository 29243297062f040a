"""What the Divergence screen shows, as frames and texts, and how one feature is read: functions without widgets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from rich.table import Table
from rich.text import Text

from workbench.features.store import Split, Store
from workbench.stats.measures import MEASURES, Measure
from workbench.text import counted
from workbench.tui.formats import bar, clean, number, p_value, short_p, shorten, split_label
from workbench.tui.theme import Palette
from workbench.tui.widgets.chart import Axes, Line
from workbench.tui.widgets.table.backend import Column, digits_for

LEVEL = 0.05
BAR_WIDTH, OTHER_WIDTH = 8, 6
# Columns that can be sorted by m, by measure; `_size` is how far a value is from no difference, whichever way.
SORT_COLUMNS = {name: name if m.kind in ("plain", "unit") else f"{name}_size" for name, m in MEASURES.items()}

Sorted = Callable[[], "tuple[str, bool] | None"]


@dataclass(frozen=True)
class Feature:
    """One feature on two splits: histograms on shared `edges` [k + 1], `shares` [k] each, and the medians.

    `left_out` counts the values that are NaN or infinite on either side; without any other value `edges` is empty.
    """

    index: int
    pair: tuple[str, str]
    edges: np.ndarray
    shares: tuple[np.ndarray, np.ndarray]
    medians: tuple[float, float]
    left_out: tuple[int, int]


def read_feature(store: Store, pair: tuple[str, str], index: int) -> Feature:
    """Read one column of two splits and nothing else."""
    from workbench.stats.divergence import histograms

    columns = [np.array(store.splits[name].features[:, index], dtype=np.float64) for name in pair]
    first, second = (column[np.isfinite(column)] for column in columns)
    left_out = (len(columns[0]) - len(first), len(columns[1]) - len(second))
    if not len(first) or not len(second):
        empty = np.empty(0)
        return Feature(index, pair, empty, (empty, empty), (math.nan, math.nan), left_out)
    edges, shares_1, shares_2 = histograms(first, second)
    medians = (float(np.median(first)), float(np.median(second)))
    return Feature(index, pair, edges, (shares_1, shares_2), medians, left_out)


def pairs_of(store: Store) -> list[tuple[str, str]]:
    """Every two splits that can be compared, in the order of the workspace file."""
    names = list(store.splits)
    return [(one, other) for place, one in enumerate(names) for other in names[place + 1 :]]


def default_pair(store: Store, pair: Sequence[str]) -> tuple[str, str] | None:
    """The chosen pair of test sets; with one test set only, train and that; None without any."""
    if len(pair) > 1:
        return pair[0], pair[1]
    return ("train", pair[0]) if pair and "train" in store.splits else None


def features_frame(answer: pl.DataFrame, store: Store) -> pl.DataFrame:
    """The answer's table with the column `index` (of the feature) and the `SORT_COLUMNS`."""
    place = {name: index for index, name in enumerate(store.feature_names)}
    index = pl.Series("index", [place.get(name) for name in answer.get_column("feature").to_list()], dtype=pl.Int64)
    sizes = []
    for name, column in SORT_COLUMNS.items():
        size = MEASURES[name].size(answer.get_column(name).cast(pl.Float64).to_numpy())
        sizes.append(pl.Series(column, np.where(np.isfinite(size), size, np.nan)).fill_nan(None))
    return answer.with_columns(index, *sizes)


def feature_columns(frame: pl.DataFrame, palette: Palette, width: int, sorted_by: Sorted) -> list[Column]:
    """How the table is shown in `width` cells; the bars follow the column it is sorted by, as `sorted_by` tells."""
    tops = {name: _top(frame, name) for name in SORT_COLUMNS.values()}

    def drawn(_value: Any, row: Mapping[str, Any]) -> Text:
        by = sorted_by()
        name = by[0] if by and by[0] in tops else "ks"
        differs = row["p_adjusted"] is not None and row["p_adjusted"] < LEVEL
        size = row[name] if row[name] is not None else math.nan
        return bar(size / tops[name], BAR_WIDTH, palette.text if differs else palette.faint)

    def p(value: Any, _row: Any) -> Text:
        differs = value is not None and value < LEVEL
        return Text(short_p(value), style="" if differs else palette.faint)

    columns = [
        Column("bar", " ", cell=drawn, width=BAR_WIDTH),
        *(_measure_column(frame, measure) for measure in MEASURES.values()),
        Column("p_adjusted", "p adj.", cell=p, width=7, right=True),
    ]
    if width < 64:
        columns = [column for column in columns if column.name in ("bar", SORT_COLUMNS["ks"], SORT_COLUMNS["smd"])]
    taken = 2 * len(columns) + sum(column.width or OTHER_WIDTH for column in columns)
    return [Column("feature", most=min(max(width - taken - 4, 8), 40), style=palette.text), *columns]


def _measure_column(frame: pl.DataFrame, measure: Measure) -> Column:
    column = SORT_COLUMNS[measure.name]
    if column == measure.name:
        return Column(column, measure.title, digits=_digits(frame.get_column(measure.name), measure))

    def written(_value: Any, row: Mapping[str, Any]) -> Text:
        return Text(_written(row[measure.name], measure))

    return Column(column, measure.title, cell=written, width=max(len(measure.title), 6))


def _digits(values: pl.Series, measure: Measure) -> int | None:
    return digits_for(values) if measure.kind == "unit" else 3


def _written(value: float | None, measure: Measure) -> str:
    """A value of a measure as it is shown."""
    if measure.kind == "difference":
        return signed(value, 2)
    if measure.kind == "ratio":
        return ratio(value)
    return number(value, _digits(pl.Series([value], dtype=pl.Float64), measure))


def _top(frame: pl.DataFrame, name: str) -> float:
    top = frame.get_column(name).max()
    return float(top) if isinstance(top, int | float) and top > 0 else 1.0


def signed(value: float | None, digits: int) -> str:
    """A difference with its sign."""
    if value is None:
        return "–"
    return ("+" if value > 0 else "") + number(float(value), digits)


def ratio(value: float | None) -> str:
    """A ratio: `×1.12`."""
    if value is None:
        return "–"
    return f"×{value:.2f}" if value < 100 else f"×{value:.0f}"


def summary_text(frame: pl.DataFrame, pair: tuple[str, str], palette: Palette, width: int) -> Text:
    """How many features differ and, as far as `width` has room, how much features differ at all."""
    known = frame.get_column("p_adjusted").drop_nulls()
    differ = int((known < LEVEL).sum())
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append_text(pair_label(pair, palette)).append("   ")
    text.append(f"{differ:,} of {counted(frame.height, 'feature')} differ", style=f"bold {palette.strong}")
    text.append(f" (KS, p < {LEVEL:g} after Holm)", style=palette.muted)
    unknown = frame.height - len(known)
    if unknown:
        text.append(f" · {unknown:,} with NaN or infinity", style=palette.severities["warning"])
    for name, column, digits in (("median KS", "ks", 3), ("median |SMD|", SORT_COLUMNS["smd"], 2)):
        middle = frame.get_column(column).median()
        told = f" · {name} {number(float(middle), digits)}" if isinstance(middle, int | float) else ""
        if text.cell_len + len(told) <= width:
            text.append(told, style=palette.muted)
    return text


def pair_label(pair: tuple[str, str], palette: Palette) -> Text:
    """`● test1 → ◆ test2` in their colours."""
    text = Text(no_wrap=True).append_text(split_label(pair[0], palette)).append(" → ", style=palette.muted)
    return text.append_text(split_label(pair[1], palette))


def decimals(sd: float | None, rows: int) -> int | None:
    """Decimals that a mean over `rows` values justifies: two significant digits of its standard error."""
    if sd is None or not sd > 0 or rows < 2:
        return None
    return int(min(max(1 - math.floor(math.log10(sd / math.sqrt(rows))), 0), 8))


def numbers_table(
    row: Mapping[str, Any], feature: Feature | None, splits: tuple[Split, Split], palette: Palette, width: int
) -> Table:
    """The two splits side by side, then the measures of the feature under the cursor."""
    sds = [sd for sd in (row["sd_a"], row["sd_b"]) if sd]
    digits = decimals(min(sds) if sds else None, min(split.rows for split in splits))
    medians = feature.medians if feature is not None else (None, None)
    table = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("left", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    room = max(4, (width - 12) // 2 - 2)

    def line(name: str, first: str, second: str) -> None:
        table.add_row(Text(name, style=palette.muted), Text(first), Text(second))

    heads = [Text(shorten(f"{palette.mark(s.name)} {s.name}", room), style=palette.split(s.name)) for s in splits]
    table.add_row("", *heads)
    line("mean", number(row["mean_a"], digits), number(row["mean_b"], digits))
    line("median", number(medians[0], digits), number(medians[1], digits))
    line("sd", number(row["sd_a"], digits), number(row["sd_b"], digits))
    line("rows", number(splits[0].rows), number(splits[1].rows))
    if feature is not None and any(feature.left_out):
        line("NaN, inf", number(feature.left_out[0]), number(feature.left_out[1]))
    return table


def measures_text(row: Mapping[str, Any], palette: Palette) -> Text:
    """Every measure of the feature, KS with its p value before and after correction."""
    text = Text(style=palette.text)
    if row["ks"] is None:
        return text.append("not compared: NaN or infinity among its values", style=palette.severities["warning"])
    widest = max(len(measure.title) for measure in MEASURES.values())
    for name, measure in MEASURES.items():
        text.append("\n" if text.plain else "").append(f"{measure.title:<{widest}}", style=palette.muted)
        text.append(f"{_written(row[name], measure):>7}")
        if name == "ks":
            text.append(f"  {p_value(row['p'])}, adj. {short_p(row['p_adjusted'])}", style=palette.muted)
    return text


def chart_of(feature: Feature, name: str, palette: Palette, *, log: bool) -> tuple[list[Line], Axes]:
    """The two histograms as steps, each in its split's colour and named."""
    lines = [
        Line(
            f"{palette.mark(split)} {clean(split)}",
            feature.edges,
            shares,
            palette.split(split),
        )
        for split, shares in zip(feature.pair, feature.shares, strict=True)
    ]
    label = "share of samples" + (", log" if log else "")
    top = max((float(shares.max(initial=0.0)) for shares in feature.shares), default=0.0)
    y_range = None if log or not top else (0.0, 1.05 * top)
    return lines, Axes("", clean(name), label, "steps", percent=not log, log_y=log, y_range=y_range)
