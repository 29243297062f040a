"""What a table shows of a frame: columns, order, filter, and cells made as `Text` when they come into view."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
from rich.cells import cell_len
from rich.text import Text
from textual_fastdatatable.backend import DataTableBackend

from workbench.present.numbers import column_digits, is_p_column, number, percent, short_p
from workbench.present.terminal import clean, shorten

Cell = Callable[[Any, Mapping[str, Any]], Text]
MEASURED = 300  # rows looked at to find a column's width, besides its extremes


@dataclass(frozen=True)
class Column:
    """How one column of a frame is shown.

    `digits`: decimals (of percent for `percent=True`). `cell` draws a value itself, given the value and the whole row
    as a dictionary; it must be quick and its `Text` must not depend on anything else. `width` fixes the width in cells,
    `most` limits it; `keep_end` shortens at the front (paths). Numbers are right-aligned.
    """

    name: str
    title: str = ""
    digits: int | None = None
    percent: bool = False
    sign: bool = False
    style: str = ""
    cell: Cell | None = None
    width: int | None = None
    most: int = 48
    keep_end: bool = False
    right: bool | None = None

    @property
    def label(self) -> str:
        return clean(self.title or self.name)


def columns_of(frame: pl.DataFrame, percent_columns: Iterable[str] = ()) -> list[Column]:
    """Plain columns for every column of a frame: numbers of one column have the same decimals, p values few."""
    fractions = set(percent_columns)
    return [_plain(frame.get_column(name), name in fractions) for name in frame.columns]


def _plain(series: pl.Series, percent: bool) -> Column:
    name = series.name
    if not series.dtype.is_float() or percent:
        return Column(name, percent=percent, keep_end=name == "path")
    if is_p_column(name):
        return Column(name, cell=_p_cell)
    return Column(name, digits=digits_for(series))


def _p_cell(value: Any, _row: Mapping[str, Any]) -> Text:
    return Text(short_p(value))


def digits_for(values: pl.Series) -> int | None:
    """Decimals with which the middle of the sizes of `values` has three significant digits.

    None, for digits chosen value by value, where the values are of too different sizes for that.
    """
    return column_digits(values.cast(pl.Float64).to_numpy())


class FrameBackend(DataTableBackend[pl.DataFrame]):
    """A Polars frame as textual-fastdatatable reads it: only rows in view are ever turned into Python objects."""

    def __init__(
        self,
        data: pl.DataFrame,
        max_rows: int | None = None,
        column_names: Sequence[str] | None = None,
        *,
        columns: Sequence[Column] | None = None,
    ) -> None:
        super().__init__(data, max_rows, column_names)
        self.data = data
        self.shown = [column for column in columns or columns_of(data) if column.name in data.columns or column.cell]
        self._right = [self._is_right(column) for column in self.shown]
        self._widths: list[int] | None = None
        self.get_row_at = functools.lru_cache(maxsize=2048)(self._row)  # type: ignore[method-assign]

    def _is_right(self, column: Column) -> bool:
        if column.right is not None:
            return column.right
        return column.name in self.data.columns and self.data.schema[column.name].is_numeric()

    @property
    def right(self) -> list[bool]:
        """Which columns are right-aligned."""
        return self._right

    def values(self, index: int) -> dict[str, Any]:
        """The values of one row by column name."""
        return self.data.row(index, named=True)

    def _row(self, index: int) -> list[Text]:
        if not 0 <= index < self.data.height:
            raise IndexError(index)
        values = self.values(index)
        return [self._cell(place, values, width) for place, width in enumerate(self.column_content_widths)]

    def _cell(self, place: int, values: Mapping[str, Any], width: int | None = None) -> Text:
        column = self.shown[place]
        value = values.get(column.name)
        if column.cell is not None:
            text = column.cell(value, values)
        else:
            told = self._told(column, value)
            if width is not None and cell_len(told) > width:
                told = shorten(told, width, keep_end=column.keep_end)
            text = Text(told, style=column.style)
        text.no_wrap, text.overflow = True, "ellipsis"
        if self._right[place]:
            text.justify = "right"
        return text

    @staticmethod
    def _told(column: Column, value: Any) -> str:
        if value is None:
            return "–"
        if column.percent and isinstance(value, int | float):
            return percent(float(value), digits=1 if column.digits is None else column.digits, sign=column.sign)
        if isinstance(value, int | float):
            text = number(value, column.digits)
            return f"+{text}" if column.sign and value > 0 else text
        return clean(value)

    @property
    def column_content_widths(self) -> list[int]:
        if self._widths is None:
            self._widths = [self._measure(place) for place in range(len(self.shown))]
        return self._widths

    def _measure(self, place: int) -> int:
        column = self.shown[place]
        if column.width is not None:
            return column.width
        rows = self.data.head(MEASURED).rows(named=True)
        widest = max((self._cell(place, row).cell_len for row in rows), default=0)
        if column.cell is None and column.name in self.data.columns and self.data.height > MEASURED:
            series = self.data.get_column(column.name)
            if series.dtype.is_numeric():
                extremes = (series.min(), series.max())
                widest = max(widest, *(cell_len(self._told(column, value)) for value in extremes))
            elif series.dtype == pl.String:
                longest = series.str.len_chars().max()
                widest = max(widest, longest if isinstance(longest, int) else 0)
        return min(max(widest, 1), column.most)

    # What the base class demands; editing is refused, since tables here are views.

    @classmethod
    def from_pydict(
        cls, data: Mapping[str, Sequence[Any]], max_rows: int | None = None, column_names: Sequence[str] | None = None
    ) -> FrameBackend:
        return cls(pl.DataFrame(dict(data)), max_rows, column_names)

    @property
    def source_data(self) -> pl.DataFrame:
        return self.data

    @property
    def source_row_count(self) -> int:
        return self.data.height

    @property
    def row_count(self) -> int:
        return self.data.height

    @property
    def columns(self) -> Sequence[str]:
        return [column.name for column in self.shown]

    def get_row_at(self, index: int) -> Sequence[Any]:
        return self._row(index)

    def get_column_at(self, index: int) -> Sequence[Any]:
        return [self.get_cell_at(row, index) for row in range(self.data.height)]

    def get_cell_at(self, row_index: int, column_index: int) -> Any:
        return self.get_row_at(row_index)[column_index]

    def sort(self, by: list[tuple[str, Literal["ascending", "descending"]]] | str) -> None:
        raise TypeError("sort the frame and load it again")

    def append_column(self, label: str, default: Any | None = None) -> int:
        raise TypeError("a view cannot be edited")

    def append_rows(self, records: Iterable[Iterable[Any]]) -> list[int]:
        raise TypeError("a view cannot be edited")

    def drop_row(self, row_index: int) -> None:
        raise TypeError("a view cannot be edited")

    def update_cell(self, row_index: int, column_index: int, value: Any) -> None:
        raise TypeError("a view cannot be edited")
