"""Charts and heat maps as SVG text, drawn plainly; every text in it is escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np

from workbench.api import Chart, HeatMap, Series
from workbench.report.parts import number
from workbench.text import clean

# Okabe and Ito's colours, dark enough for white paper; train, val and the two test sets keep theirs in every chart.
SPLITS = {"train": "#0072B2", "val": "#007A58", "val of train": "#007A58", "test1": "#A86400", "test2": "#A2457C"}
SERIES = ("#0072B2", "#A86400", "#007A58", "#A2457C", "#7A6C00", "#B83A00", "#55606E", "#5A67D8")
WIDTH, HEIGHT = 720, 280
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 10, 44
MOST_POINTS = 2000
SEQUENTIAL = ((247, 251, 255), (107, 174, 214), (8, 48, 107))
DIVERGING = ((33, 102, 172), (247, 247, 247), (178, 24, 43))


def escape(text: object, newlines: bool = False) -> str:
    """Text that HTML and SVG take as it is, cleaned."""
    return html.escape(clean(text, newlines))


def colour(line: Series, place: int, pair: Sequence[str]) -> str:
    """The colour of a series: its split's where it has one."""
    role = {name: f"test{i + 1}" for i, name in enumerate(pair[:2])}.get(line.split, line.split)
    return SPLITS.get(role, SERIES[place % len(SERIES)])


