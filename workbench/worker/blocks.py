"""Blocks to messages and back: checked where they leave the plugin; their text is cleaned where it is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from workbench.api import Block, Chart, HeatMap, Metric, Samples, Series, Table, Text
from workbench.worker import wire

KINDS = (Metric, Table, Chart, HeatMap, Text, Samples)
CHARTS = ("line", "points", "steps", "bars")


def encode(block: object) -> wire.Message:
    """A block as a message; raises TypeError or ValueError, saying what is wrong, when it is not a sound block."""
    writer = wire.Writer()
    match block:
        case Metric():
            body = _metric(block, writer)
        case Table():
            body = _table(block, writer)
        case Chart():
            body = _chart(block, writer)
        case HeatMap():
            body = _heat_map(block, writer)
        case Text():
            body = {"text": str(block.text), "title": str(block.title)}
        case Samples():
            body = _samples(block)
        case _:
            known = ", ".join(kind.__name__ for kind in KINDS)
            raise TypeError(f"run() yielded a {type(block).__name__}; a block is one of {known}")
    return {"kind": "block", "block": type(block).__name__, "body": body}, writer.buffers


def decode(message: dict[str, Any], buffers: list[bytes]) -> Block:
    """The block of a message; raises ValueError for a message that holds none."""
    try:
        block: Block = _DECODERS[message["block"]](dict(message["body"]), buffers)
        return block
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, pl.exceptions.PolarsError) as error:
        raise ValueError(f"a block that cannot be read ({error})") from None


def _metric(block: Metric, writer: wire.Writer) -> dict[str, Any]:
    if block.ci is not None and len(block.ci) != 2:
        raise ValueError(f"Metric {block.name!r}: ci is (low, high), not {block.ci!r}")
    return {
        "name": str(block.name),
        "value": writer.number(block.value),
        "ci": None if block.ci is None else [writer.number(end) for end in block.ci],
        "unit": str(block.unit),
        "p": None if block.p is None else writer.number(block.p),
        "split": str(block.split),
        "note": str(block.note),
    }


def _table(block: Table, writer: wire.Writer) -> dict[str, Any]:
    if not isinstance(block.frame, pl.DataFrame):
        raise TypeError(f"Table {block.title!r}: frame is a polars DataFrame, not a {type(block.frame).__name__}")
    for name in (*([block.samples] if block.samples else []), *block.percent):
        if name not in block.frame.columns:
            raise ValueError(f"Table {block.title!r}: it names the column {name!r}, which its frame does not have")
    return {
        "frame": writer.frame(block.frame),
        "title": str(block.title),
        "of": None if block.of is None else int(block.of),
        "samples": str(block.samples),
        "split": str(block.split),
        "percent": [str(name) for name in block.percent],
        "note": str(block.note),
    }


def _chart(block: Chart, writer: wire.Writer) -> dict[str, Any]:
    if block.kind not in CHARTS:
        raise ValueError(f"Chart {block.title!r}: kind is one of {', '.join(CHARTS)}, not {block.kind!r}")
    series = []
    for line in block.series:
        if not isinstance(line, Series):
            raise TypeError(f"Chart {block.title!r}: series holds Series, not {type(line).__name__}")
        x, y = np.asarray(line.x), np.asarray(line.y)
        if x.ndim != 1 or y.ndim != 1 or len(x) != len(y) + (block.kind == "steps"):
            more = " (steps: x holds one more, the bin edges)" if block.kind == "steps" else ""
            raise ValueError(
                f"Chart {block.title!r}, {line.name!r}: shapes of x {x.shape} and y {y.shape} differ{more}"
            )
        series.append({"name": str(line.name), "x": writer.array(x), "y": writer.array(y), "split": str(line.split)})
    texts = {name: str(getattr(block, name)) for name in ("title", "x_label", "y_label", "kind", "note")}
    return {"series": series, **texts}


def _heat_map(block: HeatMap, writer: wire.Writer) -> dict[str, Any]:
    values = np.asarray(block.values)
    rows, columns = list(block.row_names), list(block.column_names)
    if values.ndim != 2 or values.dtype.kind not in "biuf":
        raise ValueError(f"HeatMap {block.title!r}: values is a matrix of numbers, not {values.dtype} {values.shape}")
    if (rows and len(rows) != values.shape[0]) or (columns and len(columns) != values.shape[1]):
        raise ValueError(f"HeatMap {block.title!r}: {len(rows)} and {len(columns)} names for values {values.shape}")
    return {
        "values": writer.array(values),
        "title": str(block.title),
        "row_names": [str(name) for name in rows],
        "column_names": [str(name) for name in columns],
        "low": None if block.low is None else writer.number(block.low),
        "high": None if block.high is None else writer.number(block.high),
        "diverging": bool(block.diverging),
        "note": str(block.note),
    }


def _samples(block: Samples) -> dict[str, Any]:
    rows, notes = [int(row) for row in block.rows], [str(note) for note in block.notes]
    if notes and len(notes) != len(rows):
        raise ValueError(f"Samples {block.title!r}: {len(notes)} notes for {len(rows)} rows")
    return {"split": str(block.split), "rows": rows, "title": str(block.title), "notes": notes}


def _read_metric(body: dict[str, Any], _: list[bytes]) -> Metric:
    ends = body["ci"]
    return Metric(
        str(body["name"]),
        float(body["value"]),
        ci=None if ends is None else (float(ends[0]), float(ends[1])),
        unit=str(body["unit"]),
        p=None if body["p"] is None else float(body["p"]),
        split=str(body["split"]),
        note=str(body["note"]),
    )


def _read_table(body: dict[str, Any], buffers: list[bytes]) -> Table:
    return Table(
        wire.frame(body["frame"], buffers),
        title=str(body["title"]),
        of=body["of"],
        samples=str(body["samples"]),
        split=str(body["split"]),
        percent=tuple(str(name) for name in body["percent"]),
        note=str(body["note"]),
    )


def _read_chart(body: dict[str, Any], buffers: list[bytes]) -> Chart:
    series = tuple(
        Series(str(line["name"]), wire.array(line["x"], buffers), wire.array(line["y"], buffers), str(line["split"]))
        for line in body.pop("series")
    )
    return Chart(series, **{name: str(text) for name, text in body.items()})


def _read_heat_map(body: dict[str, Any], buffers: list[bytes]) -> HeatMap:
    return HeatMap(
        wire.array(body["values"], buffers),
        title=str(body["title"]),
        row_names=tuple(str(name) for name in body["row_names"]),
        column_names=tuple(str(name) for name in body["column_names"]),
        low=None if body["low"] is None else float(body["low"]),
        high=None if body["high"] is None else float(body["high"]),
        diverging=body["diverging"],
        note=str(body["note"]),
    )


def _read_text(body: dict[str, Any], _: list[bytes]) -> Text:
    return Text(str(body["text"]), title=str(body["title"]))


def _read_samples(body: dict[str, Any], _: list[bytes]) -> Samples:
    notes = tuple(str(note) for note in body["notes"])
    return Samples(str(body["split"]), tuple(body["rows"]), title=str(body["title"]), notes=notes)


_DECODERS: dict[str, Any] = {
    "Metric": _read_metric,
    "Table": _read_table,
    "Chart": _read_chart,
    "HeatMap": _read_heat_map,
    "Text": _read_text,
    "Samples": _read_samples,
}
