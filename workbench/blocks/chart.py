"""Lines, points, histograms and bars."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from workbench.blocks import buffers, html, markdown, svg
from workbench.blocks import console as on_console
from workbench.blocks.kind import Kind
from workbench.blocks.values import listed
from workbench.present.colours import series_keys
from workbench.present.numbers import cell, number
from workbench.text import clean

if TYPE_CHECKING:
    from markupsafe import Markup
    from rich.console import Console

DRAWN_AS = ("line", "points", "steps", "bars")
TABLE_POINTS = 60  # of a series in Markdown
SPARKS = "▁▂▃▄▅▆▇█"


class Series(msgspec.Struct, frozen=True):
    """One line, or one set of bars, of a chart: `x` and `y` of shape [n], numbers; `x` may be text, the names of bars.

    NaN and infinity are gaps. `split` gives it the colour of that split.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    split: str = ""


class Chart(msgspec.Struct, frozen=True):
    """Series over one pair of axes, drawn as `kind`: line, points, bars, or steps.

    steps draws histograms: `x` of each series, shape [n + 1], holds the edges of the bins whose heights `y`, shape [n],
    are. Raises TypeError or ValueError, when it is yielded, for an unknown kind and for shapes that do not fit.

    >>> edges = np.linspace(0.0, 1.0, 4)
    >>> Chart([Series("train", edges, np.array([3.0, 5.0, 2.0]), "train")], "confidence", kind="steps").kind
    'steps'
    """

    series: Sequence[Series]
    title: str = "chart"
    x_label: str = ""
    y_label: str = ""
    kind: str = "line"
    note: str = ""


TEMPLATE = """\
<figure><svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ block.title }}">
{%- for y, label in on.y_ticks() %}<path class="grid" d="M{{ left }} {{ y }}H{{ right }}"/>
<text x="{{ left - 6 }}" y="{{ y + 4 }}" text-anchor="end">{{ label }}</text>{% endfor %}
{%- for x, label in x_ticks %}<text x="{{ x }}" y="{{ bottom + 18 }}" text-anchor="middle">{{ label }}</text>
{%- endfor %}
<path class="axis" d="M{{ left }} {{ top }}V{{ bottom }}H{{ right }}"/>
<text x="{{ (left + right) / 2 }}" y="{{ height - 6 }}" text-anchor="middle">{{ block.x_label }}</text>
<text x="12" y="{{ middle }}" transform="rotate(-90 12 {{ middle }})" text-anchor="middle">{{ block.y_label }}</text>
{%- for mark in marks %}<g style="--c:var(--{{ mark.key }})">
{%- if mark.path %}<path class="{{ 'area' if block.kind == 'steps' else 'line' }}" d="{{ mark.path }}"/>{% endif %}
{%- for x, y in mark.dots %}<circle cx="{{ x }}" cy="{{ y }}" r="2.5"/>{% endfor %}
{%- for x, y, w, h in mark.bars %}<rect x="{{ x }}" y="{{ y }}" width="{{ w }}" height="{{ h }}"/>{% endfor %}</g>
{%- endfor %}</svg>
<figcaption class="key">{% for mark in marks %}<span style="--c:var(--{{ mark.key }})"><i></i>{{ mark.name }}</span>
{%- endfor %}</figcaption></figure>"""


def _check(block: Chart) -> None:
    if block.kind not in DRAWN_AS:
        raise ValueError(f"Chart {block.title!r}: kind is one of {', '.join(DRAWN_AS)}, not {block.kind!r}")
    for series in block.series:
        if not isinstance(series, Series):
            raise TypeError(f"Chart {block.title!r}: series holds Series, not {type(series).__name__}")
        x, y = np.asarray(series.x), np.asarray(series.y)
        if x.ndim != 1 or y.ndim != 1 or len(x) != len(y) + (block.kind == "steps"):
            more = " (steps: x holds one more, the bin edges)" if block.kind == "steps" else ""
            raise ValueError(
                f"Chart {block.title!r}, {series.name!r}: shapes of x {x.shape} and y {y.shape} differ{more}"
            )
        if y.dtype.kind not in "biuf":
            raise TypeError(f"Chart {block.title!r}, {series.name!r}: y holds numbers, not {y.dtype}")


def _pack(block: Chart, writer: buffers.Writer) -> dict[str, Any]:
    series = [
        {"name": str(one.name), "x": writer.array(one.x), "y": writer.array(one.y), "split": str(one.split)}
        for one in block.series
    ]
    texts = {name: str(getattr(block, name)) for name in ("title", "x_label", "y_label", "kind", "note")}
    return {"series": series, **texts}


