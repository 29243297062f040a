"""The curves of runs as lines of charts: quantities, x axes, smoothing, cursor and zoom. Pure, without widgets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.present.colours import Palette, faded
from workbench.present.numbers import percent
from workbench.present.terminal import clean
from workbench.stats.smoothing import ema
from workbench.tui.widgets.chart import Axes, Line

if TYPE_CHECKING:
    from workbench.runs import MetricsRow

MAX_STEPS = 8000  # rows of steps that are held of one run, more than the widest chart shows
X_AXES = ("epoch", "step", "time")
SMOOTHINGS = (0.0, 0.6, 0.9, 0.97, 0.99)


@dataclass(frozen=True)
class Source:
    """Where the values of one line come from: the rows of a `kind`, their key; and the name of the line."""

    kind: str
    key: str
    name: str


@dataclass(frozen=True)
class Quantity:
    """Something to draw a chart of. Where several runs are drawn over one another, each is its first source."""

    title: str
    sources: tuple[Source, ...]
    percent: bool = False
    smooth: bool = True
    from_zero: bool = False
    scale: float = 1.0


QUANTITIES = {
    "loss": Quantity(
        "loss", (Source("epoch", "val_loss", "val"), Source("epoch", "train_loss", "train")), from_zero=True
    ),
    "accuracy": Quantity(
        "accuracy", (Source("epoch", "val_accuracy", "val"), Source("epoch", "train_accuracy", "train")), percent=True
    ),
    "rate": Quantity("learning rate", (Source("step", "lr", "lr"), Source("epoch", "lr", "lr")), smooth=False),
    "throughput": Quantity("rows per second", (Source("epoch", "rows_per_second", "rows/s"),), from_zero=True),
    "memory": Quantity("memory, GB", (Source("epoch", "memory", "memory"),), smooth=False, from_zero=True, scale=1e-9),
}


@dataclass(frozen=True)
class View:
    """How all charts are drawn: the x axis, logarithmic axes, smoothing, the visible range and the cursor."""

    x: str = "epoch"
    log_x: bool = False
    log_y: frozenset[str] = frozenset()  # quantities
    smoothing: float = 0.0
    zoom: tuple[float, float] | None = None
    cursor: float | None = None

    def next_x(self) -> View:
        """The next x axis, with the whole range: the old range and cursor mean nothing on it."""
        return replace(self, x=X_AXES[(X_AXES.index(self.x) + 1) % len(X_AXES)], zoom=None, cursor=None)

    def next_smoothing(self) -> View:
        """The next level of smoothing; after the strongest, none."""
        place = SMOOTHINGS.index(self.smoothing) if self.smoothing in SMOOTHINGS else 0
        return replace(self, smoothing=SMOOTHINGS[(place + 1) % len(SMOOTHINGS)])

    def toggle_log_y(self, quantity: str) -> View:
        """A logarithmic y axis for `quantity`, or a linear one again."""
        return replace(self, log_y=self.log_y ^ {quantity})


@dataclass
class Curves:
    """The metrics of one run as read so far; `offset` is the byte of its file from which to read on."""

    offset: int = 0
    rows: list[MetricsRow] = field(default_factory=list)
    _arrays: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def add(self, rows: list[MetricsRow], end: int) -> None:
        """Add new rows, read up to byte `end`; a resumed run repeats epochs, and the old rows of these are dropped."""
        from workbench.runs import fold

        self.offset = end
        if not rows:
            return
        self._arrays.clear()
        resumed = any(row.kind == "resumed" for row in rows)
        self.rows = fold([*self.rows, *rows]) if resumed else [*self.rows, *rows]
        steps = sum(row.kind == "step" for row in self.rows)
        if steps > MAX_STEPS:
            self._thin()

    def _thin(self) -> None:
        """Drop every other step, as a run may last for days."""
        step_rows = [row for row in self.rows if row.kind == "step"]
        dropped = set(map(id, step_rows[1::2]))
        self.rows = [row for row in self.rows if id(row) not in dropped]

    def column(self, kind: str, key: str) -> np.ndarray:
        """The values of `key` in the rows of `kind`, float64; NaN where a row has none. `test:NAME` is a kind too."""
        array = self._arrays.get((kind, key))
        if array is None:
            plain, _, test = kind.partition(":")
            rows = [
                row for row in self.rows if row.kind == plain and (not test or getattr(row, "test_set", "") == test)
            ]
            values = (getattr(row, key, None) for row in rows)
            array = np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
            self._arrays[kind, key] = array
        return array

    @property
    def last_epoch(self) -> float:
        """The epoch of the last row, in part of the one that is running; 0 without rows."""
        return float(getattr(self.rows[-1], "epoch", 0.0)) if self.rows else 0.0

    @property
    def tests(self) -> list[str]:
        """The test sets on which the run was evaluated during training."""
        from workbench.runs.metrics import TestMetrics

        return sorted({row.test_set for row in self.rows if isinstance(row, TestMetrics)})

    @property
    def search_setting(self) -> str:
        """The setting whose values a closed-form head compared on val; "" for other heads."""
        from workbench.runs.metrics import EpochMetrics

        return next((row.setting for row in self.rows if isinstance(row, EpochMetrics) and row.setting), "")

    def x(self, kind: str, axis: str) -> np.ndarray:
        """The x values of the rows of `kind`: epochs, steps or seconds."""
        if axis == "time" and kind.startswith("test"):  # these rows have no time: that of their epoch is taken
            steps = self.column("epoch", "step")
            finite = np.isfinite(steps)
            if not finite.any():
                return np.full(len(self.column(kind, "step")), np.nan)
            times: np.ndarray = np.interp(
                self.column(kind, "step"), steps[finite], self.column("epoch", "time")[finite]
            )
            return times
        return self.column(kind, axis)


@dataclass(frozen=True)
class RunCurves:
    """One run in the charts: its name, its curves and their colour, #RRGGBB."""

    name: str
    curves: Curves
    colour: str


