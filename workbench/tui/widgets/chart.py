"""Charts: ONE pure function turns series into text through plotext; the widget draws it when it must and no oftener."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.text import Text
from textual.timer import Timer
from textual.widget import Widget

from workbench.present.axes import reduce_points, ticks
from workbench.present.colours import Palette, faded, no_colour, rgb
from workbench.present.numbers import number, percent, plain
from workbench.present.terminal import clean, shorten
from workbench.text import one_line
from workbench.tui.shell.alive import Alive

INTERVAL = 0.1  # seconds between two drawings of one chart at least
MOST = 1e100  # beyond it, differences and powers of ten leave the range of floats: treated as infinite
LEAST = (16, 5)  # columns and rows below which there is no room for axes
_plotext = threading.Lock()  # plotext draws on one figure of its module


@dataclass(frozen=True)
class Line:
    """One series of a chart: `x`, `y` of shape [n] (for `steps`, `x` holds the n + 1 edges). `colour` is #RRGGBB.

    A line without a name is drawn, but neither named nor read at the cursor; `faint` ones run behind the others.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    colour: str = "#9AA7B8"
    faint: bool = False


@dataclass(frozen=True)
class Axes:
    """How a chart is drawn. `kind`: line, points, steps, bars. Ranges are found from the data where not given.

    `cursor` is an x at which a vertical line stands, named `cursor_label`, and the first rows tell each line's value;
    `state` stands behind the title, `empty` in the middle where no line has a value. `whole_x`: x counts something, and
    no tick stands between two whole numbers.
    """

    title: str = ""
    x_label: str = ""
    y_label: str = ""
    kind: str = "line"
    percent: bool = False
    log_x: bool = False
    log_y: bool = False
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    note: str = ""
    x_ticks: tuple[tuple[float, str], ...] = field(default=())
    cursor: float | None = None
    cursor_label: str = ""
    state: str = ""
    empty: str = "no values yet"
    whole_x: bool = False