def _read(body: dict[str, Any], parts: Sequence[bytes]) -> Chart:
    series = tuple(
        Series(str(one["name"]), buffers.array(one["x"], parts), buffers.array(one["y"], parts), str(one["split"]))
        for one in body["series"]
    )
    texts = {name: str(body[name]) for name in ("title", "x_label", "y_label", "kind", "note")}
    return Chart(series, **texts)


def _json(block: Chart) -> dict[str, Any]:
    series = [
        {"name": one.name, "split": one.split, "x": listed(np.asarray(one.x)), "y": listed(np.asarray(one.y))}
        for one in block.series
    ]
    texts = {name: getattr(block, name) for name in ("title", "x_label", "y_label", "note")}
    return {"kind": "chart", "drawn_as": block.kind, **texts, "series": series}


def categories(block: Chart) -> list[str]:
    """The names along x where x holds text, in order of appearance; else none. They stand at 0, 1, 2, ..."""
    return list(dict.fromkeys(str(x) for one in block.series for x in one.x if isinstance(x, str)))


def numeric_x(series: Series, names: Sequence[str]) -> np.ndarray:
    """`x` as float64 of shape [n]: places among `names` where there are any."""
    if not names:
        return np.asarray(series.x, np.float64)
    places = {name: float(place) for place, name in enumerate(names)}
    return np.array([places.get(str(x), math.nan) for x in series.x], np.float64)


def _markdown(block: Chart) -> Iterator[str]:
    """The numbers behind it: of many, an even choice."""
    yield from markdown.titled(block.title, block.note)
    for one in block.series:
        n = len(one.y)
        rows = np.unique(np.linspace(0, max(n - 1, 0), min(n, TABLE_POINTS)).astype(int))
        x = np.asarray(one.x)
        names = [cell(value) for value in x[rows].tolist()]
        if block.kind == "steps":
            names = [f"{cell(a)} to {cell(b)}" for a, b in zip(x[rows].tolist(), x[rows + 1].tolist(), strict=True)]
        cells = [[name, cell(value)] for name, value in zip(names, np.asarray(one.y)[rows].tolist(), strict=True)]
        chosen = f", {len(rows)} of {n:,} points" if len(rows) < n else ""
        yield from (f"{markdown.escape(one.name)}{chosen}:", "")
        yield from markdown.grid([block.x_label or "x", block.y_label or "y"], cells, [True, True])


def _html(block: Chart, pair: Sequence[str]) -> Markup:
    names = categories(block)
    xs = [numeric_x(one, names) for one in block.series]
    ys = [np.asarray(one.y, np.float64) for one in block.series]
    on = svg.canvas(xs, ys, block.kind)
    keys = series_keys([one.split for one in block.series], pair)
    marks = []
    for place, (x, y, one, key) in enumerate(zip(xs, ys, block.series, keys, strict=True)):
        path = {"line": svg.line, "steps": svg.steps}.get(block.kind)
        mark = {
            "name": one.name,
            "key": key,
            "path": path(on, x, y) if path else "",
            "dots": svg.dots(on, x, y) if block.kind == "points" else [],
            "bars": svg.bars(on, x, y, place, len(xs)) if block.kind == "bars" else [],
        }
        marks.append(mark)
    return html.titled(block.title, block.note) + html.render(
        TEMPLATE,
        block=block,
        on=on,
        marks=marks,
        x_ticks=on.x_ticks([clean(name)[:16] for name in names]),
        width=svg.WIDTH,
        height=svg.HEIGHT,
        left=svg.LEFT,
        right=svg.WIDTH - svg.RIGHT,
        top=svg.TOP,
        bottom=svg.HEIGHT - svg.BOTTOM,
        middle=(svg.TOP + svg.HEIGHT - svg.BOTTOM) / 2,
    )


def _show(block: Chart, console: Console) -> None:
    from rich.text import Text

    on_console.title(console, block.title, block.note)
    for one in block.series:
        console.print(Text(f"{clean(one.name):>16} {sparkline(np.asarray(one.y, np.float64))}"))


def sparkline(values: np.ndarray, width: int = 60) -> str:
    """At most `width` bars, each the mean of its stretch of `values`, shape [n], and the range; gaps stay blank."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    drawn = []
    for part in np.array_split(values, min(width, max(len(values), 1))):
        sound = part[np.isfinite(part)]
        span = high / 2 - low / 2  # halves, since a difference may overflow
        share = float(np.mean(sound / 2 - low / 2)) / span if len(sound) and span > 0 else 0.0
        drawn.append(SPARKS[round(share * (len(SPARKS) - 1))] if len(sound) else " ")
    return f"{''.join(drawn)}  {number(low)} to {number(high)}"


KIND = Kind(Chart, _check, _pack, _read, _json, _markdown, _html, _show)