def chart(block: Chart, pair: Sequence[str] = ()) -> str:
    """A chart with axes; gaps where a value is NaN or infinite."""
    names = _categories(block)
    lines = [(_numbers(line.x, names), np.asarray(line.y, np.float64)) for line in block.series]
    x_low, x_high = _span([x for x, _ in lines], zero=False)
    y_low, y_high = _span([y for _, y in lines], zero=block.kind in ("steps", "bars"))
    if block.kind == "bars":
        x_low, x_high = x_low - 0.6, x_high + 0.6

    def place_x(value: float) -> float:
        return LEFT + (value - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def place_y(value: float) -> float:
        return TOP + (y_high - value) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(block.title)}">']
    for tick in ticks(y_low, y_high):
        y = place_y(tick)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    marks = [(float(i), name) for i, name in enumerate(names)] or [(tick, f"{tick:g}") for tick in ticks(x_low, x_high)]
    for value, text in marks[:: max(1, len(marks) // 12)]:
        parts.append(
            f'<text x="{place_x(value):.1f}" y="{HEIGHT - 26}" text-anchor="middle">{escape(clean(text)[:16])}</text>'
        )
    parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(block.x_label)}</text>')
    at = (TOP + HEIGHT - BOTTOM) / 2
    turned = f'transform="rotate(-90 12 {at})" text-anchor="middle"'
    parts.append(f'<text x="12" y="{at}" {turned}>{escape(block.y_label)}</text>')
    base = place_y(max(y_low, min(0.0, y_high)))
    for i, ((xs, ys), line) in enumerate(zip(lines, block.series, strict=True)):
        placed = [place_x(float(value)) for value in xs], [place_y(float(value)) for value in ys]
        drawn = _draw(block.kind, *placed, base, i, len(lines))
        parts.append(f'<g style="--c:{colour(line, i, pair)}">{drawn}</g>')
    return "".join([*parts, "</svg>"])


def _categories(block: Chart) -> list[str]:
    """The names along x when x holds text, in order of appearance; else none."""
    found = dict.fromkeys(str(x) for line in block.series for x in line.x if isinstance(x, str))
    return list(found)


def _numbers(values: np.ndarray, names: Sequence[str]) -> np.ndarray:
    if names:
        place = {name: i for i, name in enumerate(names)}
        return np.array([place.get(str(value), math.nan) for value in values], np.float64)
    return np.asarray(values, np.float64)


def _span(arrays: Sequence[np.ndarray], zero: bool) -> tuple[float, float]:
    values = np.concatenate([*arrays, [0.0] if zero else []])
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers between `low` and `high`."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _draw(kind: str, x: list[float], y: list[float], base: float, place: int, of: int) -> str:
    if kind == "bars":
        width = min(40.0, 0.8 * (WIDTH - LEFT - RIGHT) / max(len(x), 1)) / max(of, 1)
        return "".join(
            f'<rect x="{a - of * width / 2 + place * width:.1f}" y="{min(b, base):.1f}" width="{width:.1f}" '
            f'height="{abs(base - b):.1f}"/>'
            for a, b in zip(x, y, strict=True)
            if math.isfinite(a) and math.isfinite(b)
        )
    if kind == "steps":
        tops = "".join(
            f"H{x[i]:.1f}V{b:.1f}" if math.isfinite(b) else f"H{x[i]:.1f}V{base:.1f}" for i, b in enumerate(y)
        )
        return f'<path class="area" d="M{x[0]:.1f} {base:.1f}{tops}H{x[-1]:.1f}V{base:.1f}"/>' if y else ""
    step = max(1, len(x) // MOST_POINTS)
    points = list(zip(x[::step], y[::step], strict=True))
    if kind == "points":
        sound = (point for point in points if all(map(math.isfinite, point)))
        return "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5"/>' for a, b in sound)
    path, pen = [], "M"
    for a, b in points:
        if math.isfinite(a) and math.isfinite(b):
            path.append(f"{pen}{a:.1f} {b:.1f}")
            pen = "L"
        else:
            pen = "M"
    return f'<path class="line" d="{"".join(path)}"/>'


def heat_map(block: HeatMap) -> str:
    """A matrix as coloured cells with its names and a scale; cells without a value stay empty."""
    values = np.asarray(block.values, np.float64)
    rows, columns = values.shape
    low, high = scale_of(block)
    cell = max(4.0, min(28.0, 520 / max(rows, columns, 1)))
    named = cell >= 9 and bool(block.row_names or block.column_names)
    longest = max((len(clean(name)) for name in (*block.row_names, *block.column_names)), default=0)
    margin = min(longest, 18) * 6.2 + 8 if named else 4
    width, height = margin + columns * cell + 90, margin + rows * cell + 4
    style = f'style="max-width:{width:.0f}px"'
    parts = [f'<svg viewBox="0 0 {width:.0f} {height:.0f}" {style} role="img" aria-label="{escape(block.title)}">']
    for i in range(rows):
        for j in range(columns):
            value = float(values[i, j])
            if math.isfinite(value):
                at = f'x="{margin + j * cell:.1f}" y="{margin + i * cell:.1f}"'
                fill = shade((value - low) / (high - low), block.diverging)
                told = f"{_name(block.row_names, i)}, {_name(block.column_names, j)}: {number(value)}"
                size = f'width="{cell:.1f}" height="{cell:.1f}"'
                parts.append(f'<rect {at} {size} fill="{fill}"><title>{escape(told)}</title></rect>')
    if named:
        for i, name in enumerate(block.row_names):
            y = margin + (i + 0.5) * cell + 3
            parts.append(f'<text x="{margin - 4:.1f}" y="{y:.1f}" text-anchor="end">{escape(clean(name)[:18])}</text>')
        for j, name in enumerate(block.column_names):
            x, y = margin + (j + 0.5) * cell + 3, margin - 4
            turned = f'transform="rotate(-90 {x:.1f} {y:.1f})"'
            parts.append(f'<text x="{x:.1f}" y="{y:.1f}" {turned}>{escape(clean(name)[:18])}</text>')
    parts += _scale(low, high, block.diverging, margin + columns * cell + 14, margin)
    return "".join([*parts, "</svg>"])


def scale_of(block: HeatMap) -> tuple[float, float]:
    """The ends of a heat map's colour scale."""
    values = np.asarray(block.values, np.float64)
    known = values[np.isfinite(values)]
    low = block.low if block.low is not None else float(known.min(initial=math.inf)) if len(known) else 0.0
    high = block.high if block.high is not None else float(known.max(initial=-math.inf)) if len(known) else 1.0
    if block.diverging and block.low is None and block.high is None:
        high = max(abs(low), abs(high))
        low = -high
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def shade(share: float, diverging: bool) -> str:
    """The colour at a share (0 to 1, beyond clipped) of the scale."""
    anchors = DIVERGING if diverging else SEQUENTIAL
    at = min(max(share, 0.0), 1.0) * (len(anchors) - 1)
    first = min(int(at), len(anchors) - 2)
    mixed = (a + (b - a) * (at - first) for a, b in zip(anchors[first], anchors[first + 1], strict=True))
    return "#" + "".join(f"{round(channel):02x}" for channel in mixed)


def _scale(low: float, high: float, diverging: bool, x: float, y: float) -> list[str]:
    parts = []
    for i in range(20):
        fill = shade(1 - i / 19, diverging)
        parts.append(f'<rect x="{x:.1f}" y="{y + i * 5:.1f}" width="12" height="5.3" fill="{fill}"/>')
    for value, at in ((high, y + 9), (low, y + 99)):
        parts.append(f'<text x="{x + 17:.1f}" y="{at:.1f}">{escape(number(value))}</text>')
    return parts


def _name(names: Sequence[str], place: int) -> str:
    return str(names[place]) if place < len(names) else str(place)
