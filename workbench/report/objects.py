"""Blocks as objects for JSON. NaN and infinity become None: JSON has neither."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable
from typing import Any

from workbench.api import Block, Chart, HeatMap, Metric, Samples, Table, Text


def to_objects(blocks: Iterable[Block]) -> list[dict[str, Any]]:
    """`to_object` of each block."""
    return [to_object(block) for block in blocks]


def to_object(block: Block) -> dict[str, Any]:
    """One block as plain lists, dictionaries, numbers and text; `kind` says which.

    A table's `rows` are lists in the order of `columns`; its `of` is the full row count, above the number of rows when
    these were limited. Raises TypeError for what is no block.
    """
    match block:
        case Metric():
            return {
                "kind": "metric",
                "name": block.name,
                "value": plain(block.value),
                "ci": None if block.ci is None else [plain(end) for end in block.ci],
                "unit": block.unit,
                "p": plain(block.p),
                "split": block.split,
                "note": block.note,
            }
        case Table():
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
        case Chart():
            return _chart(block)
        case HeatMap():
            return {
                "kind": "heat map",
                "title": block.title,
                "row_names": list(block.row_names),
                "column_names": list(block.column_names),
                "values": [_list(row) for row in block.values],
                "low": plain(block.low),
                "high": plain(block.high),
                "diverging": block.diverging,
                "note": block.note,
            }
        case Text():
            return {"kind": "text", "title": block.title, "text": block.text}
        case Samples():
            rows, notes = [int(row) for row in block.rows], list(block.notes)
            return {"kind": "samples", "title": block.title, "split": block.split, "rows": rows, "notes": notes}
    raise TypeError(f"{type(block).__name__} is no block")


def _chart(block: Chart) -> dict[str, Any]:
    series = [{"name": line.name, "split": line.split, "x": _list(line.x), "y": _list(line.y)} for line in block.series]
    named = {name: getattr(block, name) for name in ("title", "x_label", "y_label", "note")}
    return {"kind": "chart", "drawn_as": block.kind, **named, "series": series}


def plain(value: Any) -> Any:
    """A value of a cell as JSON has it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def _list(values: Any) -> list[Any]:
    return [plain(value) for value in values.tolist()]