def chart(runs: Sequence[RunCurves], quantity: str, view: View, palette: Palette) -> tuple[list[Line], Axes]:
    """The lines of `quantity` and their axes: of one run, a line for each split; of several, a colour for each run."""
    what = QUANTITIES[quantity]
    setting = runs[0].curves.search_setting if len(runs) == 1 else ""
    if len(runs) == 1:
        lines = _lines_of_one(runs[0].curves, quantity, view, palette, setting)
    else:
        lines = [line for run in runs for line in _lines_of_several(run, what, view, palette)]
    lines.sort(key=lambda line: bool(line.name))  # lines behind the others are drawn first
    empty = Axes.empty
    if setting and not any(np.isfinite(line.y).sum() > 1 for line in lines):
        lines, empty = [], "solved in one step: no curve"
    log_x = view.log_x or (bool(setting) and view.x == "epoch" and _spans_decades(lines))
    axes = Axes(
        what.title,
        percent=what.percent,
        log_x=log_x,
        log_y=quantity in view.log_y,
        x_range=None if log_x and view.zoom and view.zoom[0] <= 0 else view.zoom,
        note=_note(runs, quantity, setting),
        cursor=view.cursor,
        cursor_label=f"at {_x_name(view, setting)}",
        state=_state(quantity, view, setting, log_x=log_x),
        empty=empty,
        whole_x=view.x in ("epoch", "step") and not setting,
    )
    if what.from_zero and not axes.log_y and (view.zoom is None or quantity != "loss"):
        axes = replace(axes, y_range=_from_zero(lines))
    return lines, axes