def draw(lines: Sequence[Line], axes: Axes, width: int, height: int, palette: Palette) -> Text:
    """The chart as text of `width` columns and `height` rows.

    Each line is first reduced to its minimum and maximum in every column. NaN and infinity (and, on log axes, values
    not above zero) are gaps, counted in the first rows. plotext is handed only numbers from 0 to 1,
    since values outside its limits can end the process.
    """
    if width < LEAST[0] or height < LEAST[1]:
        return Text(shorten(axes.title or "no room for the chart", max(width, 1)), style=palette.muted)
    shown = [_scaled(line, axes) for line in lines]
    most = max(1, min(4, height // 6))  # rows of names: few on a low chart
    head = _head(lines, axes, [lost for _, _, lost in shown], width, palette, most)
    rows = height - 1 - head.plain.count("\n")
    finite = [(x, y) for x, y, _ in shown if np.isfinite(y).any()]
    if not finite:
        text = head.append("\n" * (rows // 2 + 1)).append(clean(axes.empty).center(width), style=palette.muted)
        return text.append("\n" * (rows - rows // 2 - 1))
    x_low, x_high = _range([x for x, _ in finite], axes.x_range, axes.log_x, pad=0.0)
    inside = [y[(x >= x_low) & (x <= x_high)] for x, y in finite]
    y_low, y_high = _range(inside, axes.y_range, axes.log_y, pad=0.05)
    y_ticks = ticks(y_low, y_high, max(2, min(6, rows // 2)), axes.log_y, axes.percent)
    gutter = max((len(label) for _, label in y_ticks), default=1)
    room = len(f"{x_high:,.0f}") + 6 if axes.whole_x and not axes.log_x else 14  # columns for a tick
    x_ticks = _fixed_ticks(axes, x_low, x_high) or ticks(
        x_low, x_high, max(2, (width - gutter) // room), axes.log_x, whole=axes.whole_x
    )
    columns = max(width - gutter - 1, 2)
    unit = []
    for x, y, _ in shown:
        ux, uy = (x - x_low) / (x_high - x_low), (y - y_low) / (y_high - y_low)
        unit.append(reduce_points(ux, uy, columns) if axes.kind in ("line", "steps") else (ux, uy))
    at = _cursor_at(axes)
    body = _plot(
        [(x, y, line) for (x, y), line in zip(unit, lines, strict=True)],
        axes.kind,
        [((at - x_low) / (x_high - x_low), label) for at, label in x_ticks],
        [((at - y_low) / (y_high - y_low), label) for at, label in y_ticks],
        (width, rows),
        palette,
        base=min(max((0.0 - y_low) / (y_high - y_low), 0.0), 1.0) if not axes.log_y else 0.0,
        cursor=None if at is None else (at - x_low) / (x_high - x_low),
    )
    return head.append("\n").append_text(body)


def _cursor_at(axes: Axes) -> float | None:
    """The cursor's place as drawn; None where a log axis has none."""
    if axes.cursor is None or not axes.log_x:
        return axes.cursor
    return math.log10(axes.cursor) if axes.cursor > 0 else None


def value_at(line: Line, x: float) -> float | None:
    """The value of a line at the point nearest to `x`; None for a line without points."""
    far = np.abs(np.asarray(line.x, dtype=np.float64)[: len(line.y)] - x)
    return float(line.y[int(np.nanargmin(far))]) if np.isfinite(far).any() else None


def _scaled(line: Line, axes: Axes) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """x and y as drawn (logarithms on log axes, steps spread out), and how many values of y are NaN and infinite."""
    x, y = np.asarray(line.x, dtype=np.float64), np.asarray(line.y, dtype=np.float64)
    lost = int(np.isnan(y).sum()), int((np.abs(y) > MOST).sum())
    x, y = np.where(np.abs(x) > MOST, np.nan, x), np.where(np.abs(y) > MOST, np.nan, y)
    if axes.kind == "steps" and len(x) == len(y) + 1:
        x, y = np.repeat(x, 2)[1:-1], np.repeat(y, 2)
    count = min(len(x), len(y))
    x, y = x[:count], y[:count]
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.log10(x) if axes.log_x else x
        y = np.log10(y) if axes.log_y else y
    y = np.where(np.isfinite(y) & np.isfinite(x), y, np.nan)
    return x, y, lost


def _range(
    parts: Sequence[np.ndarray], limits: tuple[float, float] | None, log: bool, pad: float
) -> tuple[float, float]:
    if limits is not None:
        low, high = (math.log10(end) for end in limits) if log else limits
    else:
        low = min(float(np.min(part[np.isfinite(part)], initial=math.inf)) for part in parts)
        high = max(float(np.max(part[np.isfinite(part)], initial=-math.inf)) for part in parts)
        if not math.isfinite(low) or not math.isfinite(high):
            low, high = 0.0, 1.0
        low, high = low - pad * (high - low), high + pad * (high - low)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        room = abs(low) * 0.1 or 1.0
        low, high = low - room, high + room
    return low, high


def _fixed_ticks(axes: Axes, low: float, high: float) -> list[tuple[float, str]]:
    return [(at, clean(label)) for at, label in axes.x_ticks if low <= at <= high]


def _head(
    lines: Sequence[Line], axes: Axes, lost: Sequence[tuple[int, int]], width: int, palette: Palette, most: int
) -> Text:
    """The first rows, `most` of them at most: title, the lines' names in their colours, what was left out, the axes."""
    parts = [Text(clean(axes.title), style=f"bold {palette.text}")] if axes.title else []
    if axes.cursor is not None:
        parts.append(Text(f"{clean(axes.cursor_label)} {plain(axes.cursor)}".strip(), style=f"bold {palette.strong}"))
    elif axes.state:
        parts.append(Text(clean(axes.state), style=palette.muted))
    for index, line in enumerate(lines):
        if line.name:
            sign = _MARKERS_PLAIN[index % 4] if no_colour() else "━"
            parts.append(Text(f"{sign} {clean(line.name)}{_read(line, axes)}", style=line.colour))
    nan, infinite = sum(n for n, _ in lost), sum(n for _, n in lost)
    gaps = [f"{nan:,} NaN" if nan else "", f"{infinite:,} infinite" if infinite else ""]
    note = ", ".join(part for part in gaps if part)
    if note:
        parts.append(Text(f"{note} left out", style=palette.severities["warning"]))
    rows, all_fit = _rows(parts, width, most, palette)
    if not all_fit and axes.state and axes.cursor is None:  # names before what the axes are
        del parts[1 if axes.title else 0]
        rows, _ = _rows(parts, width, most, palette)
    labels = " against ".join(clean(label) for label in (axes.y_label, axes.x_label) if label)
    for part in (one_line(axes.note), labels):
        if part and rows[-1].cell_len + len(part) + 2 <= width:
            rows[-1].append(f"  {part}" if rows[-1] else part, style=palette.muted)
    return Text("\n", no_wrap=True).join(rows)


def _read(line: Line, axes: Axes) -> str:
    """What a line shows at the cursor."""
    value = value_at(line, axes.cursor) if axes.cursor is not None else None
    if value is None:
        return ""
    return f" {percent(value, digits=2)}" if axes.percent else f" {number(value)}"


def _rows(parts: Sequence[Text], width: int, most: int, palette: Palette) -> tuple[list[Text], bool]:
    """Parts side by side, two cells apart, on at most `most` rows; how many found no room is told in the last."""
    rows, fit = [Text(no_wrap=True)], True
    for place, part in enumerate(parts):
        room = width - rows[-1].cell_len - (2 if rows[-1] else 0)
        if part.cell_len > room and rows[-1] and len(rows) < most:
            rows.append(Text(no_wrap=True))
            room = width
        if part.cell_len > room and rows[-1]:
            rows[-1].append(f" +{len(parts) - place}", style=palette.muted)
            fit = False
            break
        rows[-1].append("  " if rows[-1] else "").append_text(part)
    for row in rows:
        row.truncate(width)
    return rows, fit


_MARKERS_PLAIN = ("⠿", "+", "x", "o")


def _plot(
    lines: Sequence[tuple[np.ndarray, np.ndarray, Line]],
    kind: str,
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]],
    size: tuple[int, int],
    palette: Palette,
    base: float,
    cursor: float | None = None,
) -> Text:
    """plotext's part: everything in units of the canvas, 0 to 1."""
    import plotext

    with _plotext:
        plotext.terminal.limit(False, False)  # else a figure larger than the terminal is cut without a word
        figure = plotext.figure  # plotext 6 offers no other figure publicly, so this one is cleared for each drawing
        figure.clear()
        figure.plot_size(*size)
        figure.theme("colorless")
        figure.canvas("default")
        if cursor is not None and 0 <= cursor <= 1:
            marker = plotext.marker("|" if no_colour() else "│", rgb(palette.muted))
            figure.draw(figure.segment([cursor, cursor], [0.0, 1.0], marker=marker))
        for index, (x, y, line) in enumerate(lines):
            symbol = "braille" if not no_colour() or index == 0 else _MARKERS_PLAIN[index % 4]
            marker = plotext.marker(symbol, rgb(faded(line.colour, palette) if line.faint else line.colour))
            _add(figure, x, y, kind, marker, base)
        figure.axes(False, axis="x", side="upper")
        figure.axes(False, axis="y", side="right")
        for name, marks in (("x", x_ticks), ("y", y_ticks)):
            ruler = figure.ruler(name)
            ruler.lim(0.0, 1.0)
            visible = [(at, label) for at, label in marks if -1e-9 <= at <= 1 + 1e-9]
            ruler.ticks([min(max(at, 0.0), 1.0) for at, _ in visible], [label for _, label in visible])
        drawn = str(figure.build()).removesuffix("\n")
    # plotext paints what has a colour on white, so that the axes are drawn without one and coloured here.
    return Text.from_ansi(drawn, style=palette.muted, no_wrap=True)


def _add(figure: Any, x: np.ndarray, y: np.ndarray, kind: str, marker: Any, base: float) -> None:
    inside = np.isfinite(y) & (y >= -1e-9) & (y <= 1 + 1e-9) & (x >= -1e-9) & (x <= 1 + 1e-9)
    if kind == "bars":
        for at, top in zip(x[inside], np.clip(y[inside], 0, 1), strict=True):
            segment = figure.segment([float(at), float(at)], [base, float(top)], marker=marker)
            figure.draw(segment)
        return
    edges = np.flatnonzero(np.diff(np.concatenate(([False], inside, [False])).astype(np.int8)))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        signal = figure.signal(
            np.clip(x[start:end], 0, 1).tolist(), np.clip(y[start:end], 0, 1).tolist(), marker=marker
        )
        if kind != "points" and end - start > 1:
            signal.lines()
        figure.draw(signal)


class ChartView(Alive, Widget):
    """A chart that is drawn only when it is on screen and something about it has changed, at most 10 times a second."""

    DEFAULT_CSS = "ChartView { width: 1fr; height: 1fr; min-height: 5; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = ()
        self._axes = Axes()
        self._palette = Palette()
        self._drawn: tuple[Any, Text] | None = None
        self._version = 0
        self._last = self._took = 0.0
        self._later: Timer | None = None
        self.drawings = 0

    def set(self, lines: Sequence[Line], axes: Axes, palette: Palette) -> None:
        """Show these lines from the next drawing on."""
        self._lines, self._axes, self._palette = tuple(lines), axes, palette
        self._version += 1
        wait = self._last + max(INTERVAL, 3 * self._took) - time.monotonic()  # a slow one leaves time for the rest
        if wait <= 0:
            self.refresh()
        elif self._later is None and self.is_mounted:
            self._later = self.set_timer(wait, self._refresh_later)

    def _refresh_later(self) -> None:
        self._later = None
        self.refresh()

    def render(self) -> Text:
        state = (self._version, self.size, self._palette)
        if self._drawn is None or self._drawn[0] != state:
            started = time.monotonic()
            self.drawings += 1
            self._drawn = (state, draw(self._lines, self._axes, self.size.width, self.size.height, self._palette))
            self._last = time.monotonic()
            self._took = self._last - started
        return self._drawn[1]
