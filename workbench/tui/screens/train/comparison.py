"""Runs side by side: the settings in which they differ, and accuracy against one of these settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical

from workbench.present.colours import Palette
from workbench.present.terminal import clean
from workbench.tui.screens.train.content import accuracy_columns
from workbench.tui.shared.runs import RunColours, short_name
from workbench.tui.shell.alive import Alive
from workbench.tui.shell.session import Session
from workbench.tui.widgets.chart import Axes, ChartView, Line
from workbench.tui.widgets.form import as_text
from workbench.tui.widgets.table.panel import TablePanel

if TYPE_CHECKING:
    import polars as pl

    from workbench.runs import RunSnapshot
    from workbench.tui.widgets.table.backend import Column

MISSING = "–"
MAX_LINES = 8  # values of a second setting that get a line each
Differences = dict[str, list[Any]]  # by the name of a setting: its values, one a run


class CompareView(Alive, Vertical):
    """A table of runs with the settings in which they differ, over a chart of accuracy against one of these."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.sweep = ""  # the sweep whose runs are compared; empty for the marked runs
        self.setting = ""  # the setting on the x axis; empty where runs differ in none
        self._runs: Sequence[RunSnapshot] = ()
        self._differences: Differences = {}
        self._session: Session | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="compare-box", classes="panel"):
            yield TablePanel(id="compared", noun="run")
        with Vertical(id="compare-chart-box", classes="panel"):
            yield ChartView(id="compare-chart")

    @property
    def panel(self) -> TablePanel:
        """The table of the runs."""
        return self.query_one("#compared", TablePanel)

    def show(self, marked_runs: Sequence[RunSnapshot], session: Session, colours: RunColours) -> None:
        """Show the runs of the sweep or, without one, the marked runs as they are now."""
        runs = [run for run in session.runs or () if run.sweep == self.sweep] if self.sweep else marked_runs
        self._runs, self._session = runs, session
        self._differences = setting_differences(runs)
        if self.setting not in self._differences:
            self.setting = next((name for name in self._differences if name not in ("head", "seed")), "")
        box = self.query_one("#compare-box")
        box.border_title = Text(f"Sweep {clean(self.sweep)}" if self.sweep else "Where the settings differ")
        box.styles.height = min(len(runs) + 3, max(6, self.screen.size.height // 2)) if self.setting else "1fr"
        self.panel.load(
            comparison_frame(runs, self._differences, session),
            comparison_columns(session, self._differences, colours),
            key="id",
            note="" if self._differences else "the settings are the same",
            sort=("val", True),
        )
        self._draw()

    def _draw(self) -> None:
        session = self._session
        self.set_class(not self.setting or session is None, "-plain")
        if session is None or not self.setting:
            return
        lines, axes = setting_chart(self._runs, self._differences, self.setting, session)
        hint = "  a another setting" if len(self._differences) > 1 else ""
        self.query_one("#compare-chart-box").border_title = Text(
            f"Accuracy against {setting_label(self.setting)}{hint}"
        )
        self.query_one("#compare-chart", ChartView).set(lines, axes, session.palette)

    def action_next_x(self) -> None:
        """Draw accuracy against the next setting in which the runs differ."""
        names = list(self._differences)
        if names:
            self.setting = names[(names.index(self.setting) + 1) % len(names)] if self.setting in names else names[0]
            self._draw()


def setting_label(setting: str) -> str:
    """A setting's name with spaces: `weight decay`."""
    return clean(setting).replace("_", " ")


def setting_differences(runs: Sequence[RunSnapshot]) -> Differences:
    """The settings in which runs differ, with the value of each run."""
    from workbench.runs import differences

    return {name: list(values) for name, values in differences(runs).items()} if len(runs) > 1 else {}


def comparison_frame(runs: Sequence[RunSnapshot], settings: Differences, session: Session) -> pl.DataFrame:
    """One row a run: the settings that differ (as `set NAME`, numbers where all are), and its results."""
    import polars as pl

    columns: dict[str, Any] = {"id": [run.id for run in runs], "run": [short_name(run) for run in runs]}
    for name, values in settings.items():
        texts = [_value_text(run, name, value) for run, value in zip(runs, values, strict=True)]
        columns[f"set {name}"] = values if all_numbers(values) else texts
    columns["val"] = [run.val_accuracy for run in runs]
    columns["gap"] = [run.gap.value if run.gap else None for run in runs]
    for place in (1, 2):
        test = session.pair[place - 1] if len(session.pair) >= place else ""
        columns[f"test{place}"] = [run.tests[test].accuracy if test in run.tests else None for run in runs]
        columns[f"n{place}"] = [run.tests[test].n if test in run.tests else None for run in runs]
    floats = dict.fromkeys(("val", "gap", "test1", "test2"), pl.Float64)
    return pl.DataFrame(columns, schema_overrides=floats, strict=False)


def comparison_columns(session: Session, settings: Differences, colours: RunColours) -> list[Column]:
    """How the table of a comparison is shown."""
    from workbench.tui.widgets.table.backend import Column

    palette = session.palette

    def name(value: Any, row: Any) -> Text:
        text = Text("━ ", style=f"bold {colours.of(row['id'], palette)}")
        return text.append(clean(value), style=palette.text)

    def setting(value: Any, _row: Any) -> Text:
        missing = value in (None, MISSING)
        return Text(MISSING if missing else as_text(value), style=palette.faint if missing else palette.text)

    own = [
        Column(f"set {name}", setting_label(name), cell=setting, right=all_numbers(values), most=24)
        for name, values in settings.items()
    ]
    return [Column("run", cell=name), *accuracy_columns(session), *own]


def _value_text(run: RunSnapshot, name: str, value: Any) -> str:
    """A value as text: `none` is a value too, unlike that of a setting which the run's head does not have."""
    return as_text(value) or ("none" if name in run.settings else MISSING)


def all_numbers(values: Sequence[Any]) -> bool:
    """Whether there are values and all of them, None aside, are numbers."""
    present = [value for value in values if value is not None]
    return bool(present) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in present)


def setting_chart(
    runs: Sequence[RunSnapshot], settings: Differences, setting: str, session: Session
) -> tuple[list[Line], Axes]:
    """Accuracy of runs against one setting.

    Where exactly one other setting differs too: accuracy on val, a line for each of its values. Else val and both test
    sets, of the run that is best on val at each value, since nothing is chosen by test sets.
    """
    values = settings[setting]
    numbers = all_numbers(values) and None not in values
    words = list(dict.fromkeys(as_text(value) or "none" for value in values))
    places = {run.id: float(value) if numbers else float(words.index(as_text(value) or "none"))
              for run, value in zip(runs, values, strict=True)}  # fmt: skip
    x = np.array(sorted(set(places.values())))
    log = bool(numbers and len(x) > 2 and x[0] > 0 and x[-1] >= 50 * x[0])
    others = [name for name in settings if name not in (setting, "seed", "head")]
    if len(others) == 1 and len(set(map(as_text, settings[others[0]]))) <= MAX_LINES:
        lines = _lines_by_value(runs, settings[others[0]], others[0], places, session.palette)
        note = "on val"
    else:
        lines = _lines_by_split(runs, places, session)
        note = "the best on val at each value" if len(x) < len(runs) else ""
    ticks = () if numbers else tuple((float(place), word) for place, word in enumerate(words))
    return lines, Axes("accuracy", setting_label(setting), percent=True, log_x=log, note=note, x_ticks=ticks)


def _lines_by_value(
    runs: Sequence[RunSnapshot], values: Sequence[Any], name: str, places: dict[str, float], palette: Palette
) -> list[Line]:
    lines = []
    by_text = {as_text(value): value for value in values}
    sortable = all_numbers(list(by_text.values())) and None not in values
    for index, text in enumerate(sorted(by_text, key=lambda text: by_text[text]) if sortable else by_text):
        own = [run for run, other in zip(runs, values, strict=True) if as_text(other) == text]
        best = _best_by_place(own, places)
        y = np.array([_nan(run.val_accuracy) for run in best.values()])
        lines.append(Line(f"{setting_label(name)} {text or 'none'}", np.array(list(best)), y, palette.series(index)))
    return lines


def _lines_by_split(runs: Sequence[RunSnapshot], places: dict[str, float], session: Session) -> list[Line]:
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
    ascending = sorted((run for run in runs if run.val_accuracy is not None), key=lambda run: run.val_accuracy or 0.0)
    return dict(sorted({places[run.id]: run for run in ascending}.items()))


def _nan(value: float | None) -> float:
    return np.nan if value is None else value
