"""The curves of runs as lines of charts: what is drawn, over which x, how smooth. Functions without widgets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.stats.smoothing import ema
from workbench.tui.formats import clean, percent
from workbench.tui.theme import Palette
from workbench.tui.widgets.chart import Axes, Line, faded

if TYPE_CHECKING:
    from workbench.runs import MetricsRow

MOST_STEPS = 8000
X_AXES = ("epoch", "step", "time")
SMOOTHINGS = (0.0, 0.6, 0.9, 0.97, 0.99)


@dataclass(frozen=True)
class Source:
    """Where the values of one line stand: rows of a `kind`, their key, and what the line is called."""

    kind: str
    key: str
    name: str


@dataclass(frozen=True)
class Quantity:
    """Something that has a chart. The first source speaks for a run where several are drawn over one another."""

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
    """How the charts are looked at, all alike: the x axis, logarithms, smoothing, the range shown, the cursor."""

    x: str = "epoch"
    log_x: bool = False
    log_y: frozenset[str] = frozenset()  # quantities
    smoothing: float = 0.0
    zoom: tuple[float, float] | None = None
    cursor: float | None = None

    def next_x(self) -> View:
        """The next x axis; what was meant in the old one goes."""
        return replace(self, x=X_AXES[(X_AXES.index(self.x) + 1) % len(X_AXES)], zoom=None, cursor=None)

    def next_smoothing(self) -> View:
        place = SMOOTHINGS.index(self.smoothing) if self.smoothing in SMOOTHINGS else 0
        return replace(self, smoothing=SMOOTHINGS[(place + 1) % len(SMOOTHINGS)])

    def turn_log_y(self, quantity: str) -> View:
        return replace(self, log_y=self.log_y ^ {quantity})


@dataclass
class Curves:
    """The metrics of one run as read so far; `offset` is where reading goes on."""

    offset: int = 0
    rows: list[MetricsRow] = field(default_factory=list)
    _arrays: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def add(self, rows: list[MetricsRow], end: int) -> None:
        """Take up new rows; those that a resumption made void go."""
        from workbench.runs import fold

        self.offset = end
        if not rows:
            return
        self._arrays.clear()
        resumed = any(row.kind == "resumed" for row in rows)
        self.rows = fold([*self.rows, *rows]) if resumed else [*self.rows, *rows]
        steps = sum(row.kind == "step" for row in self.rows)
        if steps > MOST_STEPS:
            self._thin()

    def _thin(self) -> None:
        """Drop every other step: more than the widest chart shows, and a run may last for days."""
        kept, odd = [], False
        for row in self.rows:
            odd = not odd if row.kind == "step" else odd
            if row.kind != "step" or odd:
                kept.append(row)
        self.rows = kept

    def column(self, kind: str, key: str) -> np.ndarray:
        """The values of `key` in the rows of `kind`, float64; NaN where a row has none. `test:NAME` is a kind too."""
        found = self._arrays.get((kind, key))
        if found is None:
            plain, _, test = kind.partition(":")
            rows = [
                row for row in self.rows if row.kind == plain and (not test or getattr(row, "test_set", "") == test)
            ]
            values = (getattr(row, key, None) for row in rows)
            found = np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
            self._arrays[kind, key] = found
        return found

    @property
    def last_epoch(self) -> float:
        """The epoch of the last row, in part of the one that is running; 0 without rows."""
        return float(getattr(self.rows[-1], "epoch", 0.0)) if self.rows else 0.0

    @property
    def tests(self) -> list[str]:
        """The test sets that the run looked at while it trained."""
        from workbench.runs.metrics import TestMetrics

        return sorted({row.test_set for row in self.rows if isinstance(row, TestMetrics)})

    @property
    def searched(self) -> str:
        """The setting that a closed-form head tried values of, "" for other heads."""
        from workbench.runs.metrics import EpochMetrics

        return next((row.setting for row in self.rows if isinstance(row, EpochMetrics) and row.setting), "")

    def x(self, kind: str, axis: str) -> np.ndarray:
        """Where the rows of `kind` stand on the x axis: epochs, steps or seconds."""
        if axis == "time" and kind.startswith("test"):  # their rows tell no time: that of the epoch they followed
            steps = self.column("epoch", "step")
            known = np.isfinite(steps)
            if not known.any():
                return np.full(len(self.column(kind, "step")), np.nan)
            times: np.ndarray = np.interp(self.column(kind, "step"), steps[known], self.column("epoch", "time")[known])
            return times
        return self.column(kind, axis)


@dataclass(frozen=True)
class Shown:
    """One run in the charts."""

    name: str
    curves: Curves
    colour: str


def chart(shown: Sequence[Shown], quantity: str, view: View, palette: Palette) -> tuple[list[Line], Axes]:
    """The lines of `quantity` and their axes: one run with a line for each split, or several with one colour each."""
    what = QUANTITIES[quantity]
    lines, note = [], ""
    searched = shown[0].curves.searched if len(shown) == 1 else ""
    for run in shown:
        if len(shown) == 1:
            lines += _single(run.curves, quantity, view, palette, searched)
            note = _best(run.curves, searched) if quantity == "accuracy" else ""
            note = " · ".join(part for part in (_looks_note(run.curves, quantity), note) if part)
        else:
            lines += _one_of_several(run, what, view, palette)
    lines.sort(key=lambda line: bool(line.name))  # what runs behind is drawn first
    if len(shown) > 1 and len(what.sources) > 1 and what.sources[0].name == "val":
        note = "val; train fainter"
    empty = Axes.empty
    if searched and not any(np.isfinite(line.y).sum() > 1 for line in lines):
        lines, empty = [], "solved in one step: no curve"
    log_x = view.log_x or (bool(searched) and view.x == "epoch" and _wide(lines))
    axes = Axes(
        what.title,
        percent=what.percent,
        log_x=log_x,
        log_y=quantity in view.log_y,
        x_range=_checked_zoom(view.zoom, log_x),
        note=note,
        cursor=view.cursor,
        cursor_label=f"at {_x_name(view, searched)}",
        state=_state(quantity, view, searched, log_x=log_x),
        empty=empty,
        whole_x=view.x in ("epoch", "step") and not searched,
    )
    if what.from_zero and not axes.log_y and (view.zoom is None or quantity != "loss"):
        axes = replace(axes, y_range=_from_zero(lines))
    return lines, axes


def _single(curves: Curves, quantity: str, view: View, palette: Palette, searched: str) -> list[Line]:
    what = QUANTITIES[quantity]
    sources = [source for source in what.sources[::-1] if len(curves.column(source.kind, source.key))]
    if quantity in ("loss", "accuracy"):
        sources += [Source(f"test:{test}", quantity, test) for test in curves.tests]
    if quantity == "rate":
        sources = sources[-1:] if len(curves.column("step", "lr")) > len(curves.column("epoch", "lr")) else sources[:1]
    lines = []
    steps = quantity == "loss" and _has_steps(curves) and view.x in X_AXES and not searched
    for source in sources:
        look = source.kind.startswith("test")
        split = palette.val_name if source.name == "val" and not look else source.name
        colour = palette.split(split) if quantity in ("loss", "accuracy") else palette.splits["train"]
        name = f"{clean(source.name)} (looked at)" if look else split
        if source.name == "train" and steps:
            behind = _line(curves, Source("step", "loss", "train steps"), "train steps", view, colour, what, searched)
            if view.smoothing or len(curves.column("epoch", "epoch")) < 2:
                lines += _smoothed(behind, view, what)
                continue
            lines.append(replace(behind, name="", faint=True))
        lines += _smoothed(_line(curves, source, name, view, colour, what, searched), view, what)
    # what a run never has (val without val rows, the rate of a closed-form head) is no line, while a lost loss is a gap
    lost = quantity == "loss" and not searched
    return [line for line in lines if np.isfinite(line.y).any() or (lost and line.name.startswith("train"))]


def _one_of_several(run: Shown, what: Quantity, view: View, palette: Palette) -> list[Line]:
    found = [source for source in what.sources if np.isfinite(run.curves.column(source.kind, source.key)).any()]
    if not found:
        return []
    lines = []
    for source in found[1:2] if what.sources[0].name == "val" else []:
        behind = _line(run.curves, source, "", view, faded(run.colour, palette), what, "")
        lines += _smoothed(behind, view, what)[-1:]
    main = _line(run.curves, found[0], clean(run.name), view, run.colour, what, "")
    smoothed = _smoothed(main, view, what)
    return [*lines, *smoothed[-1:]] if what.sources[0].name == "val" else smoothed


def _line(curves: Curves, source: Source, name: str, view: View, colour: str, what: Quantity, searched: str) -> Line:
    axis = "value" if searched and view.x == "epoch" and source.kind == "epoch" else view.x
    x, y = curves.x(source.kind, axis), curves.column(source.kind, source.key) * what.scale
    order = np.argsort(x, kind="stable") if axis == "value" else slice(None)
    return Line(name, x[order], y[order], colour)


def _smoothed(line: Line, view: View, what: Quantity) -> list[Line]:
    """The smoothed line over the faint raw one; the line alone where nothing is smoothed."""
    if not what.smooth or not view.smoothing or len(line.y) < 3:
        return [line]
    return [replace(line, name="", faint=True), replace(line, y=ema(line.y, view.smoothing))]


def _has_steps(curves: Curves) -> bool:
    epochs, steps = len(curves.column("epoch", "epoch")), len(curves.column("step", "loss"))
    return steps > 0 and (epochs < 2 or steps > 2 * epochs)


def _wide(lines: Iterable[Line]) -> bool:
    """Whether values of x span more than a factor of a hundred, all above zero."""
    x = np.concatenate([line.x for line in lines] or [np.array([])])
    x = x[np.isfinite(x)]
    return bool(x.size and x.min() > 0 and x.max() >= 100 * x.min())


def _checked_zoom(zoom: tuple[float, float] | None, log_x: bool) -> tuple[float, float] | None:
    return None if zoom is None or (log_x and zoom[0] <= 0) else zoom


def _x_name(view: View, searched: str) -> str:
    if view.x == "time":
        return "second"
    return clean(searched).replace("_", " ") if searched and view.x == "epoch" else view.x


def _state(quantity: str, view: View, searched: str, *, log_x: bool) -> str:
    """What the axes and lines are, in a few words: `by step, log, smoothed 0.9`."""
    parts = [f"by {'seconds' if view.x == 'time' else _x_name(view, searched)}{' (log)' if log_x else ''}"]
    parts += ["log"] if quantity in view.log_y else []
    parts += [f"smoothed {view.smoothing:g}"] if view.smoothing and QUANTITIES[quantity].smooth else []
    parts += ["zoomed"] if view.zoom else []
    return ", ".join(parts)


def _from_zero(lines: Sequence[Line]) -> tuple[float, float] | None:
    """From zero to the highest value: a fall is then seen at its size."""
    finite = np.concatenate([line.y[np.isfinite(line.y)] for line in lines]) if lines else np.array([])
    return (0.0, float(finite.max()) * 1.05) if finite.size and finite.min() >= 0 and finite.max() > 0 else None


def _looks_note(curves: Curves, quantity: str) -> str:
    if quantity not in ("loss", "accuracy") or not curves.tests:
        return ""
    return "test curves are looks: nothing was chosen by them"


def _best(curves: Curves, searched: str) -> str:
    values = curves.column("epoch", "val_accuracy")
    if not np.isfinite(values).any():
        return ""
    at = int(np.nanargmax(values))
    where = curves.column("epoch", "value" if searched else "epoch")[at]
    return f"best val {percent(float(values[at]), digits=1)} at {clean(searched) or 'epoch'} {where:g}"


# ---- moving about


def spots(lines: Sequence[Line], zoom: tuple[float, float] | None) -> np.ndarray:
    """The values of x that named lines have within the range shown, sorted: where the cursor can stand."""
    named = [np.asarray(line.x, dtype=np.float64) for line in lines if line.name]
    x: np.ndarray = np.unique(np.concatenate(named)) if named else np.array([])
    x = x[np.isfinite(x)]
    return x[(x >= zoom[0]) & (x <= zoom[1])] if zoom is not None else x


def moved(cursor: float | None, places: np.ndarray, step: int, columns: int) -> float | None:
    """The cursor `step` columns on, at least to the next place; from nowhere to the end it comes from."""
    if not len(places):
        return None
    if cursor is None:
        return float(places[-1 if step < 0 else 0])
    at = int(np.argmin(np.abs(places - cursor)))
    stride = max(1, len(places) // max(columns, 1))
    return float(places[min(max(at + step * stride, 0), len(places) - 1)])


def zoomed(view: View, places: np.ndarray, factor: float, *, log: bool = False) -> View:
    """The range shown made smaller (`factor` below 1) or larger around the cursor or its middle; whole ends zooming."""
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


def panned(view: View, places: np.ndarray, share: float) -> View:
    """The range shown moved by a `share` of its length, within what there is."""
    if view.zoom is None or len(places) < 2:
        return view
    low, high = view.zoom
    by = share * (high - low)
    by = min(max(by, float(places[0]) - low), float(places[-1]) - high)
    return replace(view, zoom=(low + by, high + by))
