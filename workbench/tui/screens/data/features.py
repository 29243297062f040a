"""Features on the Data screen: range, mean and spread of each, and the histogram of one in each split."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from rich.table import Table
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.timer import Timer
from textual.widgets import Static

from workbench.features.store import TRAIN, Split, Store
from workbench.tui.formats import clean, number, shorten
from workbench.tui.screens.divergence.content import decimals
from workbench.tui.shell.alive import Alive
from workbench.tui.shell.messages import FeatureSeen, FeaturesListed
from workbench.tui.shell.session import Session
from workbench.tui.theme import Palette
from workbench.tui.widgets.chart import Axes, ChartView, Line
from workbench.tui.widgets.table.backend import Column, digits_for
from workbench.tui.widgets.table.panel import TablePanel

DRAWN = 50_000  # rows of a split from which a histogram is drawn at most
LISTED = 64 << 20  # values from which means and spreads are found at most
CHUNK = 1_024
PAUSE = 0.06  # seconds that the cursor rests on a feature before it is read


@dataclass(frozen=True)
class Features:
    """A row a feature (`index`, `feature`, `min`, `max`, `mean`, `sd`, `constant`), of train.

    The range is that of all rows; mean and sd (divisor n - 1) those of `rows` rows, drawn at random when fewer than
    train has.
    """

    fingerprint: str
    frame: pl.DataFrame
    rows: int


@dataclass(frozen=True)
class SplitColumn:
    """One feature in one split: `shares` [k] of `used` rows in the bins; range of all rows, mean and sd of `used`."""

    split: str
    rows: int
    used: int
    shares: np.ndarray
    low: float
    high: float
    mean: float
    sd: float


@dataclass(frozen=True)
class Seen:
    """One feature in some splits, on shared bins between `edges` [k + 1]."""

    fingerprint: str
    splits: tuple[str, ...]
    index: int
    edges: np.ndarray
    columns: tuple[SplitColumn, ...]


def some_rows(split: Split, most: int) -> np.ndarray | slice:
    """All rows of a split, or `most` of them at random (the same each time), sorted."""
    if split.rows <= most:
        return slice(None)
    # Not every nth: rows are often in the order of their classes.
    return np.sort(np.random.default_rng(0).choice(split.rows, most, replace=False))


def list_features(store: Store) -> Features:
    """Every feature in train; reads at most `LISTED` values."""
    split = store.train
    low, high = split.range
    rows = some_rows(split, max(LISTED // store.dim, 2))
    chosen = np.arange(split.rows)[rows]
    total, squares = np.zeros(store.dim), np.zeros(store.dim)
    centre = (low.astype(np.float64) + high) / 2  # sums of squares about it lose no digits to a large mean
    for start in range(0, len(chosen), CHUNK):
        part = split.features[chosen[start : start + CHUNK]].astype(np.float64) - centre
        total += part.sum(axis=0)
        squares += np.einsum("nd,nd->d", part, part)
    n = len(chosen)
    variance = np.maximum(squares - total**2 / n, 0) / max(n - 1, 1)
    frame = pl.DataFrame(
        {
            "index": np.arange(store.dim),
            "feature": store.feature_names,
            "min": low.astype(np.float64),
            "max": high.astype(np.float64),
            "mean": total / n + centre,
            "sd": np.sqrt(variance),
            "constant": low == high,
        }
    )
    return Features(store.fingerprint, frame, n)


def see_feature(store: Store, splits: tuple[str, ...], index: int) -> Seen:
    """Read one column of some splits, at most `DRAWN` rows of each."""
    from workbench.stats.divergence import bin_edges, shares

    read = {name: _column(store.splits[name], index) for name in splits}
    edges = bin_edges(np.concatenate(list(read.values())))
    columns = []
    for name, values in read.items():
        low, high = store.splits[name].range
        sd = float(values.std(ddof=1)) if len(values) > 1 else math.nan
        columns.append(
            SplitColumn(
                name, store.splits[name].rows, len(values), shares(values, edges),
                float(low[index]), float(high[index]), float(values.mean()), sd,
            )
        )  # fmt: skip
    return Seen(store.fingerprint, splits, index, edges, tuple(columns))


def _column(split: Split, index: int) -> np.ndarray:
    values: np.ndarray = np.asarray(split.features[some_rows(split, DRAWN), index], dtype=np.float64)
    return values


def feature_columns(frame: pl.DataFrame, palette: Palette) -> list[Column]:
    """How the table of features is shown."""

    def constant(value: Any, _row: Mapping[str, Any]) -> Text:
        return Text("constant" if value else "", style=palette.severities["warning"])

    spread = digits_for(frame.get_column("sd"))
    columns = [Column("feature", most=24, style=palette.text)]
    columns += [Column(name, digits=spread) for name in ("min", "max", "mean", "sd")]
    return columns + ([Column("constant", " ", cell=constant, width=8)] if frame.get_column("constant").any() else [])


def numbers_table(seen: Seen, palette: Palette, width: int) -> Table:
    """The splits side by side."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("left", *("right" for _ in seen.columns)):
        table.add_column(justify=justify, no_wrap=True)  # type: ignore[arg-type]
    room = max(4, (width - 8) // max(len(seen.columns), 1) - 2)
    sds = [column.sd for column in seen.columns if column.sd > 0]
    digits = decimals(min(sds) if sds else None, min(column.used for column in seen.columns))
    heads = [
        Text(shorten(f"{palette.mark(c.split)} {c.split}", room), style=palette.split(c.split)) for c in seen.columns
    ]
    table.add_row("", *heads)
    for name, values in (
        ("mean", [column.mean for column in seen.columns]),
        ("sd", [column.sd for column in seen.columns]),
        ("min", [column.low for column in seen.columns]),
        ("max", [column.high for column in seen.columns]),
        ("rows", [column.rows for column in seen.columns]),
    ):
        told = [number(value, digits) if isinstance(value, float) else number(value) for value in values]
        table.add_row(Text(name, style=palette.muted), *(Text(text) for text in told))
    return table


def sampled_words(seen: Seen) -> str:
    """What is said when not all rows were read; empty when they were."""
    if all(column.used == column.rows for column in seen.columns):
        return ""
    return f"drawn from at most {DRAWN:,} rows of a split, at random; min and max of all"


def chart_of(seen: Seen, name: str, palette: Palette, *, log: bool = False) -> tuple[list[Line], Axes]:
    """A histogram as steps for each split, in its colour and named."""
    lines = [
        Line(f"{palette.mark(c.split)} {clean(c.split)}", seen.edges, c.shares, palette.split(c.split))
        for c in seen.columns
    ]
    top = max((float(c.shares.max(initial=0.0)) for c in seen.columns), default=0.0)
    y_range = (0.0, 1.05 * top) if top else None
    if log:
        return lines, Axes("", clean(name), "share of samples, log", "steps", log_y=True)
    return lines, Axes("", clean(name), "share of samples", "steps", percent=True, y_range=y_range)


class FeaturesView(Alive, Container):
    """The table of features, and the one under the cursor in train and the two test sets that are compared."""

    DEFAULT_CSS = """
    FeaturesView { layout: vertical; }
    FeaturesView #listed-box { height: 1fr; min-height: 5; }
    FeaturesView #seen-box { layout: horizontal; height: 12; }
    FeaturesView #seen-chart { width: 1fr; height: 1fr; min-height: 5; }
    FeaturesView #seen-side { width: 38; height: auto; margin-left: 2; }
    FeaturesView #seen-numbers, FeaturesView #seen-note { width: 1fr; height: auto; }
    FeaturesView #seen-note { color: $muted; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session: Session | None = None
        self._listed: Features | None = None
        self._seen: dict[tuple[tuple[str, ...], int], Seen] = {}
        self._rest: Timer | None = None
        self._log = False
        self._told: int | None = None  # the feature that this view last put into the selection

    def compose(self) -> ComposeResult:
        with Vertical(id="listed-box", classes="panel"):
            yield TablePanel(id="listed", noun="feature")
        with Container(id="seen-box", classes="panel"):
            yield ChartView(id="seen-chart")
            with Vertical(id="seen-side"):
                yield Static(id="seen-numbers", markup=False)
                yield Static(id="seen-note", markup=False)

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that are drawn: train and the pair."""
        return (TRAIN, *self._session.pair[:2]) if self._session else ()

    def open(self, session: Session) -> None:
        """Show the features of the session's store."""
        store = session.store
        self._session = session
        if store is None:
            return
        if self._listed is None or self._listed.fingerprint != store.fingerprint:
            self._seen.clear()
            self._told = None
            self.query_one("#listed-box").border_title = "Features (reading ...)"
            self._list(store)
        else:
            self._fill()
            self.follow(session.selection.feature)

    @work(thread=True, exclusive=True, group="listed", exit_on_error=False)
    def _list(self, store: Store) -> None:
        self.post_message(FeaturesListed(list_features(store)))

    def on_features_listed(self, event: FeaturesListed) -> None:
        event.stop()
        self._listed = event.features
        wanted = self._session.selection.feature if self._session else None
        self._fill()
        self.follow(wanted)

    def _fill(self) -> None:
        session, listed = self._session, self._listed
        if session is None or session.store is None or listed is None:
            return
        box = self.query_one("#listed-box")
        box.border_title = Text("Features in train", style=session.palette.split(TRAIN))
        of = session.store.train.rows
        note = f"mean, sd of {listed.rows:,} rows" if listed.rows < of else ""
        panel = self.query_one("#listed", TablePanel)
        panel.load(listed.frame, feature_columns(listed.frame, session.palette), key="index", note=note)
        self._show()

    @property
    def row(self) -> dict[str, Any] | None:
        """The feature under the cursor."""
        return self.query_one("#listed", TablePanel).row

    def moved(self, index: int) -> None:
        """The cursor is on another feature, which is the selected one now."""
        self._told = index
        self._show()

    def follow(self, feature: int | None) -> None:
        """Put the cursor on the feature that was selected elsewhere."""
        if feature is not None and feature != self._told and self._listed is not None:
            self._told = feature
            self.query_one("#listed", TablePanel).select_where("index", feature)

    def turn_log(self) -> None:
        """Shares on a logarithmic axis, or back on a plain one."""
        self._log = not self._log
        self._show()

    def _show(self) -> None:
        row, session = self.row, self._session
        if row is None or session is None:
            return
        self.query_one("#seen-box").border_title = Text(f"Feature {clean(row['feature'])}")
        seen = self._seen.get((self.splits, row["index"]))
        if seen is None:
            if self._rest is not None:
                self._rest.stop()
            self._rest = self.set_timer(PAUSE, self._read)
            return
        lines, axes = chart_of(seen, str(row["feature"]), session.palette, log=self._log)
        self.query_one("#seen-chart", ChartView).set(lines, axes, session.palette)
        side = self.query_one("#seen-side")
        self.query_one("#seen-numbers", Static).update(numbers_table(seen, session.palette, side.size.width or 38))
        self.query_one("#seen-note", Static).update(sampled_words(seen))

    def _read(self) -> None:
        self._rest = None
        if self.row is not None and self._session is not None and self._session.store is not None:
            self._see(self._session.store, self.splits, self.row["index"])

    @work(thread=True, exclusive=True, group="seen", exit_on_error=False)
    def _see(self, store: Store, splits: tuple[str, ...], index: int) -> None:
        self.post_message(FeatureSeen(see_feature(store, splits, index)))

    def on_feature_seen(self, event: FeatureSeen) -> None:
        event.stop()
        seen, store = event.seen, self._session.store if self._session else None
        if store is not None and seen.fingerprint == store.fingerprint:
            self._seen[seen.splits, seen.index] = seen
            self._show()

    def on_resize(self) -> None:
        self._show()
