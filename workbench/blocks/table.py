"""A table of any columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from workbench.blocks import buffers, html, markdown
from workbench.blocks import console as on_console
from workbench.blocks.kind import Kind
from workbench.blocks.labels import CONSOLE_ROWS, PAGE_ROWS, first_rows, heading
from workbench.blocks.values import plain
from workbench.present.numbers import cell, column_digits, is_p_column, percent, short_p

if TYPE_CHECKING:
    import polars as pl
    from markupsafe import Markup
    from rich.console import Console


class Table(msgspec.Struct, frozen=True):
    """A table; `title` is its name in JSON output.

    `of` is the full row count when `frame` holds only the first rows. `samples` names a column of `frame` that
    identifies samples, as row numbers (with `split` or a column `split` saying of which split) or as paths: enter on a
    row then goes to that sample. `percent` names the columns that hold fractions to be shown in percent. Columns called
    `p` or `p_...` are shown as p values.

    Raises TypeError, when it is yielded, for a frame that is no polars DataFrame, and ValueError where `samples` or
    `percent` name a column that the frame lacks.

    >>> import polars as pl
    >>> frame = pl.DataFrame({"class": ["cat", "dog"], "recall": [0.91, 0.84]})
    >>> Table(frame, "classes", of=1000, percent=("recall",)).of
    1000
    """

    frame: pl.DataFrame
    title: str = "table"
    of: int | None = None
    samples: str = ""
    split: str = ""
    percent: tuple[str, ...] = ()
    note: str = ""


def _check(block: Table) -> None:
    import polars as pl

    if not isinstance(block.frame, pl.DataFrame):
        raise TypeError(f"Table {block.title!r}: frame is a polars DataFrame, not a {type(block.frame).__name__}")
    for name in (*([block.samples] if block.samples else []), *block.percent):
        if name not in block.frame.columns:
            raise ValueError(f"Table {block.title!r}: it names the column {name!r}, which its frame does not have")


def _pack(block: Table, writer: buffers.Writer) -> dict[str, Any]:
    return {
        "frame": writer.frame(block.frame),
        "title": str(block.title),
        "of": None if block.of is None else int(block.of),
        "samples": str(block.samples),
        "split": str(block.split),
        "percent": [str(name) for name in block.percent],
        "note": str(block.note),
    }


def _read(body: dict[str, Any], parts: Sequence[bytes]) -> Table:
    return Table(
        buffers.frame(body["frame"], parts),
        title=str(body["title"]),
        of=None if body["of"] is None else int(body["of"]),
        samples=str(body["samples"]),
        split=str(body["split"]),
        percent=tuple(str(name) for name in body["percent"]),
        note=str(body["note"]),
    )


def _json(block: Table) -> dict[str, Any]:
    """`rows` are lists in the order of `columns`; `of` is the full row count, above their number where limited."""
    return {
        "kind": "table",
        "title": block.title,
        "columns": block.frame.columns,
        "rows": [[plain(value) for value in row] for row in block.frame.iter_rows()],
        "of": len(block.frame) if block.of is None else block.of,
        "samples": block.samples,
        "split": block.split,
        "percent": list(block.percent),
        "note": block.note,
    }


def _shown(series: pl.Series, fraction: bool) -> Callable[[Any], str]:
    """How the values of a column look: all with the same decimals."""
    if fraction and series.dtype.is_numeric():
        return lambda value: percent(None if value is None else float(value))
    if not series.dtype.is_float():
        return cell
    if is_p_column(series.name):
        return short_p
    values = series.to_numpy()
    known = values[np.isfinite(values)]
    digits = None if np.array_equal(known, np.trunc(known)) else column_digits(known)
    return lambda value: cell(value, digits)


def _cells(block: Table, most: int) -> tuple[list[str], list[list[str]], list[bool], str]:
    """Headings, the cells of the first `most` rows, which columns are numbers, and how many rows are shown of how many.

    Only what is shown is touched: a table of two million rows costs no more than one of `most`.
    """
    frame = block.frame.head(most)
    columns = [
        list(map(_shown(series, series.name in block.percent), series.to_list())) for series in frame.get_columns()
    ]
    rows = [list(row) for row in zip(*columns, strict=True)]
    names = [heading(name) for name in frame.columns]
    return names, rows, [kind.is_numeric() for kind in frame.dtypes], first_rows(len(rows), len(block.frame), block.of)


def _markdown(block: Table) -> Iterator[str]:
    names, rows, right, limited = _cells(block, PAGE_ROWS)
    yield from markdown.titled(block.title, block.note, limited)
    yield from markdown.grid(names, rows, right)


def _html(block: Table, _: Sequence[str]) -> Markup:
    names, rows, right, limited = _cells(block, PAGE_ROWS)
    return html.titled(block.title, block.note, limited) + html.grid(names, rows, right)


def _show(block: Table, console: Console) -> None:
    names, rows, right, limited = _cells(block, CONSOLE_ROWS)
    on_console.title(console, block.title, limited, block.note)
    on_console.grid(console, names, rows, right)


KIND = Kind(Table, _check, _pack, _read, _json, _markdown, _html, _show)
