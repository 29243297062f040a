"""Blocks of an answer as widgets: metrics with drawn intervals, tables, charts, heat maps, text, samples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.color import Color
from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from workbench.present.colours import Palette
from workbench.present.numbers import number, p_value, percent, plain, points
from workbench.present.terminal import clean, data_text, interval, shorten
from workbench.text import one_line
from workbench.tui.shell.alive import Alive
from workbench.tui.widgets.chart import Axes, ChartView, Line

if TYPE_CHECKING:
    from workbench.api import Block, Chart, HeatMap, Metric, Samples, Table

TICK_WIDTH, MOST_TICKS = 12, 8  # of words along the x axis of a chart
TABLE_ROWS = 14  # lines of a table among other blocks; alone it takes all the room there is


class Blocks(Alive, VerticalScroll):
    """Blocks one under the other; `show` gives it all of them, drawing anew only those that came since."""

    DEFAULT_CSS = """
    Blocks { height: 1fr; width: 1fr; scrollbar-size: 1 1; }
    Blocks > .block { height: auto; margin-bottom: 1; }
    Blocks > .chart { height: 14; min-height: 8; margin-bottom: 1; }
    Blocks > .table { height: 16; margin-bottom: 1; }
    Blocks.-single > .table, Blocks.-single > .chart { height: 1fr; }
    """
    can_focus = True

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._blocks: tuple[Block, ...] = ()
        self._units: list[tuple[Block, ...]] = []
        self._palette: Palette | None = None

    def show(self, blocks: Sequence[Block], palette: Palette) -> None:
        """Show these blocks; consecutive metrics share one panel, so that their intervals have one axis."""
        fresh = tuple(blocks)
        if _same(fresh, self._blocks) and palette == self._palette:
            return
        if palette != self._palette:
            self._units = []
        self._palette = palette
        units = _units(fresh)
        same = 0
        while same < min(len(units), len(self._units)) and _same(units[same], self._units[same]):
            same += 1
        for widget in list(self.children)[same:]:
            widget.remove()
        self._blocks, self._units = fresh, units
        for unit in units[same:]:
            self.mount(block_widget(unit, palette))
        big = [unit for unit in units if type(unit[0]).__name__ in ("Table", "Chart", "Samples")]
        self.set_class(len(units) == 1 and len(big) == 1, "-single")


def _same(one: tuple[Block, ...], other: tuple[Block, ...]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _units(blocks: Sequence[Block]) -> list[tuple[Block, ...]]:
    from workbench.api import Metric

    units: list[tuple[Block, ...]] = []
    for block in blocks:
        if isinstance(block, Metric) and units and isinstance(units[-1][0], Metric):
            units[-1] = (*units[-1], block)
        else:
            units.append((block,))
    return units


def block_widget(unit: Sequence[Block], palette: Palette) -> Widget:
    """The widget of one block, or of several metrics together."""
    from workbench import api

    first = unit[0]
    if isinstance(first, api.Metric):
        return MetricsView([block for block in unit if isinstance(block, api.Metric)], palette)
    if isinstance(first, api.Table):
        return TableBlock(first, palette)
    if isinstance(first, api.Chart):
        view = ChartView(classes="chart")
        view.set(*chart_parts(first, palette), palette)
        return view
    if isinstance(first, api.HeatMap):
        return HeatMapView(first, palette)
    if isinstance(first, api.Samples):
        return SamplesBlock(first, palette)
    text = Text(f"{clean(first.title)}\n" if first.title else "")
    text.stylize(f"bold {palette.text}")
    text.append(clean(first.text, lines=True), style=palette.text)
    return Static(text, classes="block", markup=False)


def _title(title: str, palette: Palette) -> Text:
    """A block's title, bold; what is appended to it is not."""
    return Text(no_wrap=True, overflow="ellipsis").append(clean(title), style=f"bold {palette.text}")


class MetricsView(Widget):
    """Metrics one a line: name, value with interval, the interval drawn on a common axis, p value, note."""

    DEFAULT_CSS = "MetricsView { height: auto; width: 1fr; margin-bottom: 1; }"

    def __init__(self, metrics: Sequence[Metric], palette: Palette) -> None:
        super().__init__(classes="block")
        self.metrics = metrics
        self.palette = palette

    def get_content_height(self, container: Any, viewport: Any, width: int) -> int:
        return len(self.metrics)

    def render(self) -> Text:
        return metrics_text(self.metrics, self.size.width, self.palette)


