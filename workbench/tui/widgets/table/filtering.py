"""The rows of a frame that a filter means: the conditions of `workbench.filters` as Polars expressions."""

from __future__ import annotations

import re

import polars as pl

from workbench.filters import CLOSE, Condition, Kind, parse

CLOSE_FLOAT32 = 1e-6


def filter_rows(frame: pl.DataFrame, text: str) -> pl.DataFrame:
    """The rows of `frame` that meet every condition of `text`, whose keys are columns.

    A lone word is looked for in the columns of texts and whole numbers. Raises BadInput, with the place in `text`, for
    a filter that cannot be read.
    """
    conditions = parse(text, {name: _kind(dtype) for name, dtype in frame.schema.items()}, noun="column")
    return frame.filter(*(_expression(frame, condition) for condition in conditions)) if conditions else frame


def _kind(dtype: pl.DataType) -> Kind:
    return "number" if dtype.is_numeric() else "flag" if dtype == pl.Boolean else "text"


def _expression(frame: pl.DataFrame, condition: Condition) -> pl.Expr:
    if condition.key:
        match = _comparison(condition, frame.schema[condition.key])
    else:
        pattern = "(?i)" + re.escape(condition.value)  # several times faster than lower-casing
        texts = [name for name, dtype in frame.schema.items() if dtype == pl.String or dtype.is_integer()]
        match = pl.any_horizontal(*(_matches(name, pattern).fill_null(False) for name in texts), pl.lit(False))
    return (~match if condition.negated else match).fill_null(False)


def _matches(name: str, pattern: str) -> pl.Expr:
    return pl.col(name).cast(pl.String).str.contains(pattern)


def _comparison(condition: Condition, dtype: pl.DataType) -> pl.Expr:
    """The condition on its column, null where that has no value."""
    number = condition.number
    if dtype.is_numeric() and number is not None:
        return _number_comparison(condition, number, dtype)
    value = condition.flag if dtype == pl.Boolean else condition.value
    name, pattern = condition.key, re.escape(value)
    if condition.operator == ":":
        return _matches(name, f"(?i){pattern}")
    if condition.operator in ("=", "!="):
        same = _matches(name, rf"(?i)\A(?:{pattern})\z")
        return same if condition.operator == "=" else ~same
    column, value = pl.col(name).cast(pl.String).str.to_lowercase(), value.lower()
    return {"<": column < value, "<=": column <= value, ">": column > value, ">=": column >= value}[condition.operator]


def _number_comparison(condition: Condition, number: float, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(condition.key)
    if dtype.is_float():
        column = column.fill_nan(None)  # NaN is no value, and would count as larger than all
    close = CLOSE_FLOAT32 if dtype == pl.Float32 else CLOSE
    same = (column == number) | ((column - number).abs() <= close * abs(number))
    return {
        ":": same, "=": same, "!=": ~same,
        "<": (column < number) & ~same, "<=": (column <= number) | same,
        ">": (column > number) & ~same, ">=": (column >= number) | same,
    }[condition.operator]  # fmt: skip