def _lines_of_one(curves: Curves, quantity: str, view: View, palette: Palette, setting: str) -> list[Line]:
    what = QUANTITIES[quantity]
    by_split = quantity in ("loss", "accuracy")
    raw_steps = quantity == "loss" and _has_steps(curves) and view.x in X_AXES and not setting
    lines = []
    for source in _sources(curves, quantity):
        test = source.kind.startswith("test")
        split = palette.val_name if source.name == "val" and not test else source.name
        colour = palette.split(split) if by_split else palette.splits["train"]
        name = f"{clean(source.name)} (test set)" if test else split
        if source.name == "train" and raw_steps:
            steps = _line(curves, Source("step", "loss", "train steps"), "train steps", view, colour, what, setting)
            if view.smoothing or len(curves.column("epoch", "epoch")) < 2:
                lines += _smooth(steps, view, what)
                continue
            lines.append(replace(steps, name="", faint=True))
        lines += _smooth(_line(curves, source, name, view, colour, what, setting), view, what)
    # what a run never has (val without val rows, the rate of a closed-form head) is no line, while a NaN loss is a gap
    diverged = quantity == "loss" and not setting
    return [line for line in lines if np.isfinite(line.y).any() or (diverged and line.name.startswith("train"))]


def _sources(curves: Curves, quantity: str) -> list[Source]:
    """The sources of a quantity that have rows in these curves, those of test sets last."""
    sources = [source for source in QUANTITIES[quantity].sources[::-1] if len(curves.column(source.kind, source.key))]
    if quantity in ("loss", "accuracy"):
        sources += [Source(f"test:{test}", quantity, test) for test in curves.tests]
    if quantity == "rate":
        by_step = len(curves.column("step", "lr")) > len(curves.column("epoch", "lr"))
        return sources[-1:] if by_step else sources[:1]
    return sources


def _lines_of_several(run: RunCurves, what: Quantity, view: View, palette: Palette) -> list[Line]:
    sources = [source for source in what.sources if np.isfinite(run.curves.column(source.kind, source.key)).any()]
    if not sources:
        return []
    lines = []
    for source in sources[1:2] if what.sources[0].name == "val" else []:
        behind = _line(run.curves, source, "", view, faded(run.colour, palette), what, "")
        lines += _smooth(behind, view, what)[-1:]
    main = _line(run.curves, sources[0], clean(run.name), view, run.colour, what, "")
    smooth = _smooth(main, view, what)
    return [*lines, *smooth[-1:]] if what.sources[0].name == "val" else smooth


def _line(curves: Curves, source: Source, name: str, view: View, colour: str, what: Quantity, setting: str) -> Line:
    axis = "value" if setting and view.x == "epoch" and source.kind == "epoch" else view.x
    x, y = curves.x(source.kind, axis), curves.column(source.kind, source.key) * what.scale
    order = np.argsort(x, kind="stable") if axis == "value" else slice(None)
    return Line(name, x[order], y[order], colour)


def _smooth(line: Line, view: View, what: Quantity) -> list[Line]:
    """The smoothed line over the raw one, which is faint; without smoothing, the line alone."""
    if not what.smooth or not view.smoothing or len(line.y) < 3:
        return [line]
    return [replace(line, name="", faint=True), replace(line, y=ema(line.y, view.smoothing))]


def _has_steps(curves: Curves) -> bool:
    epochs, steps = len(curves.column("epoch", "epoch")), len(curves.column("step", "loss"))
    return steps > 0 and (epochs < 2 or steps > 2 * epochs)


def _spans_decades(lines: Iterable[Line]) -> bool:
    """Whether the values of x are positive and the maximum is at least a hundred times the minimum."""
    x = np.concatenate([line.x for line in lines] or [np.array([])])
    x = x[np.isfinite(x)]
    return bool(x.size and x.min() > 0 and x.max() >= 100 * x.min())


def _x_name(view: View, setting: str) -> str:
    if view.x == "time":
        return "second"
    return clean(setting).replace("_", " ") if setting and view.x == "epoch" else view.x


def _state(quantity: str, view: View, setting: str, *, log_x: bool) -> str:
    """The state of the chart in a few words: `by step, log, smoothed 0.9`."""
    parts = [f"by {'seconds' if view.x == 'time' else _x_name(view, setting)}{' (log)' if log_x else ''}"]
    parts += ["log"] if quantity in view.log_y else []
    parts += [f"smoothed {view.smoothing:g}"] if view.smoothing and QUANTITIES[quantity].smooth else []
    parts += ["zoomed"] if view.zoom else []
    return ", ".join(parts)