def metrics_text(metrics: Sequence[Metric], width: int, palette: Palette) -> Text:
    """Lines of metrics in `width` cells; intervals of the same unit and a like size share an axis."""
    names = [shorten(metric.name, max(10, width // 3)) for metric in metrics]
    values = [metric_value(metric) for metric in metrics]
    name_width = max(map(len, names), default=0)
    value_width = max(map(len, values), default=0)
    room = min(36, width - name_width - value_width - 6)
    lines = []
    for metric, name, value in zip(metrics, names, values, strict=True):
        colour = palette.split(metric.split) if metric.split else palette.strong
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{name:<{name_width}}  ", style=palette.text).append(
            f"{value:>{value_width}}", style=f"bold {colour}"
        )
        if metric.ci and room >= 10:
            low, high = _axis_of(metric, metrics)
            mark = palette.mark(metric.split) if metric.split else "●"
            line.append("  ").append_text(
                interval(metric.value, metric.ci, low, high, room, colour, palette.faint, mark)
            )
        tail = "  ".join(
            part for part in (p_value(metric.p) if metric.p is not None else "", one_line(metric.note)) if part
        )
        line.append(f"  {tail}" if tail else "", style=palette.muted)
        line.truncate(width, overflow="ellipsis")
        lines.append(line)
    return Text("\n").join(lines)


def metric_value(metric: Metric) -> str:
    """A metric's value with its unit and interval, as text."""
    if metric.unit == "%":
        return percent(metric.value, metric.ci)
    if metric.unit == "pts":
        return points(metric.value, metric.ci)
    unit = f" {clean(metric.unit)}" if metric.unit else ""
    if not metric.ci or not all(map(math.isfinite, (*metric.ci, metric.value))):
        return plain(metric.value) + unit
    half = (metric.ci[1] - metric.ci[0]) / 2
    digits = max(0, min(8, 1 - math.floor(math.log10(half)))) if half > 0 else None
    low, high = (number(float(end), digits) for end in metric.ci)
    return f"{number(float(metric.value), digits)}{unit} [{low}, {high}]"


def _axis_of(metric: Metric, metrics: Sequence[Metric]) -> tuple[float, float]:
    """One axis for all metrics of this unit whose values lie within a factor of two of this one's."""
    alike = [
        other for other in metrics if other.unit == metric.unit and other.ci and (other.value < 0) == (metric.value < 0)
    ]
    near = [other for other in alike if 0.5 <= _ratio(other.value, metric.value) <= 2] or [metric]
    low = min(min(other.ci[0], other.value) for other in near if other.ci)
    high = max(max(other.ci[1], other.value) for other in near if other.ci)
    pad = (high - low) * 0.08 or 1.0
    return low - pad, high + pad


def _ratio(one: float, other: float) -> float:
    return abs(one) / abs(other) if other else 0.0


class TableBlock(Alive, Vertical):
    """A table block: its title, then the table; a chosen row that names a sample is gone into."""

    DEFAULT_CSS = "TableBlock > .title { height: 1; }"

    def __init__(self, block: Table, palette: Palette) -> None:
        super().__init__(classes="table")
        self.block = block
        self.palette = palette

    def compose(self) -> ComposeResult:
        from workbench.tui.widgets.table.panel import TablePanel

        title = _title(self.block.title, self.palette)
        if self.block.note:
            title.append(f"  {one_line(self.block.note)}", style=self.palette.muted)
        yield Static(title, classes="title")
        yield TablePanel()

    def on_mount(self) -> None:
        from workbench.tui.widgets.table.panel import TablePanel, columns_of

        block = self.block
        self.query_one(TablePanel).load(block.frame, columns_of(block.frame, block.percent), of=block.of)
        self.styles.height = None if block.frame.height > TABLE_ROWS else block.frame.height + 4


class SamplesBlock(Alive, Vertical):
    """Samples to look at: row, note; enter goes to the sample."""

    def __init__(self, block: Samples, palette: Palette) -> None:
        super().__init__(classes="table")
        self.block = block
        self.palette = palette

    def compose(self) -> ComposeResult:
        from workbench.tui.widgets.table.panel import TablePanel

        title = data_text(f"{self.block.title} of {self.block.split}", f"bold {self.palette.split(self.block.split)}")
        yield Static(title, classes="title")
        yield TablePanel(noun="sample")

    def on_mount(self) -> None:
        import polars as pl

        from workbench.tui.widgets.table.panel import TablePanel

        rows = [int(row) for row in self.block.rows]
        notes = [*self.block.notes, *[""] * len(rows)][: len(rows)]
        frame = pl.DataFrame({"row": rows, "note": notes}, schema={"row": pl.Int64, "note": pl.String})
        self.query_one(TablePanel).load(frame if self.block.notes else frame.drop("note"))
        self.styles.height = None if frame.height > TABLE_ROWS else frame.height + 4


def chart_parts(block: Chart, palette: Palette) -> tuple[list[Line], Axes]:
    """A chart block as lines and axes. Series that name a split get its colour; x that is text gets ticks."""
    lines, other = [], 0
    words = dict.fromkeys(str(x) for series in block.series for x in series.x if isinstance(x, str))
    places = {word: float(place) for place, word in enumerate(words)}
    for series in block.series:
        colour = palette.split(series.split) if series.split else palette.series(other)
        other += not series.split
        x = np.array([places.get(str(at), math.nan) for at in series.x]) if places else np.asarray(series.x)
        lines.append(Line(series.name, x, np.asarray(series.y), colour))
    ticks = tuple((place, shorten(word, TICK_WIDTH)) for word, place in places.items())[
        :: 1 + len(places) // MOST_TICKS
    ]
    return lines, Axes(block.title, block.x_label, block.y_label, block.kind, note=block.note, x_ticks=ticks)


class HeatMapView(Widget):
    """A matrix as colours, two rows of it to a line, means of several cells where it is larger than the room."""

    DEFAULT_CSS = "HeatMapView { height: auto; width: 1fr; margin-bottom: 1; }"

    def __init__(self, block: HeatMap, palette: Palette) -> None:
        super().__init__(classes="block")
        self.block = block
        self.palette = palette

    def get_content_height(self, container: Any, viewport: Any, width: int) -> int:
        rows, columns = self.block.values.shape
        side = min(rows, max(8, min(48, width * rows // max(columns, 1))))
        return 2 + -(-int(side) // 2)

    def render(self) -> Text:
        return heat_text(self.block, self.size.width, self.size.height, self.palette)


def heat_text(block: HeatMap, width: int, height: int, palette: Palette) -> Text:
    """A heat map in `width` by `height` cells: title, the matrix in half blocks, the scale. NaN is left blank."""
    values = np.asarray(block.values, dtype=np.float64)
    finite = values[np.isfinite(values)]
    title = _title(block.title, palette)
    if not finite.size:
        return title.append("\nno values", style=palette.muted)
    low, high = _heat_range(block, finite)
    rows = min(values.shape[0], max(2 * (height - 2), 2))
    repeat = max(1, min(4, width // max(values.shape[1], 1)))
    columns = min(values.shape[1], width)
    small = shrink(values, rows, columns)
    if small.shape != values.shape:
        told = f"  each cell the mean of up to {-(-values.shape[0] // rows)}×{-(-values.shape[1] // columns)}"
        title.append(told, style=palette.muted)
    if block.note:
        title.append(f"  {one_line(block.note)}", style=palette.muted)
    title.truncate(width, overflow="ellipsis")
    text = title.append("\n")
    for top in range(0, small.shape[0], 2):
        upper = small[top]
        lower = small[top + 1] if top + 1 < small.shape[0] else np.full(small.shape[1], np.nan)
        for above, below in zip(upper, lower, strict=True):
            text.append("▀" * repeat if np.isfinite(above) or np.isfinite(below) else " " * repeat,
                        _heat_style(above, below, low, high, block.diverging, palette))  # fmt: skip
        text.append("\n")
    return text.append_text(_scale(low, high, block.diverging, palette))


def _heat_range(block: HeatMap, finite: np.ndarray) -> tuple[float, float]:
    low = float(finite.min()) if block.low is None else block.low
    high = float(finite.max()) if block.high is None else block.high
    if block.diverging and block.low is None and block.high is None:
        high = max(abs(low), abs(high))
        low = -high
    return (low, high) if high > low else (low - 1, high + 1)


def shrink(values: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The matrix in at most `rows` x `columns`: means of blocks, NaN where a block has no finite value."""
    for axis, count in ((0, rows), (1, columns)):
        if values.shape[axis] > count:
            edges = np.linspace(0, values.shape[axis], count + 1).astype(int)[:-1]
            known = np.isfinite(values)
            total = np.add.reduceat(np.where(known, values, 0.0), edges, axis=axis)
            count_known = np.add.reduceat(known.astype(float), edges, axis=axis)
            values = np.divide(total, count_known, out=np.full_like(total, np.nan), where=count_known > 0)
    return values


# Blue over grey to orange for signed values, dark to bright for others: both readable without red and green.
_DIVERGING = ((0.0, (64, 150, 220)), (0.5, (34, 40, 48)), (1.0, (235, 150, 20)))
_DIVERGING_LIGHT = ((0.0, (0, 100, 180)), (0.5, (240, 242, 245)), (1.0, (190, 100, 0)))
_RISING = ((0.0, (24, 28, 36)), (0.35, (60, 70, 130)), (0.7, (205, 90, 100)), (1.0, (252, 225, 150)))


def heat_colour(value: float, low: float, high: float, diverging: bool, palette: Palette) -> tuple[int, int, int]:
    """The colour of a value between `low` and `high`."""
    scale = (_DIVERGING if palette.dark else _DIVERGING_LIGHT) if diverging else _RISING
    at = min(max((value - low) / (high - low), 0.0), 1.0)
    for (start, one), (end, other) in itertools.pairwise(scale):
        if at <= end:
            share = (at - start) / (end - start)
            mixed = [round(a + (b - a) * share) for a, b in zip(one, other, strict=True)]
            return mixed[0], mixed[1], mixed[2]
    return scale[-1][1]


def _heat_style(above: float, below: float, low: float, high: float, diverging: bool, palette: Palette) -> Style:
    def colour(value: float) -> Color | None:
        return Color.from_rgb(*heat_colour(value, low, high, diverging, palette)) if np.isfinite(value) else None

    return Style(color=colour(above), bgcolor=colour(below))


def _scale(low: float, high: float, diverging: bool, palette: Palette) -> Text:
    text = Text(f"{number(low)} ", style=palette.muted)
    for step in range(16):
        value = low + (high - low) * step / 15
        text.append("█", Style(color=Color.from_rgb(*heat_colour(value, low, high, diverging, palette))))
    return text.append(f" {number(high)}", style=palette.muted)
