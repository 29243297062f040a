"""Runs side by side: where their settings differ, and accuracy against one of these settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical

from workbench.tui.formats import clean
from workbench.tui.screens.train.content import accuracy_columns
from workbench.tui.shared.runs import RunColours, short_name
from workbench.tui.shell.alive import Alive
from workbench.tui.shell.session import Session
from workbench.tui.theme import Palette
from workbench.tui.widgets.chart import Axes, ChartView, Line
from workbench.tui.widgets.form import as_text
from workbench.tui.widgets.table.panel import TablePanel

if TYPE_CHECKING:
    import polars as pl

    from workbench.runs import RunSnapshot
    from workbench.tui.widgets.table.backend import Column

NOT_THERE = "–"
MOST_LINES = 8  # values of a second setting that get a line each
Varying = dict[str, list[Any]]  # a setting's name: its values, one a run


class CompareView(Alive, Vertical):
    """A table of runs by the settings in which they differ, over a chart of accuracy against one of these."""

    DEFAULT_CSS = """
    CompareView > #compare-box { height: 1fr; }
    CompareView > #compare-chart-box { height: 1fr; min-height: 8; }
    CompareView.-plain > #compare-chart-box { display: none; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._runs: Sequence[RunSnapshot] = ()
        self._varying: Varying = {}
        self._setting = ""
        self._session: Session | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="compare-box", classes="panel"):
            yield TablePanel(id="compared", noun="run")
        with Vertical(id="compare-chart-box", classes="panel"):
            yield ChartView(id="compare-chart")

    def show(self, runs: Sequence[RunSnapshot], session: Session, colours: RunColours, title: str) -> None:
        """Show these runs."""
        self._runs, self._session = runs, session
        self._varying = varying(runs)
        if self._setting not in self._varying:
            self._setting = next((name for name in self._varying if name not in ("head", "seed")), "")
        box = self.query_one("#compare-box")
        box.border_title = Text(clean(title))
        box.styles.height = min(len(runs) + 3, max(6, self.screen.size.height // 2)) if self._setting else "1fr"
        panel = self.query_one("#compared", TablePanel)
        panel.load(
            compared_frame(runs, self._varying, session),
            compared_columns(session, self._varying, colours),
            key="id",
            note="" if self._varying else "the settings are the same",
            sort=("val", True),
        )
        self._draw()

    def _draw(self) -> None:
        session = self._session
        self.set_class(not self._setting or session is None, "-plain")
        if session is None or not self._setting:
            return
        lines, axes = setting_chart(self._runs, self._varying, self._setting, session)
        more = "  a another setting" if len(self._varying) > 1 else ""
        self.query_one("#compare-chart-box").border_title = Text(f"Accuracy against {told(self._setting)}{more}")
        self.query_one("#compare-chart", ChartView).set(lines, axes, session.palette)

    def next_setting(self) -> None:
        """Draw accuracy against the next setting that differs."""
        names = list(self._varying)
        if names:
            self._setting = names[(names.index(self._setting) + 1) % len(names)] if self._setting in names else names[0]
            self._draw()


def told(setting: str) -> str:
    """A setting's name as one reads it."""
    return clean(setting).replace("_", " ")


def varying(runs: Sequence[RunSnapshot]) -> Varying:
    """The settings in which runs differ, with the value of each run."""
    from workbench.runs import differences

    return {name: list(values) for name, values in differences(runs).items()} if len(runs) > 1 else {}


def compared_frame(runs: Sequence[RunSnapshot], settings: Varying, session: Session) -> pl.DataFrame:
    """One row a run: the settings that differ (as `set NAME`, numbers where all are), and its results."""
    import polars as pl

    columns: dict[str, Any] = {"id": [run.id for run in runs], "run": [short_name(run) for run in runs]}
    for name, values in settings.items():
        columns[f"set {name}"] = (
            values
            if numeric(values)
            else [_told_value(run, name, value) for run, value in zip(runs, values, strict=True)]
        )
    columns["val"] = [run.val_accuracy for run in runs]
    columns["gap"] = [run.gap.value if run.gap else None for run in runs]
    for place in (1, 2):
        test = session.pair[place - 1] if len(session.pair) >= place else ""
        columns[f"test{place}"] = [run.tests[test].accuracy if test in run.tests else None for run in runs]
        columns[f"n{place}"] = [run.tests[test].n if test in run.tests else None for run in runs]
    floats = dict.fromkeys(("val", "gap", "test1", "test2"), pl.Float64)
    return pl.DataFrame(columns, schema_overrides=floats, strict=False)


def compared_columns(session: Session, settings: Varying, colours: RunColours) -> list[Column]:
    """How the table of runs that are compared is shown."""
    from workbench.tui.widgets.table.backend import Column

    palette = session.palette

    def name(value: Any, row: Any) -> Text:
        text = Text("━ ", style=f"bold {colours.of(row['id'], palette)}")
        return text.append(clean(value), style=palette.text)

    def setting(value: Any, _row: Any) -> Text:
        there = value not in (None, NOT_THERE)
        return Text(as_text(value) if there else NOT_THERE, style=palette.text if there else palette.faint)

    own = [
        Column(f"set {name}", told(name), cell=setting, right=numeric(values), most=24)
        for name, values in settings.items()
    ]
    return [Column("run", cell=name), *accuracy_columns(session), *own]


def _told_value(run: RunSnapshot, name: str, value: Any) -> str:
    """A value as text: `none` is a value too, other than that of a setting which the run's head does not have."""
    return as_text(value) or ("none" if name in run.settings else NOT_THERE)


def numeric(values: Sequence[Any]) -> bool:
    """Whether all values, those that are there, are numbers."""
    present = [value for value in values if value is not None]
    return bool(present) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in present)


def setting_chart(
    runs: Sequence[RunSnapshot], settings: Varying, setting: str, session: Session
) -> tuple[list[Line], Axes]:
    """Accuracy of runs against one setting.

    Where one other setting varies too: val, a line for each of its values. Else val and both test sets, of the run
    that is best on val at each value, since nothing is chosen by test sets.
    """
    values = settings[setting]
    numbers = numeric(values) and None not in values
    words = list(dict.fromkeys(as_text(value) or "none" for value in values))
    places = {run.id: float(value) if numbers else float(words.index(as_text(value) or "none"))
              for run, value in zip(runs, values, strict=True)}  # fmt: skip
    x = np.array(sorted(set(places.values())))
    log = bool(numbers and len(x) > 2 and x[0] > 0 and x[-1] >= 50 * x[0])
    others = [name for name in settings if name not in (setting, "seed", "head")]
    if len(others) == 1 and len(set(map(as_text, settings[others[0]]))) <= MOST_LINES:
        lines = _by_other(runs, settings[others[0]], others[0], places, session.palette)
        note = "on val"
    else:
        lines = _by_split(runs, places, session)
        note = "the best on val at each value" if len(x) < len(runs) else ""
    ticks = () if numbers else tuple((float(place), word) for place, word in enumerate(words))
    return lines, Axes("accuracy", told(setting), percent=True, log_x=log, note=note, x_ticks=ticks)


def _by_other(
    runs: Sequence[RunSnapshot], values: Sequence[Any], name: str, places: dict[str, float], palette: Palette
) -> list[Line]:
    lines = []
    seen = {as_text(value): value for value in values}
    words = sorted(seen, key=lambda word: seen[word]) if numeric(list(seen.values())) and None not in values else seen
    for index, word in enumerate(words):
        own = [run for run, other in zip(runs, values, strict=True) if as_text(other) == word]
        best = _best_by_place(own, places)
        y = np.array([_nan(run.val_accuracy) for run in best.values()])
        lines.append(Line(f"{told(name)} {word or 'none'}", np.array(list(best)), y, palette.series(index)))
    return lines


def _by_split(runs: Sequence[RunSnapshot], places: dict[str, float], session: Session) -> list[Line]:
    palette, best = session.palette, _best_by_place(runs, places)
    x = np.array(list(best))
    y = np.array([_nan(run.val_accuracy) for run in best.values()])
    lines = [Line(palette.val_name, x, y, palette.split(palette.val_name))]
    for test in session.pair[:2]:
        y = np.array([_nan(run.tests[test].accuracy if test in run.tests else None) for run in best.values()])
        lines.append(Line(clean(test), x, y, palette.split(test)))
    return [line for line in lines if np.isfinite(line.y).any()] or lines[:1]


def _best_by_place(runs: Sequence[RunSnapshot], places: dict[str, float]) -> dict[float, RunSnapshot]:
    """The run best on val at each place, by place; runs without val accuracy do not count."""
    known = sorted((run for run in runs if run.val_accuracy is not None), key=lambda run: run.val_accuracy or 0.0)
    return dict(sorted({places[run.id]: run for run in known}.items()))


def _nan(value: float | None) -> float:
    return np.nan if value is None else value
