"""A matrix as colours."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from workbench.blocks import buffers, html, markdown
from workbench.blocks import console as on_console
from workbench.blocks.kind import Kind
from workbench.blocks.values import listed, plain
from workbench.present import heat
from workbench.present.numbers import cell
from workbench.text import clean

if TYPE_CHECKING:
    from markupsafe import Markup
    from rich.console import Console

MARKDOWN_CELLS = 400  # beyond it the largest are listed
MARKDOWN_COLUMNS = 25
LARGEST = 20
IMAGE_SIDE = 1500  # cells of an image along each side; beyond it, means
NAMED_CELLS = 2500  # beyond it, cells do not tell their value when pointed at
LONGEST_NAME = 18  # characters
SIDE = 560  # of the drawing, in its units
MOST_CONSOLE_ROWS = 40
SHADES = " ░▒▓█"


class HeatMap(msgspec.Struct, frozen=True):
    """A matrix as colours: `values` of shape [rows, columns], NaN where there is none.

    `row_names` and `column_names`, where given, are as many. `low` and `high` fix the ends of the colour scale;
    `diverging` is for signed values, with 0 in the middle. Raises ValueError, when it is yielded, for values that are
    no matrix of numbers and for names that are too few or too many.

    >>> HeatMap(np.array([[5, 1], [0, 6]]), "confusion", ["cat", "dog"], ["cat", "dog"]).values.shape
    (2, 2)
    """

    values: np.ndarray
    title: str = "heat map"
    row_names: Sequence[str] = ()
    column_names: Sequence[str] = ()
    low: float | None = None
    high: float | None = None
    diverging: bool = False
    note: str = ""


TEMPLATE = """\
<figure><svg viewBox="0 0 {{ width }} {{ height }}" style="max-width:{{ width }}px" role="img" \
aria-label="{{ block.title }}"><image x="{{ left }}" y="{{ top }}" width="{{ w }}" height="{{ h }}" \
preserveAspectRatio="none" style="image-rendering:pixelated" href="{{ image }}"/>
{%- for y, name in rows %}<text x="{{ left - 5 }}" y="{{ y + 3.5 }}" text-anchor="end">{{ name }}</text>{% endfor %}
{%- for x, name in columns %}<text x="{{ x + 3.5 }}" y="{{ top - 5 }}" \
transform="rotate(-90 {{ x + 3.5 }} {{ top - 5 }})">{{ name }}</text>{% endfor %}
{%- for x, y, told in cells %}<rect x="{{ x }}" y="{{ y }}" width="{{ cell_w }}" height="{{ cell_h }}" \
fill-opacity="0"><title>{{ told }}</title></rect>{% endfor %}
<image x="{{ left + w + 14 }}" y="{{ top }}" width="12" height="100" preserveAspectRatio="none" href="{{ scale }}"/>
<text x="{{ left + w + 31 }}" y="{{ top + 9 }}">{{ high }}</text>
<text x="{{ left + w + 31 }}" y="{{ top + 99 }}">{{ low }}</text></svg></figure>"""


def _check(block: HeatMap) -> None:
    values = np.asarray(block.values)
    rows, columns = len(block.row_names), len(block.column_names)
    if values.ndim != 2 or values.dtype.kind not in "biuf":
        raise ValueError(f"HeatMap {block.title!r}: values is a matrix of numbers, not {values.dtype} {values.shape}")
    if (rows and rows != values.shape[0]) or (columns and columns != values.shape[1]):
        raise ValueError(f"HeatMap {block.title!r}: {rows} and {columns} names for values {values.shape}")


def _pack(block: HeatMap, writer: buffers.Writer) -> dict[str, Any]:
    return {
        "values": writer.array(block.values),
        "title": str(block.title),
        "row_names": [str(name) for name in block.row_names],
        "column_names": [str(name) for name in block.column_names],
        "low": None if block.low is None else writer.number(block.low),
        "high": None if block.high is None else writer.number(block.high),
        "diverging": bool(block.diverging),
        "note": str(block.note),
    }


def _read(body: dict[str, Any], parts: Sequence[bytes]) -> HeatMap:
    return HeatMap(
        buffers.array(body["values"], parts),
        title=str(body["title"]),
        row_names=tuple(str(name) for name in body["row_names"]),
        column_names=tuple(str(name) for name in body["column_names"]),
        low=None if body["low"] is None else float(body["low"]),
        high=None if body["high"] is None else float(body["high"]),
        diverging=bool(body["diverging"]),
        note=str(body["note"]),
    )


def _json(block: HeatMap) -> dict[str, Any]:
    return {
        "kind": "heat map",
        "title": block.title,
        "row_names": list(block.row_names),
        "column_names": list(block.column_names),
        "values": [listed(row) for row in np.asarray(block.values)],
        "low": plain(block.low),
        "high": plain(block.high),
        "diverging": block.diverging,
        "note": block.note,
    }


def matrix(block: HeatMap) -> np.ndarray:
    """The values as float64, shape [rows, columns]."""
    return np.asarray(block.values, np.float64)


def name_at(names: Sequence[str], place: int) -> str:
    """The name of a row or column: its number where there are no names."""
    return str(names[place]) if place < len(names) else str(place)


def _markdown(block: HeatMap) -> Iterator[str]:
    values = matrix(block)
    rows, columns = values.shape
    if values.size <= MARKDOWN_CELLS and columns <= MARKDOWN_COLUMNS:
        yield from markdown.titled(block.title, block.note)
        cells = [[name_at(block.row_names, i), *map(cell, row)] for i, row in enumerate(values.tolist())]
        names = [name_at(block.column_names, j) for j in range(columns)]
        yield from markdown.grid(["", *names], cells, [False, *[True] * columns])
        return
    largest = _largest(values, block.diverging)
    limited = f"the {len(largest)} largest of {rows:,} × {columns:,} values (--json has all)"
    yield from markdown.titled(block.title, block.note, limited)
    cells = [
        [name_at(block.row_names, i), name_at(block.column_names, j), cell(float(values[i, j]))] for i, j in largest
    ]
    yield from markdown.grid(["row", "column", "value"], cells, [False, False, True])


def _largest(values: np.ndarray, signed: bool) -> list[tuple[int, int]]:
    """Row and column of the largest finite values, by size where they are signed, largest first."""
    flat = np.where(np.isfinite(values), np.abs(values) if signed else values, -np.inf).ravel()
    count = min(LARGEST, int(np.isfinite(values).sum()))
    best = np.argpartition(-flat, max(count - 1, 0))[:count]
    best = best[np.argsort(-flat[best], kind="stable")]
    return [(int(i), int(j)) for i, j in zip(*np.unravel_index(best, values.shape), strict=True)]


def image(shares: np.ndarray, diverging: bool) -> str:
    """Places on the heat scale, 0 to 1, as a PNG in a data address, a pixel each; transparent where NaN."""
    from PIL import Image

    picture = Image.fromarray(np.where(np.isnan(shares), 255, np.rint(np.nan_to_num(shares) * 254)).astype(np.uint8))
    shades = heat.colours(np.linspace(0.0, 1.0, 255), diverging, dark=False)
    picture.putpalette([*shades.ravel().tolist(), 255, 255, 255])
    file = io.BytesIO()
    picture.save(file, "PNG", transparency=255, optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _names(names: Sequence[str], count: int, size: float, start: float, needed: float) -> list[tuple[float, str]]:
    """As many names as there is room for along an axis, with where they stand; numbers where there are no names."""
    if not names:
        needed = max(needed, 40.0)
    step = max(1, -(-int(needed * 100) // max(int(size * 100), 1)))
    places = range(0, count, step)
    return [(round(start + (i + 0.5) * size, 1), clean(name_at(names, i))[:LONGEST_NAME]) for i in places]


def _html(block: HeatMap, _: Sequence[str]) -> Markup:
    values = matrix(block)
    rows, columns = values.shape
    if not values.size:
        return html.titled(block.title, block.note, "no values")
    low, high = heat.limits(values, block.low, block.high, block.diverging)
    small = heat.shrink(values, IMAGE_SIDE, IMAGE_SIDE)
    limited = heat.shrunk_by(values.shape, small.shape)
    size = min(28.0, SIDE / max(rows, columns))
    w, h = max(round(columns * size, 1), 4.0), max(round(rows * size, 1), 4.0)
    longest = max((len(clean(name)) for name in (*block.row_names, *block.column_names)), default=5)
    margin = round(min(longest, LONGEST_NAME) * 6.4 + 10)
    cells: list[tuple[float, float, str]] = []
    if values.size <= NAMED_CELLS:
        cells = [
            (
                round(margin + j * size, 1),
                round(margin + i * size, 1),
                f"{name_at(block.row_names, i)}, {name_at(block.column_names, j)}: {cell(value)}",
            )
            for i, row in enumerate(values.tolist())
            for j, value in enumerate(row)
        ]
    return html.titled(block.title, block.note, limited) + html.render(
        TEMPLATE,
        block=block,
        image=image(heat.shares(small, low, high), block.diverging),
        scale=image(np.linspace(1.0, 0.0, 100)[:, None], block.diverging),
        cells=cells,
        cell_w=round(size, 1),
        cell_h=round(size, 1),
        rows=_names(block.row_names, rows, h / rows, margin, 10.5),
        columns=_names(block.column_names, columns, w / columns, margin, 10.5),
        low=cell(low),
        high=cell(high),
        left=margin,
        top=margin,
        w=w,
        h=h,
        width=round(margin + w + 90),
        height=round(margin + max(h, 104.0) + 4),
    )


def _show(block: HeatMap, console: Console) -> None:
    from rich.cells import set_cell_size
    from rich.text import Text

    values = matrix(block)
    on_console.title(console, block.title, block.note)
    if not values.size:
        return
    low, high = heat.limits(values, block.low, block.high, block.diverging)
    room = max(console.width - 16, 10)
    small = heat.shrink(values, MOST_CONSOLE_ROWS, room)
    twice = 2 if 2 * small.shape[1] <= room else 1
    first = np.linspace(0, len(values), len(small) + 1).astype(int)[:-1]
    for place, row in zip(first.tolist(), heat.shares(small, low, high), strict=True):
        levels = np.rint(np.nan_to_num(row) * (len(SHADES) - 1)).astype(int).tolist()
        name = set_cell_size(clean(name_at(block.row_names, place)), 14)
        console.print(Text(f"{name} " + "".join(SHADES[level] * twice for level in levels), no_wrap=True))
    limited = heat.shrunk_by(values.shape, small.shape)
    key = f"{SHADES[0]!r} {cell(low)} to {SHADES[-1]!r} {cell(high)}" + (
        f"; {limited} (--json has all)" if limited else ""
    )
    console.print(Text(f"{'':14} {key}", style="dim"))


KIND = Kind(HeatMap, _check, _pack, _read, _json, _markdown, _html, _show)
