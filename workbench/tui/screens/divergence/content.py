"""What the Divergence screen shows, as frames and texts: functions without widgets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
from rich.table import Table as Grid
from rich.text import Text

from workbench.features.store import Split, Store
from workbench.present.colours import Palette
from workbench.present.numbers import number, p_value, short_p
from workbench.present.terminal import bar, shorten, split_label
from workbench.stats.measures import MEASURES, Measure
from workbench.text import counted
from workbench.tui.shared import samples
from workbench.tui.shared.feature import decimals
from workbench.tui.shell.session import Session
from workbench.tui.widgets.table.backend import Column, digits_for

if TYPE_CHECKING:
    from workbench.features.summary import FeatureColumns
    from workbench.tui.shell.jobs import Job

LEVEL = 0.05
BAR_WIDTH, OTHER_WIDTH = 8, 6
# Columns that can be sorted by m, by measure; `_size` is how far a value is from no difference, whichever way.
SORT_COLUMNS = {name: name if m.kind in ("plain", "unit") else f"{name}_size" for name, m in MEASURES.items()}

Sorted = Callable[[], "tuple[str, bool] | None"]


class Subject(NamedTuple):
    """What an answer is about."""

    store: Store
    pair: tuple[str, str]


def read_answer(job: Job, about: Subject) -> pl.DataFrame:
    """The table of features of an answer, see `features_frame`; raises ValueError when it holds none."""
    from workbench.api import Table

    table = next((block for block in job.blocks if isinstance(block, Table) and block.title == "features"), None)
    if table is None:
        raise ValueError("the answer has no table called features")
    return features_frame(table.frame, about.store)


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
        part = f" · {name} {number(float(middle), digits)}" if isinstance(middle, int | float) else ""
        if text.cell_len + len(part) <= width:
            text.append(part, style=palette.muted)
    return text


def pair_label(pair: tuple[str, str], palette: Palette) -> Text:
    """`● test1 → ◆ test2` in their colours."""
    text = Text(no_wrap=True).append_text(split_label(pair[0], palette)).append(" → ", style=palette.muted)
    return text.append_text(split_label(pair[1], palette))


def numbers_table(
    row: Mapping[str, Any], feature: FeatureColumns | None, splits: tuple[Split, Split], palette: Palette, width: int
) -> Grid:
    """The two splits side by side, then the measures of the feature under the cursor."""
    sds = [sd for sd in (row["sd_a"], row["sd_b"]) if sd]
    digits = decimals(min(sds) if sds else None, min(split.rows for split in splits))
    medians = [column.median for column in feature.columns] if feature is not None else [None, None]
    left_out = [column.left_out for column in feature.columns] if feature is not None else [0, 0]
    table = Grid.grid(padding=(0, 2, 0, 0))
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
    if any(left_out):
        line("NaN, inf", number(left_out[0]), number(left_out[1]))
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


# ---- the samples behind a feature


@dataclass(frozen=True)
class Ordering:
    """The samples of a split by their value of a feature, which is a `row` of the table of features."""

    session: Session
    pair: tuple[str, str]
    row: Mapping[str, Any]
    split: str

    @property
    def rising(self) -> bool:
        """Whether the highest values come first: the mean is higher in the second split."""
        return (self.row["smd"] or 0.0) >= 0


def samples_by_feature(ordering: Ordering) -> pl.DataFrame:
    """All samples of the split with `value`, sorted by it, and `off`: how many sd from the mean of the first split."""
    store = ordering.session.store
    assert store is not None
    values = np.array(store.split(ordering.split).features[:, ordering.row["index"]], dtype=np.float32)
    mean, sd = ordering.row["mean_a"], ordering.row["sd_a"]
    off = (values - mean) / sd if sd else np.full(len(values), np.nan)
    frame = samples.samples_frame(ordering.session, ordering.split)
    frame = frame.with_columns(value=pl.Series(values), off=pl.Series(off, dtype=pl.Float64).fill_nan(None))
    first = ["row", "value", "off"]
    frame = frame.select(*first, pl.exclude(first))
    return frame.sort("value", descending=ordering.rising, nulls_last=True, maintain_order=True)


def sample_columns(frame: pl.DataFrame, palette: Palette) -> list[Column]:
    """How they are shown."""

    def off(value: Any, _row: Any) -> Text:
        return Text(signed(value, 1))

    special = {
        "value": Column("value", digits=digits_for(frame["value"]), right=True),
        "off": Column("off", "in sd", cell=off, right=True),
    }
    return [special.get(column.name, column) for column in samples.sample_columns(frame, palette)]