def _from_zero(lines: Sequence[Line]) -> tuple[float, float] | None:
    """The range from zero to the maximum, on which the size of a fall can be judged."""
    finite = np.concatenate([line.y[np.isfinite(line.y)] for line in lines]) if lines else np.array([])
    return (0.0, float(finite.max()) * 1.05) if finite.size and finite.min() >= 0 and finite.max() > 0 else None


def _note(runs: Sequence[RunCurves], quantity: str, setting: str) -> str:
    if len(runs) > 1:
        return "val; train fainter" if QUANTITIES[quantity].sources[0].name == "val" else ""
    if not runs or quantity not in ("loss", "accuracy"):
        return ""
    curves = runs[0].curves
    tests = "test curves are test-set evaluations: not used for any choice" if curves.tests else ""
    best = _best(curves, setting) if quantity == "accuracy" else ""
    return " · ".join(part for part in (tests, best) if part)


def _best(curves: Curves, setting: str) -> str:
    values = curves.column("epoch", "val_accuracy")
    if not np.isfinite(values).any():
        return ""
    best = int(np.nanargmax(values))
    x = curves.column("epoch", "value" if setting else "epoch")[best]
    return f"best val {percent(float(values[best]), digits=1)} at {clean(setting) or 'epoch'} {x:g}"


# ---- cursor and zoom


def cursor_places(lines: Sequence[Line], zoom: tuple[float, float] | None) -> np.ndarray:
    """The values of x at which the cursor can stand, sorted: those of the lines that have a name, within the range."""
    xs = [np.asarray(line.x, dtype=np.float64) for line in lines if line.name]
    x: np.ndarray = np.unique(np.concatenate(xs)) if xs else np.array([])
    x = x[np.isfinite(x)]
    return x[(x >= zoom[0]) & (x <= zoom[1])] if zoom is not None else x


def move_cursor(cursor: float | None, places: np.ndarray, step: int, columns: int) -> float | None:
    """The place of the cursor after `step` columns; without a cursor, the first place, or the last for a negative step.

    `places` are the sorted values of x, drawn over `columns`; a step goes at least to the next of them.
    """
    if not len(places):
        return None
    if cursor is None:
        return float(places[-1 if step < 0 else 0])
    nearest = int(np.argmin(np.abs(places - cursor)))
    stride = max(1, len(places) // max(columns, 1))
    return float(places[min(max(nearest + step * stride, 0), len(places) - 1)])


def zoom(view: View, places: np.ndarray, factor: float, *, log: bool = False) -> View:
    """`view` with its range scaled by `factor` around the cursor or, without one, its middle, at most to all `places`.

    With `log`, the scale is that of a logarithmic x axis.
    """
    if len(places) < 2:
        return view
    whole = (float(places[0]), float(places[-1]))
    forward, back = (np.log10, lambda value: 10.0**value) if log and whole[0] > 0 else (float, float)
    low, high = (forward(end) for end in (view.zoom or whole))
    centre = forward(view.cursor) if view.cursor is not None else (low + high) / 2
    centre = min(max(centre, low), high)
    low, high = centre - (centre - low) * factor, centre + (high - centre) * factor
    first, last = forward(whole[0]), forward(whole[1])
    low, high = max(low, first), min(high, last)
    if high - low >= (last - first) * 0.999:
        return replace(view, zoom=None)
    if high - low < 1e-6 * (last - first):
        return view
    return replace(view, zoom=(float(back(low)), float(back(high))))


def pan(view: View, places: np.ndarray, share: float) -> View:
    """`view` with its range moved by a `share` of its length, within `places`."""
    if view.zoom is None or len(places) < 2:
        return view
    low, high = view.zoom
    shift = share * (high - low)
    shift = min(max(shift, float(places[0]) - low), float(places[-1]) - high)
    return replace(view, zoom=(low + shift, high + shift))
